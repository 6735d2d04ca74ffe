using Npgsql;

namespace CrossMargin.Api.Tests;

/// <summary>Starting, stopping, crashing and being replaced, as processes do.</summary>
public sealed class LifeTests(LifeTests.OneDatabase database) : IClassFixture<LifeTests.OneDatabase>
{
    /// <summary>A data directory that the hosts of these tests use one after another.</summary>
    public sealed class OneDatabase : IDisposable
    {
        public string Directory { get; } = HostProcess.NewDirectory();

        public void Dispose() => System.IO.Directory.Delete(Directory, recursive: true);
    }

    private readonly string data = database.Directory;

    [Fact]
    public async Task What_was_answered_is_there_after_kill_9_and_the_same_key_gets_the_same_bytes()
    {
        string account, first;
        var key = VenueClient.NewKey();
        await using (var host = await HostProcess.Start(data))
        {
            using var client = new VenueClient(host);
            account = await client.Funded("alice", "100");
            first = (await client.Post("alice", $"/v1/accounts/{account}/withdrawals", VenueClient.WithdrawBody("30"), key)).ShouldBe(201).Text;
            host.KillHard();
            await host.Ended();
        }

        await using (var host = await HostProcess.Start(data))
        {
            using var client = new VenueClient(host);
            VenueClient.Balance(await client.Get("alice", $"/v1/accounts/{account}")).ShouldBe("70");
            var again = await client.Post("alice", $"/v1/accounts/{account}/withdrawals", VenueClient.WithdrawBody("30"), key);
            again.Text.ShouldBe(first);
            again.Headers.GetValues("Idempotency-Replayed").ShouldBe(["true"]);
            (await client.Post("auditor", "/v1/audit/verify", "{}", key: null)).Field("verdict").ShouldBe("agrees");

            (await host.Stop()).ShouldBe(0);
            host.Said.ShouldEndWith("Stopped");
            PrivatePostgres.IsRunning(data).ShouldBeFalse();
        }
    }

    [Fact]
    public async Task A_host_whose_database_is_reconfigured_to_lose_records_stops_by_itself()
    {
        var own = HostProcess.NewDirectory();
        await using (var host = await HostProcess.Start(own, ("CHECKSERVEREVERY", "00:00:00.2"), ("SHARDS", "4")))
        {
            await using var source = NpgsqlDataSource.Create(PrivatePostgres.ConnectionString(own, "postgres"));
            await using var weaken = source.CreateCommand("ALTER ROLE crossmargin_app SET synchronous_commit = off");
            await weaken.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);

            (await host.Ended()).ShouldBe(4);
            host.Said.ShouldContain("synchronous_commit is off");
        }

        var (exitCode, said) = await HostProcess.RunToEnd(own, ("SHARDS", "4"));
        exitCode.ShouldBe(1);
        said.ShouldContain("synchronous_commit is off");
        PrivatePostgres.IsRunning(own).ShouldBeFalse();
        Directory.Delete(own, recursive: true);
    }

    [Fact]
    public async Task A_host_whose_journal_has_become_an_older_one_stops_by_itself_and_keeps_the_anchor_that_shows_it()
    {
        var own = HostProcess.NewDirectory();
        var anchor = Path.Combine(own, "anchor");
        await using (var host = await HostProcess.Start(own, ("CHECKSERVEREVERY", "00:00:00.2"), ("SHARDS", "1"), ("ANCHOR", anchor)))
        {
            using var client = new VenueClient(host);
            await client.Funded("alice", "5");
            await using var source = NpgsqlDataSource.Create(PrivatePostgres.ConnectionString(own, "postgres"));
            await using var end = source.CreateCommand("SELECT '0:' || position || ':' FROM shard_head");
            var newest = (string)(await end.ExecuteScalarAsync(TestContext.Current.CancellationToken))!;
            while (!File.Exists(anchor) || !(await File.ReadAllTextAsync(anchor, TestContext.Current.CancellationToken)).StartsWith(newest, StringComparison.Ordinal))
                await Task.Delay(20, TestContext.Current.CancellationToken);

            await using var older = source.CreateCommand("UPDATE shard_head SET position = position - 1");
            await older.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
            (await host.Ended()).ShouldBe(4);
            host.Said.ShouldContain("records that were acknowledged are missing");
            (await File.ReadAllTextAsync(anchor, TestContext.Current.CancellationToken)).ShouldStartWith(newest);
        }

        Directory.Delete(own, recursive: true);
    }

    [Fact]
    public async Task A_read_says_that_the_database_is_away_and_a_command_that_it_was_not_taken_in()
    {
        var own = HostProcess.NewDirectory();
        await using (var host = await HostProcess.Start(own, ("SHARDS", "4")))
        {
            using var client = new VenueClient(host);
            var account = await client.Funded("alice", "5");
            await PrivatePostgres.TakeAway(own);

            (await client.Get("alice", $"/v1/accounts/{account}/events")).ShouldBeProblem("database-away");
            (await client.Post("operator", $"/v1/accounts/{account}/deposits", VenueClient.DepositBody("1")))
                .Field("code").ShouldBeOneOf("outcome-unknown", "shard-unavailable");
            (await host.Stop()).ShouldBe(0);
        }

        Directory.Delete(own, recursive: true);
    }

    [Fact]
    public async Task A_stop_under_load_answers_what_it_took_in()
    {
        await using var host = await HostProcess.Start(data);
        using var client = new VenueClient(host);
        var account = await client.Open("alice");
        var acknowledged = 0L;
        var load = Enumerable.Range(0, 8).Select(async _ =>
        {
            while (true)
            {
                try
                {
                    var answer = await client.Post("operator", $"/v1/accounts/{account}/deposits", VenueClient.DepositBody("1"));
                    if (answer.Status == 200) Interlocked.Increment(ref acknowledged);
                    else answer.Status.ShouldBe(503, answer.Text);
                    if (answer.Status != 200) return;
                }
                catch (HttpRequestException)
                {
                    return;   // it listens no more
                }
            }
        }).ToArray();
        while (Interlocked.Read(ref acknowledged) < 100) await Task.Delay(5, TestContext.Current.CancellationToken);

        (await host.Stop()).ShouldBe(0);
        await Task.WhenAll(load);

        await using var next = await HostProcess.Start(data);
        using var reader = new VenueClient(next);
        long.Parse(VenueClient.Balance(await reader.Get("operator", $"/v1/accounts/{account}"))).ShouldBeGreaterThanOrEqualTo(acknowledged);
        (await reader.Post("auditor", "/v1/audit/verify", "{}", key: null)).Field("verdict").ShouldBe("agrees");
    }

    [Fact]
    public async Task A_host_whose_shards_another_has_taken_stops_says_so_and_leaves_the_database_to_the_other()
    {
        await using var first = await HostProcess.Start(data);
        using var toFirst = new VenueClient(first);
        var account = await toFirst.Open("alice");

        await using var second = await HostProcess.Start(data);
        using var toSecond = new VenueClient(second);
        (await toFirst.Post("operator", $"/v1/accounts/{account}/deposits", VenueClient.DepositBody("1"))).ShouldBeProblem("shard-unavailable");
        (await first.Ended()).ShouldBe(3);
        first.Said.ShouldContain("Another process has taken shard");

        await toSecond.Deposit(account, "2");
        VenueClient.Balance(await toSecond.Get("alice", $"/v1/accounts/{account}")).ShouldBe("2");
        (await toSecond.Post("auditor", "/v1/audit/verify", "{}", key: null)).Field("verdict").ShouldBe("agrees");
        (await second.Stop()).ShouldBe(0);
        PrivatePostgres.IsRunning(data).ShouldBeFalse();
    }
}
