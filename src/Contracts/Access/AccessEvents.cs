using System.Collections.Immutable;
using System.Text;

namespace CrossMargin.Contracts.Access;

/// <summary>The grain that keeps a record of who might do what.</summary>
public readonly record struct AccessId
{
    public AccessId(GrainId grain)
    {
        if (grain.Kind != GrainKind.Access) throw new ArgumentException($"{grain} is a {grain.Kind}, not a register of access", nameof(grain));
        Grain = grain;
    }

    public GrainId Grain { get; }

    public static AccessId For(string venue) => new(GrainId.Derive(GrainKind.Access, Encoding.UTF8.GetBytes($"access {venue}")));

    public override string ToString() => Grain.ToString();
}

/// <summary>What one principal may do and which credentials show who it is. Names of credentials only, never what proves them.</summary>
/// <param name="Accounts">Which accounts its scopes reach.</param>
/// <param name="Sources">The machine sources that it speaks for.</param>
/// <param name="Tokens">The first 16 digits of each token's SHA-256.</param>
public sealed record AccessEntry(
    PrincipalId Name, ImmutableArray<string> Scopes, string Accounts, ImmutableArray<SourceId> Sources, ImmutableArray<string> Tokens,
    ImmutableArray<AccessKey> SigningKeys, Instant? Expires = null);

/// <summary>A signing key by its id.</summary>
public sealed record AccessKey(string Id, Instant? Expires = null);

/// <summary>What the register can be told.</summary>
public abstract record AccessCommand
{
    private AccessCommand() { }

    /// <summary>The list that a host works with from now on; the same as before changes nothing.</summary>
    public sealed record PutInForce(ImmutableArray<AccessEntry> Principals) : AccessCommand;
}

/// <summary>What has happened to the register.</summary>
public abstract record AccessEvent
{
    private AccessEvent() { }

    /// <summary>From here on these, and nobody else, may do what is said.</summary>
    public sealed record InForce(ImmutableArray<AccessEntry> Principals) : AccessEvent;
}

public static class AccessEventNames
{
    public const string InForce = "access.in-force.v1";
}
