using Npgsql;

namespace CrossMargin.Api.Tests;

/// <summary>The audit beside the silo. ClearingFixture has one too, so it has seen every trade of those tests.</summary>
public sealed class LiveAuditTests
{
    private static readonly (string, string)[] Audited = [("AUDITEVERY", "00:00:00.2"), ("SHARDS", "4")];

    [Theory]
    [InlineData("UPDATE journal SET payload = convert_to(replace(convert_from(payload, 'UTF8'), '7 USDC', '8 USDC'), 'UTF8')")]
    [InlineData("DELETE FROM journal")]
    public async Task A_deposit_that_was_made_larger_or_taken_out_of_the_journal_is_found_and_stays_found(string tamper)
    {
        var own = HostProcess.NewDirectory();
        await using (var host = await HostProcess.Start(own, Audited))
        {
            using var client = new VenueClient(host);
            var account = await client.Funded("alice", "5");
            await client.Deposit(account, "7");
            await client.Deposit(account, "9");   // the snapshots rest on a record behind the one that is tampered with
            (await Standing(client)).ShouldBe("agrees");
            await Tamper(own, tamper);
            (await host.Stop()).ShouldBe(0);
        }

        await using (var host = await HostProcess.Start(own, Audited))
        {
            using var client = new VenueClient(host);
            (await Standing(client)).ShouldBe("differs");
            (await client.Get("nobody", "/health/ready")).ShouldBe(200);
            host.Said.ShouldContain("The journal differs: chain-broken");
            (await host.Stop()).ShouldBe(0);
        }

        Directory.Delete(own, recursive: true);
    }

    [Fact]
    public async Task Without_being_asked_for_it_is_off_and_says_so()
    {
        var own = HostProcess.NewDirectory();
        await using (var host = await HostProcess.Start(own, ("SHARDS", "1")))
        {
            using var client = new VenueClient(host);
            (await client.Get("nobody", "/health/audit")).ShouldBe(200).Field("status").ShouldBe("off");
            (await host.Stop()).ShouldBe(0);
        }

        Directory.Delete(own, recursive: true);
    }

    /// <summary>What the audit says when it has caught up.</summary>
    internal static async Task<string> Standing(VenueClient client)
    {
        for (var patience = 0; patience < 300; patience++)
        {
            var answer = await client.Get("nobody", "/health/audit");
            if (answer.Field("status") is var status && status != "catching up")
            {
                answer.Status.ShouldBe(status == "differs" ? 503 : 200);
                return status;
            }

            await Task.Delay(100);
        }

        return "catching up for ever";
    }

    /// <summary>As a superuser could, past the triggers that keep history.</summary>
    private static async Task Tamper(string directory, string statement)
    {
        var theDeposit = $"""
            SET session_replication_role = replica;
            {statement}
            WHERE type = 'account.deposited.v1' AND convert_from(payload, 'UTF8') LIKE '%"amount":"7 USDC"%'
            """;
        await using var source = NpgsqlDataSource.Create(PrivatePostgres.ConnectionString(directory, "postgres"));
        await using var command = source.CreateCommand(theDeposit);
        (await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken)).ShouldBe(1);
    }
}
