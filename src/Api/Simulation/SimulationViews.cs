using System.Collections.Immutable;
using System.ComponentModel;
using CrossMargin.Contracts;
using CrossMargin.Risk.Books;

namespace CrossMargin.Api.Simulation;

[Description("Amounts are in the reference currency. Initial ≥ liquidation end ≥ maintenance.")]
public sealed record MarginView(
    string Equity, string MarginEquity, string InitialMargin, string LiquidationEndMargin, string MaintenanceMargin,
    [property: Description("The part of the initial margin that open orders ask for.")] string OrderMargin,
    [property: Description("The part that soft penalties ask for; no liquidation can come of it.")] string SoftPenalties,
    string FreeCollateral, bool IsLiquidatable)
{
    [Description("Maintenance over margin equity, rounded up; 1 is liquidation. Absent with a reason.")]
    public string? MaintenanceMarginRatio { get; init; }
    public string? NoRatioReason { get; init; }

    internal static MarginView Of(RiskReport report) => new(
        report.Equity.ToString(), report.MarginEquity.ToString(), report.InitialMargin.ToString(), report.LiquidationEnd.ToString(),
        report.MaintenanceMargin.ToString(), report.OrderMargin.ToString(), report.SoftPenalties.ToString(),
        report.FreeCollateral.ToString(), report.IsLiquidatable)
    {
        MaintenanceMarginRatio = report.MaintenanceMarginRatio?.ToString(),
        NoRatioReason = report.NoRatioReason,
    };
}

[Description("One number and the parts that its rule joins, down to inputs, which have none.")]
public sealed record ComponentView(string Name, string Rule, string Amount, IReadOnlyList<ComponentView> Parts)
{
    internal static ComponentView Of(MarginComponent component) =>
        new(component.Name, component.Rule, component.Amount.ToString(), [.. component.Parts.Select(Of)]);
}

[Description("Delta, and its change for a 1 % move, in units of the underlying; vega a point and theta a day in the reference currency.")]
public sealed record GreeksView(string Delta, string GammaOnePercent, string VegaOnePoint, string ThetaOneDay)
{
    internal static GreeksView Of(Greeks greeks) => new(
        greeks.Delta.ToString(), greeks.GammaOnePercent.ToString(), greeks.VegaOnePoint.ToString(), greeks.ThetaOneDay.ToString());
}

public sealed record PositionRiskView(
    string Instrument, string Quantity, GreeksView Greeks,
    [property: Description("What the requirement would be less without it; negative for a hedge.")] string MaintenanceContribution,
    string InitialContribution)
{
    internal static PositionRiskView Of(PositionRisk risk) => new(
        risk.Symbol, risk.Quantity.ToString(), GreeksView.Of(risk.Greeks), risk.MaintenanceContribution.ToString(),
        risk.InitialContribution.ToString());
}

[Description("Without a time: everything of the underlying that does not expire.")]
public sealed record ExpiryGreeksView(string Underlying, GreeksView Greeks)
{
    public string? ExpiryAt { get; init; }

    internal static ExpiryGreeksView Of(ExpiryGreeks row, ImmutableSortedDictionary<(Underlying, int), Instant> expiries) => new(
        row.Underlying.ToString(), GreeksView.Of(row.Greeks))
    {
        ExpiryAt = row.Expiry is { } expiry ? expiries[(row.Underlying, expiry)].ToString() : null,
    };
}

public sealed record UnderlyingGreeksView(string Underlying, GreeksView Greeks)
{
    internal static UnderlyingGreeksView Of(UnderlyingGreeks row) => new(row.Underlying.ToString(), GreeksView.Of(row.Greeks));
}

[Description("Where the index would have to go, all else as it is, for a liquidation to begin. Absent with a reason.")]
public sealed record LiquidationPriceView(string Underlying, [property: Description("`up` or `down`.")] string Direction)
{
    public string? Index { get; init; }
    public string? Reason { get; init; }
    [Description("As a fraction of the index.")]
    public string? Distance { get; init; }
    [Description("In standard deviations of one day.")]
    public string? StandardDeviations { get; init; }

    internal static LiquidationPriceView Of(LiquidationPrice price) =>
        new(price.Underlying.ToString(), price.Direction == PriceDirection.Up ? "up" : "down")
        {
            Index = price.Index?.ToString(),
            Reason = price.Reason,
            Distance = price.Distance?.ToString(),
            StandardDeviations = price.StandardDeviations?.ToString(),
        };
}

public sealed record ModelComparisonView(
    string ParameterSet, string Model, string InitialMargin, string MaintenanceMargin,
    [property: Description("Initial margin of the book's own parameter set less this one's.")] string Saved)
{
    internal static ModelComparisonView Of(ModelComparison row) => new(
        row.ParameterSet, row.Model, row.InitialMargin.ToString(), row.MaintenanceMargin.ToString(), row.Saved.ToString());
}

[Description("Every number of the margin of a book, and what each is made of.")]
public sealed record SimulationAnswer(
    string AsOf, string ParameterSet, int ParameterVersion, string Model, MarginView Margin,
    ComponentView Maintenance, ComponentView Initial, ComponentView MarginEquity,
    IReadOnlyList<PositionRiskView> Positions, IReadOnlyList<ExpiryGreeksView> Expiries, IReadOnlyList<UnderlyingGreeksView> Underlyings,
    IReadOnlyList<LiquidationPriceView> LiquidationPrices, IReadOnlyList<ModelComparisonView> Comparison)
{
    [Description("Where the model has scenarios and one of them loses.")]
    public string? WorstScenario { get; init; }

    internal static SimulationAnswer Of(Book book, BookExplanation explained)
    {
        var explanation = explained.Explanation;
        return new SimulationAnswer(
            book.Frame.At.ToString(), book.Parameters.Name, book.Parameters.Version, explanation.Model, MarginView.Of(explanation.Report),
            ComponentView.Of(explanation.Maintenance), ComponentView.Of(explanation.Initial),
            ComponentView.Of(explanation.MarginEquity), [.. explanation.Positions.Select(PositionRiskView.Of)],
            [.. explanation.Expiries.Select(row => ExpiryGreeksView.Of(row, explained.Expiries))],
            [.. explanation.Underlyings.Select(UnderlyingGreeksView.Of)],
            [.. explanation.LiquidationPrices.Select(LiquidationPriceView.Of)], [.. explained.Comparison.Select(ModelComparisonView.Of)])
        {
            WorstScenario = explanation.WorstScenario,
        };
    }
}
