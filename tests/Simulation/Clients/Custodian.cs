using System.Text.Json;
using CrossMargin.Contracts;
using CrossMargin.Simulation.Audit;
using CrossMargin.Simulation.World;

namespace CrossMargin.Simulation.Clients;

/// <summary>
/// A custody system's lane for one account: deposits, what became of those that were not final, and what became of withdrawals. It follows
/// the journal for both.
/// </summary>
internal sealed class Custodian(Venue venue, Town town, SourceId source, AccountId account) : Lane(venue, source, account.Grain)
{
    private static readonly Fault[] Habits = [Fault.LaneRestarts, Fault.LaneContradicts, Fault.LaneSkips];

    private readonly Queue<Order> toConfirm = [];
    private readonly List<long> pending = [];   // deposits that are not final, and not all of them its own

    public override void Saw(StoredRow row)
    {
        if (row.Type == "account.deposited.v1" && StoredFormat.Uuid(row.Grain) == account.ToString() && row.Payload.AsSpan().IndexOf("\"Pending\""u8) >= 0)
            pending.Add(row.Version);
        if (Source.Name != "custody-a" || row.Type != "account.withdrawal-instructed.v1" || StoredFormat.Uuid(row.Grain) != account.ToString())
            return;
        using var payload = JsonDocument.Parse(row.Payload);
        var withdrawal = payload.RootElement.GetProperty("withdrawal").GetInt64();
        var word = Draws.Between(0, 9);
        if (word < 7) toConfirm.Enqueue(word < 5 ? Town.Post(account, withdrawal) : Town.Void(account, withdrawal));
        if (word == 0) toConfirm.Enqueue(Town.Post(account, withdrawal));   // says it twice, under two numbers
    }

    protected override void ActOnce()
    {
        var isIdle = toConfirm.Count == 0 && (Venue.Auditor.VersionOf(account.ToString()) == 0 ? !Draws.OneIn(40) : !Draws.OneIn(6));
        if (isIdle) return;
        if (Draws.OneIn(20) && Misspeak(Draws.Pick(Habits))) return;
        SayNext(() => toConfirm.TryDequeue(out var confirmation) && !Draws.OneIn(10)
            ? confirmation
            : Draws.OneIn(25) ? OfWhatItWasNotTold()
            : pending.Count > 0 && Draws.OneIn(3) ? OfWhatWasNotFinal()
            : Draws.OneIn(2) ? Town.Report(account, Draws.OneIn(3) ? town.Amount(Draws) : Town.Stake(Draws), $"tx-{Given + 1}", Source, Draws)
            : Town.Deposit(account, town.Amount(Draws), $"tx-{Given + 1}"));
    }

    /// <summary>Once, or now and then a second time.</summary>
    private Order OfWhatWasNotFinal()
    {
        var deposit = Draws.Pick(pending);
        if (!Draws.OneIn(5)) pending.Remove(deposit);
        return Draws.OneIn(2) ? Town.Finalize(account, deposit, Source) : Town.Reverse(account, deposit, Source);
    }

    private Order OfWhatItWasNotTold() => Draws.Between(0, 3) switch
    {
        0 => Town.Post(account, Draws.Between(2, 12)),
        1 => Town.Void(account, Draws.Between(2, 12)),
        2 => Town.Finalize(account, Draws.Between(2, 12), Source),
        _ => Town.Reverse(account, Draws.Between(2, 12), Source),
    };

    protected override Order Mistake(string about) => Town.Deposit(account, town.Amount(Draws), $"tx-{about}");
}
