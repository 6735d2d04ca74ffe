using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Pools;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Pools;
using CrossMargin.Grains.Trades;
using CrossMargin.Journal;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;

namespace CrossMargin.Api.Audit;

/// <summary>
/// Goes after the journal from cut to cut, each record once, and holds against every cut what a whole verification holds: the
/// chain and the heads, that every message was sent before it was taken in and is taken in once and in order, every grain's own
/// invariants, and conservation. It has states of its own, folded from the records alone: about as much memory as the venue.
/// </summary>
internal sealed class OnlineAudit
{
    private const int PageSize = 1_024;

    private readonly IJournal journal;
    private readonly ShardMap map;
    private readonly GrainCatalog catalog;
    private readonly Conservation sums = new();
    private readonly Dictionary<GrainId, Book> books = [];
    private readonly ChainEnd[] ends;
    private readonly Dictionary<RecordAddress, Message> sent = [];   // messages that some shard has not taken in
    private readonly Queue<long>[,] undelivered;                    // of them, by source and destination
    private readonly List<(RecordAddress Message, ShardId By, List<string> Parked)> taken = [];   // since the last whole cut
    private readonly Dictionary<(string Message, string Grain), object> suspended = [];   // what is parked, and for whom
    private readonly List<(string Message, string Grain)> unparked = [];   // since the last whole cut

    private sealed record Message(object Event, ImmutableArray<GrainId> Addressees);

    private sealed class Book(object state)
    {
        public object State { get; set; } = state;
        public long Version { get; set; }
    }

    public OnlineAudit(IJournal journal, ShardMap map, GrainCatalog catalog)
    {
        this.journal = journal;
        this.map = map;
        this.catalog = catalog;
        ends = [.. map.Shards.Select(ChainEnd.Genesis)];
        undelivered = new Queue<long>[map.Count, map.Count];
        foreach (var from in map.Shards)
            foreach (var to in map.Shards) undelivered[from.Number, to.Number] = new Queue<long>();
    }

    /// <summary>On the last cut.</summary>
    public VenueTotals Totals { get; } = new();

    /// <summary>Of a grain on the last cut; null for one that nothing happened to.</summary>
    public object? StateOf(GrainId grain) => books.GetValueOrDefault(grain)?.State;

    /// <summary>Records seen since the beginning.</summary>
    public long Records { get; private set; }

    /// <summary>
    /// Up to the heads as one statement shows them; what does not agree there, or null. A round that the database interrupts is
    /// gone on with by the next.
    /// </summary>
    public async Task<Finding?> Round(CancellationToken cancel)
    {
        var heads = await journal.ReadHeads(cancel);
        foreach (var head in heads)
        {
            var shard = head.Shard.Number;
            while (ends[shard].Position < head.Position)
            {
                var limit = (int)Math.Min(PageSize, head.Position - ends[shard].Position);
                var page = await journal.ReadShard(head.Shard, ends[shard].Position, limit, cancel);
                if (page.Count == 0)
                {
                    var missing = $"{head.Shard}:{ends[shard].Position + 1}";
                    return new Finding("chain-broken", missing, $"there is no such record; the head is at {head.Position}");
                }

                foreach (var record in page)
                    if (Take(record) is { } broken) return broken;
            }

            if (ends[shard].Hash != head.Chain && ends[shard].Position == head.Position)
                return new Finding("chain-broken", head.Shard.ToString(), "the last record's hash is not the head's");
        }

        return Deliver() ?? Judge();
    }

    private Finding? Take(JournalRecord record)
    {
        var end = ends[record.Shard.Number];
        var next = end.Next(record);
        if (record.Position != next.Position || record.Chain != next.Hash)
            return new Finding("chain-broken", record.Address.ToString(), $"it does not follow {record.Shard}:{end.Position}");
        ends[record.Shard.Number] = next;
        Records++;
        if (catalog.Decode(record) is not { } @event)
            return new Finding("unreadable", record.Address.ToString(), $"this build cannot read a {record.Type}");
        try
        {
            Fold(record, @event);
        }
        catch (Exception broken) when (broken is not OutOfMemoryException)
        {
            return new Finding("fold-broken", record.Address.ToString(), broken.Message);
        }

        NoteTaken(record, @event);
        if (@event is ShardEvent.Unparked again) unparked.Add((again.From, again.Grain));
        if (!record.To.IsEmpty) sent.Add(record.Address, new Message(@event, record.Addressees));
        foreach (var to in record.To) undelivered[record.Shard.Number, to.Number].Enqueue(record.Position);
        foreach (var addressee in record.Addressees) sums.AddInFlight(@event, addressee);
        return null;
    }

    private void Fold(JournalRecord record, object @event)
    {
        var type = catalog.TypeOf(record.Grain);
        if (!books.TryGetValue(record.Grain, out var book)) books.Add(record.Grain, book = new Book(type.Unborn(record.Grain)));
        Invariant.Same("R2", record.Version, book.Version + 1);
        var next = type.Evolve(book.State, @event);
        type.Verify(next);
        Count(book.State, times: -1);
        Count(next, times: 1);
        if (@event is AccountEvent money) sums.Add(money);
        if (@event is PoolEvent endowment) sums.Add(endowment);
        (book.State, book.Version) = (next, record.Version);
    }

    private void Count(object state, int times)
    {
        if (state is Account account)
        {
            sums.Add(account, times);
            Totals.Add(account, times);
        }

        if (state is TradeCapture feed) sums.Add(feed, times);
        if (state is Coordinator pool) sums.Add(pool, times);
    }

    /// <summary>All records of one turn of one message are one taking in.</summary>
    private void NoteTaken(JournalRecord record, object @event)
    {
        if (record.Cause is not Cause.Message message) return;
        var isNew = taken.Count == 0 || taken[^1].Message != message.Address || taken[^1].By != record.Shard;
        if (isNew) taken.Add((message.Address, record.Shard, []));
        if (@event is ShardEvent.Parked parked) taken[^1].Parked.Add(parked.Grain);
    }

    /// <summary>On a whole cut every message that was taken in is known, whichever shard was read first.</summary>
    private Finding? Deliver()
    {
        foreach (var (address, by, parked) in taken)
        {
            var (from, to) = (address.Shard.Number, by.Number);
            if (from >= map.Count || !undelivered[from, to].TryDequeue(out var next) || next != address.Position)
                return new Finding("message-misplaced", address.ToString(), $"shard {by} took it in, and it is not the next one for it");
            var message = sent[address];
            foreach (var addressee in message.Addressees)
            {
                if (map.ShardOf(addressee) != by) continue;
                sums.AddInFlight(message.Event, addressee, times: -1);
                if (!parked.Contains(addressee.ToString())) continue;
                sums.AddSuspense(message.Event, addressee);
                suspended[(address.ToString(), addressee.ToString())] = message.Event;
            }

            if (IsDelivered(address)) sent.Remove(address);
        }

        taken.Clear();
        foreach (var key in unparked)
        {
            if (!suspended.Remove(key, out var @event) || !GrainId.TryParse(key.Grain, out var addressee))
                return new Finding("message-misplaced", key.Message, $"{key.Grain} took it in after all, and it was not parked for it");
            sums.AddSuspense(@event, addressee, times: -1);
        }

        unparked.Clear();
        return null;
    }

    private bool IsDelivered(RecordAddress address)
    {
        foreach (var to in map.Shards)
            if (undelivered[address.Shard.Number, to.Number].TryPeek(out var first) && first <= address.Position) return false;
        return true;
    }

    private Finding? Judge()
    {
        foreach (var view in sums.Views())
            if (view.Difference != "0") return new Finding("not-conserved", view.Asset, $"{view.Difference} is too much or missing");
        foreach (var (instrument, sum) in sums.Uneven())
            return new Finding("not-conserved", $"instrument {instrument}", $"what is held and on its way sums to {sum} contracts");
        return null;
    }
}
