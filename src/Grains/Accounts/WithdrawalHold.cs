using System.Text.Json.Serialization;
using CrossMargin.Contracts;

namespace CrossMargin.Grains.Accounts;

/// <summary>
/// An amount on its way out of the venue. Each phase has its own type, because each has its own ways out: the owner takes back
/// what is <see cref="Held"/>, only what is <see cref="Cleared"/> is instructed, and the custodian's word ends what is
/// <see cref="Instructed"/>. Posted, voided or cancelled, it is no hold any more.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "phase")]
[JsonDerivedType(typeof(Held), "held")]
[JsonDerivedType(typeof(Cleared), "cleared")]
[JsonDerivedType(typeof(Instructed), "instructed")]
public abstract record WithdrawalHold(
    WithdrawalId Id, AssetAmount Amount, string Destination, Instant OverdueAt, OverdueReport Report)
{
    /// <summary>Waits until every shard is beyond the frame under which it was made.</summary>
    public sealed record Held(
        WithdrawalId Id, AssetAmount Amount, string Destination, Instant OverdueAt, OverdueReport Report, long Frame)
        : WithdrawalHold(Id, Amount, Destination, OverdueAt, Report)
    {
        public Cleared Clear() => new(Id, Amount, Destination, OverdueAt, Report);
    }

    /// <summary>May leave, and the custodian does not know of it yet.</summary>
    public sealed record Cleared(WithdrawalId Id, AssetAmount Amount, string Destination, Instant OverdueAt, OverdueReport Report)
        : WithdrawalHold(Id, Amount, Destination, OverdueAt, Report)
    {
        public Instructed Instruct() => new(Id, Amount, Destination, OverdueAt, Report);
    }

    /// <summary>The custodian may be paying it at this moment.</summary>
    public sealed record Instructed(WithdrawalId Id, AssetAmount Amount, string Destination, Instant OverdueAt, OverdueReport Report)
        : WithdrawalHold(Id, Amount, Destination, OverdueAt, Report);
}

public enum OverdueReport
{
    Waiting,
    Reported,
}
