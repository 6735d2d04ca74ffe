using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Trades;
using CrossMargin.Risk.Portfolios;
using CrossMargin.Runtime.Grains;

namespace CrossMargin.Grains.Margin;

/// <summary>What the margin says to an action: the rejection, or none, and the figures that decided.</summary>
public readonly record struct MarginVerdict(Rejection Rejection, MarginFigures? Figures);

/// <summary>
/// The one rule for whatever an owner does: afterwards the account may open, or it is no riskier than before. What cannot be
/// valued may do nothing.
/// </summary>
public static class MarginRule
{
    /// <param name="after">The account as the action would leave it.</param>
    /// <param name="subAccount">Of the part that the action is about: no other can become riskier.</param>
    public static MarginVerdict Judge(Account before, Account after, SubAccountId subAccount, MarginMarks? marks)
    {
        // What is sent away is owned: it puts nothing at risk that was not.
        if (!before.PartOf(subAccount).IsAtRisk) return default;
        return Judge(before, after, subAccount, marks, (was, report) => report.IsNoRiskierThan(was, marks!.Model!.Parameters.Acceptance));
    }

    /// <summary>
    /// An order moves nothing by itself, so that "no riskier" is asked of what it may lead to: all orders of its side in its
    /// instrument filled, this one at its price and with its fee.
    /// </summary>
    /// <param name="after">The account with the order reserved, last in its part.</param>
    public static MarginVerdict JudgeOrder(Account before, Account after, SubAccountId subAccount, MarginMarks? marks)
    {
        if (marks is null) return new MarginVerdict(Rejection.NoPrice, null);
        if (!marks.JudgesNobody && marks.TermsOf(after.PartOf(subAccount).Orders[^1].Instrument) is null)
            return new MarginVerdict(Rejection.UnknownInstrument, null);
        return Judge(before, after, subAccount, marks, (was, _) =>
            Filled(after, after.PartOf(subAccount), marks) is { } filled
            && filled.IsNoRiskierThan(was, marks.Model!.Parameters.Acceptance));
    }

    private static MarginVerdict Judge(
        Account before, Account after, SubAccountId subAccount, MarginMarks? marks, Func<RiskReport, RiskReport, bool> isNoRiskier)
    {
        if (marks is null) return new MarginVerdict(Rejection.NoPrice, null);

        var now = marks.Of(before, before.PartOf(subAccount));
        if (now.Status == MarginStatus.Frozen) return new MarginVerdict(Rejection.AccountFrozen, null);
        var then = marks.Of(after, after.PartOf(subAccount));
        if (then.Status == MarginStatus.Frozen) return new MarginVerdict(Rejection.NoPrice, null);
        var isInCase = before.Case is not null && before.PartOf(subAccount).IsCross;
        var otherwise = isInCase ? Rejection.AccountInLiquidation : Rejection.None;   // only the case trades
        if (then.Report is not { } report) return new MarginVerdict(otherwise, null);
        var isAcceptable = report.MayOpen || (now.Report is { } was && isNoRiskier(was, report));
        return new MarginVerdict(isAcceptable ? otherwise : Rejection.InsufficientMargin, MarginFigures.Of(report));
    }

    /// <summary>Null where an amount would not fit: then it is not known to be harmless.</summary>
    private static RiskReport? Filled(Account account, AccountPart part, MarginMarks marks)
    {
        var order = part.Orders[^1];
        var terms = marks.TermsOf(order.Instrument)!;
        var portfolio = marks.HoldingsOf(account, part).Portfolio;
        foreach (var other in part.Orders)
        {
            if (portfolio is null || other.Instrument != order.Instrument || other.Side != order.Side) continue;
            if (Notional.Of(terms.Multiplier, terms.Settlement, other.Price, other.Remaining) is not { } paid) return null;
            var fee = Notional.Fee(paid, marks.Model!.Parameters.Orders.FeeRate);
            var fill = other.Side == Side.Buy
                ? new Fill(other.Instrument, other.Remaining, paid, fee)
                : new Fill(other.Instrument, -other.Remaining, -paid, fee);
            portfolio.WithFill(terms, fill, out portfolio);
        }

        return portfolio is not null && marks.Evaluate(portfolio) is { IsRefused: false } report ? report.Value : null;
    }

    /// <summary>
    /// A quantity of whole lots that the account may order under these conditions while one lot more is refused; zero where not
    /// even one lot is taken. It is asked and not computed, like <see cref="Withdrawable"/>.
    /// </summary>
    /// <param name="order">With any quantity.</param>
    public static Quantity LargestOrder(Account account, AccountCommand.ReserveOrder order, Quantity lot, Context context)
    {
        var most = long.MaxValue / lot.E8;
        var (allowed, refused) = (0L, 1L);
        while (refused < most && Allows(refused)) (allowed, refused) = (refused, refused > most / 2 ? most : refused * 2);
        while (refused - allowed > 1)
        {
            var middle = allowed + ((refused - allowed) / 2);
            if (Allows(middle)) allowed = middle;
            else refused = middle;
        }

        return new Quantity(allowed * lot.E8);

        bool Allows(long lots) =>
            Account.Decide(account, order with { Quantity = new Quantity(lots * lot.E8) }, context).Events
                is [AccountEvent.OrderReserved, ..];
    }

    /// <summary>
    /// The largest amount that <see cref="Judge"/> lets go, found by halving: it is asked and not computed, so that it agrees
    /// with the decision to the unit.
    /// </summary>
    public static AssetAmount Withdrawable(Account account, AccountPart part, Asset asset, MarginMarks? marks)
    {
        var (allowed, refused) = (0L, Math.Min(Math.Max(part.Balances[asset].Units, 0), Account.MaxAmountUnits));
        if (Allows(refused)) return new AssetAmount(asset, refused);
        while (refused - allowed > 1)
        {
            var middle = allowed + ((refused - allowed) / 2);
            if (Allows(middle)) allowed = middle;
            else refused = middle;
        }

        return new AssetAmount(asset, allowed);

        bool Allows(long units) =>
            Judge(account, account.Without(new AssetAmount(asset, units), part), part.SubAccount, marks).Rejection == Rejection.None;
    }
}
