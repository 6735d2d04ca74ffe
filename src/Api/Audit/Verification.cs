using CrossMargin.Api.Hosting;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Pools;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Pools;
using CrossMargin.Grains.Trades;
using CrossMargin.Journal;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;

namespace CrossMargin.Api.Audit;

/// <summary>
/// Reads the journal up to a cut, page by page and shard by shard, and holds four things against it: the hash chain,
/// the snapshots, the live state of every grain, and the sum of all money. What it keeps in memory is one shard's state at a time.
/// </summary>
internal sealed class Verification(Venue venue, CancellationToken cancel)
{
    private const int PageSize = 4_096;
    private const int GrainsAtOnce = 256;
    private const int MaxFindings = 100;

    private readonly List<Finding> findings = [];
    private readonly Dictionary<(ShardId To, ShardId From), long> watermarks = [];
    private readonly Dictionary<(ShardId From, ShardId To), long> lastAddressed = [];
    private readonly Conservation totals = new();
    private long records;
    private long grains;

    public async Task<VerifyAnswer> Whole(DateTimeOffset now)
    {
        var heads = await venue.Journal.ReadHeads(cancel);
        foreach (var head in heads) await FoldShard(head);
        foreach (var head in heads) await CountInFlight(head);

        var conservation = totals.Views();
        foreach (var view in conservation)
            if (view.Difference != "0") Find("not-conserved", view.Asset, $"{view.Difference} is too much or missing");
        foreach (var (instrument, sum) in totals.Uneven())
            Find("not-conserved", $"instrument {instrument}", $"what is held and on its way sums to {sum} contracts");
        return Answer(AuditHead.HashOf(heads), conservation, now);
    }

    /// <summary>The chain of a range, from the stored hash before it to the last record in it.</summary>
    public async Task<VerifyAnswer> Range(ShardId shard, long from, long to, DateTimeOffset now)
    {
        // The hash before the range, and those further back that its links name, are taken as they are stored.
        var end = ChainEnd.From(shard, from - 1, await StoredHashes(shard, from - 1));
        if (end is null) Find("chain-broken", $"{shard}:{from - 1}", "it or a record that the chain jumps to from there is missing");

        var last = from - 1;
        if (findings.Count == 0)
        {
            await foreach (var record in Read(shard, from - 1, to))
            {
                if (!IsLinked(record, ref end!)) break;
                last = record.Position;
            }

            if (findings.Count == 0 && last < to) Find("chain-broken", $"{shard}:{last + 1}", "there is no such record");
        }

        return Answer(hash: null, conservation: [], now);
    }

    private async Task<IReadOnlyList<Hash256>> StoredHashes(ShardId shard, long position)
    {
        var records = await venue.Journal.ReadPositions(shard, [.. ChainEnd.Positions(position)], cancel);
        return [.. records.Select(record => record.Chain).Reverse()];
    }

    private VerifyAnswer Answer(string? hash, IReadOnlyList<ConservationView> conservation, DateTimeOffset now) => new(
        findings.Count == 0 ? "agrees" : "differs", records, grains, conservation, findings, hash, Instant.From(now).ToString());

    private async Task FoldShard(Head head)
    {
        var state = new ShardState(head.Shard, venue.Map, venue.Catalog);
        var end = ChainEnd.Genesis(head.Shard);
        var snapshots = await SnapshotComparison.Of(venue, head.Shard, cancel);
        if (snapshots.Strays > 0)
            Find("snapshot-differs", head.Shard.ToString(), $"{snapshots.Strays} name a record that the journal does not have");
        await foreach (var record in Read(head.Shard, after: 0, head.Position))
        {
            if (!IsLinked(record, ref end) || !Fold(state, record)) return;
            foreach (var grain in snapshots.Differing(state, end, record))
                Find("snapshot-differs", grain.ToString(), $"the snapshot of {record.Address} is not what the records fold to");
        }

        if (state.Position != head.Position)
            Find("chain-broken", $"{head.Shard}:{state.Position + 1}", $"there is no such record; the head is at {head.Position}");
        else if (end.Hash != head.Chain) Find("chain-broken", head.Shard.ToString(), "the last record's hash is not the head's");

        foreach (var source in venue.Map.Shards) watermarks[(head.Shard, source)] = state.Watermarks[source.Number];
        foreach (var to in venue.Map.Shards) lastAddressed[(head.Shard, to)] = state.LastAddressed[to.Number];
        foreach (var slot in state.Slots)
        {
            if (slot.State is Account account) totals.Add(account);
            if (slot.State is TradeCapture feed) totals.Add(feed);
            if (slot.State is Coordinator pool) totals.Add(pool);
            if (slot.State is ShardGrain own) await CountSuspense(own);
        }

        foreach (var some in state.Slots.Chunk(GrainsAtOnce)) await CompareWithLive(some);
    }

    private async IAsyncEnumerable<JournalRecord> Read(ShardId shard, long after, long to)
    {
        await foreach (var page in venue.Journal.ReadPages(shard, after, to, cancel))
            foreach (var record in page) yield return record;
    }

    private bool IsLinked(JournalRecord record, ref ChainEnd end)
    {
        records++;
        end = end.Next(record);
        if (end.Hash != record.Chain)
            return Find("chain-broken", record.Address.ToString(), "its hash is not that of its content and the hashes before it");
        return true;
    }

    private bool Fold(ShardState state, JournalRecord record)
    {
        if (venue.Catalog.Decode(record) is not { } @event)
            return Find("unreadable", record.Address.ToString(), $"this build cannot read a {record.Type}");
        try
        {
            var slot = state.Find(record.Grain);
            var next = slot.Type.Evolve(slot.State, @event);
            slot.Type.Verify(next);
            state.Apply(record, slot, next, slot.Type.RefusalIn(@event));
            if (slot.Type.FrameIn(@event) is { } frame) state.Publish(frame);
            if (@event is AccountEvent money) totals.Add(money);
            if (@event is PoolEvent endowment) totals.Add(endowment);
            return true;
        }
        catch (Exception broken) when (broken is not OutOfMemoryException)
        {
            return Find("fold-broken", record.Address.ToString(), broken.Message);
        }
    }

    private bool Find(string code, string where, string detail)
    {
        if (findings.Count < MaxFindings) findings.Add(new Finding(code, where, detail));
        return false;
    }

    /// <summary>The live state may be ahead of the cut; then the fold goes after it.</summary>
    private async Task CompareWithLive(GrainSlot[] slots)
    {
        grains += slots.Length;
        if (await venue.Read([.. slots.Select(slot => slot.Id)]) is not { } replies)
        {
            Find("not-compared", slots[0].Id.ToString(), $"{slots.Length} live states did not come in time");
            return;
        }

        for (var i = 0; i < slots.Length; i++)
        {
            var slot = slots[i];
            if (replies[i].View is not { } live)
            {
                Find("not-compared", slot.Id.ToString(), replies[i].Rejection.Code());
                continue;
            }

            var (state, version) = await FoldOn(slot, live.Version);
            if (version != live.Version)
                Find("state-differs", slot.Id.ToString(), $"live at {live.Version}, the journal ends at {version}");
            else if (!slot.Type.Save(state).AsSpan().SequenceEqual(slot.Type.Save(live.State)))
                Find("state-differs", slot.Id.ToString(), $"at sequence {version}");
        }
    }

    private async Task<(object State, long Version)> FoldOn(GrainSlot slot, long version)
    {
        var (state, at) = (slot.State, slot.Version);
        while (at < version)
        {
            var page = await venue.Journal.ReadGrain(slot.Id, at, (int)Math.Min(PageSize, version - at), cancel);
            if (page.Count == 0) break;
            foreach (var record in page) state = slot.Type.Evolve(state, venue.Catalog.Decode(record)!);
            at = page[^1].Version;
        }

        return (state, at);
    }

    /// <summary>Messages of this shard up to the cut that their receivers, as of the cut, had not taken in.</summary>
    private async Task CountInFlight(Head head)
    {
        foreach (var to in venue.Map.Shards)
        {
            var after = watermarks.GetValueOrDefault((to, head.Shard));
            while (after < lastAddressed.GetValueOrDefault((head.Shard, to)))
            {
                var page = await venue.Journal.ReadAddressed(head.Shard, to, after, PageSize, cancel);
                if (page.Count == 0) break;
                foreach (var record in page)
                    if (record.Position <= head.Position) CountInFlight(record, to);
                after = page[^1].Position;
            }
        }
    }

    private void CountInFlight(JournalRecord message, ShardId to)
    {
        if (venue.Catalog.Decode(message) is not { } @event) return;
        foreach (var addressee in message.Addressees)
            if (venue.Map.ShardOf(addressee) == to) totals.AddInFlight(@event, addressee);
    }

    private async Task CountSuspense(ShardGrain own)
    {
        foreach (var (from, grain) in own.Suspended)
        {
            var colon = from.IndexOf(':');
            var (shard, position) = (new ShardId(int.Parse(from.AsSpan(0, colon))), long.Parse(from.AsSpan(colon + 1)));
            if (await venue.Journal.ReadShard(shard, position - 1, limit: 1, cancel) is [var message]
                && venue.Catalog.Decode(message) is { } @event && GrainId.TryParse(grain, out var addressee))
                totals.AddSuspense(@event, addressee);
        }
    }
}
