using System.Text;
using System.Text.Json.Nodes;
using CrossMargin.Contracts;
using CrossMargin.Risk.Books;
using CrossMargin.Risk.Portfolios;
using CrossMargin.Risk.Reports;
using CrossMargin.Risk.Tests.Models;
using Shouldly;

namespace CrossMargin.Risk.Tests.Books;

/// <summary>A book that comes as a document has the margin of the same account on the same market, to the last micro.</summary>
public class BookTests
{
    [Theory]
    [InlineData("isolated")]
    [InlineData("delta-netting")]
    [InlineData("standard")]
    [InlineData("span16")]
    [InlineData("grid-pm")]
    public void A_book_is_margined_as_an_account_is(string preset)
    {
        var (random, venue) = (new Random(11), Venue.Shared);
        var model = Fixtures.Model(Fixtures.Preset(preset), venue.Market);
        var arrays = Fixtures.Arrays(model);
        for (var round = 0; round < 25; round++)
        {
            var account = venue.RandomAccount(random, maxPositions: 12, maxOrders: 4);
            RiskExplainer.Explain(account, model, arrays, out var expected).ShouldBe(Refusal.None);

            var book = Read(BookText.Of(venue, account, preset));
            book.Explain(out var explained).ShouldBe(Refusal.None);

            Unnumbered(explained!.Explanation.Report).ShouldBe(Unnumbered(expected!.Report));
            explained.Explanation.Maintenance.ShouldBe(expected.Maintenance, TreesAreEqual);
            explained.Explanation.Initial.ShouldBe(expected.Initial, TreesAreEqual);
            explained.Explanation.MarginEquity.ShouldBe(expected.MarginEquity, TreesAreEqual);
            explained.Explanation.Positions.Select(position => (position.Symbol, position.Quantity, position.Greeks, position.InitialContribution))
                .ShouldBe(expected.Positions.Select(position => (position.Symbol, position.Quantity, position.Greeks, position.InitialContribution)));
            explained.Explanation.LiquidationPrices.ShouldBe(expected.LiquidationPrices);
        }
    }

    [Fact]
    public void The_same_book_under_every_preset_is_compared_with_its_own()
    {
        var venue = Venue.Shared;
        var text = BookText.Of(venue, Venue.Account([new AssetAmount(Fixtures.Usdc, 90_000_000_000)], [venue.AtMark("BTC-PERP", 1), venue.AtMark("BTC-F30", -1)]), "isolated");
        text["compareWith"] = new JsonArray("delta-netting", "standard", "span16", "grid-pm");

        Read(text).Explain(out var explained).ShouldBe(Refusal.None);

        explained!.Comparison.Select(row => row.ParameterSet).ShouldBe(["isolated", "delta-netting", "standard", "span16", "grid-pm"]);
        var own = explained.Comparison[0].InitialMargin;
        own.ShouldBe(explained.Explanation.Report.InitialMargin);
        foreach (var row in explained.Comparison) row.Saved.ShouldBe(own - row.InitialMargin);
        explained.Comparison.Single(row => row.ParameterSet == "grid-pm").Saved.ShouldBeGreaterThan(Money.Zero);
    }

    [Fact]
    public void Greeks_by_expiry_name_the_time_of_the_expiry()
    {
        var venue = Venue.Shared;
        var account = Venue.Account([], [venue.AtMark("ETH-F7", 1), venue.AtMark("ETH-F180", 2), venue.AtMark("ETH-PERP", 3)]);

        Read(BookText.Of(venue, account, "grid-pm")).Explain(out var explained).ShouldBe(Refusal.None);

        explained!.Explanation.Expiries
            .Select(row => row.Expiry is { } expiry ? explained.Expiries[(row.Underlying, expiry)] : (Instant?)null)
            .ShouldBe([null, Venue.At(7), Venue.At(180)]);
    }

    [Theory]
    [InlineData("isolated")]
    [InlineData("delta-netting")]
    [InlineData("standard")]
    [InlineData("span16")]
    [InlineData("grid-pm")]
    public void What_sub_accounts_cancel_is_a_gain_that_no_price_changes(string preset)
    {
        var venue = Venue.Shared;
        AssetAmount[] cash = [new AssetAmount(Fixtures.Usdc, 5_000_000_000)];
        var bought = venue.AtMark("BTC-PERP", 1);
        var sold = venue.AtMark("BTC-PERP", -1);
        var gain = bought with { Cost = bought.Cost with { Units = bought.Cost.Units - 700_000_000 } };
        var apart = BookText.Of(venue, Venue.Account(cash, []), preset);
        foreach (var leg in new[] { gain, sold })
            apart["positions"]!.AsArray().Add(new JsonObject { ["instrument"] = "BTC-PERP", ["quantity"] = leg.Quantity.ToString(), ["cost"] = leg.Cost.ToDecimal() });
        var merged = BookText.Of(venue, Venue.Account(cash, [gain, sold]), preset);

        Read(apart).Explain(out var fromLegs).ShouldBe(Refusal.None);
        Read(merged).Explain(out var fromSum).ShouldBe(Refusal.None);

        fromLegs!.Explanation.Report.ShouldBe(fromSum!.Explanation.Report);
        var dollar = venue.Frame.Assets.Single(mark => mark.Asset == Fixtures.Usdc).Price;
        fromSum.Explanation.Report.Equity.ShouldBe(new Money(57 * dollar.E8));   // 5,700 in micros
        fromSum.Explanation.Report.MaintenanceMargin.ShouldBe(Money.Zero);
    }

    [Fact]
    public void A_whole_parameter_set_in_the_book_counts_as_the_preset_that_it_is()
    {
        var account = Venue.Account([new AssetAmount(Fixtures.Usdc, 5_000_000_000)], [Venue.Shared.AtMark("BTC-PERP", 0.1)]);
        var (named, whole) = (BookText.Of(Venue.Shared, account, "standard"), BookText.Of(Venue.Shared, account, "standard"));
        whole["parameters"] = Fixtures.PresetText("standard");

        Read(named).Explain(out var byName).ShouldBe(Refusal.None);
        Read(whole).Explain(out var byText).ShouldBe(Refusal.None);
        byText!.Explanation.Report.ShouldBe(byName!.Explanation.Report);

        whole["parameters"]!["liquidationEnd"] = "2";
        Errors(whole).ShouldBe(["/parameters/liquidationEnd: must be from 0 to 1"]);
    }

    [Theory]
    [InlineData("at", "\"yesterday\"", "/at: must be a time such as 2026-11-21T12:00:00Z")]
    [InlineData("parameters", "\"none\"", "/parameters: must be a parameter set, or one of isolated, delta-netting, standard, span16, grid-pm")]
    [InlineData("assets", "[]", "/assets: must have 1 to 64 entries")]
    [InlineData("leverage", "\"10\"", "/leverage: unknown property")]
    [InlineData("balances", "[{\"asset\":\"DOGE\",\"amount\":\"1\"}]", "/balances/0/asset: is not an asset of the venue")]
    [InlineData("balances", "[{\"asset\":\"USDC\",\"amount\":1}]", "/balances/0/amount: must be a decimal string with at most 6 decimals")]
    [InlineData("balances", "[{\"asset\":\"USDC\",\"amount\":\"0.0000001\"}]", "/balances/0/amount: must be a decimal string with at most 6 decimals")]
    [InlineData("positions", "[{\"instrument\":\"DOGE-PERP\",\"quantity\":\"1\",\"cost\":\"1\"}]", "/positions/0/instrument: is not one of the instruments of this book")]
    [InlineData("positions", "[{\"instrument\":\"BTC-PERP\",\"quantity\":\"1\"}]", "/positions/0/cost: required")]
    [InlineData("positions", "[{\"instrument\":\"BTC-PERP\",\"quantity\":\"20000000000\",\"cost\":\"0\"}]", "/positions/0/quantity: must be from -10000000000 to 10000000000")]
    [InlineData("orders", "[{\"instrument\":\"BTC-PERP\",\"side\":\"hold\",\"quantity\":\"1\",\"price\":\"1\"}]", "/orders/0/side: must be one of buy, sell")]
    [InlineData("orders", "[{\"instrument\":\"BTC-PERP\",\"side\":\"buy\",\"quantity\":\"0\",\"price\":\"1\"}]", "/orders/0/quantity: must be from 0.00000001 to 10000000000")]
    public void What_cannot_be_read_is_named_where_it_stands(string field, string value, string error)
    {
        var text = BookText.Of(Venue.Shared, Portfolio.Empty, "isolated");
        text[field] = JsonNode.Parse(value);

        Errors(text).ShouldBe([error]);
    }

    [Fact]
    public void An_instrument_listed_twice_is_an_error_and_not_a_choice()
    {
        var text = BookText.Of(Venue.Shared, Portfolio.Empty, "isolated");
        text["instruments"]!.AsArray().Add(text["instruments"]![0]!.DeepClone());

        Errors(text).ShouldBe([$"/instruments/{Venue.Shared.Instruments.Length}/symbol: given twice"]);
    }

    [Theory]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("{}")]
    public void Something_else_is_no_book(string text) => BookDocument.Read(Encoding.UTF8.GetBytes(text), out _).ShouldNotBeEmpty();

    [Fact]
    public void A_position_without_a_price_refuses_the_book_and_is_never_free()
    {
        var account = Venue.Account([new AssetAmount(Fixtures.Usdc, 5_000_000_000)], [Venue.Shared.AtMark("BTC-PERP", 1)]);
        var text = BookText.Of(Venue.Shared, account, "grid-pm");
        text["instruments"]!.AsArray().Single(one => (string?)one!["symbol"] == "BTC-PERP")!["mark"] = "0";

        Read(text).Explain(out var explained).ShouldBe(new Refusal(Fault.Zero, "instruments[BTC-PERP].mark"));
        explained.ShouldBeNull();
    }

    private static Book Read(JsonNode text)
    {
        BookDocument.Read(Encoding.UTF8.GetBytes(text.ToJsonString()), out var book).ShouldBeEmpty();
        return book!;
    }

    private static string[] Errors(JsonNode text)
    {
        var errors = BookDocument.Read(Encoding.UTF8.GetBytes(text.ToJsonString()), out var book);
        book.ShouldBeNull();
        return [.. errors.Select(error => error.ToString())];
    }

    private static RiskReport Unnumbered(RiskReport report) => report with { AccountVersion = 0, Frame = 0 };

    private static readonly IEqualityComparer<MarginComponent> TreesAreEqual = EqualityComparer<MarginComponent>.Create(
        (a, b) => Lines(a!).SequenceEqual(Lines(b!)), tree => tree.Parts.Length);

    private static IEnumerable<string> Lines(MarginComponent tree) =>
        tree.Parts.SelectMany(Lines).Prepend($"{tree.Name} {tree.Rule} {tree.Amount} {tree.Parts.Length}");
}
