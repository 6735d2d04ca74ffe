using System.Collections.Frozen;
using CrossMargin.Contracts;

namespace CrossMargin.Api.Access;

/// <summary>What a credential may be used for. A new one may do nothing.</summary>
[Flags]
public enum Scopes
{
    None = 0,
    AccountRead = 1,
    AccountWrite = 2,
    VenueWrite = 4,
    AuditRead = 8,
    OpsAdmin = 16,
    RiskApprove = 32,
}

/// <summary>Which accounts a principal's scopes reach.</summary>
public enum AccountGrant
{
    None,

    /// <summary>Those that the principal opened.</summary>
    Own,
    All,
}

/// <summary>Somebody whom the access file knows.</summary>
public sealed record Principal(PrincipalId Id, Scopes Scopes, AccountGrant Accounts, FrozenSet<SourceId> Sources);

public static class ScopeNames
{
    private static readonly FrozenDictionary<string, Scopes> ByName = new Dictionary<string, Scopes>
    {
        ["account:read"] = Scopes.AccountRead,
        ["account:write"] = Scopes.AccountWrite,
        ["venue:write"] = Scopes.VenueWrite,
        ["audit:read"] = Scopes.AuditRead,
        ["ops:admin"] = Scopes.OpsAdmin,
        ["risk:approve"] = Scopes.RiskApprove,
    }.ToFrozenDictionary(StringComparer.Ordinal);

    public static bool TryParse(string name, out Scopes scope) => ByName.TryGetValue(name, out scope);

    public static string NameOf(Scopes scope) => ByName.Single(entry => entry.Value == scope).Key;
}
