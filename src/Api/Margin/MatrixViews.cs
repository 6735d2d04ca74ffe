using System.ComponentModel;
using CrossMargin.Api.Simulation;
using CrossMargin.Contracts;
using CrossMargin.Risk.Parameters;
using CrossMargin.Risk.Reports;

namespace CrossMargin.Api.Margin;

[Description("One scenario: a move of price and volatility, and what the account would lose; negative is a gain.")]
public sealed record MatrixCellView(
    string Scenario,
    [property: Description("`regular`, or `extended`: a tail, whose loss is weighted and damped.")] string Kind,
    [property: Description("As a share of the price, or of the range: see `priceUnit`.")] string Price,
    [property: Description("`fraction`, `range` or `absolute`.")] string PriceUnit,
    [property: Description("`down`, `same` or `up`.")] string Volatility,
    string Weight, string Loss)
{
    [Description("The price move is divided by this: a third of a range is no decimal.")]
    public int? PriceDividedBy { get; init; }

    internal static MatrixCellView Of(MatrixCell cell) => new(
        cell.Scenario.Name, cell.Scenario.Kind.ToString().ToLowerInvariant(), cell.Scenario.Price.Amount.ToString(),
        cell.Scenario.Price.Unit.ToString().ToLowerInvariant(), cell.Scenario.Volatility.ToString().ToLowerInvariant(),
        cell.Scenario.Weight.ToString(), cell.Loss.ToString())
    {
        PriceDividedBy = cell.Scenario.Price.DividedBy == 1 ? null : cell.Scenario.Price.DividedBy,
    };
}

[Description("What a position loses in the worst cell, before the damping of a tail. Without an instrument: the collateral of that name.")]
public sealed record CellShareView(string Loss)
{
    public int? Instrument { get; init; }
    public string? Symbol { get; init; }
}

public sealed record UnderlyingMatrixView(string Underlying, IReadOnlyList<MatrixCellView> Cells, IReadOnlyList<CellShareView> Positions)
{
    [Description("The place of the worst cell in `cells`; absent where none loses.")]
    public int? Worst { get; init; }

    internal static UnderlyingMatrixView Of(
        UnderlyingMatrix matrix, IReadOnlyDictionary<InstrumentId, Contracts.Markets.Listing> listings) => new(
        matrix.Underlying.ToString(), [.. matrix.Cells.Select(MatrixCellView.Of)],
        [.. matrix.Shares.Select(share => new CellShareView(share.Loss.ToString())
        {
            Instrument = share.Instrument?.Number,
            Symbol = share.Instrument is { } id ? listings[id].Symbol : null,
        })])
    {
        Worst = matrix.Worst,
    };
}

[Description("Losses over price × volatility by underlying, of positions. `decides`: the requirement in force comes of them.")]
public sealed record MatrixAnswer(
    string Account, string ParameterSet, bool Decides, IReadOnlyList<UnderlyingMatrixView> Underlyings,
    long Sequence, string Address, string AsOf, long Frame);

[Description("The same account under other rules. Every parameter set is asked by itself: what one cannot value, it says.")]
public sealed record CompareRow(string ParameterSet, string Model)
{
    public string? InitialMargin { get; init; }
    public string? MaintenanceMargin { get; init; }

    [Description("Initial margin in force less this one's.")]
    public string? Saved { get; init; }
    public string? Unpriced { get; init; }
}

[Description("The first row is of the rules in force.")]
public sealed record CompareAnswer(
    string Account, IReadOnlyList<CompareRow> Comparison, long Sequence, string Address, string AsOf, long Frame);
