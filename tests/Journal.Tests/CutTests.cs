using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;
using Shouldly;

namespace CrossMargin.Journal.Tests;

/// <summary>
/// Histories drawn from a seed, in which shards send each other messages, looked at twice as two databases are: each look at each of
/// them at a moment of its own.
/// </summary>
public sealed class CutTests
{
    private const int ShardCount = 6, Records = 60;

    [Fact]
    public void A_cut_over_two_databases_is_whole_has_all_of_the_first_look_and_is_the_latest_there_is()
    {
        var torn = 0;
        for (var seed = 0; seed < 2_000; seed++)
        {
            var random = new Random(seed);
            var history = History.Draw(random);
            int[] moments = [.. Enumerable.Range(0, 4).Select(_ => random.Next(Records + 1)).Order()];
            var between = moments[1];

            // The first look at each database, then the second one at each.
            var first = history.HeadsAt(moments[0], moments[1]);
            var second = random.Next(2) == 0 ? history.HeadsAt(moments[2], moments[3]) : history.HeadsAt(moments[3], moments[2]);
            var cut = Cut.Below(first, second, history.Between(first, second));

            var at = history.HeadsAt(between, between);
            for (var shard = 0; shard < ShardCount; shard++)
            {
                cut[shard].Position.ShouldBeInRange(at[shard].Position, second[shard].Position, $"seed {seed}, shard {shard}");
                cut[shard].Chain.ShouldBe(history.ChainOf(cut[shard].Shard, cut[shard].Position), $"seed {seed}, shard {shard}");
            }

            history.Strangers(cut).ShouldBeEmpty($"seed {seed}");
            history.Addable(cut, second).ShouldBeEmpty($"seed {seed}");
            if (history.Strangers(second).Any()) torn++;
        }

        torn.ShouldBeGreaterThan(200, "looks that fit anyway show nothing");
    }

    /// <summary>Records in the order in which they became durable.</summary>
    private sealed class History
    {
        private readonly List<JournalRecord> all = [];

        public static History Draw(Random random)
        {
            var history = new History();
            var heads = Enumerable.Range(0, ShardCount).Select(number => new Head(new ShardId(number), 1, 0, Chain.Genesis(new(number))))
                .ToArray();
            for (var i = 0; i < Records; i++)
            {
                var shard = random.Next(ShardCount);
                var head = heads[shard];
                var others = history.all.Where(record => record.Shard.Number != shard).ToArray();
                Cause cause = random.Next(3) > 0 && others.Length > 0
                    ? new Cause.Message(others[^Math.Min(others.Length, 1 + random.Next(4))].Address)
                    : Cause.Timer.Came;
                var batch = Tests.Records.Batch(head, [Tests.Records.Record(head, 0, Tests.Records.Account(i), 1, cause: cause)]);
                history.all.Add(batch.Records[0]);
                heads[shard] = batch.After;
            }

            return history;
        }

        /// <summary>Even shards as of one moment and odd ones as of another.</summary>
        public IReadOnlyList<Head> HeadsAt(int even, int odd) => [.. Enumerable.Range(0, ShardCount).Select(number =>
        {
            var shard = new ShardId(number);
            var position = all.Take(number % 2 == 0 ? even : odd).Count(record => record.Shard == shard);
            return new Head(shard, 1, position, ChainOf(shard, position));
        })];

        public Hash256 ChainOf(ShardId shard, long position) =>
            position == 0 ? Chain.Genesis(shard) : all.Single(record => record.Address == new RecordAddress(shard, position)).Chain;

        public IReadOnlyList<IReadOnlyList<JournalRecord>> Between(IReadOnlyList<Head> first, IReadOnlyList<Head> second) =>
            [.. first.Zip(second, (one, other) => all.Where(record =>
                record.Shard == one.Shard && record.Position > one.Position && record.Position <= other.Position).ToArray())];

        /// <summary>Records in it that came of a message that is not.</summary>
        public IEnumerable<RecordAddress> Strangers(IReadOnlyList<Head> cut) => all
            .Where(record => record.Position <= cut[record.Shard.Number].Position && !IsGrounded(record, cut))
            .Select(record => record.Address);

        /// <summary>The next record of each shard below the end, where it could stand with all that it rests on.</summary>
        public IEnumerable<RecordAddress> Addable(IReadOnlyList<Head> cut, IReadOnlyList<Head> end) => all
            .Where(record => record.Position == cut[record.Shard.Number].Position + 1 && IsWithin(record, end))
            .Where(record => RestsWithin(record, end)).Select(record => record.Address);

        private bool RestsWithin(JournalRecord record, IReadOnlyList<Head> end) =>
            IsWithin(record, end) && all.Where(before => before.Shard == record.Shard && before.Position <= record.Position)
                .All(before => before.Cause is not Cause.Message(var sent)
                    || RestsWithin(all.Single(one => one.Address == sent), end));

        private static bool IsWithin(JournalRecord record, IReadOnlyList<Head> end) => record.Position <= end[record.Shard.Number].Position;

        private static bool IsGrounded(JournalRecord record, IReadOnlyList<Head> cut) =>
            record.Cause is not Cause.Message(var sent) || sent.Position <= cut[sent.Shard.Number].Position;
    }
}
