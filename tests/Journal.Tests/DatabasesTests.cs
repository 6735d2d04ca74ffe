using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;
using Shouldly;

namespace CrossMargin.Journal.Tests;

/// <summary>A venue whose shards are divided over two databases: which database has what, and who is refused.</summary>
public sealed class DatabasesTests(Server server)
{
    private const int Cuts = 20;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Each_database_has_the_heads_of_its_own_shards_and_no_others()
    {
        var databases = await server.CreateDivided();
        await using var journal = await Open(databases);

        journal.Databases.Select(share => $"{share.Name} {share.Shards}").ShouldBe(["east 0-2,6", "west 3-5,7"]);
        (await journal.ReadHeads(Cancel)).Select(head => head.Shard.Number).ShouldBe([0, 1, 2, 3, 4, 5, 6, 7]);
        foreach (var (share, connection) in databases)
        {
            (await Database.Ask<short[]>(connection, "SELECT array(SELECT shard FROM shard_head ORDER BY shard)"))
                .ShouldBe(Numbers(share));
        }

        static IEnumerable<short> Numbers(DatabaseShare share) =>
            Server.Shards.Shards.Where(share.Shards.Contains).Select(shard => (short)shard.Number);
    }

    [Fact]
    public async Task A_transaction_never_spans_two_databases()
    {
        await using var journal = await Open(await server.CreateDivided());
        var (east, west) = (CommitTests.Take(journal, new ShardId(1)), CommitTests.Take(journal, new ShardId(3)));

        Should.Throw<InvariantViolation>(() =>
            journal.Commit([Records.Batch(east, Records.Account(1)), Records.Batch(west, Records.Account(2))]));

        (await journal.ReadHeads(Cancel)).ShouldAllBe(head => head.Position == 0);
    }

    [Fact]
    public async Task Databases_that_were_exchanged_are_refused()
    {
        var (east, west) = Pair(await server.CreateDivided());

        (await Refused([east with { ConnectionString = west.ConnectionString }, west with { ConnectionString = east.ConnectionString }]))
            .ShouldContain("has the shards 3-5,7 of the venue test and this process was told that it has 0-2,6");
    }

    [Fact]
    public async Task A_shard_that_is_looked_for_in_the_wrong_database_is_refused()
    {
        var (east, west) = Pair(await server.CreateDivided());
        var (more, fewer) = (new DatabaseShare("east", Server.Of("0-3,6")), new DatabaseShare("west", Server.Of("4-5,7")));

        (await Refused([east with { Share = more }, west with { Share = fewer }]))
            .ShouldContain("has the shards 0-2,6 of the venue test and this process was told that it has 0-3,6");
    }

    [Fact]
    public async Task One_of_the_databases_alone_is_refused()
    {
        var (east, _) = Pair(await server.CreateDivided());

        (await Refused([east with { Share = DatabaseShare.Whole(Server.Shards) }]))
            .ShouldContain("has the shards 0-2,6 of the venue test and this process was told that it has 0-7");
    }

    [Fact]
    public async Task A_database_of_another_venue_is_refused_by_name()
    {
        var databases = await server.CreateDivided();

        (await Should.ThrowAsync<JournalRefused>(() => VenueJournal.Open(databases, "other", Server.Shards, Cancel))).Message
            .ShouldBe("The database east belongs to the venue test and this process serves other: correct its configuration.");
    }

    [Fact]
    public async Task A_database_of_another_venue_of_the_same_name_is_refused()
    {
        var (east, _) = Pair(await server.CreateDivided());
        var (_, stranger) = Pair(await server.CreateDivided());

        (await Refused([east, stranger])).ShouldStartWith("The database west belongs to another venue that is called test too");
    }

    [Fact]
    public async Task Migrations_refuse_what_a_start_would_and_leave_it_as_it_is()
    {
        var (one, other) = (await server.CreateEmpty(), await server.CreateEmpty());
        await Migrate([new(Server.East, one.Migrate), new(Server.West, other.Migrate)]);
        await Migrate([new(Server.East, one.Migrate), new(Server.West, other.Migrate)]);   // again, and nothing to do
        var stranger = await server.CreateEmpty();
        await Migrations.Apply([new(Server.West, stranger.Migrate)], "test", Server.Shards, Cancel);

        (await Should.ThrowAsync<JournalRefused>(() => Migrate([new(Server.East, one.Migrate), new(Server.West, stranger.Migrate)])))
            .Message.ShouldContain("belongs to another venue that is called test too");
        (await Should.ThrowAsync<JournalRefused>(() => Migrate([new(Server.East, other.Migrate), new(Server.West, one.Migrate)])))
            .Message.ShouldContain("has the shards 3-5,7 of the venue test and this process was told that it has 0-2,6");
    }

    /// <summary>Two shards of two databases send each other messages as fast as they can; whatever is read meanwhile is whole.</summary>
    [Fact]
    public async Task Heads_that_are_read_while_two_databases_write_to_each_other_are_a_cut()
    {
        await using var journal = await Open(await server.CreateDivided());
        ShardId[] shards = [new(1), new(3)];
        var heads = shards.Select(shard => CommitTests.Take(journal, shard)).ToArray();
        var cuts = new List<IReadOnlyList<Head>>();
        long[] durable = [0, 0];
        var isEnough = false;
        var writers = Task.WhenAll(Writer(0), Writer(1));
        while (cuts.Count < Cuts && !writers.IsFaulted)
        {
            cuts.Add(await journal.ReadHeads(Cancel));
            var at = Durable();
            while (Durable() < at + 2 && !writers.IsFaulted) await Task.Delay(1, Cancel);   // the next one is another one
        }

        Volatile.Write(ref isEnough, true);
        await writers;

        var records = await Task.WhenAll(shards.Select(shard => journal.ReadShard(shard, 0, 100_000, Cancel).AsTask()));
        foreach (var cut in cuts)
        {
            for (var i = 0; i < 2; i++)
            {
                var end = cut[shards[i].Number];
                if (end.Position > 0) end.Chain.ShouldBe(records[i][(int)end.Position - 1].Chain);
                foreach (var record in records[i].Take((int)end.Position))
                {
                    if (record.Cause is Cause.Message(var sent))
                        (sent.Position <= cut[sent.Shard.Number].Position).ShouldBeTrue($"{record.Address} is in a cut without {sent}");
                }
            }
        }

        cuts.Select(cut => cut[1].Position + cut[3].Position).Distinct().Count().ShouldBeGreaterThan(Cuts / 2, "nobody was writing");

        long Durable() => Interlocked.Read(ref durable[0]) + Interlocked.Read(ref durable[1]);

        Task Writer(int me) => Task.Run(() =>
        {
            for (var i = 0; !Volatile.Read(ref isEnough); i++)
            {
                var seen = Interlocked.Read(ref durable[1 - me]);
                Cause cause = seen == 0 ? Cause.Timer.Came : new Cause.Message(new RecordAddress(shards[1 - me], seen));
                var batch = Records.Batch(heads[me], [Records.Record(heads[me], 0, Records.Account(me), i + 1, cause: cause)]);
                journal.Commit([batch]).ShouldBe([CommitOutcome.Committed]);
                heads[me] = batch.After;
                Interlocked.Exchange(ref durable[me], batch.After.Position);
            }
        }, Cancel);
    }

    private static (DatabaseAddress East, DatabaseAddress West) Pair(IReadOnlyList<DatabaseAddress> databases) =>
        (databases[0], databases[1]);

    private static Task<VenueJournal> Open(IReadOnlyList<DatabaseAddress> databases) =>
        VenueJournal.Open(databases, "test", Server.Shards, Cancel);

    private static Task Migrate(IReadOnlyList<DatabaseAddress> databases) => Migrations.Apply(databases, "test", Server.Shards, Cancel);

    private static async Task<string> Refused(IReadOnlyList<DatabaseAddress> databases)
    {
        var refused = await Should.ThrowAsync<JournalRefused>(() => Open(databases));
        refused.Message.ShouldNotContain("\n");
        return refused.Message;
    }
}
