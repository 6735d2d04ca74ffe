using CrossMargin.Api.Audit;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Trades;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Margin;
using CrossMargin.Grains.Trades;
using CrossMargin.Runtime.Grains;

namespace CrossMargin.Api.Tests;

/// <summary>The sums of `POST /v1/audit/verify`, on every cut between a trade and its two bookings.</summary>
public class ConservationTests
{
    private static readonly Instant Noon = new(1_790_000_000_000_000);
    private static readonly Context Context = new(Noon, Frame: 0, Marks: null);
    private static readonly Asset Usdc = Asset.Of("USDC");
    private static readonly Account Ann = Opened("ann"), Ben = Opened("ben");

    private static readonly Listing Perp = new(
        new InstrumentId(1), InstrumentKind.Perp, "BTC-PERP", new Underlying("BTC"), Usdc, new Quantity(33_333_333), new Price(1), new Quantity(1));

    private static readonly TradeCapture Feed = Learned(new FundingPoint(3, -1_234_567_891));

    private static readonly TradeEvent.Captured Trade = (TradeEvent.Captured)TradeCapture.Decide(Feed, new TradeCommand.Capture(
        new TradeId("t-1"), Perp.Id, new Price(6_500_012_345_678), new Quantity(77_777_777),
        new TradeParty(Ann.Id, SubAccountId.Main, new Rate(333_333)), new TradeParty(Ben.Id, SubAccountId.Main, new Rate(-100_000)), Noon)).Events[0];

    private static readonly TradeCapture FeedAfter = TradeCapture.Evolve(Feed, Trade);

    [Fact]
    public void A_trade_is_conserved_on_its_way_and_where_it_is_booked()
    {
        Sums(sums => { sums.Add(Ann); sums.Add(Ben); sums.AddInFlight(Trade, Ann.Id.Grain); sums.AddInFlight(Trade, Ben.Id.Grain); }).ShouldBeConserved();
        Sums(sums => { sums.Add(Booked(Ann)); sums.Add(Ben); sums.AddInFlight(Trade, Ben.Id.Grain); }).ShouldBeConserved();
        Sums(sums => { sums.Add(Booked(Ann)); sums.Add(Ben); sums.AddSuspense(Trade, Ben.Id.Grain); }).ShouldBeConserved();
        Sums(sums => { sums.Add(Booked(Ann)); sums.Add(Booked(Ben)); }).ShouldBeConserved();
    }

    [Fact]
    public void Funding_that_was_paid_and_funding_that_is_owed_are_conserved()
    {
        var fixing = MarginMarks.Open(new MarkFrame(1, Noon, [], [], [], [])
        {
            Funding = [new FundingMark(Perp.Id, new FundingPoint(4, 987_654_321_987))],
        });
        var paid = Settled(Booked(Ann), fixing);
        paid.HouseRounding.Shares.ShouldNotBeEmpty();
        Sums(sums => { sums.Add(paid); sums.Add(Booked(Ben)); }).ShouldBeConserved();
        Sums(sums => { sums.Add(paid); sums.Add(Settled(Booked(Ben), fixing)); }).ShouldBeConserved();
    }

    [Fact]
    public void A_leg_that_is_lost_is_missed_in_money_and_in_contracts()
    {
        var sums = Sums(sums => { sums.Add(Booked(Ann)); sums.Add(Ben); });
        sums.Views().ShouldHaveSingleItem().Difference.ShouldNotBe("0");
        sums.Uneven().ShouldBe([(Perp.Id, "0.77777777")]);
    }

    [Fact]
    public void A_busted_trade_is_conserved_on_its_way()
    {
        var bust = (TradeEvent.Busted)TradeCapture.Decide(FeedAfter, new TradeCommand.Bust(Trade.Trade)).Events[0];
        var sums = new Conservation();
        sums.Add(TradeCapture.Evolve(FeedAfter, bust));
        sums.Add(Fold(Booked(Ann), bust));
        sums.Add(Booked(Ben));
        sums.AddInFlight(bust, Ben.Id.Grain);
        sums.ShouldBeConserved();
    }

    private static Conservation Sums(Action<Conservation> add)
    {
        var sums = new Conservation();
        sums.Add(FeedAfter);
        add(sums);
        return sums;
    }

    private static Account Booked(Account account) => Fold(account, Trade);

    private static Account Settled(Account account, MarginMarks marks) =>
        Account.Decide(account, new FrameAdopted(marks.Frame.Number), new Context(Noon, marks.Frame.Number, marks))
            .Events.Aggregate(account, Account.Evolve);

    private static Account Fold(Account account, object message) =>
        Account.Decide(account, message, Context).Events.Aggregate(account, Account.Evolve);

    private static Account Opened(string owner)
    {
        var id = AccountId.For(new PrincipalId(owner), CommandKey.Issue(Noon, 1, 2));
        return Account.Evolve(Account.Unopened(id), new AccountEvent.Opened(new PrincipalId(owner)));
    }

    private static TradeCapture Learned(FundingPoint point) => TradeCapture.Evolve(
        TradeCapture.Unborn(FeedId.For(new SourceId("feed"))), new TradeEvent.InstrumentsLearned([new ListedInstrument(Perp, point)]));
}

internal static class ConservationAssertions
{
    public static void ShouldBeConserved(this Conservation sums)
    {
        sums.Views().ShouldAllBe(view => view.Difference == "0");
        sums.Uneven().ShouldBeEmpty();
    }
}
