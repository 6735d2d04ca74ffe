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
        if (before.Lock is { Amount: var locked } && before.PartOf(subAccount).IsCross
            && after.Balances[locked.Asset] < locked && after.Balances[locked.Asset] < before.Balances[locked.Asset])
            return new MarginVerdict(Rejection.GainsLocked, null);

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
        if (marks.TermsOf(after.PartOf(subAccount).Orders[^1].Instrument) is null)
            return new MarginVerdict(Rejection.UnknownInstrument, null);
        var filled = Filled(after, after.PartOf(subAccount), marks);
        var verdict = Judge(before, after, subAccount, marks, (was, _) =>
            filled is not null && marks.Evaluate(filled) is { IsRefused: false } report
            && report.Value.IsNoRiskierThan(was, marks.Model!.Parameters.Acceptance));
        return verdict.Rejection == Rejection.None && filled is not null
            && Borrows(before.PartOf(subAccount), marks.HoldingsOf(after, after.PartOf(subAccount)).Portfolio!, filled, marks)
            ? new MarginVerdict(Rejection.BorrowLimit, null)
            : verdict;
    }

    /// <summary>
    /// Whether an order, with all others of its side in its instrument, takes a balance below its borrow limit. Facts may, and
    /// then whoever is beyond it may do what borrows no more.
    /// </summary>
    /// <remarks>Of the balance as it is: what counts less in margin is owned, and spending it borrows nothing.</remarks>
    private static bool Borrows(AccountPart before, Portfolio unfilled, Portfolio filled, MarginMarks marks)
    {
        foreach (var balance in filled.Balances)
        {
            var spent = (Int128)UnitsOf(unfilled, balance.Asset) - balance.Units;
            if (spent > 0 && spent - before.Balances[balance.Asset].Units > marks.BorrowLimitOf(balance.Asset).Units) return true;
        }

        return false;
    }

    private static long UnitsOf(Portfolio portfolio, Asset asset)
    {
        foreach (var balance in portfolio.Balances)
            if (balance.Asset == asset) return balance.Units;
        return 0;
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
    private static Portfolio? Filled(Account account, AccountPart part, MarginMarks marks)
    {
        var order = part.Orders[^1];
        if (marks.TermsOf(order.Instrument) is not { } terms) return null;
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

        return portfolio;
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
        var (allowed, refused) = (0L, Math.Min(Math.Max(account.FreeOf(part, asset).Units, 0), Account.MaxAmountUnits));
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
