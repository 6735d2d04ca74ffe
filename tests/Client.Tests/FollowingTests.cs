using System.Text.Json.Nodes;
using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Clients.Tests;

/// <summary>Commands go to the owner of their shard, and find it again when it has changed.</summary>
public sealed class FollowingTests : IDisposable
{
    private readonly FakeClock clock = new();
    private readonly FakeSilos silos;
    private readonly ClearingClient client;

    public FollowingTests()
    {
        silos = new FakeSilos(clock, "a", "b", "c");
        client = new Clearinghouse(silos.Addresses, silos, clock).As(Credential.Token("t"));
    }

    public void Dispose() => silos.Dispose();

    [Fact]
    public void The_shard_of_an_account_is_the_one_where_the_clearinghouse_has_it()
    {
        foreach (var count in (int[])[1, 7, 64])
        {
            var map = new ShardMap(count);
            for (var number = 0; number < 500; number++)
                Shards.Of(AccountNumber(number), count).ShouldBe(map.ShardOf(Id(number).Grain).Number);
        }

        Shards.Of("no account", 64).ShouldBeNull();
    }

    [Fact]
    public void A_command_goes_to_the_owner_of_its_account()
    {
        for (var number = 0; number < 20; number++)
        {
            Post(AccountNumber(number));
            silos.Heard[^1].Silo.ShouldBe(OwnerOf(AccountNumber(number)));
            Get($"/v1/orders/x?account={AccountNumber(number)}");
            silos.Heard[^1].Silo.ShouldBe(OwnerOf(AccountNumber(number)));
        }

        silos.Heard.Count.ShouldBe(40, "every one was sent once");
    }

    [Fact]
    public void The_next_command_behind_the_answer_that_tells_of_a_move_goes_to_the_new_owner()
    {
        var account = AccountNumber(1);
        Post(account);
        silos.Move(ShardOf(account), to: Other(OwnerOf(account)));
        Post(account);   // to the old one, which passes it on, and whose answer says that it knows of more
        Post(account);
        silos.Heard[2].Silo.ShouldBe(silos.Owners[ShardOf(account)]);
        silos.Heard[1].Silo.ShouldBe(silos.Heard[0].Silo);
    }

    [Fact]
    public void Where_nobody_listens_another_silo_is_asked_at_once_under_the_same_key()
    {
        var account = AccountNumber(2);
        var owner = OwnerOf(account);
        Post(account);
        silos.Set(owner, FakeSilos.State.Down);
        Post(account).Status.ShouldBe(200);
        silos.Heard[^1].Silo.ShouldNotBe(owner);
        clock.Now.ShouldBe(TimeSpan.Zero, "nothing was waited for");
    }

    [Fact]
    public void A_silo_that_takes_no_connection_is_left_alone_like_one_that_refuses_them()
    {
        var account = AccountNumber(2);
        var owner = OwnerOf(account);
        Post(account);
        silos.Set(owner, FakeSilos.State.Gone);
        Post(account).Status.ShouldBe(200);
        clock.Now.ShouldBe(TimeSpan.FromSeconds(2), "the time for a connection, and no pause behind it");
        for (var again = 0; again < 10; again++) Post(account).Status.ShouldBe(200);
        clock.Now.ShouldBe(TimeSpan.FromSeconds(2));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("no JSON")]
    [InlineData("""{"silo":7,"version":"new","owners":{"0":"a"}}""")]
    [InlineData("""{"silo":"a","version":3,"owners":[1,{},"b"]}""")]
    [InlineData("""{"silo":"a","silo":"b","version":3,"owners":["b"]}""")]
    public void Who_says_something_else_instead_of_the_owners_is_not_learned_from_and_not_asked_each_time(string said)
    {
        silos.SaidOfOwners = said;
        for (var number = 0; number < 20; number++) Post(AccountNumber(number)).Status.ShouldBe(200);
        silos.AskedForOwners.ShouldBe(3, "each silo once: no time has passed");
        Wait(TimeSpan.FromSeconds(1));
        silos.SaidOfOwners = null;
        Post(AccountNumber(7));
        silos.Heard[^1].Silo.ShouldBe(OwnerOf(AccountNumber(7)));
    }

    [Theory]
    [InlineData("""{"results":[7,null,[]]}""")]
    [InlineData("""{"results":"none","address":17}""")]
    public void An_answer_to_a_report_that_is_none_tells_nothing_of_where_records_are(string said)
    {
        silos.Answer = _ => FakeSilos.Said(200, said);
        Report("/v1/fills?source=engine").Status.ShouldBe(200);
    }

    [Fact]
    public void Owners_are_looked_for_once_a_second_however_many_wait_for_an_answer()
    {
        Post(AccountNumber(1));
        var before = silos.AskedForOwners;
        foreach (var silo in (string[])["a", "b", "c"]) silos.Set(silo, FakeSilos.State.Frozen);
        clock.Run(async () =>
        {
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(5.5), clock);
            var waiting = Enumerable.Range(0, 20).Select(async number =>
            {
                await Task.Delay(TimeSpan.FromMilliseconds(40 * number), clock);
                await client.Get($"/v1/accounts/{AccountNumber(number)}", patience.Token);
            });
            await Should.ThrowAsync<OperationCanceledException>(Task.WhenAll(waiting));
            return 0;
        });
        (silos.AskedForOwners - before).ShouldBeLessThanOrEqualTo(3 * 6);
    }

    [Fact]
    public void Whoever_may_not_know_the_owners_asks_for_them_each_second_and_not_each_time()
    {
        silos.SayOwners = false;
        for (var number = 0; number < 20; number++) Post(AccountNumber(number)).Status.ShouldBe(200);
        silos.AskedForOwners.ShouldBe(3, "each silo once: no time has passed");
        Wait(TimeSpan.FromSeconds(1));
        silos.SayOwners = true;
        Post(AccountNumber(7));
        silos.Heard[^1].Silo.ShouldBe(OwnerOf(AccountNumber(7)));
    }

    [Fact]
    public void A_silo_that_is_leaving_is_not_asked_again()
    {
        var account = AccountNumber(3);
        var owner = OwnerOf(account);
        silos.Answer = asked => asked.Silo == owner ? FakeSilos.Problem(503, "not-ready", retryAfter: 1) : FakeSilos.Said(200, "{}");
        Post(account).Status.ShouldBe(200);
        silos.Heard.Count.ShouldBe(2);
        silos.Heard[0].ShouldBe(silos.Heard[1] with { Silo = owner });
        clock.Now.ShouldBe(TimeSpan.Zero);
    }

    [Fact]
    public void What_a_frozen_silo_was_asked_goes_to_the_next_owner_under_the_same_key()
    {
        var account = AccountNumber(4);
        var owner = OwnerOf(account);
        Post(AccountNumber(5));
        silos.Heard.Clear();
        silos.Set(owner, FakeSilos.State.Frozen);
        silos.Move(ShardOf(account), to: Other(owner));   // nobody has said so yet: it looks when the answer does not come
        Post(account).Status.ShouldBe(200);
        silos.Heard.Select(asked => asked.Silo).ShouldBe([owner, Other(owner)]);
        silos.Heard[0].Key.ShouldBe(silos.Heard[1].Key);
        clock.Now.ShouldBeLessThan(Patience.Usual.ForAnAnswer);
    }

    [Fact]
    public void What_a_source_reports_goes_where_its_records_are()
    {
        silos.Answer = _ => FakeSilos.Said(200, """{"results":[{"status":"applied","sourceSequence":1,"address":"5:17"}]}""");
        for (var i = 0; i < 5; i++) Report("/v1/fills?source=engine");
        silos.Heard.Skip(1).ShouldAllBe(asked => asked.Silo == silos.Owners[5]);
    }

    [Fact]
    public void One_silo_alone_is_asked_nothing_about_owners()
    {
        using var only = new FakeSilos(clock, "a");
        var alone = new Clearinghouse(only.Addresses, only, clock).As(Credential.None);
        clock.Run(() => alone.Get("/v1/accounts/" + AccountNumber(1), TestContext.Current.CancellationToken)).Status.ShouldBe(200);
        only.Heard.Count.ShouldBe(1);
        only.AskedForOwners.ShouldBe(0);
    }

    private Answer Post(string account) =>
        clock.Run(() => client.Post($"/v1/accounts/{account}/transfers", new JsonObject { ["n"] = 1 }, TestContext.Current.CancellationToken));

    private Answer Get(string target) => clock.Run(() => client.Get(target, TestContext.Current.CancellationToken));

    private Answer Report(string target) => clock.Run(() => client.Report(target, [], TestContext.Current.CancellationToken));

    private void Wait(TimeSpan time) => clock.Run(async () =>
    {
        await Task.Delay(time, clock, TestContext.Current.CancellationToken);
        return true;
    });

    private static AccountId Id(int number) => AccountId.For(
        new PrincipalId("alice"), CommandKey.Issue(Instant.From(DateTimeOffset.UnixEpoch), (ulong)number, (ulong)number * 77));

    private static string AccountNumber(int number) => Id(number).ToString();

    private static int ShardOf(string account) => Shards.Of(account, FakeSilos.ShardCount)!.Value;

    private string OwnerOf(string account) => silos.Owners[ShardOf(account)];

    private static string Other(string silo) => silo == "c" ? "a" : "c";
}
