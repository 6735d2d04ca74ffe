using System.Text.Json;
using CrossMargin.Contracts;
using CrossMargin.Simulation.Audit;
using CrossMargin.Simulation.World;

namespace CrossMargin.Simulation.Clients;

/// <summary>
/// A custody system's lane for one account: deposits, and what became of withdrawals. It follows the journal for withdrawals
/// to pay.
/// </summary>
internal sealed class Custodian(Venue venue, Town town, SourceId source, AccountId account) : Lane(venue, source, account.Grain)
{
    private static readonly Fault[] Habits = [Fault.LaneRestarts, Fault.LaneContradicts, Fault.LaneSkips];

    private readonly Queue<Order> toConfirm = [];

    public override void Saw(StoredRow row)
    {
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
            : Town.Deposit(account, town.Amount(Draws), $"tx-{Given + 1}"));
    }

    private Order OfWhatItWasNotTold() =>
        Draws.OneIn(2) ? Town.Post(account, Draws.Between(2, 12)) : Town.Void(account, Draws.Between(2, 12));

    protected override Order Mistake(string about) => Town.Deposit(account, town.Amount(Draws), $"tx-{about}");
}
