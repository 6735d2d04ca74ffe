using System.Collections.Immutable;
using System.Text;
using System.Text.Json.Nodes;
using CrossMargin.Contracts;
using CrossMargin.Risk.Markets;
using CrossMargin.Risk.Models;
using CrossMargin.Risk.Parameters;
using CrossMargin.Risk.Pricing;
using CrossMargin.Risk.Sweep;
using Shouldly;

namespace CrossMargin.Risk.Tests.Models;

/// <summary>Markets, parameter sets and lines by meaning, so that a test shows only what it is about.</summary>
internal static class Fixtures
{
    public static readonly Asset Usdc = Asset.Of("USDC");
    public static readonly Underlying Btc = new("BTC");
    public static readonly Underlying Eth = new("ETH");
    public static readonly IReadOnlyDictionary<InstrumentId, Refusal> NoneUnpriced = new Dictionary<InstrumentId,
        Refusal>();

    public static MarketAsset Dollar { get; } = new(Usdc, new Price(100_000_000), null, Rate.One,
        new AssetAmount(Usdc, 0));

    public static MarketLine Perp(int id, double mark, int group = 0, double size = 1) => new()
    {
        Id = new InstrumentId(id), Symbol = $"PERP-{id}", Kind = LineKind.Perp, Group = group, Size = size,
        Multiplier = size,
        Mark = mark, Forward = mark, Settles = mark, Delta = 1, ContractValueE8 = (long)Math.Round(mark * size * 1e8),
    };

    public static MarketLine Future(int id, double forward, double days, int group = 0, double size = 1) =>
        Perp(id, forward, group, size) with { Symbol = $"FUT-{id}", Kind = LineKind.Future, Years = days / 365 };

    public static MarketLine Option(
        int id, OptionKind kind, double forward, double strike, double years, double volatility, double discount = 1,
        int group = 0,
        double size = 1)
    {
        var greeks = Black76.Greeks(kind, forward, strike, years, volatility, discount).Value;
        return Perp(id, forward, group, size) with
        {
            Symbol = $"OPT-{id}", Kind = kind == OptionKind.Call ? LineKind.Call : LineKind.Put, Mark = greeks.Price,
            Strike = strike, OpenStrike = strike, Years = years, Volatility = volatility, Discount = discount,
            Delta = greeks.Delta,
            ContractValueE8 = (long)Math.Round(greeks.Price * size * 1e8),
        };
    }

    public static MarketGroup Group(string name, double index) =>
        new() { Underlying = new Underlying(name), Index = index, Confidence = 1, Depth = double.NaN };

    public static MarketView Market(IEnumerable<MarketLine> lines, params MarketGroup[] groups)
    {
        MarketView.Of(7, lines, groups, [Dollar], NoneUnpriced, out var market).ShouldBe(Refusal.None);
        return market!;
    }

    /// <summary>A preset with some of its JSON changed.</summary>
    public static ParameterSet Preset(string name, Action<JsonNode>? change = null)
    {
        var (set, errors) = Read(name, change);
        errors.ShouldBeEmpty();
        return set!;
    }

    public static (ParameterSet? Set, ImmutableArray<ParameterError> Errors) Read(string name,
        Action<JsonNode>? change = null)
    {
        var node = PresetText(name);
        change?.Invoke(node);
        var errors = ParameterDocument.Read(Encoding.UTF8.GetBytes(node.ToJsonString()), out var set);
        return (set, errors);
    }

    public static JsonNode PresetText(string name)
    {
        using var stream = typeof(ParameterDocument).Assembly.GetManifestResourceStream($"presets/{name}.json")!;
        return JsonNode.Parse(stream)!;
    }

    public static MarginModel Model(ParameterSet set, MarketView market)
    {
        MarginModel.Resolve(set, market, out var model).ShouldBe(Refusal.None);
        return model!;
    }

    public static double[] Arrays(MarginModel model)
    {
        var arrays = new double[model.Plan?.Length ?? 0];
        if (model.Plan is { } plan) RiskArrays.Price(plan, arrays).ShouldBe(Refusal.None);
        return arrays;
    }

    /// <summary>Holdings by instrument id, in the order of the lines.</summary>
    public static Exposure[] Exposures(MarketView market, params (int Id, double Quantity)[] holdings) =>
        [.. holdings.Select(holding =>
            new Exposure(market.LineOf(new InstrumentId(holding.Id)).Value, holding.Quantity)).OrderBy(e => e.Line)];

    public static GroupRisk[] Evaluate(MarginModel model, params (int Id, double Quantity)[] holdings)
    {
        var groups = new GroupRisk[model.Market.Groups.Length];
        model.Evaluate(Arrays(model), Exposures(model.Market, holdings), groups).ShouldBe(Refusal.None);
        return groups;
    }
}
