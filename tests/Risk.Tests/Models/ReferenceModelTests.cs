using CrossMargin.Risk.Markets;
using CrossMargin.Risk.Models;
using CrossMargin.Risk.Parameters;
using Shouldly;

namespace CrossMargin.Risk.Tests.Models;

/// <summary>Ten thousand random books a model against the slow reference, and the shape of every schedule.</summary>
public class ReferenceModelTests
{
    private const int Books = 10_000;

    public static TheoryData<string> Presets => [.. ParameterDocument.Presets];

    [Theory]
    [MemberData(nameof(Presets))]
    public void A_model_is_its_slow_reference_on_ten_thousand_random_books(string preset)
    {
        // The venue's own preset, then one with everything that the model has switched on.
        foreach (var set in new[] { Fixtures.Preset(preset), EverythingOn(preset) })
        {
            var model = Fixtures.Model(set, Venue.Shared.Market);
            var arrays = Fixtures.Arrays(model);
            var random = new Random(20_260_801);
            for (var book = 0; book < Books / 2; book++)
                Compare(model, arrays, RandomBook(random), $"{preset} book {book}");
        }
    }

    [Theory]
    [MemberData(nameof(Presets))]
    public void The_risk_arrays_are_one_scalar_price_at_a_time(string preset)
    {
        var model = Fixtures.Model(EverythingOn(preset), Venue.Shared.Market);
        if (model.Plan is not { } plan) return;
        var (fast, slow) = (Fixtures.Arrays(model), PlainArrays.Of(plan));
        for (var i = 0; i < fast.Length; i++) fast[i].ShouldBe(slow[i], 1e-9, $"place {i}");
    }

    internal static ParameterSet EverythingOn(string preset) => Fixtures.Preset(preset, SwitchEverythingOn);

    internal static void SwitchEverythingOn(System.Text.Json.Nodes.JsonNode node)
    {
        node["optionValue"] = node["optionValue"]!.GetValue<string>() == "equity" ? "requirement" : "equity";
        if (node["model"]!["kind"]!.GetValue<string>() == "standard")
            node["model"]!["underlyings"]!["ETH"]!["linear"] = System.Text.Json.Nodes.JsonNode.Parse(
                """{"schedule":"slope","base":{"maintenance":"0.01","initial":"0.02"},"perMillion":{"maintenance":"0.004","initial":"0.008"}}""");
        if (node["model"]!["kind"]!.GetValue<string>() != "scenario") return;
        foreach (var (name, group) in node["model"]!["groups"]!.AsObject())
        {
            group!["volatility"]!["smile"] = name == "ETH" ? "sticky-delta" : "sticky-strike";
            group["discount"] = System.Text.Json.Nodes.JsonNode.Parse("""{"long":"0.95","short":"1.02"}""");
            group["basis"] ??= System.Text.Json.Nodes.JsonNode.Parse(
                """{"shift":"0.05","scalar":"1","perYear":"1.2"}""");
            group["static"] ??= System.Text.Json.Nodes.JsonNode.Parse("""{"linear":"0.03","shortOptions":"0.02"}""");
            group["concentration"] ??= System.Text.Json.Nodes.JsonNode.Parse(
                """{"depthMultiple":"0.1","chargeRate":"0.2"}""");
            group["shortOptionMinimum"] = System.Text.Json.Nodes.JsonNode.Parse(
                """{"floorRate":"0.2","netting":"per-strike"}""");
            group["calendar"] ??= System.Text.Json.Nodes.JsonNode.Parse(
                """{"tierDays":["10","60"],"charges":[{"tierA":0,"tierB":1,"chargeRate":"0.01"},{"tierA":2,"tierB":1,"chargeRate":"0.02"},{"tierA":0,"tierB":2,"chargeRate":"0.03"}]}""");
        }

        node["model"]!["credits"] = System.Text.Json.Nodes.JsonNode.Parse(
            """
            [{"a":"BTC","b":"ETH","deltaA":"1","deltaB":"20","sides":"opposite","risk":"weighted-price-risk","creditRate":"0.5"},
             {"a":"ETH","b":"SOL","deltaA":"1","deltaB":"15","sides":"opposite","risk":"scan-range","creditRate":"0.4"},
             {"a":"BTC","b":"SOL","deltaA":"1","deltaB":"300","sides":"same","risk":"weighted-price-risk","creditRate":"0.1"}]
            """);
    }

    internal static (int Line, double Quantity)[] RandomBook(Random random)
    {
        var lines = Enumerable.Range(0, Venue.Shared.Market.Lines.Length)
            .Where(i => Venue.Shared.Market.Lines[i].Kind != LineKind.Spot).ToArray();
        return [.. Enumerable.Range(0, random.Next(1, 13)).Select(_ => lines[random.Next(lines.Length)]).Distinct()
            .Select(line => (line, Math.Exp((random.NextDouble() * 9) - 3) * ((random.Next(2) * 2) - 1)))];
    }

    private static void Compare(MarginModel model, double[] arrays, (int Line, double Quantity)[] book, string of)
    {
        var groups = new GroupRisk[model.Market.Groups.Length];
        var exposures = book.Select(holding => new Exposure(holding.Line, holding.Quantity))
            .OrderBy(exposure => exposure.Line).ToArray();
        model.Evaluate(arrays, exposures, groups).ShouldBe(Refusal.None);
        var expected = ReferenceModels.Evaluate(model, arrays, book);
        for (var g = 0; g < groups.Length; g++)
        {
            var tolerance = 1e-12 * Math.Max(1, groups[g].GrossNotional);
            groups[g].Maintenance.ShouldBe(expected[g].Maintenance, tolerance, $"{of}: maintenance of group {g}");
            groups[g].Initial.ShouldBe(expected[g].Initial, tolerance, $"{of}: initial of group {g}");
            groups[g].Initial.ShouldBeGreaterThanOrEqualTo(groups[g].Maintenance);
        }
    }
}
