using System.Text.Json.Nodes;
using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Clients.Tests;

/// <summary>Commands go to the owner of their shard, and find it again when it has changed.</summary>
public sealed class FollowingTests : IDisposable
{
    private readonly FakeSilos silos = new("a", "b", "c");
    private readonly FakeClock clock = new();
    private readonly ClearingClient client;

    public FollowingTests() => client = new Clearinghouse(silos.Addresses, silos, clock).As(Credential.Token("t"));

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
    public void Whoever_may_not_know_the_owners_asks_for_them_each_second_and_not_each_time()
    {
        silos.SayOwners = false;
        for (var number = 0; number < 20; number++) Post(AccountNumber(number)).Status.ShouldBe(200);
        silos.AskedForOwners.ShouldBe(3, "each silo once: no time has passed");
        clock.Run(async () => { await Task.Delay(TimeSpan.FromSeconds(1), clock, TestContext.Current.CancellationToken); return true; });
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
        var only = new FakeSilos("a");
        only.Set("a", FakeSilos.State.Up);
        var alone = new Clearinghouse(only.Addresses, only, clock).As(Credential.None);
        clock.Run(() => alone.Get("/v1/accounts/" + AccountNumber(1), TestContext.Current.CancellationToken)).Status.ShouldBe(200);
        only.Heard.Count.ShouldBe(1);
    }

    private Answer Post(string account) =>
        clock.Run(() => client.Post($"/v1/accounts/{account}/transfers", new JsonObject { ["n"] = 1 }, TestContext.Current.CancellationToken));

    private Answer Get(string target) => clock.Run(() => client.Get(target, TestContext.Current.CancellationToken));

    private Answer Report(string target) => clock.Run(() => client.Report(target, [], TestContext.Current.CancellationToken));

    private static AccountId Id(int number) => AccountId.For(
        new PrincipalId("alice"), CommandKey.Issue(Instant.From(DateTimeOffset.UnixEpoch), (ulong)number, (ulong)number * 77));

    private static string AccountNumber(int number) => Id(number).ToString();

    private static int ShardOf(string account) => Shards.Of(account, FakeSilos.ShardCount)!.Value;

    private string OwnerOf(string account) => silos.Owners[ShardOf(account)];

    private static string Other(string silo) => silo == "c" ? "a" : "c";
}
