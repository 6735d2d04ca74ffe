using System.Collections.Immutable;
using System.Text;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Grains.Accounts;
using CrossMargin.Risk;
using CrossMargin.Risk.Markets;
using CrossMargin.Risk.Models;
using CrossMargin.Risk.Parameters;
using CrossMargin.Risk.Portfolios;
using RiskPosition = CrossMargin.Risk.Portfolios.Position;

namespace CrossMargin.Grains.Margin;

/// <summary>
/// A mark frame as decisions see it: priced once, then asked for every account, in a turn, in a sweep, in a what-if and for
/// a reader. A frame that cannot be priced opens all the same, and says for every account why it has no value.
/// </summary>
public sealed partial class MarginMarks
{
    private readonly PricedModel? isolatedModel;
    private readonly Refusal isolatedUnusable;

    private MarginMarks(MarkFrame frame, PricedModel? model, Refusal unusable)
    {
        Frame = frame;
        Model = model;
        Unusable = unusable;
        (isolatedModel, isolatedUnusable) = (model, unusable);
        if (model?.Parameters.IsolatedModel is { } own)
            isolatedUnusable = PricedModel.Resolve(model.Parameters with { Model = own }, model.Market, out isolatedModel);
    }

    public MarkFrame Frame { get; }

    /// <summary>Of cross pools, and of isolated sub-accounts where the rules say nothing else. Null where the frame is unusable.</summary>
    public PricedModel? Model { get; }

    /// <summary>What these holdings are margined by, or null.</summary>
    public PricedModel? ModelOf(Portfolio portfolio) => portfolio.IsIsolated ? isolatedModel : Model;

    /// <summary>Why nobody can be valued under this frame, or none.</summary>
    public Refusal Unusable { get; }

    public static MarginMarks Open(MarkFrame frame) => Open(frame, before: null);

    /// <summary>Rules that an earlier frame had too are not read again.</summary>
    internal static MarginMarks Open(MarkFrame frame, MarginMarks? before)
    {
        if (frame.Parameters is not { } rules) return Unopened(frame, new Refusal(Fault.Missing, "parameters"));
        var set = before?.Frame.Parameters == rules ? before.Model?.Parameters : null;
        if (set is null)
        {
            var errors = ParameterDocument.Read(Encoding.UTF8.GetBytes(rules.Document.Json), out set);
            if (set is null) return Unopened(frame, new Refusal(Fault.OutOfRange, $"parameters{errors[0].Pointer}"));
        }

        var refusal = MarketView.Resolve(frame.Listed, frame, out var market);
        if (!refusal.IsNone) return Unopened(frame, refusal);
        refusal = PricedModel.Resolve(set with { Version = rules.Version }, market!, out var model);
        return new MarginMarks(frame, model, refusal);
    }

    private static MarginMarks Unopened(MarkFrame frame, Refusal refusal) => new(frame, model: null, refusal);

    /// <summary>The terms of a listed instrument, or null.</summary>
    public Instrument? TermsOf(InstrumentId instrument)
    {
        var at = IndexOf(Frame.Listed, instrument, static listed => listed.Id);
        return at >= 0 ? Frame.Listed[at] : null;
    }

    /// <summary>Where the funding of a perpetual stands in this frame; null for what has none.</summary>
    public FundingPoint? FundingOf(InstrumentId instrument)
    {
        var at = IndexOf(Frame.Funding, instrument, static mark => mark.Instrument);
        return at >= 0 ? Frame.Funding[at].Point : null;
    }

    /// <summary>The last day that a future's books were closed on, or null.</summary>
    public DayMark? DayOf(InstrumentId instrument)
    {
        var at = IndexOf(Frame.Days, instrument, static mark => mark.Instrument);
        return at >= 0 ? Frame.Days[at] : null;
    }

    /// <summary>What an expired instrument settled at, or null.</summary>
    public Price? SettlementOf(InstrumentId instrument)
    {
        var at = IndexOf(Frame.Settlements, instrument, static mark => mark.Instrument);
        return at >= 0 ? Frame.Settlements[at].Price : null;
    }

    /// <summary>The mark of an instrument, or null.</summary>
    public Price? MarkOf(InstrumentId instrument)
    {
        var at = IndexOf(Frame.Instruments, instrument, static mark => mark.Instrument);
        return at >= 0 ? Frame.Instruments[at].Mark : null;
    }

    /// <summary>What an asset is worth in the reference currency, or null.</summary>
    public Price? PriceOf(Asset asset) =>
        Model is { } model && model.Market.AssetOf(asset) is { IsRefused: false } known ? model.Market.Assets[known.Value].Price : null;

    /// <summary>
    /// Whether a bid is above mark + band × index, or an offer below mark − band × index. To the other side any price goes: an
    /// order that nobody takes harms nobody. What has no mark has no band, and no margin either.
    /// </summary>
    internal bool IsOutsideBand(InstrumentId instrument, Side side, Price price)
    {
        if (Model?.Parameters.Orders.PriceBand is not { } band || TermsOf(instrument) is not { } terms) return false;
        var mark = Frame.Instruments.FirstOrDefault(mark => mark.Instrument == instrument);
        var underlying = Frame.Underlyings.FirstOrDefault(mark => mark.Underlying == terms.Underlying);
        if (mark is null || underlying is null) return false;
        var beyond = side == Side.Buy ? (Int128)price.E8 - mark.Mark.E8 : (Int128)mark.Mark.E8 - price.E8;
        return beyond * Rate.One.E9 > (Int128)underlying.Index.E8 * band.E9;
    }

    /// <summary>
    /// Whether the account would hold more than the rules allow with this order and all others of its side in its instrument filled, in
    /// all of its sub-accounts together. What makes a position smaller never is.
    /// </summary>
    internal bool IsBeyondPositionLimit(Account account, AccountCommand.ReserveOrder order)
    {
        if (TermsOf(order.Instrument) is not { } terms) return false;
        if (Model?.Parameters.Orders.PositionLimitOf(terms.Underlying) is not { } limit) return false;
        var sign = order.Side == Side.Buy ? 1 : -1;
        Int128 contracts = order.Quantity.E8;
        foreach (var held in account.AllPositions)
            if (held.Instrument == order.Instrument) contracts += sign * (Int128)held.Quantity.E8;
        foreach (var other in account.AllOrders)
            if (other.Instrument == order.Instrument && other.Side == order.Side) contracts += other.Remaining.E8;
        return contracts * terms.Multiplier.E8 > (Int128)limit.E8 * OneE8;
    }

    /// <summary>Of the frame's time, counted from 1970.</summary>
    internal long Hour => Frame.At.Micros / Instant.MicrosPerHour;

    /// <summary>What a loan of the asset costs a year, or null where it costs nothing.</summary>
    internal Rate? InterestOn(Asset asset) => Model?.Parameters.Collateral.GetValueOrDefault(asset)?.Borrow?.Interest;

    /// <summary>How far below zero a balance may be taken by what an owner does; nowhere without leave to borrow.</summary>
    internal AssetAmount BorrowLimitOf(Asset asset) =>
        Model?.Parameters.Collateral.GetValueOrDefault(asset)?.Borrow?.Limit ?? new AssetAmount(asset, 0);

    /// <summary>How the cross pool stands.</summary>
    public AccountMargin Of(Account account) => Of(account, account.Cross);

    /// <summary>
    /// How a part of an account stands. One with nothing at risk is healthy whatever the marks: nobody has to price it to
    /// know.
    /// </summary>
    public AccountMargin Of(Account account, AccountPart part) =>
        part.IsAtRisk ? Of(account, HoldingsOf(account, part), new RiskWorkspace()) : AccountMargin.NothingAtRisk;

    internal AccountMargin Of(Account account, in Holdings holdings, RiskWorkspace workspace)
    {
        if (holdings.Refusal is { IsNone: false } refusal) return AccountMargin.Unpriced(refusal);
        var portfolio = holdings.Portfolio!;
        Invariant.Same("A17", portfolio.Version, account.Version);
        var report = Evaluate(portfolio, workspace);
        if (report.IsRefused) return AccountMargin.Unpriced(report.Refusal);

        // What was left out could only have helped: an account that stands well without it does.
        var status = StatusOf(report.Value);
        return status > MarginStatus.Warning && holdings.LeftOut is { } asset
            ? AccountMargin.Unpriced(new Refusal(Fault.Missing, $"assets[{asset}].price"))
            : new AccountMargin(status, report.Value, Refusal.None);
    }

    /// <summary>The margin of a portfolio under this frame: the same code in a turn, a sweep and a what-if.</summary>
    public Refusable<RiskReport> Evaluate(Portfolio portfolio) => Evaluate(portfolio, new RiskWorkspace());

    internal Refusable<RiskReport> Evaluate(Portfolio portfolio, RiskWorkspace workspace) =>
        ModelOf(portfolio)?.Evaluate(portfolio, workspace) ?? UnusableFor(portfolio);

    private Refusal UnusableFor(Portfolio portfolio) => portfolio.IsIsolated ? isolatedUnusable : Unusable;

    /// <summary>Down to its inputs. Costs a few hundred evaluations: for readers, not for decisions.</summary>
    public Refusal Explain(Portfolio portfolio, out RiskExplanation? explanation)
    {
        explanation = null;
        return ModelOf(portfolio)?.Explain(portfolio, out explanation) ?? UnusableFor(portfolio);
    }

    public MarginStatus StatusOf(in RiskReport report)
    {
        if (report.IsBankrupt) return MarginStatus.Bankrupt;
        if (report.IsLiquidatable) return MarginStatus.Liquidatable;
        if (report.MarginEquity < report.InitialHard) return MarginStatus.MarginCall;
        if (!report.MayOpen) return MarginStatus.ReduceOnly;
        return Model!.Parameters.WarnBelow is { } share && report.MarginEquity < report.InitialMargin.TimesCeiling(share)
            ? MarginStatus.Warning
            : MarginStatus.Healthy;
    }

    /// <summary>Of the cross pool.</summary>
    public Holdings HoldingsOf(Account account) => HoldingsOf(account, account.Cross);

    /// <summary>
    /// What the risk of a part of an account depends on. The sub-accounts of the cross pool are merged: all of them share it.
    /// Funding between a position's point and the frame's counts as it will be booked. An asset without a price is left out.
    /// </summary>
    public Holdings HoldingsOf(Account account, AccountPart part)
    {
        if (Model is null) return new Holdings(null, Unusable, LeftOut: null);

        Asset? leftOut = null;
        var balances = new List<AssetAmount>(part.Balances.Amounts.Length);
        foreach (var held in part.Balances.Amounts)
        {
            var balance = part.IsCross ? Counted(held, account.PendingOf(held.Asset)) : held;
            if (balance.IsNegative || !Model.Market.AssetOf(balance.Asset).IsRefused) balances.Add(balance);
            else if (balance.IsPositive && Model.Parameters.Collateral.ContainsKey(balance.Asset)) leftOut = balance.Asset;
        }

        var refusal = Portfolio.Of(
            account.Version, balances, part.Positions.All.Select(held => new RiskPosition(held.Instrument, held.Quantity, held.Cost)),
            UnsettledFunding(part), part.Orders.Select(OpenOrderOf), NoOwnRates, out var portfolio);
        return new Holdings(part.IsCross ? portfolio : portfolio?.AsIsolated(), refusal, leftOut);
    }

    private const long OneE8 = 100_000_000;

    private static readonly ImmutableSortedDictionary<Underlying, Rate> NoOwnRates = ImmutableSortedDictionary<Underlying, Rate>.Empty;

    /// <summary>
    /// Deposits that are not final count by their weight, in full where the rules say none. Leaving them out makes no debt.
    /// </summary>
    private AssetAmount Counted(AssetAmount balance, Int128 pending)
    {
        if (pending == 0 || balance.IsNegative) return balance;
        var weight = Model!.Parameters.Collateral.GetValueOrDefault(balance.Asset)?.Pending ?? Rate.One;
        var uncounted = Rounding.Ceiling(pending * (Rate.One.E9 - weight.E9), Rate.One.E9);
        return balance with { Units = (long)Int128.Max(0, balance.Units - uncounted) };
    }

    private IEnumerable<AssetAmount> UnsettledFunding(AccountPart part)
    {
        foreach (var held in part.Positions.All)
        {
            if (FundingOf(held.Instrument) is not { } point || point.Period <= held.Funding.Period) continue;
            var (owed, _) = PositionMath.Funding(PositionMath.OwedE20(held.Quantity, held.Funding, point), held.Cost.Asset);
            if (PositionMath.Fits(owed)) yield return new AssetAmount(held.Cost.Asset, -(long)owed);
        }
    }

    private static OpenOrder OpenOrderOf(OrderReservation order) => new(
        order.Instrument, order.Side == Contracts.Accounts.Side.Buy ? OrderSide.Buy : OrderSide.Sell, order.Remaining, order.Price);

    /// <summary>The place of an instrument in a list that is in order of instruments, or less than zero.</summary>
    private static int IndexOf<T>(ImmutableArray<T> items, InstrumentId instrument, Func<T, InstrumentId> idOf)
    {
        var (low, high) = (0, items.Length - 1);
        while (low <= high)
        {
            var middle = (low + high) / 2;
            var order = idOf(items[middle]).CompareTo(instrument);
            if (order == 0) return middle;
            if (order < 0) low = middle + 1;
            else high = middle - 1;
        }

        return -1;
    }
}

/// <summary>What an account has at risk under a frame, or why that cannot be said.</summary>
/// <param name="LeftOut">Collateral that has no price in the frame and is not in the portfolio.</param>
public readonly record struct Holdings(Portfolio? Portfolio, Refusal Refusal, Asset? LeftOut);

/// <summary>How an account stands under a frame: with the report that says so, or with what has no price.</summary>
public readonly record struct AccountMargin(MarginStatus Status, RiskReport? Report, Refusal Refusal)
{
    public static readonly AccountMargin NothingAtRisk = new(MarginStatus.Healthy, null, Refusal.None);

    public static AccountMargin Unpriced(Refusal refusal) => new(MarginStatus.Frozen, null, refusal);

    public MarginFigures? Figures => Report is { } report ? MarginFigures.Of(report) : null;
}
