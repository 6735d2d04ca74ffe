using CrossMargin.Contracts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Parameters;
using CrossMargin.Grains.Markets;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;
using static CrossMargin.Grains.Tests.Trades.GivenVenue;

namespace CrossMargin.Grains.Tests.Markets;

public sealed class MarketEventGoldenTests() : EventGoldens(Grain, Samples)
{
    private static readonly MarketGrain Grain = new();

    private static readonly MarketEvent[] Samples =
    [
        new MarketEvent.FeedAdmitted(Feed, [new ListedInstrument(BtcPerp, new FundingPoint(3, -5))]),
        new MarketEvent.SourceAdmitted(Sources[0], 5),
        new MarketEvent.InstrumentListed(BtcCall, [Feed]),
        new MarketEvent.Quoted(Sources[0], Noon, [new IndexQuote(new Underlying("BTC"), P("65000.12345678"))]),
        new MarketEvent.FramePublished(FrameJsonTests.Everything,
        [
            new IndexMark(new Underlying("BTC"), P("65000.5"), R("0.75"), BreakerState.Normal,
                [new SourceMark(Sources[0], P("65000.5"), 120, SourceUse.Used), new SourceMark(Sources[1], P("1"), 9_000, SourceUse.Stale)]),
            new IndexMark(new Underlying("ETH"), null, Rate.Zero, BreakerState.Halted, []),
        ]),
        new MarketEvent.ParametersTaken(new ParametersInForce(3, new ParameterText("{\"format\":1,\"name\":\"x\"}")), Noon),
        new MarketEvent.FundingFixed(
            BtcPerp.Id, 7, P("65000.5"), R("0.000123"), R("0.0001"), new FundingTerms(R("0.0001"), R("0.0005"), R("0.02"), Rate.One),
            new FundingPoint(4, 6_500_050_000_000), [Feed]),
        new MarketEvent.SurfaceAccepted(Sources[0], Noon, new Underlying("BTC"),
        [
            new AcceptedSmile(Noon.PlusMicros(1), P("100"), new SmileMark.Points([new VolPoint(P("90"), R("0.5"))]), Rate.Zero),
            new AcceptedSmile(
                Noon.PlusMicros(2), P("101"), new SmileMark.Svi(R("-0.01"), R("0.2"), R("-0.3"), R("0"), R("0.1")), R("0.001"))
            {
                FittedTo = new SmileMark.Points([new VolPoint(P("90"), R("0.5"))]),
            },
        ]),
        new MarketEvent.SurfaceRefused(
            Sources[0], Noon, new Underlying("BTC"), Noon.PlusMicros(1), Rejection.SmileButterfly, R("0.25"), R("-0.01")),
        new MarketEvent.BooksQuoted(Sources[0], Noon, [new BookQuote(BtcPerp.Id, P("65000.25"))]),
        new MarketEvent.TotalsMeasured([new OpenContracts(BtcPerp.Id, new Quantity(250_000_000))], [Amount("700 BTC"), Amount("12.5 USDC")]),
        new MarketEvent.ExpirySettled(
            new Underlying("BTC"), Noon, P("64999.12345678"), SettlementOrigin.Average, 7_200, 1_800_000, Noon.PlusMicros(1), [BtcCall.Id, BtcFuture.Id]),
        new MarketEvent.ExpiryOverdue(new Underlying("BTC"), Noon, 12_345),
        new MarketEvent.ExpiryRetired(new Underlying("BTC"), Noon, [BtcCall.Id], [Feed]),
        new MarketEvent.DaySettled(7, new DayMark(BtcFuture.Id, 3, P("65000.5"))),
        new MarketEvent.CommandRefused("list", Rejection.TermsOutOfRange),
    ];
}
