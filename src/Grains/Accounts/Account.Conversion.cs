using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Links;
using CrossMargin.Contracts.Trades;
using CrossMargin.Grains.Liquidation;
using CrossMargin.Grains.Margin;
using CrossMargin.Runtime.Grains;

namespace CrossMargin.Grains.Accounts;

/// <summary>
/// Conversion: a case whose account owes one asset beside another has the one exchanged for the other before it trades any position.
/// </summary>
public sealed partial record Account
{
    /// <summary>
    /// Both sides of an exchange, and of one that is busted: then the counterparty gives back. A fact, like a fill; what does not fit is
    /// parked.
    /// </summary>
    /// <param name="giver">Who parts with the first amount, and gets the second.</param>
    private static Decision<AccountEvent> Exchange(Account account, TradeId trade, AccountId giver, AssetAmount given, AssetAmount taken)
    {
        if (account.Absence is var absent and not Rejection.None) return absent;
        var (sold, bought) = giver == account.Id ? (given, taken) : (taken, given);
        var soldUnits = (Int128)account.Balances[sold.Asset].Units - sold.Units;
        var boughtUnits = (Int128)account.Balances[bought.Asset].Units + bought.Units;
        if (!account.HasRoomFor(SubAccountId.Main, sold.Asset, soldUnits)) return Rejection.BalanceLimit;
        if (!account.HasRoomFor(SubAccountId.Main, bought.Asset, boughtUnits)) return Rejection.BalanceLimit;
        return new AccountEvent.Converted(
            trade, sold, account.Balances[sold.Asset] - sold, bought, account.Balances[bought.Asset] + bought);
    }

    /// <summary>What the input said of the conversion that is under way, after everything else that it did.</summary>
    private static Decision<AccountEvent> HeardOfConversion(Account account, object input, Decision<AccountEvent> decision)
    {
        if (account.Case?.Conversion is not { } conversion || decision.Refused != Rejection.None) return decision;
        var (order, remaining) = (conversion.Order.Order, conversion.Remaining);
        return input switch
        {
            TradeEvent.Converted trade when trade.Order == order && trade.Account == account.Id && trade.Sold.Asset == remaining.Asset =>
                decision with { Events = decision.Events.AddRange(FilledBy(trade.Sold)) },
            TradeEvent.OrderEnded ended when ended.Order == order => With(EndOf(account, conversion, SliceEnding.Ended)),
            LinkEvent.OrderRejected rejected when rejected.Order == order => With(EndOf(account, conversion, SliceEnding.Rejected)),
            _ => decision,
        };

        Decision<AccountEvent> With(AccountEvent ended) => decision with { Events = decision.Events.Add(ended) };

        IEnumerable<AccountEvent> FilledBy(AssetAmount traded)
        {
            var sold = traded < remaining ? traded : remaining;
            var left = remaining - sold;
            yield return new AccountEvent.ConversionFilled(order, sold, left);
            if (left.Units == 0) yield return EndOf(account, conversion with { Remaining = left }, SliceEnding.Filled);
        }
    }

    private static AccountEvent.ConversionEnded EndOf(Account account, ConversionUnderWay conversion, SliceEnding ending) =>
        new(account.Id, conversion.Order.Order, conversion.Remaining, ending);

    private static AccountEvent.ConversionCalledBack CallBack(
        Account account, ConversionUnderWay conversion, CallBackReason reason, Instant now) =>
        new(account.Id, conversion.Order.Order, reason, now.PlusMicros(1_000L * conversion.Order.PatienceMs));

    /// <summary>What the deadline of a conversion brings; null before it.</summary>
    private static AccountEvent? AtDeadline(Account account, ConversionUnderWay conversion, Instant now)
    {
        if (conversion.Deadline > now) return null;
        return conversion.CalledBack is null
            ? CallBack(account, conversion, CallBackReason.Overdue, now)
            : EndOf(account, conversion, SliceEnding.GivenUp);
    }

    /// <summary>
    /// The next conversion of a case that has nothing under way; null where there is none to begin. What nobody can buy goes to the fund
    /// for nothing, so that it does not keep the case open.
    /// </summary>
    private static AccountEvent? BeginConversion(
        Account account, LiquidationCase open, in AccountMargin margin, MarginMarks marks, Instant now)
    {
        if (margin.Report is not { } report || marks.Model?.Parameters.Liquidation is not { Conversion: { } rules } all) return null;
        if (marks.IsDoubtful(account)) return null;
        if (ConversionPlanner.Worthless(account, marks, report) is { } dust) return Surrendered(account, open, dust);
        if (open.FruitlessConversions >= rules.AfterOrders) return null;
        if (ConversionPlanner.Next(account, marks, report) is not { } plan) return null;
        var order = new ConversionOrder(
            OrderIdOf(account), plan.Sell, plan.AtMark, plan.AtLeast, now.PlusMicros(1_000L * all.SlicePatienceMs), all.SlicePatienceMs);
        return new AccountEvent.ConversionOrdered(account.Id, open.Id, order, margin.Figures!);
    }

    /// <summary>Nobody buys the collateral and no position is left: the fund pays the debt as far as the collateral does.</summary>
    private static Decision<AccountEvent> Surrender(
        Account account, LiquidationCase open, AssetAmount granted, MarginMarks marks, in RiskReport report) =>
        ConversionPlanner.Surrender(account, marks, report, granted) is { } plan ? Surrendered(account, open, plan) : Nothing;

    private static AccountEvent.CollateralSurrendered Surrendered(Account account, LiquidationCase open, in PlannedConversion plan)
    {
        var (collateral, drawn) = (plan.Sell, plan.IsWorthless ? plan.AtMark : plan.AtLeast);
        return new AccountEvent.CollateralSurrendered(
            open.Id, collateral, account.Balances[collateral.Asset] - collateral, account.FundShareOf(collateral.Asset).PaidIn + collateral,
            drawn, account.Balances[drawn.Asset] + drawn, account.FundShareOf(drawn.Asset).Drawn + drawn);
    }

    // ---- the fold -----------------------------------------------------------------------------------------------------------

    private Account WithConversion(AccountEvent.ConversionOrdered e)
    {
        var open = CaseOf(e.Case);
        Invariant.Holds("L17", open.IsIdle, "one conversion is under way at a time, and no slice beside it");
        Invariant.Holds(
            "L17", e.Conversion.Sell.IsPositive && e.Conversion.Sell <= Balances[e.Conversion.Sell.Asset]
                && Balances[e.Conversion.AtLeast.Asset].IsNegative, "what is owned is sold for what is owed");
        var conversion = new ConversionUnderWay(e.Conversion, e.Conversion.Sell, e.Conversion.Deadline);
        return this with { Case = open with { Conversion = conversion } };
    }

    private Account WithConverted(AccountEvent.Converted e) => this with
    {
        Cross = Promised(Promised(Cross.Subtract(e.Sold).Add(e.Bought), e.SoldAfter), e.BoughtAfter),
    };

    private Account WithConversionFilled(AccountEvent.ConversionFilled e)
    {
        var conversion = ConversionOf(e.Order);
        Invariant.Same("L17", e.Remaining, conversion.Remaining - e.Sold);
        return this with { Case = Case! with { Conversion = conversion with { Remaining = e.Remaining } } };
    }

    private Account WithConversionCalledBack(AccountEvent.ConversionCalledBack e) => this with
    {
        Case = Case! with { Conversion = ConversionOf(e.Order) with { CalledBack = e.Reason, Deadline = e.Deadline } },
    };

    private Account WithConversionEnded(AccountEvent.ConversionEnded e)
    {
        var conversion = ConversionOf(e.Order);
        Invariant.Same("L17", e.Unfilled, conversion.Remaining);
        var isFruitless = conversion.CalledBack != CallBackReason.Cured && e.Unfilled == conversion.Order.Sell;
        var fruitless = isFruitless ? Case!.FruitlessConversions + 1 : 0;
        return this with { Case = Case! with { Conversion = null, FruitlessConversions = fruitless } };
    }

    private Account WithSurrendered(AccountEvent.CollateralSurrendered e)
    {
        Invariant.Holds("L18", CaseOf(e.Case).IsIdle, "nothing is surrendered while something is under way");
        Invariant.Holds(
            "L18", e.Collateral.IsPositive && !e.CollateralAfter.IsNegative && !e.Drawn.IsNegative && e.BalanceAfter.Units <= 0,
            "what is surrendered was owned and pays a debt");
        var (given, taken) = (FundShareOf(e.Collateral.Asset), FundShareOf(e.Drawn.Asset));
        Invariant.Same("L18", e.PaidInAfter, given.PaidIn + e.Collateral);
        Invariant.Same("L18", e.DrawnAfter, taken.Drawn + e.Drawn);
        return (this with
        {
            Cross = Promised(Promised(Cross.Subtract(e.Collateral).Add(e.Drawn), e.CollateralAfter), e.BalanceAfter),
        }).WithShare(given with { PaidIn = e.PaidInAfter }).WithShare(taken with { Drawn = e.DrawnAfter });
    }

    private ConversionUnderWay ConversionOf(OrderId order) => Case?.Conversion is { } conversion && conversion.Order.Order == order
        ? conversion
        : throw new InvariantViolation("L17", $"conversion {order} is not under way");
}
