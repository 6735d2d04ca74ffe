using System.Text.Json;
using CrossMargin.Simulation.Reference;

namespace CrossMargin.Simulation.Audit;

/// <summary>
/// Messages that could not be taken in. Each stays in suspense until an officer has it taken in, whole and once, with what it would have
/// caused; or until one gives it up, and then for ever.
/// </summary>
internal sealed partial class Auditor
{
    private readonly HashSet<(string From, string Grain)> parked = [];

    /// <summary>What a grain writes for a message and for no command.</summary>
    private static bool IsOfParked(string type) => type is "account.fill-applied.v1" or "account.fill-reversed.v1" or "account.converted.v1" or "account.taken-over.v1"
        or "account.closed-out.v1" or "account.transfer-returned.v1" or "circular.read.v1" or "market.parameters-taken.v1";

    private Turn BeginParked(ShardBook book, StoredRow row, string id)
    {
        CheckTakenWhole(book);
        if (log is null) return OfParked(row, id, outcome: null);
        var intent = log.Find(StoredFormat.ShardGrain(row.Shard), row.Cause);
        AuditFailure.Unless(
            intent?.Request is Request.Retry retry && retry.Grain == id && parked.Contains((retry.From, id)), "I4", $"{row.Address} takes in what no officer asked for");
        var message = Find(((Request.Retry)intent!.Request).From)!;
        if (message.Type == "trade.captured.v1") ToldOfTrade(id, message);
        var isOurs = StoredFormat.IsCircular(id) || IsForgotten(id);
        return OfParked(row, id, isOurs ? null : reference?.Tell(id, told[message.Address], MarksOf(row)));
    }

    private static Turn OfParked(StoredRow row, string id, Outcome? outcome) => new(id, row.Cause, outcome?.Facts, outcome is null ? "I4" : "reference")
    {
        MayChangeStatus = outcome?.MayChangeStatus ?? true, IsOfParked = true,
    };

    private void ToldOfTrade(string account, StoredRow trade)
    {
        using var document = Parse(trade);
        GrainOf(account).Account.Traded = TradedIn(document.RootElement);
    }

    private string ExpectedOfOfficer(Request request) => request switch
    {
        Request.Retry retry => $"shard.unparked.v1 from={retry.From} grain={retry.Grain} type={TypeOf(retry.From)} by={retry.By} because={retry.Because}",
        Request.GiveUp given => $"shard.parked-set-aside.v1 from={given.From} grain={given.Grain} type={TypeOf(given.From)} by={given.By} because={given.Because}",
        _ => throw new AuditFailure("I3", $"a shard was asked for a {request.GetType().Name}"),
    };

    private string TypeOf(string message) => Find(message)!.Type;

    private void FollowParked(ShardBook book, StoredRow row, JsonElement payload)
    {
        if (row.Type is not ("shard.parked.v1" or "shard.unparked.v1" or "shard.parked-set-aside.v1")) return;
        var (from, grain) = (payload.GetProperty("from").GetString()!, payload.GetProperty("grain").GetString()!);
        if (row.Type == "shard.parked.v1")
        {
            parked.Add((from, grain));
            return;
        }

        AuditFailure.Unless(parked.Remove((from, grain)), "I4", $"{row.Address} speaks of {from} to {grain}, which is not parked");
        if (row.Type == "shard.unparked.v1") TakeFromSuspense(book, row, from, grain);
    }

    /// <summary>The records before this one, of the same cause, are all that the message causes: each leg once, and money as it was sent.</summary>
    private void TakeFromSuspense(ShardBook book, StoredRow row, string from, string grain)
    {
        var (message, taken) = (Find(from)!, book.TakenAfterAll);
        AuditFailure.Unless(
            taken.TrueForAll(one => StoredFormat.Uuid(one.Row.Grain) == grain && one.Row.Cause.AsSpan().SequenceEqual(row.Cause)), "I4",
            $"{row.Address} takes {from} in for another cause than its records before it");
        using var document = Parse(message);
        var booked = new Queue<JsonElement>(taken.Where(one => Leg.IsBooking(one.Row.Type, one.Payload)).Select(one => one.Payload));
        if (Leg.IsTrade(message.Type))
            foreach (var leg in Leg.Of(message.Type, document.RootElement).Where(leg => leg.Account == grain))
            {
                AuditFailure.Unless(
                    booked.TryDequeue(out var record) && leg.IsBookedBy(record), "I4", $"{row.Address} takes {from} in, and {grain} has not booked {leg}");
                Move(row.Address, leg.TakenAfterAll);
            }

        AuditFailure.Unless(booked.Count == 0, "I4", $"{row.Address} takes {from} in, and {grain} has booked more than it says");
        if (CarriesMoney(message.Type))
        {
            var (asset, units) = StoredFormat.Amount(document.RootElement.GetProperty("amount").GetString()!);
            Move(row.Address, new Moved(asset) { SuspenseE20 = -units * StoredFormat.UnitE20(asset) });
        }

        taken.Clear();
    }

    /// <summary>Half of a message is never taken in: what it caused stands beside the word that it was.</summary>
    private static void CheckTakenWhole(ShardBook book) => AuditFailure.Unless(
        book.TakenAfterAll.Count == 0, "I4", $"{book.TakenAfterAll.FirstOrDefault().Row?.Address} takes a parked message in, and its shard does not say so");
}
