using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Tests.Margin;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;
using CrossMargin.Silos;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;
using static CrossMargin.Grains.Tests.Trades.GivenVenue;

namespace CrossMargin.Grains.Tests.Liquidation;

/// <summary>Who waits how long when a shard has more to do than it can: in turns, so that no clock is asked.</summary>
public sealed class TurnOrderTests() : LiveVenue(new GrainCatalog(new AccountGrain()))
{
    private const int Deposits = 1_000;
    private const int MostAhead = 64;

    private ulong numbers;

    [Fact]
    public async Task At_most_64_turns_run_ahead_of_an_order_however_many_wait()
    {
        await using var silo = Start();
        await Ask(silo, Alice.Grain, new AccountCommand.Open(Owner));
        var order = new Answered();
        var all = new Counted(2 * Deposits);

        // The thread stands in an answer until all of this waits for it; the order comes when a half of it is done.
        using var isReady = new ManualResetEventSlim();
        using var isHeld = new ManualResetEventSlim();
        Refused(silo, () =>
        {
            isHeld.Set();
            isReady.Wait(TestContext.Current.CancellationToken);
        });
        isHeld.Wait(TestContext.Current.CancellationToken);
        for (var i = 0; i < Deposits; i++) silo.Submit(Command(new AccountCommand.Deposit(Amount("1 USDC"), "load")), all);
        Refused(silo, () => silo.Submit(
            Command(new AccountCommand.ReserveOrder(new OrderId("o"), SubAccountId.Main, BtcPerp.Id, Side.Buy, Q("1"), P("60000"))), order));
        for (var i = 0; i < Deposits; i++) silo.Submit(Command(new AccountCommand.Deposit(Amount("1 USDC"), "load")), all);
        isReady.Set();

        await all.Done;
        var reply = await order.Reply;
        reply.Record.ShouldNotBeNull("a refusal of an order is a record too");
        reply.Record.Version.ShouldBeInRange(1 + Deposits + 1, 1 + Deposits + 1 + MostAhead);
    }

    private Command Command(object body) => new(Alice.Grain, body, new Cause.Key(
        CommandKey.Issue(Time.Now, 2, ++numbers), Catalog.FingerprintOf(Alice.Grain, body)));

    /// <summary>A command whose key is too old is answered in its turn, on the thread.</summary>
    private void Refused(Silo silo, Action then)
    {
        var body = new AccountCommand.Deposit(Amount("1 USDC"), "late");
        silo.Submit(
            new Command(Alice.Grain, body, new Cause.Key(
                CommandKey.Issue(Time.Now.PlusMicros(-2 * KeyWindow.WindowMicros), 3, ++numbers), Catalog.FingerprintOf(Alice.Grain, body))),
            new OnAnswer(then));
    }

    private sealed class OnAnswer(Action then) : ICaller
    {
        public void Answer(in Reply reply) => then();
    }

    private sealed class Answered : ICaller
    {
        private readonly TaskCompletionSource<Reply> reply = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<Reply> Reply => reply.Task.WaitAsync(TestContext.Current.CancellationToken);

        public void Answer(in Reply answer) => reply.SetResult(answer);
    }

    private sealed class Counted(int expected) : ICaller
    {
        private readonly TaskCompletionSource done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int left = expected;

        public Task Done => done.Task.WaitAsync(TestContext.Current.CancellationToken);

        public void Answer(in Reply reply)
        {
            reply.Rejection.ShouldBe(Rejection.None);
            if (Interlocked.Decrement(ref left) == 0) done.SetResult();
        }
    }
}
