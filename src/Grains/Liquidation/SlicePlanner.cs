using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Pools;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Margin;
using CrossMargin.Grains.Trades;
using CrossMargin.Risk.Liquidation;
using CrossMargin.Risk.Parameters;
using CrossMargin.Risk.Portfolios;
using Position = CrossMargin.Grains.Accounts.Position;

namespace CrossMargin.Grains.Liquidation;

/// <summary>The next slice of a case: so much of one position, sized and priced under one frame.</summary>
/// <param name="Quantity">Signed as it trades: closing a long is negative.</param>
/// <param name="Notional">In the reference currency at the mark, rounded up.</param>
/// <param name="WorstMove">How far from the mark a slice may be filled at the most.</param>
public sealed record PlannedSlice(
    Position Of, Quantity Quantity, Money Notional, Price Mark, Price Limit, Price? Bankruptcy, Price WorstMove)
{
    /// <summary>
    /// What a case asks for its position: the bankruptcy price, and no worse for the account than a slice may be filled. How far it is
    /// from the mark on the other side is for whoever takes the position to bear or not; no price is below zero.
    /// </summary>
    public Price OfferPrice => Bankruptcy is not { } bankruptcy ? Mark
        : Quantity < Quantity.Zero ? new Price(Math.Max(Mark.E8 - WorstMove.E8, bankruptcy.E8))
        : new Price(Math.Clamp(bankruptcy.E8, 0, Mark.E8 + WorstMove.E8));

    /// <summary>At which a backstop account takes it over: what it risks with a quota is known beforehand.</summary>
    public Price TransferPrice => new(Math.Clamp(OfferPrice.E8, Mark.E8 - WorstMove.E8, Mark.E8 + WorstMove.E8));
}

/// <summary>
/// Chooses what a case trades next. Nothing here has a formula for the margin: every trade that is considered is put into the
/// account, and the account is margined.
/// </summary>
public sealed class SlicePlanner
{
    private readonly Account account;
    private readonly MarginMarks marks;
    private readonly Portfolio portfolio;
    private readonly RiskReport before;
    private readonly RiskWorkspace workspace = new();
    private readonly Portfolio? bare;          // the positions beside so much cash that none of the margin is for a debt
    private readonly Money bareMaintenance;

    private SlicePlanner(Account account, MarginMarks marks, Portfolio portfolio, RiskReport before)
    {
        this.account = account;
        this.marks = marks;
        this.portfolio = portfolio;
        this.before = before;
        bare = Bare(portfolio, marks);
        bareMaintenance = bare is not null && marks.Evaluate(bare, workspace) is { IsRefused: false } report
            ? report.Value.MaintenanceMargin
            : before.MaintenanceMargin;
    }

    /// <summary>More than any position has lost, and the margin can still be said.</summary>
    private static readonly Money Plenty = new(100_000_000_000_000_000);

    private static Portfolio? Bare(Portfolio whole, MarginMarks marks)
    {
        var cash = whole.Positions.Select(position => position.Cost.Asset).Distinct()
            .Select(asset => new AssetAmount(asset, marks.PriceOf(asset) is { } price
                ? (long)Int128.Min(Notional.UnitsOf(Plenty, asset, price), Account.MaxAmountUnits)
                : 0));
        Portfolio.Of(whole.Version, cash, whole.Positions, [], [], whole.OwnInitialRates, out var bare);
        return whole.IsIsolated ? bare?.AsIsolated() : bare;
    }

    private LiquidationParameters Rules => marks.Model!.Parameters.Liquidation;

    /// <summary>What closing a whole position would do, and what that frees of the maintenance margin.</summary>
    private sealed record Closing(Position Of, Instrument Terms, Price Mark, Price AssetPrice, RiskReport After, Money Freed);

    /// <summary>
    /// The slice that is wanted most, at most of this notional and of this market where one is given; null where there is
    /// nothing that could be traded.
    /// </summary>
    public static PlannedSlice? Next(Account account, MarginMarks marks, in RiskReport report, MarketAmount? granted = null)
    {
        if (marks.HoldingsOf(account).Portfolio is not { } portfolio) return null;
        return new SlicePlanner(account, marks, portfolio, report).Plan(granted);
    }

    /// <summary>
    /// The whole of the position that the next slice would be of, whether less would cure or not: what a backstop account would take
    /// over, and what a round of deleveraging closes.
    /// </summary>
    public static PlannedSlice? Remainder(Account account, MarginMarks marks, in RiskReport report)
    {
        if (marks.HoldingsOf(account).Portfolio is not { } portfolio) return null;
        var planner = new SlicePlanner(account, marks, portfolio, report);
        return planner.Choose() is ({ } chosen, _) ? planner.Price(chosen, -chosen.Of.Quantity) : null;
    }

    private PlannedSlice? Plan(MarketAmount? granted)
    {
        if (Choose() is not ({ } chosen, var share)) return null;
        if (granted is { } market && market.Instrument != chosen.Of.Instrument) return null;

        var cap = granted is { } part && part.Notional < Rules.SliceCap ? part.Notional : Rules.SliceCap;
        var most = Math.Min(ShareOf(chosen, share), Affordable(chosen, cap));
        if (most <= 0) return null;
        var size = OnGrid(chosen, Smallest(chosen, most), most);
        return Price(chosen, new Quantity(chosen.Of.Quantity.E8 < 0 ? size : -size));
    }

    /// <summary>
    /// The next multiple of the lot, or the last within the bounds, so that what remains can be traded too. Where the bounds, or the
    /// position, are smaller than a lot, it is what they are: an engine that refuses it makes the slice fruitless, and the case goes on.
    /// </summary>
    private static long OnGrid(Closing closing, long sizeE8, long mostE8)
    {
        var lot = closing.Terms.Grid?.Lot.E8 ?? 1;
        if (mostE8 < lot) return mostE8;
        var lots = (sizeE8 / lot) + (sizeE8 % lot > 0 ? 1 : 0);
        return Math.Min(lots, mostE8 / lot) * lot;
    }

    /// <summary>A limit that an engine takes, no worse than what the margin allows; that itself, where none lies before the mark.</summary>
    private static Price OnGrid(Closing closing, Price limit, Quantity traded)
    {
        var (tick, mark) = (closing.Terms.Grid?.Tick.E8 ?? 1, closing.Mark.E8);
        var (below, isSale) = (limit.E8 / tick * tick, traded.E8 < 0);
        var nearer = isSale && below < limit.E8 ? below + tick : below;
        return (isSale ? nearer <= mark : nearer >= mark) ? new Price(nearer) : limit;
    }

    /// <summary>Null where the instrument or its settlement asset has no price, or the margin without it cannot be said.</summary>
    private Closing? Close(Position held)
    {
        if (marks.TermsOf(held.Instrument) is not { } terms || marks.SettlementOf(held.Instrument) is not null) return null;
        if (marks.MarkOf(held.Instrument) is not { } mark || marks.PriceOf(terms.Settlement) is not { } assetPrice) return null;
        return After(terms, mark, -held.Quantity) is { } after
            ? new Closing(held, terms, mark, assetPrice, after, Released(terms, mark, -held.Quantity))
            : null;
    }

    /// <summary>
    /// What a trade at the mark releases of the maintenance margin of the positions. Whether it leaves a debt is not asked: all
    /// positions together release all of it, and so share all of the equity.
    /// </summary>
    private Money Released(Instrument terms, Price mark, Quantity traded)
    {
        var magnitude = new Quantity(Math.Abs(traded.E8));
        if (bare is null || Notional.Of(terms.Multiplier, terms.Settlement, mark, magnitude) is not { } paid) return Money.Zero;
        var fill = new Fill(terms.Id, traded, traded.E8 < 0 ? -paid : paid, paid with { Units = 0 });
        if (!bare.WithFill(terms, fill, out var after).IsNone) return Money.Zero;
        var report = marks.Evaluate(after!, workspace);
        return report.IsRefused ? Money.Zero : Positive(bareMaintenance - report.Value.MaintenanceMargin);
    }

    /// <summary>The margin after a trade at the mark with its fees.</summary>
    private RiskReport? After(Instrument terms, Price mark, Quantity traded)
    {
        var magnitude = new Quantity(Math.Abs(traded.E8));
        if (Notional.Of(terms.Multiplier, terms.Settlement, mark, magnitude) is not { } paid) return null;
        var fee = Notional.Fee(paid, marks.Model!.Parameters.Orders.FeeRate + Rules.FeeRate);
        var fill = new Fill(terms.Id, traded, traded.E8 < 0 ? -paid : paid, fee);
        var refusal = portfolio.WithFill(terms, fill, out var after);
        if (!refusal.IsNone) return null;
        var report = marks.Evaluate(after!, workspace);
        return report.IsRefused ? null : report.Value;
    }

    /// <summary>Of the position, by the plan and by the rules, which have a floor for it.</summary>
    private long ShareOf(Closing closing, Rate share)
    {
        var whole = Math.Abs(closing.Of.Quantity.E8);
        var most = PartOf(whole, share);
        if (Rules.SliceShare is not { } rule) return most;
        return Math.Min(most, Math.Max(PartOf(whole, rule.Most), Affordable(closing, rule.AtLeast)));
    }

    private static long PartOf(long e8, Rate share) => (long)Rounding.Ceiling((Int128)e8 * share.E9, Rate.One.E9);

    /// <summary>
    /// Each of the two is an amount; between an equity far below nothing and a large requirement their difference may be none.
    /// </summary>
    private static Money ShortfallOf(in RiskReport report) =>
        new((long)Int128.Min(long.MaxValue, (Int128)report.LiquidationEnd.Micros - report.MarginEquity.Micros));

    /// <summary>
    /// The first in the order of the policy; where nothing brings more than it costs, what frees the most maintenance margin. In
    /// proportion the largest comes first and closes its share; the next plan takes what is the largest then.
    /// </summary>
    private (Closing? Of, Rate Share) Choose()
    {
        var closings = account.Positions.All.Select(Close).OfType<Closing>().ToList();
        var shortfall = ShortfallOf(before);
        var candidates = closings.Select((closing, number) => new SliceCandidate(
            number, [new SliceLeg(closing.Of.Instrument, -closing.Of.Quantity)],
            Released: before.LiquidationEnd - closing.After.LiquidationEnd, Cost: ExpectedCost(closing),
            NotionalOf(closing, closing.Of.Quantity), closing.Freed,
            Depth: marks.DepthOf(closing.Terms.Underlying)));
        var slices = SlicePlan.Choose(Rules.Policy, Rules.SliceCap, [.. candidates], shortfall);
        if (slices.Length > 0 && Rules.Policy == SlicePolicy.ProRata)
        {
            var largest = slices.MaxBy(slice => NotionalOf(closings[slice.Candidate], closings[slice.Candidate].Of.Quantity))!;
            return (closings[largest.Candidate], largest.Fraction);
        }

        if (slices.Length > 0) return (closings[slices[0].Candidate], Rate.One);
        var first = closings.OrderBy(closing => closing.After.MaintenanceMargin).ThenBy(closing => closing.Of.Instrument)
            .ThenBy(closing => closing.Of.SubAccount).FirstOrDefault();
        return (first, Rate.One);
    }

    /// <summary>Fees, what a haircut on gains takes, and half the way to the price limit.</summary>
    private Money ExpectedCost(Closing closing) =>
        before.MarginEquity - closing.After.MarginEquity
            + new Money(Distance(closing, closing.Of.Quantity, closing.Freed).Micros / 2);

    /// <summary>
    /// The smallest quantity after which the liquidation ends, if it is filled at the mark; all there is, if none is enough.
    /// </summary>
    private long Smallest(Closing closing, long mostE8)
    {
        var sign = closing.Of.Quantity.E8 < 0 ? 1 : -1;
        if (!Cures(mostE8)) return mostE8;
        var (enough, tooLittle) = (mostE8, 0L);
        while (enough - tooLittle > 1)
        {
            var middle = tooLittle + ((enough - tooLittle) / 2);
            if (Cures(middle)) enough = middle;
            else tooLittle = middle;
        }

        return enough;

        bool Cures(long e8) => After(closing.Terms, closing.Mark, new Quantity(sign * e8)) is { EndsLiquidation: true };
    }

    /// <summary>The most contracts whose notional is within the cap, rounded down.</summary>
    private static long Affordable(Closing closing, Money cap)
    {
        var (low, high) = (0L, Math.Abs(closing.Of.Quantity.E8));
        if (NotionalOf(closing, new Quantity(high)) <= cap) return high;
        while (high - low > 1)
        {
            var middle = low + ((high - low) / 2);
            if (NotionalOf(closing, new Quantity(middle)) <= cap) low = middle;
            else high = middle;
        }

        return low;
    }

    /// <summary>What is worth nothing at the mark is sold, or bought back, for a tick: there is no lower price to trade at.</summary>
    private PlannedSlice? Price(Closing closing, Quantity traded)
    {
        var released = traded == -closing.Of.Quantity ? closing.Freed : Released(closing.Terms, closing.Mark, traded);
        var distance = InSettlement(Distance(closing, traded, released), closing.AssetPrice);
        var limit = closing.Mark.E8 == 0
            ? new Price(closing.Terms.Grid?.Tick.E8 ?? 1)
            : LiquidationPrices.FillablePrice(closing.Mark, distance, traded, closing.Terms.Multiplier);
        if (limit.IsRefused) return null;
        var notional = NotionalOf(closing, traded);
        var worst = Rounding.Floor((Int128)closing.Mark.E8 * Rules.WorstPriceMove.E9, Rate.One.E9);
        return new PlannedSlice(
            closing.Of, traded, notional, closing.Mark, OnGrid(closing, limit.Value, traded),
            BankruptcyPrice(closing, traded, notional, released), new Price((long)worst));
    }

    private Money Distance(Closing closing, Quantity traded, Money released) => Rules.FallingLimit is { } falling
        ? LiquidationPrices.AuctionDistance(falling, NotionalOf(closing, traded), account.Case?.Fruitless ?? 0)
        : LiquidationPrices.FillableDistance(
            Rules, NotionalOf(closing, traded), released, before.MarginEquity, before.MaintenanceMargin);

    private Price? BankruptcyPrice(Closing closing, Quantity traded, Money notional, Money released)
    {
        var quote = LiquidationPrices.BankruptcyQuote(
            traded.E8 < 0 ? -notional : notional, before.Equity, bareMaintenance, released);
        if (quote.IsRefused) return null;
        var price = LiquidationPrices.BankruptcyPrice(
            InSettlement(quote.Value, closing.AssetPrice), traded, closing.Terms.Multiplier);
        return price.IsRefused ? null : price.Value;
    }

    private static Money NotionalOf(Closing closing, Quantity traded)
    {
        // A contract's value at 1e-16, to the reference currency in micros.
        var contractsE16 = (Int128)Math.Abs(traded.E8) * closing.Terms.Multiplier.E8;
        var valueE16 = Rounding.Ceiling(contractsE16 * closing.Mark.E8, 100_000_000);
        var micros = Rounding.Ceiling(Rounding.Ceiling(valueE16, 100_000_000) * closing.AssetPrice.E8, 10_000_000_000);
        return micros > long.MaxValue ? new Money(long.MaxValue) : new Money((long)micros);
    }

    private static Money InSettlement(Money money, Price assetPrice) =>
        new((long)Rounding.Floor((Int128)money.Micros * 100_000_000, assetPrice.E8));

    private static Money Positive(Money money) => money.IsNegative ? Money.Zero : money;
}
