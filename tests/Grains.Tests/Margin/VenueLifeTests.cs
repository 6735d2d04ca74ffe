using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Trades;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Margin;
using CrossMargin.Grains.Markets;
using CrossMargin.Grains.Trades;
using CrossMargin.Journal;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;
using CrossMargin.Silos;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;
using static CrossMargin.Grains.Tests.Trades.GivenVenue;

namespace CrossMargin.Grains.Tests.Margin;

/// <summary>
/// One perpetual, two accounts, frames: through a real silo with its threads and a journal in memory. The venue's clock is
/// the test's, so that no quote goes stale before the test says so.
/// </summary>
public sealed class VenueLifeTests : LiveVenue
{
    public VenueLifeTests() : base(new GrainCatalog(new AccountGrain(), new TradeCaptureGrain(), new MarketGrain())
    {
        Valuation = new MarginValuation(Exchange),
    })
    {
    }

    [Fact]
    public async Task From_quotes_to_a_status_and_over_a_restart()
    {
        await using (var silo = Start())
        {
            foreach (var source in Sources) await Ask(silo, Exchange.Grain, new MarketCommand.AdmitSource(source, 1));
            await Ask(silo, Exchange.Grain, new MarketCommand.List(BtcPerp));
            await Ask(silo, Exchange.Grain, new MarketCommand.AdmitFeed(Feed));
            foreach (var account in (AccountId[])[Alice, Bob])
            {
                await Ask(silo, account.Grain, new AccountCommand.Open(Owner));
                await Ask(silo, account.Grain, new AccountCommand.Deposit(Amount("1000 USDC"), "seed"));
            }

            await Quote(silo, "60000");
            var order = new AccountCommand.ReserveOrder(
                new OrderId("o1"), SubAccountId.Main, BtcPerp.Id, Side.Buy, Q("1"), P("60000"));
            await Until(silo, Alice, summary => summary.Marks is not null);
            var reserved = (AccountEvent.OrderReserved)Catalog.Decode(await Say(silo, Alice.Grain, "engine", order))!;
            reserved.Margin!.InitialMargin.ShouldBe(new Money(630_000_000));     // 600 and 30 of fees

            await Say(silo, Feed.Grain, "matching", new TradeCommand.Capture(
                new TradeId("t1"), BtcPerp.Id, P("60000"), Q("1"), Party(Alice, order: "o1"), Party(Bob), Time.Now));
            var filled = await Until(silo, Alice, summary => !summary.Account.Positions.All.IsEmpty);
            filled.Report!.Value.Equity.ShouldBe(new Money(1_000_000_000));
            filled.Report.Value.InitialMargin.ShouldBe(new Money(600_000_000));

            // 500 lost: 595 to open, 297.5 to keep.
            await Quote(silo, "59500");
            var called = await Until(silo, Alice, summary => summary.Account.Status == MarginStatus.MarginCall);
            called.Report!.Value.Equity.ShouldBe(new Money(500_000_000));
            (await Until(silo, Bob, summary => summary.Marks!.Frame.Number >= called.Marks!.Frame.Number))
                .Report!.Value.Equity.ShouldBe(new Money(1_500_000_000));

            await Ask(silo, Exchange.Grain, new MarketCommand.FixFunding(
                BtcPerp.Id, 1, R("0.005"), new FundingTerms(R("0"), R("0"), R("1"), Rate.One)));
            Time.Advance();
            var paid = await Until(silo, Alice, summary => summary.Account.Positions.All[0].Funding.Period == 1);
            paid.Account.Balances[Asset.Of("USDC")].ShouldBe(Amount("702.5 USDC"));   // 0.5 % of 59,500
            paid.Account.Status.ShouldBe(MarginStatus.Liquidatable);                  // 202.5 < 297.5
            (await Until(silo, Bob, summary => summary.Account.Positions.All[0].Funding.Period == 1))
                .Account.Balances[Asset.Of("USDC")].ShouldBe(Amount("1297.5 USDC"));
        }

        // What is known after a recovery is what was known before, and the marks come out of the journal.
        await using var next = Start();
        var recovered = await Until(next, Alice, summary => summary.Marks is not null);
        recovered.Account.Status.ShouldBe(MarginStatus.Liquidatable);
        recovered.Report!.Value.Equity.ShouldBe(new Money(202_500_000));
    }

    [Fact]
    public async Task An_expiry_ends_what_is_held_and_it_stays_ended()
    {
        await using (var silo = Start())
        {
            foreach (var source in Sources) await Ask(silo, Exchange.Grain, new MarketCommand.AdmitSource(source, 1));
            foreach (var listing in (Listing[])[BtcFuture, BtcCall]) await Ask(silo, Exchange.Grain, new MarketCommand.List(listing));
            await Ask(silo, Exchange.Grain, new MarketCommand.AdmitFeed(Feed));
            foreach (var account in (AccountId[])[Alice, Bob])
            {
                await Ask(silo, account.Grain, new AccountCommand.Open(Owner));
                await Ask(silo, account.Grain, new AccountCommand.Deposit(Amount("1000 USDC"), "seed"));
            }

            await Quote(silo, "100");
            await Until(silo, Alice, summary => summary.Marks is { Frame.Underlyings.Length: 1 });
            await Say(silo, Exchange.Grain, Sources[0].Name, new MarketCommand.QuoteSurface(Sources[0], Time.Now, new("BTC"),
                [new SmileQuote(BtcCall.Expiry!.Value, P("100"), new SmileMark.Points([new VolPoint(P("100"), R("0.5"))]))]));
            foreach (var (trade, listing, quantity) in ((string, Listing, string)[])[("t1", BtcFuture, "2000"), ("t2", BtcCall, "1")])
                await Say(silo, Feed.Grain, "matching", new TradeCommand.Capture(
                    new TradeId(trade), listing.Id, P(listing == BtcCall ? "3" : "100"), Q(quantity), Party(Alice), Party(Bob), Time.Now));
            Time.Advance();
            var held = await Until(silo, Alice, summary => summary.Account.Positions.All.Length == 2 && summary.Report is not null);
            held.Status.ShouldBe(MarginStatus.Healthy);

            // Nobody quoted in the window: an officer says the price, and the next frame brings it to both.
            Time.To(BtcCall.Expiry.Value);
            await Until(silo, Alice, summary => summary.Status == MarginStatus.Frozen);
            await Ask(silo, Exchange.Grain, new MarketCommand.SettleExpiry(new("BTC"), BtcCall.Expiry.Value, P("107.5")));
            Time.Advance();
            await Settled(silo);
        }

        await using var next = Start();
        await Settled(next);

        // 15 of the future and 7.5 of the option, which cost 3.
        async Task Settled(Silo silo)
        {
            foreach (var (account, balance) in ((AccountId, string)[])[(Alice, "1019.5 USDC"), (Bob, "980.5 USDC")])
            {
                var ended = await Until(silo, account, summary => summary.Account.Positions.All.IsEmpty);
                ended.Account.Balances[Asset.Of("USDC")].ShouldBe(Amount(balance));
                ended.Account.Status.ShouldBe(MarginStatus.Healthy);
            }
        }
    }

    /// <summary>What is asked while the thread is at work is taken in by the same round, and is not older than its question.</summary>
    [Fact]
    public async Task Nothing_is_decided_before_it_was_said()
    {
        await using var silo = Start();
        await Ask(silo, Exchange.Grain, new MarketCommand.AdmitSource(Sources[0], 1));
        var said = new TaskCompletionSource<JournalRecord>();
        var asked = 0;
        silo.Read(Exchange.Grain, new Answered(_ =>
        {
            if (Interlocked.Exchange(ref asked, 1) == 1) return;
            for (var second = 0; second < 10; second++) Time.Advance();
            var quote = Say(silo, Exchange.Grain, Sources[0].Name,
                new MarketCommand.Quote(Sources[0], Time.Now, [new IndexQuote(new("BTC"), P("60000"))]));
            quote.ContinueWith(said.SetFromTask, TaskScheduler.Default);
        }));
        Catalog.Decode(await said.Task).ShouldBeOfType<MarketEvent.Quoted>();
    }

    private sealed class Answered(Action<Reply> then) : ICaller
    {
        public void Answer(in Reply reply) => then(reply);
    }
}
