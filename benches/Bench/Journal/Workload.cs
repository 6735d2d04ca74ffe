using System.Text;
using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Bench.Journal;

/// <summary>
/// Sealed records, made before the clock runs: deposits to accounts hit at random, one in ten a transfer that is
/// addressed to another account. The payload is as long as the yardstick's.
/// </summary>
internal sealed class Workload
{
    public static readonly ShardMap Shards = new(64);

    private readonly Random random = new(20_260_101);
    private readonly GrainId[] grains;
    private readonly Dictionary<GrainId, long> versions = [];
    private readonly Head[] heads;
    private readonly ChainEnd[] ends;

    public Workload(IEnumerable<Head> heads, int accounts = 10_000)
    {
        this.heads = [.. heads];
        ends = [.. this.heads.Select(head => new ChainEnd(head.Position, head.Chain, Jump: null))];
        grains = [.. Enumerable.Range(0, accounts).Select(Account)];
    }

    public static GrainId Account(int number) => GrainId.Derive(GrainKind.Account, BitConverter.GetBytes(number));

    /// <summary>The heads of a new venue whose shards were taken over once.</summary>
    public static IEnumerable<Head> FirstHeads =>
        Shards.Shards.Select(shard => new Head(shard, Epoch: 1, Position: 0, Chain.Genesis(shard)));

    /// <summary>What one writer commits at once: rows spread over some of its shards.</summary>
    public Batch[] Commit(int rows, ReadOnlySpan<int> shards)
    {
        var used = Math.Min(shards.Length, rows);
        var batches = new Batch[used];
        for (var i = 0; i < used; i++)
        {
            var share = (rows / used) + (i < rows % used ? 1 : 0);
            batches[i] = Batch(shards[i], share, () => grains[random.Next(grains.Length)]);
        }

        return batches;
    }

    public Batch Batch(int shard, int rows, Func<GrainId> next)
    {
        var before = heads[shard];
        var records = new JournalRecord[rows];
        for (var i = 0; i < rows; i++) records[i] = Record(before, i, next());

        foreach (var record in records) ends[shard] = record.Seal(before.Epoch, ends[shard]);
        var batch = new Batch(before, records);
        heads[shard] = batch.After;
        return batch;
    }

    private JournalRecord Record(Head before, int offset, GrainId grain)
    {
        var version = versions[grain] = versions.GetValueOrDefault(grain) + 1;
        var position = before.Position + 1 + offset;
        var to = position % 10 == 0 ? grains[random.Next(grains.Length)] : (GrainId?)null;
        return new JournalRecord
        {
            Shard = before.Shard,
            Position = position,
            Grain = grain,
            Version = version,
            Type = to is null ? "account.deposited.v1" : "account.transfer-sent.v1",
            Time = new Instant(1_767_225_600_000_000 + (position * 10)),
            Frame = position / 1_000,
            Cause = new Cause.Source(new SourceId("custody"), position, new Fingerprint((ulong)position, 7)),
            Addressees = to is { } addressee ? [addressee] : [],
            To = to is { } receiver ? new ShardSet().With(Shards.ShardOf(receiver)) : default,
            Payload = Encoding.UTF8.GetBytes(Payload(position, version)),
        };
    }

    /// <summary>About 135 bytes.</summary>
    public static string Payload(long position, long version) =>
        $$"""{"amount":"{{position}}.25","asset":"USDC","balanceAfter":"{{position * 3}}.75","reference":"custody-{{position:d10}}","sequence":{{version}},"v":1}""";
}
