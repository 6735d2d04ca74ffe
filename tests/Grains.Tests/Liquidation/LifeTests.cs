using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Links;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Pools;
using CrossMargin.Contracts.Trades;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Links;
using CrossMargin.Grains.Margin;
using CrossMargin.Grains.Markets;
using CrossMargin.Grains.Pools;
using CrossMargin.Grains.Tests.Margin;
using CrossMargin.Grains.Trades;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Records;
using CrossMargin.Silos;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;
using static CrossMargin.Grains.Tests.Trades.GivenVenue;

namespace CrossMargin.Grains.Tests.Liquidation;

/// <summary>Cases through a real silo: frames, demands, grants, the link, the feed, and a restart at every turn of the way.</summary>
public sealed class LifeTests : LiveVenue
{
    private static readonly Asset Usdc = Asset.Of("USDC");
    private static readonly AccountId Carol = AccountId.For(new PrincipalId("carol"), CommandKey.Issue(Noon, 1, 1));

    public LifeTests() : base(new GrainCatalog(
        new AccountGrain(), new TradeCaptureGrain(), new MarketGrain(), new CoordinatorGrain(Map), new VenueLinkGrain())
    {
        Valuation = new MarginValuation(Exchange),
        Coordinator = PoolId.Main.Grain,
    })
    {
    }

    /// <summary>Alice is long one contract with 1,000, Bob short with 5,000; then the price falls, and Carol buys.</summary>
    private async Task Begin(Silo silo)
    {
        foreach (var source in Sources) await Ask(silo, Exchange.Grain, new MarketCommand.AdmitSource(source, 1));
        await Ask(silo, Exchange.Grain, new MarketCommand.List(BtcPerp));
        await Ask(silo, Exchange.Grain, new MarketCommand.AdmitFeed(Feed));
        foreach (var (account, cash) in ((AccountId, string)[])[(Alice, "1000 USDC"), (Bob, "5000 USDC"), (Carol, "9000 USDC")])
        {
            await Ask(silo, account.Grain, new AccountCommand.Open(Owner));
            await Ask(silo, account.Grain, new AccountCommand.Deposit(Amount(cash), "seed"));
        }

        await Quote(silo, "60000");
        await Until(silo, Alice, summary => summary.Marks is not null);
        await Say(silo, Feed.Grain, "matching", new TradeCommand.Capture(
            new TradeId("t1"), BtcPerp.Id, P("60000"), Q("1"), Party(Alice), Party(Bob), Time.Now));
        await Until(silo, Alice, summary => !summary.Account.Positions.All.IsEmpty);
        await Until(silo, Bob, summary => !summary.Account.Positions.All.IsEmpty);
    }

    [Fact]
    public async Task From_a_frame_to_a_cure_over_three_restarts()
    {
        await using (var silo = Start())
        {
            await Begin(silo);
            await Quote(silo, "59250");
            (await Until(silo, Alice, summary => summary.Account.Case is not null)).Account.Status.ShouldBe(MarginStatus.Liquidatable);
        }

        SliceOrder slice;
        await using (var silo = Start())
        {
            var account = await Asked(silo, "59250");
            slice = account.Case!.Slice!.Order;
            (await OrderSent(slice.Order)).Slice.ShouldBe(slice);
        }

        await using (var silo = Start())
        {
            var half = new Quantity(slice.Quantity.E8 / 2 / 100_000 * 100_000);
            await Fill(silo, "t2", half, "59250", slice.Order);
            var partly = await Until(silo, Alice, summary => summary.Account.Case?.Slice?.Remaining < slice.Quantity);
            partly.Account.Case!.Slice!.Remaining.ShouldBe(slice.Quantity - half);
        }

        await using (var silo = Start())
        {
            var rest = slice.Quantity - new Quantity(slice.Quantity.E8 / 2 / 100_000 * 100_000);
            await Fill(silo, "t3", rest, "59250", slice.Order);
            var cured = await Until(silo, Alice, summary => summary.Account.Case is null);
            cured.Account.FundShares.ShouldHaveSingleItem().PaidIn.IsPositive.ShouldBeTrue();
            (await Cases()).ShouldBe((Opened: 1, Ordered: 1, Ended: 1));
        }
    }

    [Fact]
    public async Task What_neither_the_account_nor_the_fund_has_is_shared_by_who_gained_it()
    {
        await using var silo = Start();
        await Begin(silo);
        await Ask(silo, PoolId.Main.Grain, new PoolCommand.DepositToFund(Amount("100 USDC"), "endowment"));

        // All of it is filled at 58,500, far beyond the limit: 1,500 lost with 1,000, and the fund has 100. Bob has gained 1,500.
        // The mark is there before: Carol, who bought, has gained nothing.
        await Quote(silo, "59250");
        var order = (await Asked(silo, "59250")).Case!.Slice!.Order.Order;
        foreach (var account in (AccountId[])[Alice, Bob, Carol]) await Marked(silo, account, "58500");
        await Fill(silo, "x1", Q("1"), "58500", order);
        await Until(silo, Alice, summary => summary.Account.Positions.All.IsEmpty);

        Account alice, bob;
        do
        {
            await Quote(silo, "58500");
            await Task.Delay(20, TestContext.Current.CancellationToken);
            alice = (await Until(silo, Alice, _ => true)).Account;
            bob = (await Until(silo, Bob, _ => true)).Account;
        }
        while (alice.Case is not null);

        alice.Balances.Amounts.ShouldBeEmpty();
        var share = bob.FundShares.ShouldHaveSingleItem();
        share.PaidIn.ShouldBe(Amount("400 USDC"));
        alice.FundShares.ShouldHaveSingleItem().Drawn.ShouldBe(Amount("500 USDC"));
        bob.Balances[Usdc].ShouldBe(Amount("4600 USDC"));
        bob.Lock.ShouldBeNull();
    }

    [Fact]
    public async Task What_nobody_takes_is_closed_against_who_gained_it_over_restarts()
    {
        await using (var silo = Start())
        {
            await Begin(silo);
            await Ask(silo, PoolId.Main.Grain, new PoolCommand.DepositToFund(Amount("100 USDC"), "endowment"));

            // 1,500 lost with 1,000, and the fund has 100: more is missing than it can pay.
            await Quote(silo, "58500");
            await Until(silo, Alice, summary => summary.Account.Case is not null);
        }

        for (var restarts = 0; ; restarts++)
        {
            await using var silo = Start();
            await Quote(silo, "58500");
            await Task.Delay(50 * (restarts + 1), TestContext.Current.CancellationToken);
            var alice = (await Until(silo, Alice, _ => true)).Account;
            if (alice.Case is not null) continue;
            var bob = (await Until(silo, Bob, summary => summary.Account.Positions.All.IsEmpty)).Account;
            alice.Balances.Amounts.ShouldBeEmpty();
            alice.Positions.All.ShouldBeEmpty();
            bob.Balances[Usdc].ShouldBe(Amount("6000 USDC"), "he keeps what she had, and nobody else pays");
            alice.FundShares.ShouldBeEmpty();
            break;
        }

        var types = (await Journal.ReadGrain(Alice.Grain, 0, 1_000, TestContext.Current.CancellationToken)).Select(record => record.Type).ToList();
        types.Count(type => type == AccountEventNames.ClosedOut).ShouldBe(1);
    }

    /// <summary>Alice when a slice of hers is under way, or when she has nothing left; the price is said again until then.</summary>
    private async Task<Account> Asked(Silo silo, string price)
    {
        while (true)
        {
            await Quote(silo, price);
            for (var looks = 0; looks < 50; looks++)
            {
                var account = (await Until(silo, Alice, _ => true)).Account;
                if (account.Case?.Slice is not null || account.Positions.All.IsEmpty) return account;
                await Task.Delay(2, TestContext.Current.CancellationToken);
            }
        }
    }

    private async Task Marked(Silo silo, AccountId account, string price)
    {
        while ((await Until(silo, account, _ => true)).Marks?.MarkOf(BtcPerp.Id) != P(price))
        {
            await Quote(silo, price);
            await Task.Delay(2, TestContext.Current.CancellationToken);
        }
    }

    private Task<JournalRecord> Fill(Silo silo, string trade, Quantity quantity, string price, OrderId order) =>
        Say(silo, Feed.Grain, "matching", new TradeCommand.Capture(
            new TradeId(trade), BtcPerp.Id, P(price), quantity, Party(Carol), Party(Alice, order: order.Name), Time.Now));

    private async Task<LinkEvent.OrderSent> OrderSent(OrderId order)
    {
        while (true)
        {
            foreach (var record in await Journal.ReadGrain(LinkId.Main.Grain, 0, 1_000))
                if (Catalog.Decode(record) is LinkEvent.OrderSent sent && sent.Slice.Order == order) return sent;
            await Task.Delay(2, TestContext.Current.CancellationToken);
        }
    }

    private async Task<int> Orders() =>
        (await Journal.ReadGrain(LinkId.Main.Grain, 0, 1_000)).Count(record => record.Type == LinkEventNames.OrderSent);

    private async Task<(int Opened, int Ordered, int Ended)> Cases()
    {
        var types = (await Journal.ReadGrain(Alice.Grain, 0, 1_000)).Select(record => record.Type).ToList();
        return (
            types.Count(type => type == AccountEventNames.CaseOpened), types.Count(type => type == AccountEventNames.SliceOrdered),
            types.Count(type => type == AccountEventNames.CaseEnded));
    }
}
