using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Trades;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Trades;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;
using static CrossMargin.Grains.Tests.Trades.GivenVenue;

namespace CrossMargin.Grains.Tests.Trades;

public sealed class TradeCaptureTests
{
    /// <summary>
    /// Each row breaks one rule less than the row above it: the answer is always the first of the published ladder. Columns:
    /// instrument, hours to the trade, quantity, price, fee rate, trade id, answer.
    /// </summary>
    private const string Ladder =
        """
        9   2   0        0        0.2   t1   unknown-instrument
        2   2   0        0        0.2   t1   instrument-expired
        2   0   0        0        0.2   t1   quantity-not-positive
        2   0   -0.1     0        0.2   t1   quantity-not-positive
        2   0   0.05     0        0.2   t1   quantity-off-lot
        2   0   0.1      0        0.2   t1   price-not-positive
        2   0   0.1      -1       0.2   t1   price-not-positive
        2   0   0.1      1.005    0.2   t1   price-off-tick
        2   0   1000000000  10000000  0.2  t1   fee-out-of-range
        2   0   1000000000  10000000  -0.100000001  t1   fee-out-of-range
        2   0   1000000000  10000000  0.1  t1   notional-too-large
        2   0   0.1      1        0.1   t1   trade-id-reused
        2   0   0.1      1        0.1   t2   ok
        """;

    public static TheoryData<string> Rows => [.. Ladder.Split('\n')];

    [Theory]
    [MemberData(nameof(Rows))]
    public void The_first_rule_that_is_broken_answers(string row)
    {
        var cells = row.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var venue = new GivenVenue(BtcPerp, BtcCall).Buys(Alice, Bob, "1", "100");
        var command = new TradeCommand.Capture(
            new TradeId(cells[5]), new InstrumentId(int.Parse(cells[0])), P(cells[3]), Q(cells[2]), Party(Alice), Party(Bob, cells[4]),
            Noon.PlusMicros(int.Parse(cells[1]) * Instant.MicrosPerHour));

        var answer = TradeCapture.Decide(venue.Capture, command).Events.ShouldHaveSingleItem();
        if (cells[6] == "ok") answer.ShouldBeOfType<TradeEvent.Captured>();
        else answer.ShouldBeOfType<TradeEvent.CommandRefused>().Reason.Code().ShouldBe(cells[6]);
    }

    [Fact]
    public void What_the_market_retired_is_unknown_from_then_on()
    {
        var venue = new GivenVenue(BtcPerp, BtcFuture).Trades(Party(Alice), Party(Bob), "1", "100", BtcFuture);
        venue.Send(Feed.Grain, new Contracts.Markets.MarketEvent.ExpiryRetired(new Underlying("BTC"), Noon, [BtcFuture.Id, BtcCall.Id], [Feed]));
        var late = new TradeCommand.Capture(new TradeId("late"), BtcFuture.Id, P("100"), Q("1"), Party(Alice), Party(Bob), Noon);
        Grains.Trades.TradeCapture.Decide(venue.Capture, late).Events.ShouldBe([new TradeEvent.CommandRefused("capture", Rejection.UnknownInstrument)]);
        venue.Busts("t1").PositionOf(Alice, BtcFuture).ShouldBeNull();
    }

    [Fact]
    public void A_trade_that_was_not_captured_cannot_be_busted() =>
        Bust(new GivenVenue(BtcPerp), "t1").ShouldBe(new TradeEvent.CommandRefused("bust", Rejection.UnknownTrade));

    [Fact]
    public void A_trade_is_busted_once() => Bust(new GivenVenue(BtcPerp).Buys(Alice, Bob, "1", "100").Busts("t1"), "t1")
        .ShouldBe(new TradeEvent.CommandRefused("bust", Rejection.TradeAlreadyBusted));

    [Fact]
    public void The_amount_is_rounded_up_once()
    {
        // 0.000001 × 0.5 is half a unit of USDC: a whole one is paid and received.
        var tiny = BtcPerp with { Lot = Q("0.000001") };
        var venue = new GivenVenue(tiny);
        venue.Trades(Party(Alice), Party(Bob), "0.000001", "0.5", tiny);
        venue.PositionOf(Alice)!.Cost.ShouldBe(Amount("0.000001 USDC"));
        venue.PositionOf(Bob)!.Cost.ShouldBe(Amount("-0.000001 USDC"));
    }

    [Fact]
    public void A_trade_is_addressed_to_both_accounts_and_once_to_one_that_is_both()
    {
        var grain = new TradeCaptureGrain();
        AddresseesOf(Party(Alice), Party(Bob)).ShouldBe([Alice.Grain, Bob.Grain]);
        AddresseesOf(Party(Alice), Party(Alice, subAccount: 1)).ShouldBe([Alice.Grain]);
        grain.AddresseesOf(new TradeEvent.OrderEnded(new OrderId("o"), Bob)).ShouldBe([Bob.Grain]);

        IEnumerable<GrainId> AddresseesOf(TradeParty buyer, TradeParty seller) => grain.AddresseesOf(TradeCapture.Decide(
            new GivenVenue(BtcPerp).Capture,
            new TradeCommand.Capture(new TradeId("t"), BtcPerp.Id, P("1"), Q("1"), buyer, seller, Noon)).Events[0]);
    }

    [Fact]
    public void Only_the_latest_trades_are_kept()
    {
        var first = (TradeEvent.Captured)TradeCapture.Decide(
            new GivenVenue(BtcPerp).Capture,
            new TradeCommand.Capture(new TradeId("t0"), BtcPerp.Id, P("1"), Q("1"), Party(Alice), Party(Bob), Noon)).Events[0];
        var trades = RecentTrades.None;
        for (var i = 0; i <= RecentTrades.Kept; i++) trades = trades.With(first with { Trade = new TradeId($"t{i}") });

        trades.Verify();
        trades.Find(new TradeId("t0")).ShouldBeNull();
        trades.Find(new TradeId("t1")).ShouldNotBeNull();
        RecentTrades.From(trades.All).All.ShouldBe(trades.All);
    }

    [Fact]
    public void A_snapshot_gives_the_same_grain_back()
    {
        var grain = new TradeCaptureGrain();
        var venue = new GivenVenue(BtcPerp, BtcCall).Trades(Party(Alice, "0.001", "o1"), Party(Bob), "1", "100").Buys(Bob, Alice, "2", "90")
            .Fixes(BtcPerp, 1, "-0.5").Busts("t1");
        var saved = grain.Save((object)venue.Capture);
        grain.Save(grain.Restore(Feed.Grain, saved)).ShouldBe(saved);

        var account = new AccountGrain();
        var bytes = account.Save((object)venue.Of(Alice));
        account.Save(account.Restore(Alice.Grain, bytes)).ShouldBe(bytes);
    }

    private static TradeEvent Bust(GivenVenue venue, string trade) =>
        TradeCapture.Decide(venue.Capture, new TradeCommand.Bust(new TradeId(trade))).Events.ShouldHaveSingleItem();
}
