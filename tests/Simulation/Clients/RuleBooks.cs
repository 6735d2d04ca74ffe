using System.Text;
using System.Text.Json.Nodes;
using CrossMargin.Contracts.Parameters;
using CrossMargin.Risk.Parameters;
using CrossMargin.Simulation.Audit;
using CrossMargin.Simulation.World;

namespace CrossMargin.Simulation.Clients;

/// <summary>
/// Parameter sets that an officer may publish: small ones by rules, so that a frame stays small, and now and then a preset with
/// scenarios. Tighter and looser versions of one set differ in their rates. Where no case is to be opened they ask for prices surer
/// than any.
/// </summary>
internal sealed class RuleBooks
{
    private static readonly string[] Scenarios = ["span16", "grid-pm"];

    private readonly string kind;
    private readonly string optionValue, acceptance, profitWeight, minConfidence, sliceCap, pacePerMarket, backstopBelow;
    private readonly string? ranking;
    private readonly string oracle, deleverageBelow;
    private readonly int patienceMs, intervalMs, backstopAfter, deleverageAfter;
    private readonly string? positionLimit, interest, pending, isolatedKind, venueScale;

    public RuleBooks(Draws draws, bool opensCases)
    {
        kind = draws.OneIn(8) ? draws.Pick(Scenarios) : draws.Pick(["isolated", "delta-netting", "standard"]);
        optionValue = draws.Pick(["equity", "requirement"]);
        acceptance = draws.OneIn(3) ? "ratio-only" : "surplus-or-ratio";
        profitWeight = draws.Pick(["1", "1", "0.5", "0.333333333"]);
        minConfidence = opensCases ? draws.Pick(["0.1", "0.4"]) : "1";
        oracle = draws.OneIn(2) ? "" : $$$"""
            "oracle":{"freshMs":{{{draws.Pick([2_000, 8_000])}}},"minSources":3,"deviation":"{{{draws.Pick(["0.006", "0.1"])}}}","jump":"{{{draws.Pick(["0.05", "0.2"])}}}",
            "jumpWindowMs":30000,"confirmMs":{{{draws.Pick([500, 5_000])}}},"holdMs":{{{draws.Pick([5_000, 20_000])}}},"basisBand":"0.02","basisFollowMs":5000,
            "slowDrift":"{{{draws.Pick(["0.0001", "0.7"])}}}","averageMs":1000,"averageAtLeastMs":500},
            """;
        sliceCap = draws.Pick(["40", "300", "1000000"]);
        pacePerMarket = draws.Pick(["50", "1000", "1000000"]);
        backstopBelow = draws.Pick(["0", "0.5", "0.9"]);
        ranking = draws.OneIn(4) ? null : draws.Pick(["queue", "hedge-aware", "pro-rata"]);
        (deleverageBelow, deleverageAfter) = (draws.Pick(["0", "0.5"]), draws.Between(1, 4));
        (patienceMs, intervalMs, backstopAfter) = (draws.Pick([150, 700]), draws.Pick([200, 1_000]), draws.Between(1, 3));
        positionLimit = draws.Pick([null, "0.03", "0.2"]);
        pending = draws.Pick([null, "0", "0.5", "0.333333333"]);
        interest = draws.Pick([null, "0.08", "0.333333333", "10"]);
        venueScale = draws.Pick([null, "0.05"]);
        isolatedKind = draws.Pick([null, "isolated", "delta-netting", "standard"]);
    }

    /// <param name="basisPoints">The maintenance rate of what is linear.</param>
    public ParameterText Document(int version, int basisPoints) =>
        Scenarios.Contains(kind) ? Preset(version, basisPoints) : ParameterText.Compact(Encoding.UTF8.GetBytes(Simple(version, basisPoints)));

    /// <summary>The same rules, and no limit to a slice or to the pace: what is left of a case can end soon.</summary>
    public ParameterText InTheEvening(int version)
    {
        var root = JsonNode.Parse(Document(version, basisPoints: 100).Json)!.AsObject();
        var liquidation = root["liquidation"]!.AsObject();
        (liquidation["sliceCap"], liquidation["pacePerMarket"]) = ("1000000000000", "1000000000000");
        (liquidation["slicePatienceMs"], liquidation["paceIntervalMs"]) = (500, 100);
        return ParameterText.Compact(Encoding.UTF8.GetBytes(root.ToJsonString()));
    }

    private ParameterText Preset(int version, int basisPoints)
    {
        var root = JsonNode.Parse(ParameterDocument.PresetText(kind))!.AsObject();
        root["version"] = version;
        root["warnBelow"] = $"1.{basisPoints:0000}".TrimEnd('0');
        root.Remove("statedPrices");
        root["liquidation"]!["minConfidence"] = minConfidence;
        root["liquidation"]!.AsObject().Remove("deleveraging");
        if (ranking is not null) root["liquidation"]!["deleveraging"] = JsonNode.Parse(Deleveraging);
        if (pending is not null) root["collateral"]!["USDC"]!["pending"] = pending;
        if (isolatedKind is not null) root["isolatedModel"] = JsonNode.Parse(Isolated(basisPoints));
        if (Limits(version) is { } limits) root["orders"]!["positionLimits"] = JsonNode.Parse(limits);
        return ParameterText.Compact(Encoding.UTF8.GetBytes(root.ToJsonString()));
    }

    /// <summary>Tighter for the one underlying than for the others, and tighter in every second version.</summary>
    private string? Limits(int version) => positionLimit is null ? null
        : $$"""{"BTC":"{{(version % 2 == 0 ? "0.015" : positionLimit)}}","default":"{{positionLimit}}"}""";

    private string Loan(string limit) =>
        $$"""{"limit":"{{limit}}","maintenance":"0.02","initial":"0.04"{{(interest is null ? "" : $",\"interest\":\"{interest}\"")}}}""";

    /// <summary>What a deposit counts that is not final.</summary>
    private string Pending => pending is null ? "" : $",\"pending\":\"{pending}\"";

    private string Deleveraging => $$"""{"ranking":"{{ranking}}","below":"{{deleverageBelow}}","afterSlices":{{deleverageAfter}}}""";

    private string Simple(int version, int basisPoints) => $$$"""
        {"format":1,"name":"{{{kind}}}","version":{{{version}}},"optionValue":"{{{optionValue}}}","liquidationEnd":"0.5","acceptance":"{{{acceptance}}}",
        "warnBelow":"1.25","profitWeights":{"USDC":"{{{profitWeight}}}","BTC":"0.9"},
        "collateral":{"USDC":{"tiers":[{"maintenance":"1","initial":"1"}],"borrow":{{{Loan("100")}}}{{{Pending}}} },
        "BTC":{"tiers":[{"upTo":"0.05","maintenance":"0.95","initial":"0.9"},{"maintenance":"0.8","initial":"0.7"}],"cap":"20",{{{(venueScale is null ? "" : $"\"venueScaleFrom\":\"{venueScale}\",")}}}"borrow":{{{Loan("0.01")}}}{{{Pending}}} } },
        {{{oracle}}}"dailyVolatility":{"default":"0.05"},
        "softPenalties":{"oracleDoubt":{"below":"0.55","chargeRate":"1"},"depegs":[],"slowPrice":"used"},"orders":{"feeRate":"0.0005"{{{(Limits(version) is { } limits ? $",\"positionLimits\":{limits}" : "")}}} },
        "liquidation":{"feeRate":"0.005","fillAdjustment":"1","fillSpread":"1.5","worstPriceMove":"0.1","policy":"most-released-per-cost","sliceCap":"{{{sliceCap}}}",
        "slicePatienceMs":{{{patienceMs}}},"paceIntervalMs":{{{intervalMs}}},"pacePerMarket":"{{{pacePerMarket}}}","minConfidence":"{{{minConfidence}}}",
        "backstopBelow":"{{{backstopBelow}}}","backstopAfterSlices":{{{backstopAfter}}},"conversion":{"worstMove":"0.1","afterOrders":{{{backstopAfter}}}}{{{(ranking is null ? "" : $",\"deleveraging\":{Deleveraging}")}}}},
        "model":{{{Model(kind, basisPoints)}}}{{{(isolatedKind is null ? "" : $",\"isolatedModel\":{Isolated(basisPoints)}")}}} }
        """;

    /// <summary>What isolated sub-accounts are margined by, twice as tight.</summary>
    private string Isolated(int basisPoints) => Model(isolatedKind!, 2 * basisPoints);

    private static string Model(string kind, int basisPoints) => $$$"""{"kind":"{{{kind}}}","underlyings":{"default":{{{RulesOf(kind, basisPoints)}}} } }""";

    private static string RulesOf(string kind, int basisPoints)
    {
        var options = """{"initialA":"0.15","initialB":"0.13","maintenance":"0.09","initialOverMaintenance":"1.05"}""";
        return kind switch
        {
            "isolated" => $$"""{"linear":{{Rates(basisPoints)}},"options":{{options}}}""",
            "delta-netting" => $$"""{"net":{{Rates(basisPoints)}},"gross":{{Rates(basisPoints / 10)}}}""",
            _ => $$"""{"linear":{"schedule":"tiers","tiers":[{"upTo":"1500",{{Inner(basisPoints / 2)}} },{"upTo":"20000",{{Inner(basisPoints)}} },"""
                + $$"""{ {{Inner(basisPoints * 2)}} }]},"options":{{options}},"unpairedCalls":{"maintenance":"1.1","initial":"1.2"} }""",
        };
    }

    private static string Rates(int basisPoints) => "{" + Inner(basisPoints) + "}";

    private static string Inner(int basisPoints) =>
        $"\"maintenance\":\"{StoredFormat.Decimal(basisPoints, 4)}\",\"initial\":\"{StoredFormat.Decimal(2 * basisPoints, 4)}\"";
}
