using CrossMargin.Contracts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Trades;
using CrossMargin.Grains.Trades;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;
using static CrossMargin.Grains.Tests.Trades.GivenVenue;

namespace CrossMargin.Grains.Tests.Trades;

public sealed class TradeEventGoldenTests() : EventGoldens(Grain, Samples)
{
    private static readonly TradeCaptureGrain Grain = new();

    private static readonly TradeLeg Buyer =
        new(Alice, SubAccountId.Main, Amount("0.0325 USDC")) { Order = new OrderId("o-9") };

    private static readonly TradeLeg Seller = new(Bob, new SubAccountId(3), Amount("-0.0065 USDC"));

    private static readonly TradeEvent[] Samples =
    [
        new TradeEvent.Captured(
            new TradeId("t-17"), BtcPerp.Id, FillStyle.Variation, P("65000.5"), Q("0.001"), Amount("65.0005 USDC"),
            new FundingPoint(3, 1_234_500_000_000), Buyer, Seller, Amount("12.026 USDC"), Noon),
        new TradeEvent.Busted(
            new TradeId("t-17"), BtcPerp.Id, FillStyle.Variation, Q("0.001"), Amount("65.0005 USDC"),
            new FundingPoint(3, 1_234_500_000_000), Buyer, Seller, Amount("12 USDC")),
        new TradeEvent.Converted(
            new TradeId("t-18"), new OrderId("liq.0011223344556677.22"), Alice, Bob, Amount("0.1 BTC"), Amount("5950 USDC"), Noon),
        new TradeEvent.ConversionBusted(new TradeId("t-18"), Alice, Bob, Amount("0.1 BTC"), Amount("5950 USDC")),
        new TradeEvent.OrderEnded(new OrderId("o-9"), Alice),
        new TradeEvent.MassEndRequested(),
        new TradeEvent.InstrumentsLearned([new ListedInstrument(BtcPerp, new FundingPoint(3, -5)), new ListedInstrument(BtcCall, default)]),
        new TradeEvent.InstrumentsForgotten([BtcCall.Id, BtcFuture.Id]),
        new TradeEvent.FundingLearned(BtcPerp.Id, new FundingPoint(4, 1_000_000_000_000)),
        new TradeEvent.CommandRefused("capture", Rejection.UnknownInstrument),
    ];
}
