using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Parameters;
using CrossMargin.Contracts.Trades;
using CrossMargin.Grains.Liquidation;
using CrossMargin.Grains.Margin;
using CrossMargin.Grains.Markets;
using CrossMargin.Grains.Tests.Accounts;
using CrossMargin.Grains.Tests.Margin;
using CrossMargin.Runtime.Grains;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;
using static CrossMargin.Grains.Tests.Trades.GivenVenue;

namespace CrossMargin.Grains.Tests.Liquidation;

/// <summary>How other rules of a parameter set size and price a slice. Cash, prices and levels are those of <see cref="CaseTests"/>.</summary>
public sealed class PolicyTests
{
    private static readonly Listing Second = BtcPerp with { Id = new InstrumentId(9), Symbol = "BTC-PERP-2" };

    private static MarginMarks Under(string rules, params Listing[] listings)
    {
        var frame = GivenMarks.Frame("60000", listings);
        var text = FirstParameters.InForce.Document.Json.Replace("\"policy\":\"most-released-per-cost\"", rules, StringComparison.Ordinal);
        text.ShouldNotBe(FirstParameters.InForce.Document.Json);
        var marks = MarginMarks.Open(frame with { Parameters = new ParametersInForce(0, new ParameterText(text)) });
        marks.Unusable.IsNone.ShouldBeTrue(marks.Unusable.ToString());
        return marks;
    }

    private static GivenAccount Long(MarginMarks marks, string cash, params (InstrumentId Instrument, string Quantity, string Cost)[] held)
    {
        var given = With(cash);
        foreach (var (instrument, quantity, cost) in held)
            given = given.After(new AccountEvent.FillApplied(new TradeId($"t{instrument}"), new PositionChange(
                SubAccountId.Main, instrument, Q(quantity), Amount(cost), Amount("0 USDC"), Amount("0 USDC"), Amount("0 USDC"), 0,
                new FundingPoint(0, 0), Q(quantity), Amount(cost), Amount(cash))));
        return given.Under(marks).When(new FrameAdopted(1)).ThenAll(typeof(AccountEvent.MarginStatusChanged), typeof(AccountEvent.CaseOpened));
    }

    private static SliceOrder Ordered(GivenAccount given, InstrumentId instrument) =>
        given.When(new SliceGranted(instrument, new Money(1_000_000_000_000))).Then<AccountEvent.SliceOrdered>().Last<AccountEvent.SliceOrdered>().Slice;

    [Fact]
    public void A_slice_is_a_share_of_its_position_even_where_more_would_cure()
    {
        var marks = Under("""
            "policy":"most-released-per-cost","sliceShare":{"most":"0.1","atLeast":"1000"}
            """, BtcPerp);
        Ordered(Long(marks, "200 USDC", (BtcPerp.Id, "1", "60000 USDC")), BtcPerp.Id).Quantity.ShouldBe(Q("0.1"));
    }

    [Fact]
    public void Below_the_least_notional_a_share_is_no_limit()
    {
        var marks = Under("""
            "policy":"most-released-per-cost","sliceShare":{"most":"0.1","atLeast":"12000"}
            """, BtcPerp);
        Ordered(Long(marks, "200 USDC", (BtcPerp.Id, "1", "60000 USDC")), BtcPerp.Id).Quantity.ShouldBe(Q("0.2"));
    }

    [Fact]
    public void An_auctions_limit_falls_a_step_with_every_slice_that_nobody_takes()
    {
        var marks = Under("""
            "policy":"most-released-per-cost","fallingLimit":{"from":"0.05","step":"0.02","to":"0.08"}
            """, BtcPerp);
        var given = Long(marks, "200 USDC", (BtcPerp.Id, "1", "60000 USDC"));
        foreach (var limit in (string[])["57000", "55800", "55200", "55200"])
        {
            var slice = Ordered(given, BtcPerp.Id);
            slice.Limit.ShouldBe(P(limit));
            given.When(new TradeEvent.OrderEnded(slice.Order, Alice)).Then<AccountEvent.SliceEnded>();
        }
    }

    [Fact]
    public void In_proportion_the_largest_position_closes_the_share_that_would_cure_if_all_did()
    {
        var fine = Q("0.00000001");
        var marks = Under("\"policy\":\"pro-rata\"", BtcPerp with { Lot = fine }, Second with { Lot = fine });
        var given = Long(marks, "500 USDC", (BtcPerp.Id, "1", "60000 USDC"), (Second.Id, "2", "120000 USDC"));
        var slice = Ordered(given, Second.Id);

        // 3 contracts ask for 900 to keep and 1,350 to end. Closing them costs 180 in fees and half of the way to the limit, 300.
        ((double)slice.Quantity.E8 / Q("2").E8).ShouldBe((1_350 - 500) / (1_350 - 180 - 300.0), 1e-6);
        slice.Instrument.ShouldBe(Second.Id);
    }
}
