using System.Text.Json.Nodes;
using Npgsql;

namespace CrossMargin.Api.Tests;

[Collection(VenueFixture.TheVenue)]
public sealed class AuditTests(VenueFixture venue)
{
    private readonly VenueClient client = venue.Client;

    [Fact]
    public async Task A_cut_names_every_shard_and_moves_only_with_what_is_recorded()
    {
        var head = (await client.Get("auditor", "/v1/audit/head")).ShouldBe(200);
        head.Json["heads"]!.AsArray().Select(h => (int)h!["shard"]!).ShouldBe(Enumerable.Range(0, 64));
        (await client.JournalHash()).ShouldBe(head.Field("hash"));
        await client.Open("alice");
        (await client.JournalHash()).ShouldNotBe(head.Field("hash"));
    }

    [Fact]
    public async Task The_journal_the_live_state_and_the_money_agree()
    {
        var (alices, bobs) = (await client.Funded("alice", "100"), await client.Open("bob"));
        (await client.Post("alice", $"/v1/accounts/{alices}/transfers", VenueClient.TransferBody(bobs, "10"))).ShouldBe(200);
        await client.Withdraw("alice", alices, "10");
        await client.Deposit(bobs, "0.00000001", "BTC");
        await client.At("bob", bobs, 3);

        var verified = await Verify("{}");
        verified.Field("verdict").ShouldBe("agrees", verified.Text);
        verified.Field("hash").ShouldBe(await client.JournalHash());
        var heads = (await client.Get("auditor", "/v1/audit/head")).Json["heads"]!.AsArray();
        ((long)verified.Json["records"]!).ShouldBe(heads.Sum(head => (long)head!["position"]!));
        verified.Json["conservation"]!.AsArray().ShouldAllBe(asset => asset!["difference"]!.ToString() == "0");
        verified.Json["conservation"]!.AsArray().Select(asset => asset!["asset"]!.ToString()).ShouldBe(["BTC", "USDC"]);
    }

    [Fact]
    public async Task It_agrees_while_money_moves()
    {
        var (a, b) = (await client.Funded("alice", "1000"), await client.Funded("bob", "1000"));
        var moving = Task.WhenAll(Enumerable.Range(0, 40).Select(async i =>
        {
            var (who, from, to) = i % 2 == 0 ? ("alice", a, b) : ("bob", b, a);
            for (var n = 0; n < 5; n++) (await client.Post(who, $"/v1/accounts/{from}/transfers", VenueClient.TransferBody(to, "1"))).ShouldBe(200);
        }));
        while (!moving.IsCompleted)
        {
            var verified = await Verify("{}");
            verified.Field("verdict").ShouldBe("agrees", verified.Text);
        }

        await moving;
        foreach (var (who, account) in new[] { ("alice", a), ("bob", b) }) await client.At(who, account, 302);
    }

    [Fact]
    public async Task A_changed_payload_a_changed_hash_and_a_missing_record_are_found()
    {
        var account = await client.Funded("alice", "5");
        var record = (await client.Get("alice", $"/v1/accounts/{account}/events")).Json["data"]![1]!;
        var address = record["address"]!.ToString();
        var (shard, position) = (int.Parse(address.Split(':')[0]), long.Parse(address.Split(':')[1]));
        var where = $"WHERE shard = {shard} AND position = {position}";
        (string Tamper, string Repair)[] cases =
        [
            ("UPDATE journal SET payload = convert_to(replace(convert_from(payload, 'UTF8'), '5 USDC', '6 USDC'), 'UTF8')",
                "UPDATE journal SET payload = convert_to(replace(convert_from(payload, 'UTF8'), '6 USDC', '5 USDC'), 'UTF8')"),
            ("UPDATE journal SET time_micros = time_micros + 1", "UPDATE journal SET time_micros = time_micros - 1"),
            ("UPDATE journal SET chain_hash = set_byte(chain_hash, 0, get_byte(chain_hash, 0) # 1)",
                "UPDATE journal SET chain_hash = set_byte(chain_hash, 0, get_byte(chain_hash, 0) # 1)"),
            ("DELETE FROM journal", "INSERT INTO journal SELECT * FROM kept"),
        ];
        await AsSuperuser($"CREATE TABLE kept AS SELECT * FROM journal {where}");
        foreach (var (tamper, repair) in cases)
        {
            (await AsSuperuser($"{tamper} {where}")).ShouldBe(1);
            try
            {
                foreach (var body in new[] { "{}", $$"""{"shard":{{shard}},"from":{{position}},"to":{{position}}}""" })
                {
                    var verified = await Verify(body);
                    verified.Field("verdict").ShouldBe("differs", tamper);
                    var finding = verified.Json["findings"]!.AsArray().First(f => f!["code"]!.ToString() == "chain-broken")!;
                    finding["where"]!.ToString().ShouldBe(address);
                }
            }
            finally
            {
                (await AsSuperuser($"{repair} {where}")).ShouldBe(1);
            }
        }

        await AsSuperuser("DROP TABLE kept");
        (await Verify("{}")).Field("verdict").ShouldBe("agrees");
    }

    [Fact]
    public async Task A_range_is_checked_from_the_hash_before_it()
    {
        var account = await client.Open("alice");
        for (var i = 1; i <= 5; i++) await client.Deposit(account, $"{i}");
        var events = (await client.Get("alice", $"/v1/accounts/{account}/events")).Json["data"]!.AsArray();
        var (first, last) = (events[1]!["address"]!.ToString().Split(':'), events[4]!["address"]!.ToString().Split(':'));
        var verified = await Verify($$"""{"shard":{{first[0]}},"from":{{first[1]}},"to":{{last[1]}}}""");
        verified.Field("verdict").ShouldBe("agrees", verified.Text);
        ((long)verified.Json["records"]!).ShouldBe(4);

        var beyond = await Verify($$"""{"shard":{{first[0]}},"from":{{first[1]}},"to":900000000}""");
        beyond.Field("verdict").ShouldBe("differs");
    }

    private async Task<Answer> Verify(string body) => (await client.Post("auditor", "/v1/audit/verify", body, key: null)).ShouldBe(200);

    [Fact]
    public async Task A_snapshot_that_says_something_else_than_the_records_is_found()
    {
        var data = HostProcess.NewDirectory();
        try
        {
            string account;
            await using (var first = await HostProcess.Start(data, ("SHARDS", "2")))
            {
                using var one = new VenueClient(first);
                account = await one.Funded("alice", "5");
                (await first.Stop()).ShouldBe(0);
            }

            await using var host = await HostProcess.Start(data, ("SHARDS", "2"));
            using var again = new VenueClient(host);
            (await again.Post("auditor", "/v1/audit/verify", "{}", key: null)).Field("verdict").ShouldBe("agrees");

            await using var source = NpgsqlDataSource.Create(PrivatePostgres.ConnectionString(data, "postgres"));
            foreach (var kind in new[] { $"= '{account}'", "::text LIKE '01%'" })
            {
                await using var spoil = source.CreateCommand($"UPDATE snapshot SET state = set_byte(state, 12, get_byte(state, 12) # 1) WHERE grain{kind}");
                (await spoil.ExecuteNonQueryAsync(TestContext.Current.CancellationToken)).ShouldBeGreaterThan(0, kind);
                var verified = await again.Post("auditor", "/v1/audit/verify", "{}", key: null);
                verified.Field("verdict").ShouldBe("differs");
                verified.Json["findings"]!.AsArray().ShouldAllBe(finding => finding!["code"]!.ToString() == "snapshot-differs");
                await spoil.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
                (await again.Post("auditor", "/v1/audit/verify", "{}", key: null)).Field("verdict").ShouldBe("agrees");
            }

            (await host.Stop()).ShouldBe(0);
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    private async Task<int> AsSuperuser(string sql)
    {
        await using var source = NpgsqlDataSource.Create(PrivatePostgres.ConnectionString(venue.Host.DataDirectory, "postgres"));
        await using var session = await source.OpenConnectionAsync(TestContext.Current.CancellationToken);

        // What a superuser can do, and the chain must show: rewrite history past its triggers.
        await using var command = new NpgsqlCommand($"SET session_replication_role = replica; {sql}", session);
        return await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }
}
