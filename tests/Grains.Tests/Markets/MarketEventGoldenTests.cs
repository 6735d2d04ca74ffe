using CrossMargin.Contracts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Parameters;
using CrossMargin.Grains.Markets;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;
using static CrossMargin.Grains.Tests.Trades.GivenVenue;

namespace CrossMargin.Grains.Tests.Markets;

public sealed class MarketEventGoldenTests
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
        new MarketEvent.CommandRefused("list", Rejection.TermsOutOfRange),
    ];

    public static TheoryData<string> Names => [.. Samples.Select(sample => Grain.NameOf((object)sample))];

    [Theory]
    [MemberData(nameof(Names))]
    public void An_event_has_the_bytes_that_it_always_had(string name) =>
        Goldens.Hold(Grain, Samples.Single(sample => Grain.NameOf((object)sample) == name));

    [Fact]
    public void Every_event_name_has_a_sample() =>
        Samples.Select(sample => Grain.NameOf((object)sample)).ShouldBe(Grain.EventNames, ignoreOrder: true);
}
