using System.Collections.Immutable;

namespace CrossMargin.Contracts.Parameters;

/// <summary>What has happened to the rule book of a venue.</summary>
public abstract record ParameterEvent
{
    private ParameterEvent() { }

    /// <summary>A valid document under the next version. Until its time comes it changes nothing.</summary>
    public sealed record Published(int Version, ParameterText Document, Instant EffectiveAt) : ParameterEvent;

    /// <summary>
    /// Addressed to the market, which puts the document into its next frame: what a frame does not carry is not in force.
    /// The version is the one in the document; versions go up.
    /// </summary>
    public sealed record Effective(int Version, ParameterText Document, Instant EffectiveAt) : ParameterEvent;

    /// <summary>Nothing changed. Where the document is at fault, the first of its errors are named.</summary>
    public sealed record CommandRefused(string Command, Rejection Reason, ImmutableArray<DocumentError> Errors) : ParameterEvent;
}

/// <summary>What is wrong with a document and where; the pointer is that of RFC 6901, and empty for the whole.</summary>
public sealed record DocumentError(string Pointer, string Message);

public static class ParameterEventNames
{
    public const string Published = "parameters.published.v1";
    public const string Effective = "parameters.effective.v1";
    public const string CommandRefused = "parameters.command-refused.v1";
}
