using System.Text;
using System.Text.Json.Nodes;
using CrossMargin.Contracts;
using CrossMargin.Risk.Parameters;
using CrossMargin.Risk.Tests.Models;
using Shouldly;

namespace CrossMargin.Risk.Tests.Parameters;

public class ParameterDocumentTests
{
    public static TheoryData<string> Presets => [.. ParameterDocument.Presets];

    [Theory]
    [MemberData(nameof(Presets))]
    public void Every_preset_is_a_valid_document_under_its_own_name(string preset)
    {
        var set = ParameterDocument.Preset(preset);
        set.Name.ShouldBe(preset);
        set.Version.ShouldBe(1);
    }

    private const string Bounds = """
        {"freshMs":2000,"minSources":4,"deviation":"0.02","jump":"0.2","jumpWindowMs":30000,"confirmMs":1000,"holdMs":9000,"basisBand":"0.1",
        "basisFollowMs":5000,"slowDrift":"0.05","averageMs":600000,"averageAtLeastMs":300000}
        """;

    [Fact]
    public void The_bounds_of_prices_are_what_the_document_says_and_the_ones_without_where_it_says_none()
    {
        ParameterDocument.Preset("standard").Oracle.ShouldBe(OracleParameters.Default);
        Read(Bounds).Set!.Oracle.ShouldBe(new OracleParameters(
            2_000, 4, new Rate(20_000_000), new Rate(200_000_000), 30_000, 1_000, 9_000, new Rate(100_000_000), 5_000, new Rate(50_000_000),
            600_000, 300_000));
    }

    [Fact]
    public void Isolated_sub_accounts_have_a_model_of_their_own_where_the_document_says_one()
    {
        var root = JsonNode.Parse(ParameterDocument.PresetText("grid-pm"))!.AsObject();
        Parsed(root).Set!.IsolatedModel.ShouldBeNull();

        root["isolatedModel"] = JsonNode.Parse(ParameterDocument.PresetText("isolated"))!["model"]!.DeepClone();
        var (set, errors) = Parsed(root);
        errors.ShouldBeEmpty();
        (set!.Model.Name, set.IsolatedModel!.Name).ShouldBe(("scenario", "isolated"));

        root["isolatedModel"]!["kind"] = "none";
        Parsed(root).Errors.Select(error => error.ToString())
            .ShouldContain("/isolatedModel/kind: must be one of isolated, delta-netting, standard, scenario");
    }

    [Theory]
    [InlineData("freshMs", "499", "/oracle/freshMs: must be a whole number from 500 to 60000")]
    [InlineData("minSources", "2", "/oracle/minSources: must be a whole number from 3 to 16")]
    [InlineData("deviation", "\"0.2\"", "/oracle/deviation: must be from 0.0001 to 0.1")]
    [InlineData("holdMs", "900", "/oracle: holdMs is below confirmMs: every jump would halt")]
    [InlineData("jumpWindowMs", "8999", "/oracle: jumpWindowMs is below holdMs: a jump would be taken before it is confirmed")]
    [InlineData("averageAtLeastMs", "600001", "/oracle: averageAtLeastMs is above averageMs: no expiry would settle")]
    [InlineData("averageAtLeastMs", "299999", "/oracle: averageAtLeastMs is below half of averageMs")]
    [InlineData("slow", "1", "/oracle/slow: unknown property")]
    public void A_bound_beyond_its_hard_bounds_is_refused_by_name(string field, string value, string error)
    {
        var bounds = JsonNode.Parse(Bounds)!.AsObject();
        bounds[field] = JsonNode.Parse(value);
        Read(bounds.ToJsonString()).Errors.Select(found => found.ToString()).ShouldContain(error);
    }

    private static (ParameterSet? Set, IReadOnlyList<ParameterError> Errors) Read(string oracle)
    {
        var root = JsonNode.Parse(ParameterDocument.PresetText("standard"))!.AsObject();
        root["oracle"] = JsonNode.Parse(oracle);
        return Parsed(root);
    }

    private static (ParameterSet? Set, IReadOnlyList<ParameterError> Errors) Parsed(JsonObject root)
    {
        var errors = ParameterDocument.Read(Encoding.UTF8.GetBytes(root.ToJsonString()), out var set);
        return (set, errors);
    }

    [Theory]
    [InlineData("standard", "/liquidationEnd", "\"1.5\"", "/liquidationEnd: must be from 0 to 1")]
    [InlineData("standard", "/liquidationEnd", "0.5",
        "/liquidationEnd: must be a decimal string with at most 9 decimals")]
    [InlineData("standard", "/liquidationEnd", "\"0.1234567891\"",
        "/liquidationEnd: must be a decimal string with at most 9 decimals")]
    [InlineData("standard", "/liquidationEnd", "\"1e-1\"",
        "/liquidationEnd: must be a decimal string with at most 9 decimals")]
    [InlineData("standard", "/liquidationEnd", "\"NaN\"",
        "/liquidationEnd: must be a decimal string with at most 9 decimals")]
    [InlineData("standard", "/format", "2", "/format: must be a whole number from 1 to 1")]
    [InlineData("standard", "/name", "\"\"",
        "/name: must be a name of at most 16 letters, digits, dots, dashes and underscores")]
    [InlineData("standard", "/acceptance", "\"always\"", "/acceptance: must be one of surplus-or-ratio, ratio-only")]
    [InlineData("standard", "/collateral/BTC/tiers/0/initial", "\"0.96\"",
        "/collateral/BTC: tier 0: the initial weight is above the maintenance weight")]
    [InlineData("standard", "/collateral/BTC/tiers/1/maintenance", "\"0.97\"",
        "/collateral/BTC: tier 1: a weight may not rise with the quantity")]
    [InlineData("standard", "/collateral/BTC/tiers/1/upTo", "\"100\"", "/collateral/BTC: tier 1: the tiers must rise")]
    [InlineData("standard", "/collateral/BTC/venueScaleFrom", "\"0\"",
        "/collateral/BTC/venueScaleFrom: must be above zero")]
    [InlineData("standard", "/collateral/DOGE", "{}", "/collateral/DOGE: is not a known key")]
    [InlineData("standard", "/collateral/USDC/borrow/initial", "\"0.01\"",
        "/collateral/USDC/borrow: initial is below maintenance")]
    [InlineData("standard", "/liquidation/fallingLimit", "{\"from\":\"0.1\",\"step\":\"0.01\",\"to\":\"0.05\"}",
        "/liquidation/fallingLimit: to is below from")]
    [InlineData("standard", "/liquidation/sliceShare", "{\"most\":\"0\",\"atLeast\":\"1000\"}",
        "/liquidation/sliceShare/most: must be from 0.001 to 1")]
    [InlineData("standard", "/model/kind", "\"value-at-risk\"",
        "/model/kind: must be one of isolated, delta-netting, standard, scenario")]
    [InlineData("standard", "/model/underlyings/BTC/linear/tiers/1/initial", "\"0.005\"",
        "/model/underlyings/BTC/linear/tiers/1: initial is below maintenance")]
    [InlineData("standard", "/model/underlyings/BTC/linear/tiers/2/initial", "\"0.025\"",
        "/model/underlyings/BTC/linear/tiers: tier 3: a rate may not fall with the notional",
        "/model/underlyings/BTC/linear/tiers/3/maintenance", "\"0.024\"")]
    [InlineData("standard", "/model/underlyings/BTC/openInterest/upper", "\"500000000\"",
        "/model/underlyings/BTC/openInterest: upper must be above lower")]
    [InlineData("standard", "/model/underlyings/BTC/options/initialA", "\"0.1\"",
        "/model/underlyings/BTC/options: initialA is below initialB")]
    [InlineData("standard", "/model/underlyings/BTC/surprise", "1",
        "/model/underlyings/BTC/surprise: unknown property")]
    [InlineData("grid-pm", "/model/groups/BTC/scenarios", "\"other\"",
        "/model/groups/BTC/scenarios: unknown scenario list")]
    [InlineData("grid-pm", "/model/groups/BTC/range/unit", "\"range\"",
        "/model/groups/BTC/range: a range is a fraction or absolute")]
    [InlineData("grid-pm", "/model/lists/grid/0/name", "\"-1 same\"",
        "/model/lists/grid: two scenarios are named '-1 same'")]
    [InlineData("grid-pm", "/model/lists/grid/27/price/amount", "\"-1\"",
        "/model/lists/grid/27/price: a price cannot lose all of itself")]
    [InlineData("grid-pm", "/model/factors/maintenance", "\"1.5\"", "/model/factors: initial is below maintenance")]
    [InlineData("grid-pm", "/model/groups/BTC/volatility/minDays", "\"31\"",
        "/model/groups/BTC/volatility: minDays is above referenceDays")]
    [InlineData("grid-pm", "/model/groups/BTC/volatility/smile", "\"sticky\"",
        "/model/groups/BTC/volatility/smile: must be one of sticky-strike, sticky-delta")]
    [InlineData("span16", "/model/groups/ETH/range/amount", "\"0.4\"",
        "/model/groups/ETH/range: a scenario takes more than the whole price")]
    [InlineData("span16", "/model/groups/BTC/calendar/tierDays/1", "\"5\"",
        "/model/groups/BTC/calendar: tierDays 1: the tiers must rise")]
    [InlineData("span16", "/model/groups/BTC/calendar/charges/0/tierA", "4",
        "/model/groups/BTC/calendar/charges/0/tierA: must be a whole number from 0 to 3")]
    [InlineData("span16", "/model/credits/0/b", "\"BTC\"", "/model/credits/0: a spread has two underlyings")]
    public void A_wrong_value_is_refused_with_its_pointer(
        string preset, string pointer, string json, string error, string? secondPointer = null,
        string? secondJson = null)
    {
        var (set, errors) = Fixtures.Read(preset, node =>
        {
            Put(node, pointer, json);
            if (secondPointer is not null) Put(node, secondPointer, secondJson!);
        });
        set.ShouldBeNull();
        errors.Select(one => one.ToString()).ShouldContain(error);
    }

    [Fact]
    public void All_errors_come_at_once()
    {
        var (_, errors) = Fixtures.Read("standard", node =>
        {
            Put(node, "/liquidationEnd", "\"2\"");
            Put(node, "/orders/feeRate", "\"-1\"");
            node.AsObject().Remove("acceptance");
            Put(node, "/unknown", "1");
        });
        errors.Select(error => error.Pointer)
            .ShouldBe(["/liquidationEnd", "/acceptance", "/orders/feeRate", "/unknown"], ignoreOrder: true);
    }

    [Theory]
    [InlineData("", "is not JSON")]
    [InlineData("{", "is not JSON")]
    [InlineData("[]", "must be an object")]
    [InlineData("\"text\"", "must be an object")]
    [InlineData("{\"name\":\"a\",\"name\":\"b\"}", "given twice")]
    [InlineData("{} {}", "is not JSON")]
    public void What_is_no_document_is_refused(string text, string message)
    {
        ParameterDocument.Read(Encoding.UTF8.GetBytes(text), out var set)
            .ShouldContain(error => error.Message.StartsWith(message, StringComparison.Ordinal));
        set.ShouldBeNull();
    }

    [Fact]
    public void A_property_that_is_not_there_is_named()
    {
        var template = Template("standard");
        foreach (var name in template.AsObject().Select(property => property.Key).Except(["warnBelow", "statedPrices"]).ToArray())
        {
            var (set, errors) = Fixtures.Read("standard", node => node.AsObject().Remove(name));
            set.ShouldBeNull();
            errors.ShouldContain(error => error.Pointer == $"/{name}" && error.Message == "required");
        }
    }

    internal static JsonNode Template(string preset)
    {
        JsonNode? copy = null;
        Fixtures.Read(preset, node => copy = node.DeepClone());
        return copy!;
    }

    internal static void Put(JsonNode root, string pointer, string json)
    {
        var steps = pointer.Split('/')[1..];
        var at = root;
        foreach (var step in steps[..^1]) at = at is JsonArray list ? list[int.Parse(step)]! : at[step]!;
        if (at is JsonArray array) array[int.Parse(steps[^1])] = JsonNode.Parse(json);
        else at[steps[^1]] = JsonNode.Parse(json);
    }
}
