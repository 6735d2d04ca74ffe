using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Risk.Collateral;
using CrossMargin.Risk.Markets;
using CrossMargin.Risk.Models;
using CrossMargin.Risk.Parameters;
using CrossMargin.Risk.Portfolios;

namespace CrossMargin.Risk.Reports;

/// <summary>
/// The levels as trees of what the last evaluation left in its workspace. Nothing is computed anew here, so a tree
/// cannot disagree with its report; the parts of a group are model amounts and shown rounded up.
/// </summary>
internal static class MarginTree
{
    public static MarginComponent Maintenance(MarginModel model, RiskWorkspace workspace) => new(
        "maintenanceMargin", "sum", workspace.Parts.ModelMaintenance + workspace.Parts.BorrowMaintenance,
        [
            new MarginComponent("model", "sum of groups, each rounded up", workspace.Parts.ModelMaintenance,
                Groups(model, workspace, Level.Maintenance)),
            new MarginComponent("borrow", "debt × maintenance rate", workspace.Parts.BorrowMaintenance,
                Debts(model, workspace)),
        ]);

    public static MarginComponent Initial(MarginModel model, RiskWorkspace workspace, in RiskReport report)
    {
        var parts = workspace.Parts;
        return new MarginComponent("initialMargin", "sum", report.InitialMargin,
        [
            new MarginComponent("hard", "sum", report.InitialHard,
            [
                new MarginComponent("model", "sum of groups, each rounded up", parts.ModelInitial,
                    Groups(model, workspace, Level.Initial)),
                new MarginComponent("borrow", "debt × initial rate", parts.BorrowInitial, Debts(model, workspace)),
                new MarginComponent("haircutStep", "collateral at maintenance weights − at initial weights",
                    parts.HaircutStep),
            ]),
            new MarginComponent("softPenalties", "sum", parts.Soft,
            [
                new MarginComponent("openInterest", "(notional − initial) × share of the way between the caps",
                    parts.OpenInterest),
                new MarginComponent("oracleDoubt", "(1 − confidence) × rate × gross notional", parts.OracleDoubt),
                new MarginComponent("depeg", "(threshold − price) × factor × notional", parts.Depeg),
                new MarginComponent("slowPrice", "collateral × (price − slow price), debt × (slow price − price)",
                    parts.SlowPrice),
                new MarginComponent("ownInitialRate", "own rate × linear notional − initial", parts.OwnInitialRate),
                new MarginComponent("borrowLimit", "debt above its limit", parts.BorrowLimit),
            ]),
            new MarginComponent("orders", "worse side of every instrument", parts.Orders),
        ]);
    }

    public static MarginComponent MarginEquity(MarginModel model, RiskWorkspace workspace, in RiskReport report)
    {
        var assets = ImmutableArray.CreateBuilder<MarginComponent>();
        for (var i = 0; i < workspace.Assets.Length; i++)
        {
            ref readonly var value = ref workspace.Assets[i];
            ref readonly var asset = ref model.Market.Assets[i];
            if (value is { Balance: var balance, Unrealized: var unrealized, Options: var options } && balance == 0
                && unrealized == 0 && options == 0)
                continue;
            var counted = model.Parameters.OptionValue == OptionValueIn.Equity ? value.Options : 0;
            assets.Add(new MarginComponent(
                asset.Asset.ToString(), "weight(balance + weighted profit) + option value, at the price",
                Worth(value.Counted + counted, asset),
                [
                    new MarginComponent("balance", "input", Worth(value.Balance, asset)),
                    new MarginComponent("unrealizedProfit", "contract values − costs", Worth(value.Unrealized, asset)),
                    new MarginComponent("profitWeight", "weighted − unrealized",
                        Worth(value.Net - value.Balance - value.Unrealized, asset)),
                    new MarginComponent("haircut", "counted − net", Worth(value.Counted - value.Net, asset)),
                    new MarginComponent("optionValue", "contract values", Worth(counted, asset)),
                    new MarginComponent("price", "input, of one unit",
                        new Money((long)Rounding.Floor(asset.Price.E8, 100))),
                ]));
        }

        return new MarginComponent("marginEquity", "sum, rounded down", report.MarginEquity, assets.ToImmutable());
    }

    private enum Level
    {
        Maintenance,
        Initial,
    }

    private static ImmutableArray<MarginComponent> Groups(MarginModel model, RiskWorkspace workspace, Level level)
    {
        var groups = ImmutableArray.CreateBuilder<MarginComponent>();
        for (var i = 0; i < workspace.Groups.Length; i++)
        {
            ref readonly var group = ref workspace.Groups[i];
            if (!group.IsHeld) continue;
            groups.Add(new MarginComponent(
                model.Market.Groups[i].Underlying.Code, RuleOf(model),
                Shown(level == Level.Maintenance ? group.Maintenance : group.Initial),
                model.Plan is { } plan
                    ? ScenarioParts(plan, i, group, level) : RuleParts(model.Market, workspace, i, group, level)));
        }

        return groups.ToImmutable();
    }

    private static string RuleOf(MarginModel model) => model.Plan is null
        ? "linear + options, and the option value where it is counted"
        : "factor × (max(scan + basis + calendar − credit, short option minimum) + static + concentration), "
            + "and the option value where it is counted";

    private static ImmutableArray<MarginComponent> ScenarioParts(ScenarioPlan plan, int number, in GroupRisk group,
        Level level)
    {
        var parts = group.Scenario;
        var scenario = parts.Worst < 0
            ? "no scenario loses" : $"scenario {plan.Groups[number].Scenarios[parts.Worst].Name}";
        var factors = plan.Parameters.Factors;
        return
        [
            new MarginComponent("scan", scenario, Shown(parts.ScanLoss)),
            new MarginComponent("basis", "worse of the two shifts of each expiry", Shown(parts.Basis)),
            new MarginComponent("calendar", "spread delta × index × rate", Shown(parts.Calendar)),
            new MarginComponent("credit", "offset against other groups", Shown(parts.Credit)),
            new MarginComponent("shortOptionMinimum", "units sold × index × rate", Shown(parts.ShortOptionMinimum)),
            new MarginComponent("static", "notional × rate", Shown(parts.Static)),
            new MarginComponent("concentration", "notional beyond depth × rate", Shown(parts.Concentration)),
            new MarginComponent("optionValue", "at the mark", Shown(group.OptionValue)),
            new MarginComponent("factor", "parameter",
                Shown(ModelBorder.Nearest(level == Level.Maintenance ? factors.Maintenance : factors.Initial))),
        ];
    }

    private static ImmutableArray<MarginComponent> RuleParts(
        MarketView market, RiskWorkspace workspace, int number, in GroupRisk group, Level level)
    {
        var rules = group.Rules;
        var inputs = ImmutableArray.CreateBuilder<MarginComponent>();
        foreach (ref readonly var exposure in workspace.Exposures)
        {
            ref readonly var line = ref market.Lines[exposure.Line];
            if (line.Group == number && exposure.Quantity != 0)
                inputs.Add(new MarginComponent(line.Symbol, "quantity × mark",
                    Shown(exposure.Quantity * line.Size * line.Mark)));
        }

        return
        [
            new MarginComponent("linear", "by its schedule",
                Shown(level == Level.Maintenance ? rules.LinearMaintenance : rules.LinearInitial)),
            new MarginComponent("options", "by the short rules or the maximum loss",
                Shown(level == Level.Maintenance ? rules.OptionMaintenance : rules.OptionInitial)),
            new MarginComponent("optionValue", "at the mark", Shown(group.OptionValue)),
            new MarginComponent("holdings", "input", Shown(group.GrossNotional), inputs.ToImmutable()),
        ];
    }

    private static ImmutableArray<MarginComponent> Debts(MarginModel model, RiskWorkspace workspace)
    {
        var debts = ImmutableArray.CreateBuilder<MarginComponent>();
        for (var i = 0; i < workspace.Assets.Length; i++)
            if (workspace.Assets[i].Debt is { } debt && debt != 0)
                debts.Add(new MarginComponent(model.Market.Assets[i].Asset.ToString(), "debt at the price",
                    AssetMoney.Ceiling(debt, model.Market.Assets[i].Price)));
        return debts.ToImmutable();
    }

    private static Money Worth(Int128 amount, in MarketAsset asset) => AssetMoney.Floor(amount * asset.Price.E8);

    // The evaluation has already refused what money cannot hold.
    private static Money Shown(double amount) => ModelBorder.MoneyCeiling("shown", amount).Value;
}
