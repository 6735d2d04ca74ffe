using System.Collections.Immutable;
using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using CrossMargin.Api.Accounts;
using CrossMargin.Api.Bodies;
using CrossMargin.Api.Simulation;
using CrossMargin.Contracts;
using CrossMargin.Grains.Margin;
using CrossMargin.Risk.Books;

namespace CrossMargin.Api.Margin;

[Description("How an account stands, in the reference currency. Without marks, or where something has no price, the figures are absent.")]
public sealed record SummaryAnswer(
    string Account,
    [property: Description("HEALTHY, WARNING, REDUCE_ONLY, MARGIN_CALL, LIQUIDATABLE, BANKRUPT, or FROZEN: something has no price")]
    string Status,
    long Sequence, string Address, string AsOf,
    [property: Description("The frame that the figures are of; 0 without one.")] long Frame)
{
    [Description("Cash, collateral, unrealized profit, options and unsettled funding at the mark, without haircut. Net liquidation value.")]
    public string? Equity { get; init; }

    [Description("After haircuts, and the weight on unrealized profit.")]
    public string? MarginEquity { get; init; }
    public string? InitialMargin { get; init; }

    [Description("The part of the initial margin that open orders ask for.")]
    public string? OpenOrderMargin { get; init; }
    public string? MaintenanceMargin { get; init; }

    [Description("marginEquity − initialMargin, at every sequence.")]
    public string? FreeCollateral { get; init; }

    [Description("maintenanceMargin ÷ marginEquity, rounded up; 1 is liquidation. Absent with a reason.")]
    public string? MaintenanceMarginRatio { get; init; }
    public string? NoRatioReason { get; init; }
    public string? MarginModel { get; init; }
    public int? ParameterVersion { get; init; }

    [Description("What has no price, when there are no figures.")]
    public string? Unpriced { get; init; }

    internal static SummaryAnswer Of(AccountMoment moment, MarginSummary summary)
    {
        var report = summary.Report;
        return new SummaryAnswer(
            moment.State.Id.ToString(), MarginText.Of(summary.Status), moment.State.Version, moment.Last.ToString(),
            moment.AsOf.ToString(), summary.Marks?.Frame.Number ?? 0)
        {
            Equity = report?.Equity.ToString(),
            MarginEquity = report?.MarginEquity.ToString(),
            InitialMargin = report?.InitialMargin.ToString(),
            OpenOrderMargin = report?.OrderMargin.ToString(),
            MaintenanceMargin = report?.MaintenanceMargin.ToString(),
            FreeCollateral = report?.FreeCollateral.ToString(),
            MaintenanceMarginRatio = report?.MaintenanceMarginRatio?.ToString(),
            NoRatioReason = report?.NoRatioReason,
            MarginModel = summary.Portfolio is { } portfolio ? summary.Marks?.ModelOf(portfolio)?.Parameters.Model.Name : null,
            ParameterVersion = summary.Marks?.Frame.Parameters?.Version,
            Unpriced = report is null ? summary.Refusal.ToString() : null,
        };
    }
}

[Description("The requirements by layer: what the initial and the maintenance margin are made of, one level deep.")]
public sealed record MarginAnswer(
    string Account, string Status, MarginView Margin, string Model, int ParameterVersion,
    IReadOnlyList<LayerView> Maintenance, IReadOnlyList<LayerView> Initial, IReadOnlyList<LayerView> MarginEquity,
    long Sequence, string Address, string AsOf, long Frame)
{
    public string? WorstScenario { get; init; }
}

public sealed record LayerView(string Name, string Rule, string Amount)
{
    internal static IReadOnlyList<LayerView> Of(MarginComponent component) =>
        [.. component.Parts.Select(part => new LayerView(part.Name, part.Rule, part.Amount.ToString()))];
}

[Description("The arithmetic of the margin as trees, down to inputs, which have no parts.")]
public sealed record ExplainAnswer(
    string Account, string Status, MarginView Margin, string Model, int ParameterVersion,
    ComponentView Maintenance, ComponentView Initial, ComponentView MarginEquity, IReadOnlyList<PositionRiskView> Positions,
    long Sequence, string Address, string AsOf, long Frame)
{
    public string? WorstScenario { get; init; }
}

public sealed record GreeksAnswer(
    string Account, IReadOnlyList<PositionRiskView> Positions, IReadOnlyList<ExpiryGreeksView> Expiries,
    IReadOnlyList<UnderlyingGreeksView> Underlyings, long Sequence, string Address, string AsOf, long Frame);

public sealed record LiquidationPricesAnswer(
    string Account, IReadOnlyList<LiquidationPriceView> LiquidationPrices, long Sequence, string Address, string AsOf, long Frame);

[Description("The most that a withdrawal asked for now would be granted, to the unit.")]
public sealed record LimitView(string Asset, [property: RegularExpression(AmountText.Pattern)] string Withdrawable);

[Description("An order of `largest` would be taken at this price now, and one of a lot more would not. Zero: not even one lot.")]
public sealed record LargestOrderView(
    int Instrument, [property: Description("`buy` or `sell`")] string Side,
    [property: Description("The mark, at the tick next to it on the worse side."), RegularExpression(AmountText.Pattern)] string Price,
    [property: RegularExpression(AmountText.Pattern)] string Largest);

public sealed record LimitsAnswer(
    string Account, IReadOnlyList<LimitView> Limits,
    [property: Description("Of the instruments that were asked for.")] IReadOnlyList<LargestOrderView> Orders,
    long Sequence, string Address, string AsOf, long Frame);

/// <summary>An explanation of a live account with the symbols and times that a reader wants; a frame has numbers only.</summary>
internal sealed record ExplainedAccount(
    RiskExplanation Explanation, IReadOnlyDictionary<InstrumentId, Contracts.Markets.Listing> Listings,
    ImmutableSortedDictionary<(Underlying Underlying, int Expiry), Instant> Expiries)
{
    public IReadOnlyList<PositionRiskView> Positions => [.. Explanation.Positions.Select(risk =>
        PositionRiskView.Of(Listings.TryGetValue(risk.Instrument, out var listing) ? risk with { Symbol = listing.Symbol } : risk))];

    public IReadOnlyList<ExpiryGreeksView> ByExpiry => [.. Explanation.Expiries.Select(row => ExpiryGreeksView.Of(row, Expiries))];

    public IReadOnlyList<UnderlyingGreeksView> ByUnderlying => [.. Explanation.Underlyings.Select(UnderlyingGreeksView.Of)];

    public IReadOnlyList<LiquidationPriceView> Prices => [.. Explanation.LiquidationPrices.Select(LiquidationPriceView.Of)];

    public static ExplainedAccount Of(
        RiskExplanation explanation, MarginMarks marks, IReadOnlyDictionary<InstrumentId, Contracts.Markets.Listing> listings) => new(
        explanation, listings, Book.ExpiriesOf(marks.Model!.Market, id => marks.TermsOf(id)!));
}

internal static class MarginText
{
    /// <summary>REDUCE_ONLY of ReduceOnly.</summary>
    public static string Of(MarginStatus status) =>
        string.Concat(status.ToString().Select((c, i) => i > 0 && char.IsUpper(c) ? $"_{c}" : $"{char.ToUpperInvariant(c)}"));
}
