using CrossMargin.Contracts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Parameters;
using CrossMargin.Grains.Margin;
using CrossMargin.Grains.Markets;
using Shouldly;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;
using static CrossMargin.Grains.Tests.Trades.GivenVenue;

namespace CrossMargin.Grains.Tests.Margin;

/// <summary>Frames by hand: BTC at one index, perpetuals marked at it, USDC at 1, the rules that a venue starts with.</summary>
internal static class GivenMarks
{
    /// <summary>The same rules, and a loan of USDC costs 5 % a year.</summary>
    public static ParametersInForce Charging { get; } = new(0, new ParameterText(FirstParameters.InForce.Document.Json.Replace(
        """
        "borrow":{"limit":"1000000","maintenance":"0.02","initial":"0.04"}
        """, """
        "borrow":{"limit":"1000000","maintenance":"0.02","initial":"0.04","interest":"0.05"}
        """, StringComparison.Ordinal)));

    /// <summary>The same rules, under which a position that nobody takes stays in its case.</summary>
    public static ParametersInForce WithoutDeleveraging { get; } = Replaced(
        ",\"deleveraging\":{\"ranking\":\"hedge-aware\",\"below\":\"0\",\"afterSlices\":6}", "");

    /// <summary>The same rules, under which a debt beside other assets stays in its case.</summary>
    public static ParametersInForce WithoutConversion { get; } = Replaced(
        ",\"conversion\":{\"worstMove\":\"0.05\",\"afterOrders\":3}", "");

    /// <summary>The same rules, and isolated sub-accounts are asked twenty times as much to keep a position, and ten times to open it.</summary>
    public static ParametersInForce WithOwnModel { get; } = Replaced(",\"model\":{", """
        ,"isolatedModel":{"kind":"isolated","underlyings":{"default":{"linear":{"maintenance":"0.1","initial":"0.1"},"options":
        {"initialA":"0.15","initialB":"0.13","maintenance":"0.09","initialOverMaintenance":"1.05"}}}},"model":{
        """);

    public static ParametersInForce RankedBy(string ranking) => Replaced("\"ranking\":\"hedge-aware\"", $"\"ranking\":\"{ranking}\"");

    private static ParametersInForce Replaced(string rule, string by)
    {
        var first = FirstParameters.InForce.Document.Json;
        first.ShouldContain(rule);
        return new ParametersInForce(0, new ParameterText(first.Replace(rule, by, StringComparison.Ordinal)));
    }

    public static MarginMarks At(string index, Listing[] listings, params FundingMark[] funding)
    {
        var marks = MarginMarks.Open(Frame(index, listings, funding));
        marks.Unusable.IsNone.ShouldBeTrue(marks.Unusable.ToString());
        return marks;
    }

    /// <param name="index">Of BTC; null for a halted one.</param>
    public static MarkFrame Frame(string? index, Listing[] listings, params FundingMark[] funding) => new(
        1, Noon,
        [new AssetMark(Asset.Of("USDC"), P("1"), null, Rate.One, Amount("0 USDC"), 0)],
        index is null ? [] : [new UnderlyingMark(new Underlying("BTC"), P(index), Rate.One, null, 0)], [],
        index is null ? [] : [.. listings.Where(listing => listing.Kind == InstrumentKind.Perp)
            .Select(listing => new InstrumentMark(listing.Id, P(index), Money.Zero))])
    {
        Listed = [.. listings.Select(listing => listing.Terms()).OrderBy(terms => terms.Id)],
        Funding = [.. funding],
        Parameters = FirstParameters.InForce,
    };
}
