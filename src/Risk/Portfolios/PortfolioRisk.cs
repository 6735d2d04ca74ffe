using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Risk.Collateral;
using CrossMargin.Risk.Markets;
using CrossMargin.Risk.Models;
using CrossMargin.Risk.Parameters;

namespace CrossMargin.Risk.Portfolios;

/// <summary>
/// One account under one model: equity in exact integers, the requirement from the model, the three levels. The same
/// code after a fill, in a what-if and for the accounts that a sweep could not clear.
/// </summary>
public static class PortfolioRisk
{
    public static Refusable<RiskReport> Evaluate(
        Portfolio portfolio, MarginModel model, ReadOnlySpan<double> riskArrays, RiskWorkspace workspace)
    {
        var market = model.Market;
        workspace.Begin(
            market.Assets.Length, market.Groups.Length,
            portfolio.Positions.Length + portfolio.Orders.Length + market.Assets.Length);
        var refusal = Value(portfolio, market, workspace);
        if (refusal.IsNone) refusal = Orders(portfolio, model, workspace);
        if (refusal.IsNone) refusal = Weigh(model, workspace);
        if (!refusal.IsNone) return refusal;

        AddMovingCollateral(model, workspace);
        workspace.PutInOrder();
        refusal = model.Evaluate(riskArrays, workspace.Exposures, workspace.Groups);
        if (!refusal.IsNone) return refusal;
        try
        {
            refusal = SoftPenalties.Measure(portfolio, model, workspace, out var parts);
            if (refusal.IsNone) refusal = Require(model, workspace, ref parts);
            if (!refusal.IsNone) return refusal;
            workspace.Parts = parts;
            return Report(portfolio, model, workspace);
        }
        catch (OverflowException)
        {
            return new Refusal(Fault.OutOfRange, "requirement");
        }
    }

    /// <summary>Balances and positions into the assets they are in, and every position into an exposure.</summary>
    private static Refusal Value(Portfolio portfolio, MarketView market, RiskWorkspace workspace)
    {
        var refusal = AddBalances(portfolio.Balances, market, workspace);
        if (refusal.IsNone) refusal = AddBalances(portfolio.UnsettledFunding, market, workspace);
        if (!refusal.IsNone) return refusal;
        foreach (var position in portfolio.Positions)
        {
            var number = market.LineOf(position.Instrument);
            if (number.IsRefused) return number.Refusal;

            ref readonly var line = ref market.Lines[number.Value];
            ref var asset = ref workspace.Assets[line.Settlement];
            if (position.Cost.Asset != market.Assets[line.Settlement].Asset)
                return new Refusal(Fault.Unknown, $"positions[{line.Symbol}].cost");
            try
            {
                var value = (Int128)position.Quantity.E8 * line.ContractValueE8;
                if (line.IsOption) asset.Options += value;
                else asset.Unrealized += value - CollateralWeights.ToE16(position.Cost);
            }
            catch (OverflowException)
            {
                return new Refusal(Fault.OutOfRange, $"positions[{line.Symbol}]");
            }

            var quantity = ModelBorder.Nearest(position.Quantity);
            if (!line.IsOption || quantity < 0)
                asset.Notional += Math.Abs(quantity) * line.Multiplier * market.Groups[line.Group].Index;
            workspace.Add(new Exposure(number.Value, quantity));
        }

        return Refusal.None;
    }

    private static Refusal AddBalances(ImmutableArray<AssetAmount> amounts, MarketView market, RiskWorkspace workspace)
    {
        foreach (var amount in amounts)
        {
            var asset = market.AssetOf(amount.Asset);
            if (asset.IsRefused) return asset.Refusal;
            workspace.Assets[asset.Value].Balance += CollateralWeights.ToE16(amount);
        }

        return Refusal.None;
    }

    /// <summary>
    /// Open orders by instrument and side. An order loses what its price is worse than the mark, and its fee; it never
    /// gains.
    /// </summary>
    private static Refusal Orders(Portfolio portfolio, MarginModel model, RiskWorkspace workspace)
    {
        var fee = ModelBorder.Nearest(model.Parameters.Orders.FeeRate);
        foreach (var order in portfolio.Orders)
        {
            var number = model.Market.LineOf(order.Instrument);
            if (number.IsRefused) return number.Refusal;

            ref readonly var line = ref model.Market.Lines[number.Value];
            var (quantity, price) = (ModelBorder.Nearest(order.Quantity), ModelBorder.Nearest(order.Price));
            var worse = order.Side == OrderSide.Buy ? price - line.Mark : line.Mark - price;
            var loss = quantity * line.Size * (Math.Max(0, worse) + (fee * price));
            workspace.Add(order.Side == OrderSide.Buy
                ? new Exposure(number.Value, Quantity: 0, Bids: quantity, BidLoss: loss)
                : new Exposure(number.Value, Quantity: 0, Asks: quantity, AskLoss: loss));
        }

        return Refusal.None;
    }

    private static Refusal Weigh(MarginModel model, RiskWorkspace workspace)
    {
        for (var i = 0; i < workspace.Assets.Length; i++)
        {
            try
            {
                workspace.Assets[i].Weigh(model.Parameters, model.Market.Assets[i]);
            }
            catch (OverflowException)
            {
                return new Refusal(Fault.OutOfRange, $"balances[{model.Market.Assets[i].Asset}]");
            }
        }

        return Refusal.None;
    }

    /// <summary>
    /// Risk-cancelling collateral gains in the scenarios of its group at what its haircut leaves of it, in units of the
    /// underlying; only where the group holds something that it could cancel.
    /// </summary>
    private static void AddMovingCollateral(MarginModel model, RiskWorkspace workspace)
    {
        var market = model.Market;
        foreach (var (asset, group) in model.MovingCollateral)
        {
            if (workspace.Assets[asset].Weighed.Maintenance == 0) continue;

            var holds = false;
            foreach (ref readonly var exposure in workspace.Exposures)
                holds |= market.Lines[exposure.Line].Group == group;
            var amount = (double)workspace.Assets[asset].Weighed.Maintenance / 1e16;
            var worth = amount * ModelBorder.Nearest(market.Assets[asset].Price);
            if (holds) workspace.Add(new Exposure(market.Groups[group].FirstLine, worth / market.Groups[group].Index));
        }
    }

    private static Refusal Require(MarginModel model, RiskWorkspace workspace, ref MarginParts parts)
    {
        foreach (ref readonly var group in workspace.Groups)
        {
            if (!group.IsHeld) continue;
            var maintenance = ModelBorder.MoneyCeiling("maintenance", group.Maintenance);
            var initial = ModelBorder.MoneyCeiling("initial", group.Initial);
            var orders = ModelBorder.MoneyCeiling("orders", group.InitialWithOrders - group.Initial);
            var refusal = maintenance.Refusal.Or(initial.Refusal).Or(orders.Refusal);
            if (!refusal.IsNone) return refusal;
            parts.ModelMaintenance += maintenance.Value;
            parts.ModelInitial += initial.Value;
            parts.Orders += orders.Value;
        }

        for (var i = 0; i < workspace.Assets.Length; i++)
        {
            ref readonly var value = ref workspace.Assets[i];
            ref readonly var asset = ref model.Market.Assets[i];
            parts.HaircutStep += AssetMoney.Ceiling(value.Weighed.Maintenance - value.Weighed.Initial, asset.Price);
            if (value.Debt == 0) continue;

            // A debt in an asset that nobody may borrow is asked for twice: once in equity, once here.
            var debt = AssetMoney.Ceiling(value.Debt, asset.Price);
            var borrow = model.Collateral[i]?.Borrow;
            parts.BorrowMaintenance += debt.TimesCeiling(borrow?.Maintenance ?? Rate.One);
            parts.BorrowInitial += debt.TimesCeiling(borrow?.Initial ?? Rate.One);
        }

        return Refusal.None;
    }

    private static RiskReport Report(Portfolio portfolio, MarginModel model, RiskWorkspace workspace)
    {
        var (equity, marginEquity, hasDebt, hasAsset) = (Int128.Zero, Int128.Zero, false, false);
        for (var i = 0; i < workspace.Assets.Length; i++)
        {
            ref readonly var value = ref workspace.Assets[i];
            var price = (Int128)model.Market.Assets[i].Price.E8;
            var options = model.Parameters.OptionValue == OptionValueIn.Equity ? value.Options : 0;
            equity += (value.Balance + value.Unrealized + value.Options) * price;
            marginEquity += (value.Counted + options) * price;
            hasDebt |= value.Balance < 0;
            hasAsset |= value.Balance > 0;
        }

        var parts = workspace.Parts;
        var maintenance = parts.ModelMaintenance + parts.BorrowMaintenance;
        var hard = parts.ModelInitial + parts.BorrowInitial + parts.HaircutStep;
        var (worst, scenario) = Worst(model.Market, workspace.Groups);
        return new RiskReport(
            portfolio.Version, model.Market.Frame, model.Parameters.Version,
            Equity: AssetMoney.Floor(equity),
            MarginEquity: AssetMoney.Floor(marginEquity),
            InitialMargin: hard + parts.Soft + parts.Orders,
            InitialHard: hard,
            LiquidationEnd: maintenance + (hard - maintenance).TimesCeiling(model.Parameters.LiquidationEnd),
            MaintenanceMargin: maintenance,
            OrderMargin: parts.Orders,
            SoftPenalties: parts.Soft,
            Takeable: HoldsContracts(portfolio) ? Takeable.Positions
                : hasDebt && hasAsset ? Takeable.Collateral
                : Takeable.Nothing,
            worst, scenario);
    }

    /// <summary>Long in one sub-account and short in another leaves a cost, and nothing that anybody could take.</summary>
    private static bool HoldsContracts(Portfolio portfolio)
    {
        foreach (var held in portfolio.Positions)
            if (held.Quantity != Quantity.Zero) return true;
        return false;
    }

    private static (Underlying? Underlying, int Scenario) Worst(MarketView market, ReadOnlySpan<GroupRisk> groups)
    {
        var (worst, loss) = (-1, 0.0);
        for (var group = 0; group < groups.Length; group++)
            if (groups[group].IsHeld && groups[group].Scenario.ScanLoss > loss)
                (worst, loss) = (group, groups[group].Scenario.ScanLoss);
        return worst < 0 ? (null, -1) : (market.Groups[worst].Underlying, groups[worst].Scenario.Worst);
    }
}
