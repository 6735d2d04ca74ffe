using System.Collections.Immutable;
using System.Text.Json.Nodes;
using CrossMargin.Contracts;
using CrossMargin.Risk.Portfolios;
using CrossMargin.Risk.Tests.Models;
using Shouldly;

namespace CrossMargin.Risk.Tests.Collateral;

/// <summary>Each soft penalty where it alone asks for anything, with its number by hand.</summary>
public class SoftPenaltyTests
{
    private static readonly Venue At = Venue.Shared;

    [Theory]
    [InlineData("ETH-PERP", -4, 0.6 * 0.8 * 4 * 3_000)]         // confidence 0.4: (1 − 0.4) × rate × gross notional
    [InlineData("ETH-30-100-Call", 4, 0.6 * 0.8 * 4 * 3_000)]   // of options too, long or short
    [InlineData("BTC-PERP", 4, 0)]                              // full confidence
    public void Doubt_of_the_oracle_is_charged_on_gross_notional(string symbol, double quantity, double penalty) =>
        Penalty("""{"oracleDoubt":{"below":"0.41","chargeRate":"0.8"},"depegs":[],"slowPrice":"ignored"}""",
            At.AtMark(symbol, quantity)).ShouldBe(Dollars(penalty));

    [Fact]
    public void Confidence_at_the_threshold_is_enough() =>
        Penalty("""{"oracleDoubt":{"below":"0.4","chargeRate":"0.8"},"depegs":[],"slowPrice":"ignored"}""",
            At.AtMark("ETH-PERP", 4)).ShouldBe(Money.Zero);

    [Theory]
    [InlineData("BTC-PERP-T", 2, 0.005 * 2 * 120_000)]          // (0.99 − 0.985) × factor × notional settled in it
    [InlineData("BTC-PERP", 2, 0)]                              // settled in another asset
    public void A_stablecoin_below_its_threshold_is_charged_on_what_settles_in_it(
        string symbol, double quantity, double penalty) =>
        Penalty("""{"depegs":[{"asset":"USDT","threshold":"0.99","factor":"2"}],"slowPrice":"ignored"}""",
            At.AtMark(symbol, quantity)).ShouldBe(Dollars(penalty));

    [Theory]
    [InlineData("BTC-30-100-Call", 2, 0)]                       // a long option cannot be hurt by it
    [InlineData("BTC-30-100-Call", -2, 0.0102 * 120_000)]
    public void A_peg_is_of_no_concern_to_a_long_option(string symbol, double quantity, double penalty) =>
        Penalty("""{"depegs":[{"asset":"USDC","threshold":"1.01","factor":"1"}],"slowPrice":"ignored"}""",
            At.AtMark(symbol, quantity)).ShouldBe(Dollars(penalty));

    [Theory]
    [InlineData("0.5", 2 * 60_000 * 0.5)]
    [InlineData("0.01", 0)]                                     // below what the model asks anyway
    public void A_traders_own_rate_raises_the_initial_margin_to_it(string rate, double total)
    {
        DecimalText.TryParse(rate, Rate.Scale, out var rateE9);
        var own = ImmutableSortedDictionary<Underlying, Rate>.Empty.Add(Fixtures.Btc, new Rate(rateE9));
        var set = Fixtures.Preset("isolated",
            node => node["softPenalties"] = JsonNode.Parse("""{"depegs":[],"slowPrice":"ignored"}"""));
        var report = LevelsTests.Evaluator(set)(Venue.Account([], [At.AtMark("BTC-PERP", 2)], [], own));
        if (total == 0) report.SoftPenalties.ShouldBe(Money.Zero);
        else report.InitialMargin.Micros.ShouldBeInRange(Dollars(total).Micros, Dollars(total).Micros + 1);   // two ceilings
    }

    [Theory]
    [InlineData("BTC", 100_000_000, 0.9 * 0.8 * 2_000)]         // weight × venue scale × (60,000 − 58,000)
    [InlineData("ETH", 100_000_000, 0)]                         // the slow price is the higher one
    [InlineData("ETH", -100_000_000, 100)]                      // which is what a debt counts at
    public void The_slow_price_counts_where_it_is_worse(string code, long units, double penalty)
    {
        var set = Fixtures.Preset("isolated", node =>
        {
            node["softPenalties"] = JsonNode.Parse("""{"depegs":[],"slowPrice":"used"}""");
            node["collateral"]!["ETH"]!["borrow"] = JsonNode.Parse("""{"limit":"9","maintenance":"0","initial":"0"}""");
        });
        var account = Venue.Account([new AssetAmount(Asset.Of(code), units)], []);
        LevelsTests.Evaluator(set)(account).SoftPenalties.ShouldBe(Dollars(penalty));
    }

    private static Money Penalty(string softPenalties, Position position)
    {
        var set = Fixtures.Preset("isolated", node => node["softPenalties"] = JsonNode.Parse(softPenalties));
        var report = LevelsTests.Evaluator(set)(Venue.Account([], [position]));
        var bare = Fixtures.Preset("isolated",
            node => node["softPenalties"] = JsonNode.Parse("""{"depegs":[],"slowPrice":"ignored"}"""));
        LevelsTests.Evaluator(bare)(Venue.Account([], [position])).ShouldBe(
            report with { SoftPenalties = Money.Zero, InitialMargin = report.InitialHard });
        return report.SoftPenalties;
    }

    private static Money Dollars(double amount) => new((long)Math.Round(amount * 1e6));
}
