using System.Collections.Immutable;
using System.Text.Json;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Pools;

namespace CrossMargin.Risk.Parameters;

/// <summary>
/// A parameter set as the JSON document that is journaled. Reading is strict: every bound and every relation between
/// values is checked here, and a document with one error gives no parameter set.
/// </summary>
public static class ParameterDocument
{
    public const int Format = 1;

    /// <summary>The presets that ship with the venue, by name.</summary>
    public static ImmutableArray<string> Presets { get; } = ["isolated", "delta-netting", "standard", "span16",
        "grid-pm"];

    public static ParameterSet Preset(string name)
    {
        var errors = Read(PresetText(name), out var set);
        return set ?? throw new InvalidOperationException($"preset {name}: {string.Join("; ", errors)}");
    }

    /// <summary>The document of a preset as it ships: with white space.</summary>
    public static byte[] PresetText(string name)
    {
#pragma warning disable RS0030 // A resource of this very assembly: it is code, nothing outside is read.
        using var stream = typeof(ParameterDocument).Assembly.GetManifestResourceStream($"presets/{name}.json")
            ?? throw new ArgumentException($"'{name}' is not a preset", nameof(name));
        var text = new byte[stream.Length];
        stream.ReadExactly(text);
#pragma warning restore RS0030
        return text;
    }

    /// <summary>All errors of the document; the set only where there is none.</summary>
    public static ImmutableArray<ParameterError> Read(ReadOnlySpan<byte> utf8, out ParameterSet? set)
    {
        set = null;
        var errors = new List<ParameterError>();
        try
        {
            using var document = JsonDocument.Parse(utf8.ToArray(), new JsonDocumentOptions { MaxDepth = 16 });
            var read = Set(new JsonNodeReader(document.RootElement, "", errors));
            if (errors.Count == 0) set = read;
        }
        catch (JsonException exception)
        {
            errors.Add(new ParameterError("",
                $"is not JSON: line {exception.LineNumber + 1}, byte {exception.BytePositionInLine}"));
        }

        return [.. errors];
    }

    internal static ParameterSet Set(JsonNodeReader node)
    {
        node.Required("format").Integer(Format, Format);
        var name = node.Required("name");
        if (!Underlying.TryParse(name.Text(), out _))
            name.Error("must be a name of at most 16 letters, digits, dots, dashes and underscores");
        return node.Closed(new ParameterSet(
            name.Text(),
            node.Required("version").Integer(1, int.MaxValue),
            node.Required("optionValue").Choice<OptionValueIn>(),
            node.Required("liquidationEnd").Rate("0", "1"),
            node.Required("acceptance").Choice<AcceptanceForm>(),
            node.Required("profitWeights").ByAsset((_, weight) => weight.Rate("0", "1")),
            node.Required("collateral").ByAsset(Collateral),
            node.Required("dailyVolatility").ByUnderlying(volatility => volatility.Rate("0.0001", "10")),
            SoftPenalties(node.Required("softPenalties")),
            Orders(node.Required("orders")),
            Liquidation(node.Required("liquidation")),
            Model(node.Required("model")))
        {
            StatedPrices = node.Optional("statedPrices")?.ByAsset((_, price) => price.Price("0.00000001", "10000000000"))
                ?? ImmutableSortedDictionary<Asset, Price>.Empty,
            Oracle = node.Optional("oracle") is { } oracle ? OracleParameters.Read(oracle) : OracleParameters.Default,
            WarnBelow = node.Optional("warnBelow")?.Rate("1", "100"),
            IsolatedModel = node.Optional("isolatedModel") is { } isolated ? Model(isolated) : null,
        });
    }

    private static CollateralParameters Collateral(Asset asset, JsonNodeReader node)
    {
        var tiers = node.Required("tiers").List(1, 32, tier => tier.Closed(new CollateralTier(
            tier.Optional("upTo")?.Amount(asset),
            tier.Required("maintenance").Rate("0", "1"),
            tier.Required("initial").Rate("0", "1"))));
        for (var i = 0; i < tiers.Length; i++)
        {
            if (tiers[i].Initial > tiers[i].Maintenance)
                node.Error($"tier {i}: the initial weight is above the maintenance weight");
            if (tiers[i].UpTo is null != (i == tiers.Length - 1)) node.Error("only the last tier is without end");
            if (i == 0) continue;
            if (tiers[i].UpTo is { } edge && tiers[i - 1].UpTo is { } before && edge <= before)
                node.Error($"tier {i}: the tiers must rise");
            if (tiers[i].Maintenance > tiers[i - 1].Maintenance || tiers[i].Initial > tiers[i - 1].Initial)
                node.Error($"tier {i}: a weight may not rise with the quantity");
        }

        var venueScale = node.Optional("venueScaleFrom");
        var venueScaleFrom = venueScale?.Amount(asset);
        if (venueScaleFrom is { Units: 0 }) venueScale!.Error("must be above zero");
        return node.Closed(new CollateralParameters(
            tiers, node.Optional("cap")?.Amount(asset), venueScaleFrom, node.Optional("movesWith")?.Underlying(),
            node.Optional("borrow") is { } borrow ? Borrow(asset, borrow) : null)
        {
            Pending = node.Optional("pending")?.Rate("0", "1"),
        });
    }

    private static BorrowParameters Borrow(Asset asset, JsonNodeReader node)
    {
        var borrow = new BorrowParameters(
            node.Required("limit").Amount(asset), node.Required("maintenance").Rate("0", "10"),
            node.Required("initial").Rate("0", "10"))
        {
            Interest = node.Optional("interest")?.Rate("0", "10"),
        };
        if (borrow.Initial < borrow.Maintenance) node.Error("initial is below maintenance");
        return node.Closed(borrow);
    }

    private static SoftPenaltyParameters SoftPenalties(JsonNodeReader node) => node.Closed(new SoftPenaltyParameters(
        node.Optional("oracleDoubt") is { } doubt
            ? doubt.Closed(new OracleDoubtParameters(doubt.Required("below").Rate("0", "1"),
                doubt.Required("chargeRate").Rate("0", "1")))
            : null,
        node.Required("depegs").List(0, 32, depeg => depeg.Closed(new DepegParameters(
            depeg.Required("asset").Asset(), depeg.Required("threshold").Price("0", "10"),
            depeg.Required("factor").Rate("0", "100")))),
        node.Required("slowPrice").Choice<SlowPrice>()));

    private static OrderParameters Orders(JsonNodeReader node) =>
        node.Closed(new OrderParameters(
            node.Required("feeRate").Rate("0", "0.1"), node.Optional("priceBand")?.Rate("0.0001", "10"))
        {
            PositionLimits = node.Optional("positionLimits")?.ByUnderlying(limit => limit.Quantity("0", "10000000000"))
                ?? ImmutableSortedDictionary<Underlying, Quantity>.Empty,
        });

    private static LiquidationParameters Liquidation(JsonNodeReader node) => node.Closed(new LiquidationParameters(
        node.Required("feeRate").Rate("0", "0.1"),
        node.Required("fillAdjustment").Rate("0", "100"),
        node.Required("fillSpread").Rate("0", "10"),
        node.Required("worstPriceMove").Rate("0", "0.99"),
        node.Required("policy").Choice<SlicePolicy>(),
        node.Required("sliceCap").Money("1", "1000000000000"),
        node.Required("slicePatienceMs").Integer(100, 600_000),
        node.Required("paceIntervalMs").Integer(100, 600_000),
        node.Required("pacePerMarket").Money("1", "1000000000000"),
        node.Required("minConfidence").Rate("0", "1"),
        node.Required("backstopBelow").Rate("0", "1"),
        node.Required("backstopAfterSlices").Integer(1, 100))
    {
        SliceShare = node.Optional("sliceShare") is { } share
            ? share.Closed(new SliceShareParameters(
                share.Required("most").Rate("0.001", "1"), share.Required("atLeast").Money("0", "1000000000000")))
            : null,
        FallingLimit = node.Optional("fallingLimit") is { } falling ? FallingLimit(falling) : null,
        Conversion = node.Optional("conversion") is { } conversion
            ? conversion.Closed(new ConversionParameters(
                conversion.Required("worstMove").Rate("0", "0.99"), conversion.Required("afterOrders").Integer(1, 100)))
            : null,
        Deleveraging = node.Optional("deleveraging") is { } deleveraging
            ? deleveraging.Closed(new DeleveragingParameters(
                deleveraging.Required("ranking").Choice<DeleverageRanking>(), deleveraging.Required("below").Rate("0", "1"),
                deleveraging.Required("afterSlices").Integer(1, 100)))
            : null,
    });

    private static FallingLimitParameters FallingLimit(JsonNodeReader node)
    {
        var limit = new FallingLimitParameters(
            node.Required("from").Rate("0", "0.99"), node.Required("step").Rate("0", "0.99"), node.Required("to").Rate("0", "0.99"));
        if (limit.To < limit.From) node.Error("to is below from");
        return node.Closed(limit);
    }

    private static ModelParameters Model(JsonNodeReader node)
    {
        var kind = node.Required("kind");
        switch (kind.Text())
        {
            case "isolated":
                return node.Closed(new ModelParameters.Isolated(node.Required("underlyings")
                    .ByUnderlying(RuleDocument.Isolated)));
            case "delta-netting":
                return node.Closed(new ModelParameters.DeltaNetting(node.Required("underlyings")
                    .ByUnderlying(RuleDocument.DeltaNetting)));
            case "scenario":
                return node.Closed(new ModelParameters.Scenario(ScenarioDocument.Read(node)));
            case "standard":
                return node.Closed(new ModelParameters.Standard(node.Required("underlyings")
                    .ByUnderlying(RuleDocument.Standard)));
            default:
                kind.Error("must be one of isolated, delta-netting, standard, scenario");
                return new ModelParameters.Isolated(ImmutableSortedDictionary<Underlying, IsolatedParameters>.Empty);
        }
    }
}
