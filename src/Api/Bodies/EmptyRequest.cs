using System.ComponentModel;
using CrossMargin.Api.Problems;

namespace CrossMargin.Api.Bodies;

[Description("Nothing: path and credentials say it all.")]
public sealed record EmptyRequest
{
    private static readonly EmptyRequest Nothing = new();

    /// <summary>Why a body that has to say nothing is not taken; null where it is.</summary>
    internal static Refusal? Refuse(ReadOnlySpan<byte> body)
    {
        StrictObject.Read(body, Read, out var refusal);
        return refusal;
    }

    private static EmptyRequest? Read(ref StrictObject body)
    {
        while (body.NextField([], out _)) { }
        return Nothing;
    }
}
