using System.Net.Sockets;
using Npgsql;

namespace CrossMargin.Api.Tests;

/// <summary>Starting, stopping, crashing and being replaced, as processes do.</summary>
public sealed class LifeTests(VenueFixture venue, LifeTests.OneDatabase database) : IClassFixture<LifeTests.OneDatabase>
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

    [Fact]
    public async Task A_port_in_use_is_one_sentence()
    {
        using var taken = new TcpListener(System.Net.IPAddress.Loopback, 0);
        taken.Start();
        var port = ((System.Net.IPEndPoint)taken.LocalEndpoint).Port;
        await ShouldRefuse($"Port {port} of 127.0.0.1 is in use by another program: give another one.", ("PORT", $"{port}"));
    }

    [Fact]
    public async Task A_wrong_password_is_one_sentence()
    {
        var right = new NpgsqlConnectionStringBuilder(PrivatePostgres.ConnectionString(venue.Host.DataDirectory, "crossmargin_app"));
        var wrong = new NpgsqlConnectionStringBuilder(right.ConnectionString) { Password = "wrong" };
        await ShouldRefuse(
            $"PostgreSQL at 127.0.0.1:{right.Port} does not let crossmargin_app in: wrong password or role.", ("CONNECTIONSTRING", wrong.ConnectionString));
    }

    [Fact]
    public async Task No_server_is_one_sentence() =>
        await ShouldRefuse("No PostgreSQL answers at 127.0.0.1:1: ", ("CONNECTIONSTRING", "Host=127.0.0.1;Port=1;Username=x;Password=y;Database=z"));

    [Fact]
    public async Task A_wrong_shard_count_is_one_sentence() => await ShouldRefuse(
        "The venue demo has 64 shards for ever and this process was given 8: correct its configuration.",
        ("CONNECTIONSTRING", PrivatePostgres.ConnectionString(venue.Host.DataDirectory, "crossmargin_app")), ("SHARDS", "8"));

    [Fact]
    public async Task A_database_without_a_journal_is_one_sentence() => await ShouldRefuse(
        "The database postgres has no journal yet: run the migrations.",
        ("CONNECTIONSTRING", PrivatePostgres.ConnectionString(venue.Host.DataDirectory, "crossmargin_app", "postgres")));

    [Fact]
    public async Task A_newer_schema_is_one_sentence()
    {
        await AsOwner("INSERT INTO schema_migration (number, name, sha256) SELECT max(number) + 1, 'later', 'x' FROM schema_migration");
        try
        {
            await ShouldRefuse(
                "The database has schema version ", ("CONNECTIONSTRING", PrivatePostgres.ConnectionString(venue.Host.DataDirectory, "crossmargin_app")));
        }
        finally
        {
            await AsOwner("DELETE FROM schema_migration WHERE name = 'later'");
        }
    }

    [Theory]
    [InlineData("PORT", "70000", "The setting CrossMargin:Port has to be 0 to 65535.")]
    [InlineData("SHARDS", "65", "The setting CrossMargin:Shards has to be 1 to 64.")]
    [InlineData("SIGNATUREWINDOW", "00:02:00", "The setting CrossMargin:SignatureWindow has to be 1 to 60 s.")]
    [InlineData("ADDRESS", "everywhere", "The setting CrossMargin:Address has to be an IP address.")]
    [InlineData("PROT", "8080", "The configuration cannot be used: ")]
    [InlineData("PORT", "http", "The configuration cannot be used: ")]
    public async Task A_wrong_setting_is_one_sentence(string name, string value, string sentence) => await ShouldRefuse(sentence, (name, value));

    [Fact]
    public async Task An_access_file_that_others_can_read_is_refused()
    {
        var directory = HostProcess.NewDirectory();
        var path = Path.Combine(directory, "access.json");
        await File.WriteAllTextAsync(path, """{"principals":[]}""", TestContext.Current.CancellationToken);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);
        var (exitCode, said) = await HostProcess.RunToEnd(directory);
        (exitCode, said).ShouldBe((1, $"{path} can be read by others than its owner: chmod 600 it."));

        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        await File.WriteAllTextAsync(path, """{"principals":[{"name":"x"}]}""", TestContext.Current.CancellationToken);
        (exitCode, said) = await HostProcess.RunToEnd(directory);
        exitCode.ShouldBe(1);
        said.ShouldStartWith($"{path} cannot be used: ");
        Directory.Delete(directory, recursive: true);
    }

    [Fact]
    public void Secrets_lie_in_files_that_only_their_owner_can_read()
    {
        foreach (var file in Directory.GetFiles(Path.Combine(venue.Host.DataDirectory, "tokens")).Append(Path.Combine(venue.Host.DataDirectory, "access.json")))
            File.GetUnixFileMode(file).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite, file);
        File.ReadAllText(Path.Combine(venue.Host.DataDirectory, "access.json")).ShouldNotContain(venue.Client.Token("alice"));
    }

    [Fact]
    public async Task The_log_has_no_secret_and_nothing_of_a_body()
    {
        var account = await venue.Client.Open("alice");
        const string canary = "canary-7d3f";
        await venue.Client.Post("operator", $"/v1/accounts/{account}/deposits", VenueClient.DepositBody("1", reference: canary));
        await venue.Client.Post("operator", $"/v1/accounts/{account}/deposits", $"{{\"{canary}\":");
        await venue.Client.Get("alice", $"/v1/accounts/{account}?{canary}=1");
        venue.Host.Said.ShouldNotContain(canary);
        foreach (var who in new[] { "alice", "bob", "operator", "auditor", "custodian" }) venue.Host.Said.ShouldNotContain(venue.Client.Token(who));
    }

    private async Task AsOwner(string sql)
    {
        await using var source = NpgsqlDataSource.Create(PrivatePostgres.ConnectionString(venue.Host.DataDirectory, "crossmargin_migrate"));
        await using var command = source.CreateCommand(sql);
        (await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken)).ShouldBe(1);
    }

    private static async Task ShouldRefuse(string sentence, params (string Name, string Value)[] settings)
    {
        var directory = HostProcess.NewDirectory();
        var (exitCode, said) = await HostProcess.RunToEnd(directory, settings);
        Directory.Delete(directory, recursive: true);
        exitCode.ShouldBe(1, said);
        said.ShouldStartWith(sentence);
        said.ShouldNotContain("   at ");
    }
}
