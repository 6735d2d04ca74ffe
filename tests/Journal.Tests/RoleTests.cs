using Npgsql;
using Shouldly;

namespace CrossMargin.Journal.Tests;

/// <summary>S10: what each role may do, tried as that role.</summary>
public sealed class RoleTests(Server server)
{
    [Theory]
    [InlineData("UPDATE journal SET epoch = 0")]
    [InlineData("DELETE FROM journal")]
    [InlineData("TRUNCATE journal")]
    [InlineData("INSERT INTO journal_000000 SELECT * FROM journal")]
    [InlineData("UPDATE shard_head SET shard = 63 WHERE shard = 1")]
    [InlineData("DELETE FROM shard_head")]
    [InlineData("INSERT INTO shard_head SELECT 40, 0, 0, chain_hash FROM shard_head WHERE shard = 0")]
    [InlineData("UPDATE venue SET format = 2")]
    [InlineData("UPDATE venue SET shards = 9")]
    [InlineData("INSERT INTO schema_migration VALUES (9, 'x', 'x')")]
    [InlineData("CREATE TABLE mine (x int)")]
    [InlineData("ALTER TABLE journal DISABLE TRIGGER ALL")]
    [InlineData("DROP TABLE snapshot")]
    public Task The_application_may_not(string sql) => Refused(server.Untouched.App, sql);

    [Theory]
    [InlineData("SELECT count(*) FROM journal")]
    [InlineData("UPDATE shard_head SET epoch = epoch, position = position, chain_hash = chain_hash WHERE shard = 1")]
    [InlineData("DELETE FROM snapshot")]
    [InlineData("SELECT extend_journal()")]
    [InlineData("SELECT format FROM venue")]
    public Task The_application_may(string sql) => Database.Execute(server.Untouched.App, sql);

    [Theory]
    [InlineData("INSERT INTO journal SELECT * FROM journal")]
    [InlineData("UPDATE shard_head SET epoch = 1")]
    [InlineData("DELETE FROM snapshot")]
    [InlineData("SELECT extend_journal()")]
    [InlineData("CREATE TABLE mine (x int)")]
    public Task The_auditor_may_not(string sql) => Refused(server.Untouched.Audit, sql);

    [Theory]
    [InlineData("UPDATE journal SET epoch = 0")]
    [InlineData("DELETE FROM journal")]
    [InlineData("TRUNCATE journal")]
    [InlineData("TRUNCATE journal_000000")]
    [InlineData("TRUNCATE journal_overflow")]
    [InlineData("DELETE FROM journal_000000")]
    public async Task Not_even_the_owner_rewrites_the_journal(string sql)
    {
        (await Refused(server.Written.Migrate, sql)).MessageText.ShouldContain("append-only");
    }

    [Fact]
    public async Task The_auditor_reads_the_journal_in_words()
    {
        var database = await server.Create();
        await using var journal = await database.Open();
        var head = CommitTests.Take(journal, new(1));
        journal.Commit([Records.Batch(head,
        [
            Records.Record(head, 0, Records.Account(1), version: 1, addressees: [Records.Account(2)],
                cause: new Runtime.Records.Cause.Source(new("custody"), 42, new(1, 2))),
            Records.Record(head, 1, Records.Account(1), version: 2,
                cause: new Runtime.Records.Cause.Message(new(new(5), 77))),
            Records.Record(head, 2, Records.Account(1), version: 3,
                cause: new Runtime.Records.Cause.Key(
                    Contracts.CommandKey.Issue(new(1_700_000_000_000_000), 1, 2), new(1, 2))),
            Records.Record(head, 3, Records.Account(1), version: 4, cause: new Runtime.Records.Cause.Frame(258)),
        ])]);

        (await Database.Ask<string>(database.Audit, """
            SELECT string_agg(concat_ws(' | ', grain_kind, to_char(time AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'), cause,
                                        addressees::text, payload ->> 'amount'), E'\n' ORDER BY position) FROM journal_readable
            """)).ShouldBe($$"""
            account | 2023-11-14 22:13:20.000000 | source custody #42 | {{{Records.Account(2)}}} | 1.5
            account | 2023-11-14 22:13:20.000001 | message 5:77 | {} | 2.5
            account | 2023-11-14 22:13:20.000002 | key {{Contracts.CommandKey.Issue(new(1_700_000_000_000_000), 1, 2)}} | {} | 3.5
            account | 2023-11-14 22:13:20.000003 | frame 258 | {} | 4.5
            """);
    }

    private static async Task<PostgresException> Refused(string connection, string sql)
    {
        var refused = await Should.ThrowAsync<PostgresException>(() => Database.Execute(connection, sql));
        refused.SqlState.ShouldBe(PostgresErrorCodes.InsufficientPrivilege);
        return refused;
    }
}
