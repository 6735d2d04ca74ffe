namespace CrossMargin.Contracts;

/// <summary>
/// How an account stands under the frame that its shard has adopted, from the best to the worst. The numbers are stored in
/// snapshots by name and never change their order.
/// </summary>
public enum MarginStatus : byte
{
    /// <summary>Margin equity is above the initial margin by the warning share, or nothing is at risk.</summary>
    Healthy = 0,

    /// <summary>Margin equity ≥ initial margin, and by less than the warning share.</summary>
    Warning = 1,

    /// <summary>Below the initial margin by its orders and soft penalties alone: no new risk.</summary>
    ReduceOnly = 2,

    /// <summary>Below the hard initial margin: no new risk, and the owner is called.</summary>
    MarginCall = 3,

    /// <summary>Maintenance margin > margin equity, and there is something to take. Equality is safe.</summary>
    Liquidatable = 4,

    /// <summary>Nothing left to take and still in debt.</summary>
    Bankrupt = 5,

    /// <summary>
    /// Something that it holds has no price, so that nobody can say how it stands: it takes on no risk, sends nothing away,
    /// and is never liquidated for it.
    /// </summary>
    Frozen = 6,
}

/// <summary>
/// The numbers that decided something about an account, as they were: of the state after the event that holds them, under
/// the named frame and parameter version. Free collateral is margin equity − initial margin.
/// </summary>
public sealed record MarginFigures(
    long Frame, int Parameters, Money Equity, Money MarginEquity, Money InitialMargin, Money InitialHard, Money LiquidationEnd,
    Money MaintenanceMargin)
{
    public static MarginFigures Of(in RiskReport report) => new(
        report.Frame, report.ParameterVersion, report.Equity, report.MarginEquity, report.InitialMargin, report.InitialHard,
        report.LiquidationEnd, report.MaintenanceMargin);
}
