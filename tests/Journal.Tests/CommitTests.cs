using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;
using Shouldly;

namespace CrossMargin.Journal.Tests;

public sealed class CommitTests(Server server)
{
    [Fact]
    public async Task What_was_committed_is_read_back_as_it_was()
    {
        var database = await server.Create();
        await using var journal = await database.Open();
        var head = ((TakeOver.Taken)journal.TakeOver(new ShardId(3), epoch: 0)).Head;
        var batch = Records.Batch(head, Records.Account(1), Records.Account(2), Records.Account(1));

        journal.Commit([batch]).ShouldBe([CommitOutcome.Committed]);

        var read = await journal.ReadShard(new ShardId(3), after: 0, limit: 10, TestContext.Current.CancellationToken);
        read.Select(record => record.Chain).ShouldBe(batch.Records.Select(record => record.Chain));
        Chain.Next(head.Chain, read[0]).ShouldBe(read[0].Chain);
    }
}
