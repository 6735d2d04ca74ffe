using System.Text.Json.Serialization;
using CrossMargin.Contracts;

namespace CrossMargin.Grains.Accounts;

/// <summary>
/// An amount on its way to another account. It waits until every shard is beyond the frame under which it
/// was made, or until its owner takes it back; cleared, it is gone.
/// </summary>
public sealed record TransferHold(TransferId Id, AccountId To, AssetAmount Amount, long Frame)
{
    /// <summary>Null where it never is: it was held before such transfers were reported.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public Instant? OverdueAt { get; init; }

    /// <summary>Whose account it has to come to; nobody's in particular by default.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public PrincipalId Owner { get; init; }

    public OverdueReport Report { get; init; }

    public bool IsOverdue(Instant now) => Report == OverdueReport.Waiting && OverdueAt <= now;
}
