using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;
using Shouldly;
using Xunit;

namespace CrossMargin.Runtime.Tests;

public class CommitQueueTests
{
    private static Batch BatchOf(int shard, int rows) => new(
        new Head(new ShardId(shard), Epoch: 1, Position: 0, default),
        [.. Enumerable.Range(1, rows).Select(position => Sealed(ScriptedShard.Record(new ShardId(shard), position, ScriptedShard.A, position, "counted", "1")))]);

    private static JournalRecord Sealed(JournalRecord record)
    {
        record.Seal(epoch: 1, ChainEnd.Genesis(record.Shard));
        return record;
    }

    private static CommitQueue Waiting(int rowsPerTransaction, params IReadOnlyList<Batch> batches)
    {
        var queue = new CommitQueue(rowsPerTransaction);
        foreach (var batch in batches) queue.Add(batch);
        return queue;
    }

    [Fact]
    public void Batches_share_a_transaction_in_order_of_shard()
    {
        var queue = Waiting(10, BatchOf(3, rows: 2), BatchOf(1, rows: 3));
        queue.Take().Select(batch => batch.Shard.Number).ShouldBe([1, 3]);
        queue.IsEmpty.ShouldBeTrue();
        queue.Take().ShouldBeEmpty();
    }

    [Fact]
    public void A_transaction_takes_as_many_rows_as_it_may_and_one_batch_at_least()
    {
        var queue = Waiting(5, BatchOf(0, rows: 9), BatchOf(1, rows: 2), BatchOf(2, rows: 3), BatchOf(3, rows: 1));
        queue.Take().Select(batch => batch.Shard.Number).ShouldBe([0]);
        queue.Take().Select(batch => batch.Shard.Number).ShouldBe([1, 2]);
        queue.Take().Select(batch => batch.Shard.Number).ShouldBe([3]);
    }

    [Theory]
    [InlineData(CommitOutcome.RolledBack)]
    [InlineData(CommitOutcome.Unstorable)]
    public void After_a_group_failed_each_batch_is_tried_alone_and_first(CommitOutcome outcome)
    {
        var queue = Waiting(10, BatchOf(0, rows: 1), BatchOf(1, rows: 2));
        var group = queue.Take();
        queue.Add(BatchOf(2, rows: 1));
        queue.Settle(group, [outcome, outcome]).ShouldBeEmpty();
        queue.IsEmpty.ShouldBeFalse();
        queue.Take().ShouldHaveSingleItem().ShouldBe(group[0]);
        queue.Take().ShouldHaveSingleItem().ShouldBe(group[1]);
        queue.Take().ShouldHaveSingleItem().Shard.Number.ShouldBe(2);
    }

    [Theory]
    [InlineData(CommitOutcome.RolledBack)]
    [InlineData(CommitOutcome.Unstorable)]
    public void A_batch_that_failed_alone_is_told(CommitOutcome outcome)
    {
        var queue = Waiting(10, BatchOf(0, rows: 1));
        var alone = queue.Take();
        queue.Settle(alone, [outcome]).ShouldBe([(alone[0], outcome)]);
        queue.IsEmpty.ShouldBeTrue();
    }

    [Fact]
    public void Every_other_outcome_of_a_group_is_told_to_each()
    {
        var queue = Waiting(10, BatchOf(0, rows: 1), BatchOf(1, rows: 1), BatchOf(2, rows: 1));
        var group = queue.Take();
        queue.Settle(group, [CommitOutcome.Committed, CommitOutcome.Fenced, CommitOutcome.Unknown])
            .ShouldBe([(group[0], CommitOutcome.Committed), (group[1], CommitOutcome.Fenced), (group[2], CommitOutcome.Unknown)]);
    }
}
