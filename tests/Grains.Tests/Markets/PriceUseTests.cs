using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Trades;
using CrossMargin.Grains.Margin;
using CrossMargin.Grains.Markets;
using CrossMargin.Grains.Tests.Accounts;
using CrossMargin.Runtime.Grains;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;
using static CrossMargin.Grains.Tests.Trades.GivenVenue;

namespace CrossMargin.Grains.Tests.Markets;

/// <summary>Which price may be used for what: every cell of the table, in the code, on the page, and as markets and accounts act.</summary>
public sealed class PriceUseTests
{
    private const long Second = Instant.MicrosPerSecond;

    private static readonly Listing Future = BtcFuture with { Expiry = Noon.PlusMicros(900 * Second) };

    public static TheoryData<PriceUse, PriceState> Cells =>
        [.. from use in Enum.GetValues<PriceUse>() from state in Enum.GetValues<PriceState>() select (use, state)];

    [Theory]
    [MemberData(nameof(Cells))]
    public void The_page_has_the_cell_of_the_table(PriceUse use, PriceState state)
    {
        var row = File.ReadAllLines("clearing.md").Single(line => line.StartsWith($"| `{use}` |", StringComparison.Ordinal));
        row.Split('|')[(int)state + 2].Trim().ShouldBe(use.MayRestOn(state) ? "yes" : "no");
    }

    [Theory]
    [MemberData(nameof(Cells))]
    public void Markets_and_accounts_do_what_the_table_says(PriceUse use, PriceState state)
    {
        var market = MarketIn(state);
        Action<GivenMarket, bool> act = use switch
        {
            PriceUse.Value => IsValued,
            PriceUse.Liquidate => IsLiquidated,
            PriceUse.Average => Counts,
            PriceUse.FixFunding => (given, may) => Asked(given, may, new MarketCommand.FixFunding(
                BtcPerp.Id, 1, R("0.01"), new FundingTerms(R("0"), R("0"), R("0.5"), Rate.One))),
            PriceUse.SettleDay => (given, may) => Asked(given, may, new MarketCommand.SettleDay(Future.Id, 1)),
            _ => AreJudged,
        };
        act(market, use.MayRestOn(state));
    }

    /// <summary>Six seconds after everybody said 100, so many say it again: a rule asks for half of the weight before anybody loses.</summary>
    private static GivenMarket MarketIn(PriceState state)
    {
        var market = new GivenMarket(BtcPerp, Future);
        if (state == PriceState.Doubted)
            for (var silent = 0; silent < 4; silent++) market.Send(new MarketCommand.AdmitSource(new SourceId($"silent-{silent}"), 1));
        market.Sees("100").After(6 * Second);
        var speaking = state switch
        {
            PriceState.Thin => 2,
            PriceState.ThinAndDoubted => 1,
            PriceState.None => 0,
            _ => 3,
        };
        if (speaking > 0) market.Sees("100", Sources[..speaking]);
        else market.Send(TimerDue.Now);
        PriceUses.StateOf(market.Index.Breaker, market.Index.Confidence, R("0.5")).ShouldBe(state);
        return market;
    }

    private static void IsValued(GivenMarket market, bool may)
    {
        Asks(new AccountCommand.ReserveOrder(new OrderId("more"), SubAccountId.Main, BtcPerp.Id, Side.Buy, Q("1"), P("100")));
        Asks(new AccountCommand.ReserveOrder(new OrderId("less"), SubAccountId.Main, BtcPerp.Id, Side.Sell, Q("1"), P("100")));
        Asks(new AccountCommand.Withdraw(Amount("1 USDC"), "bc1"));

        var poor = Long("0.6 USDC", market).When(new FrameAdopted(2));
        poor.Last<AccountEvent.MarginStatusChanged>().Status.ShouldBe(may ? MarginStatus.MarginCall : MarginStatus.Frozen);

        void Asks(AccountCommand what)
        {
            var rich = Long("10000 USDC", market).When(new FrameAdopted(2));
            rich.After([.. rich.Events]);
            rich.When(what);
            rich.Events.Any(@event => @event is AccountEvent.OrderReserved or AccountEvent.WithdrawalHeld).ShouldBe(may);
            if (!may) rich.Events.OfType<AccountEvent.CommandRefused>().ShouldHaveSingleItem().Reason.ShouldBe(Rejection.AccountFrozen);
        }
    }

    private static void IsLiquidated(GivenMarket market, bool may)
    {
        var given = Long("0.4 USDC", market).When(new FrameAdopted(2));
        given.Events.OfType<AccountEvent.CaseOpened>().Any().ShouldBe(may);
    }

    private static void Counts(GivenMarket market, bool may)
    {
        var (average, premium) = (market.State.Expiries[0].ObservedMicros, market.State.Premiums[BtcPerp.Id].Micros);
        market.After(Second).Sees("100");
        (market.State.Expiries[0].ObservedMicros - average).ShouldBe(may ? Second : 0);
        (market.State.Premiums[BtcPerp.Id].Micros - premium).ShouldBe(may ? Second : 0);
    }

    private static void AreJudged(GivenMarket market, bool may)
    {
        Asked(market, may, new MarketCommand.QuoteBooks(Sources[2], market.Now.PlusMicros(1), [new BookQuote(BtcPerp.Id, P("100"))]));
        Asked(market, may, new MarketCommand.QuoteSurface(Sources[2], market.Now.PlusMicros(1), GivenMarket.Btc,
            [new SmileQuote(Future.Expiry!.Value, P("100"), new SmileMark.Points([new VolPoint(P("100"), R("0.5"))]))]));
    }

    private static void Asked(GivenMarket market, bool may, MarketCommand command) =>
        market.RefusalOf(command).ShouldBe(may ? Rejection.None : Rejection.NoPrice);

    /// <summary>One contract at 100, of which the rules ask for one to open it and a half to keep it.</summary>
    private static GivenAccount Long(string cash, GivenMarket market) => With(cash)
        .After(new AccountEvent.FillApplied(new TradeId("t1"), new PositionChange(
            SubAccountId.Main, BtcPerp.Id, Q("1"), Amount("100 USDC"), Amount("0 USDC"), Amount("0 USDC"), Amount("0 USDC"), 0,
            new FundingPoint(0, 0), Q("1"), Amount("100 USDC"), Amount(cash))))
        .Under(MarginMarks.Open(market.State.LastFrame!.Frame));
}
