using System.Text.Json;
using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;
using CrossMargin.Simulation.Audit;
using CrossMargin.Simulation.World;

namespace CrossMargin.Simulation.Clients;

/// <summary>
/// A custody system's lane for one account: numbers 1, 2, 3, … of deposits and of what became of withdrawals. It
/// follows the
/// journal for withdrawals to pay, never gives a number up, and after a crash of its own sends again what it had sent.
/// </summary>
internal sealed class Custodian(Venue venue, Town town, SourceId source, AccountId account)
    : Client(venue, $"{source}/{account}")
{
    private readonly List<Order> sent = [];
    private readonly Queue<Order> toConfirm = [];
    private int taken;   // numbers known to have been taken in

    protected override bool IsPatient => true;

    public override void Saw(StoredRow row)
    {
        if (source.Name != "custody-a" || row.Type != "account.withdrawal-instructed.v1" || StoredFormat.Uuid(row.Grain) != account.ToString())
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
        if (Draws.OneIn(20) && taken > 0)
        {
            Misspeak();
            return;
        }

        if (sent.Count == taken) sent.Add(NextOrder());
        Ask(sent[taken], Number(taken + 1, sent[taken]));
    }

    private Order NextOrder()
    {
        // Speaks of what it was never told of: it may be anything, and may not be cleared.
        if (Draws.OneIn(25)) return Draws.OneIn(2) ? Town.Post(account, Draws.Between(2, 12)) : Town.Void(account, Draws.Between(2, 12));
        if (toConfirm.TryDequeue(out var confirmation) && !Draws.OneIn(10)) return confirmation;
        return Town.Deposit(account, town.Amount(Draws), $"tx-{sent.Count + 1}");
    }

    private Cause.Source Number(long number, Order order) =>
        new(source, number, Venue.Catalog.FingerprintOf(account.Grain, order.Body));

    /// <summary>What a custodian does after a restart or a mistake; nobody waits for what comes of it.</summary>
    private void Misspeak()
    {
        switch (Draws.Between(0, 2))
        {
            case 0:   // again, from some number on
                for (var number = Draws.Between(Math.Max(1, taken - 4), taken); number <= taken; number++)
                    SendAside(number, sent[number - 1]);
                break;
            case 1:   // the last number for something else
                SendAside(taken, Town.Deposit(account, town.Amount(Draws), "tx-conflict"));
                break;
            default:   // far ahead of the next number
                SendAside(taken + Draws.Between(500, 900), Town.Deposit(account, town.Amount(Draws), "tx-ahead"));
                break;
        }
    }

    private void SendAside(long number, Order order)
    {
        var identity = Number(number, order);
        Send(Write(order, identity), new Command(order.To, order.Body, identity));
    }

    protected override void Ended(Intent intent, Told? told)
    {
        if (told is Told.Applied or Told.TakenBefore)
        {
            taken++;
            return;
        }

        AuditFailure.Unless(
            told is null or Told.NotApplied { Code: "overloaded" or "shard-unavailable" }, "I4",
            $"{Name} sent number {taken + 1}, which is the next, and was told {told}");
    }
}
