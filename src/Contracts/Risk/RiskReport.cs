namespace CrossMargin.Contracts;

/// <summary>What an account still has that a liquidation could take.</summary>
public enum Takeable : byte
{
    Nothing = 0,
    Positions = 1,

    /// <summary>No position, but a negative balance beside other assets.</summary>
    Collateral = 2,
}

/// <summary>
/// The margin of one version of an account under one frame and one parameter set. Small and final: callers ask it the
/// named questions and never compare its parts themselves. Initial ≥ liquidation end ≥ maintenance always holds.
/// </summary>
/// <param name="Equity">Cash, collateral, unrealized profit, option value and unsettled funding at the mark, without
/// haircut.</param>
/// <param name="MarginEquity">The same after haircuts and the weight on unrealized profit.</param>
/// <param name="InitialMargin">To open: the hard part, soft penalties and open orders.</param>
/// <param name="InitialHard">The part of the initial margin that neither orders nor soft penalties raised.</param>
/// <param name="LiquidationEnd">Where a liquidation stops: maintenance + λ × (initial hard − maintenance).</param>
/// <param name="MaintenanceMargin">Where a liquidation starts. It never contains orders.</param>
/// <param name="WorstUnderlying">The group with the largest scenario loss, and its scenario's place in the list; null
/// when none loses.</param>
public readonly record struct RiskReport(
    long AccountVersion,
    long Frame,
    int ParameterVersion,
    Money Equity,
    Money MarginEquity,
    Money InitialMargin,
    Money InitialHard,
    Money LiquidationEnd,
    Money MaintenanceMargin,
    Money OrderMargin,
    Money SoftPenalties,
    Takeable Takeable,
    Underlying? WorstUnderlying,
    int WorstScenario)
{
    public Money FreeCollateral => MarginEquity - InitialMargin;

    /// <summary>Equality is safe. Without anything to take there is no liquidation, whatever the equity.</summary>
    public bool IsLiquidatable => MaintenanceMargin > MarginEquity && Takeable != Takeable.Nothing;

    /// <summary>Nothing left to take and still in debt: the fund's case.</summary>
    public bool IsBankrupt => Equity.IsNegative && Takeable == Takeable.Nothing;

    public bool MayOpen => MarginEquity >= InitialMargin;

    /// <summary>A liquidation that has begun ends here, above where it began.</summary>
    public bool EndsLiquidation => MarginEquity >= LiquidationEnd;

    /// <summary>
    /// The one rule for every action, reduce-only included: afterwards the account may open, or it is no riskier than
    /// before.
    /// </summary>
    public bool IsAcceptableAfter(RiskReport before, AcceptanceForm form) => MayOpen || IsNoRiskierThan(before, form);

    /// <summary>
    /// MM' ≤ MM, and ME' − MM' ≥ ME − MM or ME'/MM' ≥ ME/MM. In integers: the ratios are compared by cross-multiplying. Where
    /// there is no maintenance before and after, there are no ratios, and the equity may not fall: what open orders need stays.
    /// </summary>
    public bool IsNoRiskierThan(RiskReport before, AcceptanceForm form)
    {
        if (MaintenanceMargin > before.MaintenanceMargin) return false;

        var surplus = (Int128)MarginEquity.Micros - MaintenanceMargin.Micros;
        var surplusBefore = (Int128)before.MarginEquity.Micros - before.MaintenanceMargin.Micros;
        if (form == AcceptanceForm.SurplusOrRatio && surplus >= surplusBefore) return true;
        if (before.MaintenanceMargin == Money.Zero) return MarginEquity >= before.MarginEquity;
        return (Int128)MarginEquity.Micros * before.MaintenanceMargin.Micros
            >= (Int128)before.MarginEquity.Micros * MaintenanceMargin.Micros;
    }

    /// <summary>
    /// Maintenance over margin equity, rounded up; 1 is liquidation. Null where equity gives no ratio: see the reason.
    /// </summary>
    public Rate? MaintenanceMarginRatio
    {
        get
        {
            if (MaintenanceMargin == Money.Zero) return Rate.Zero;
            if (MarginEquity <= Money.Zero) return null;
            var ratio = Rounding.Ceiling((Int128)MaintenanceMargin.Micros * Rate.One.E9, MarginEquity.Micros);
            return ratio <= long.MaxValue ? new Rate((long)ratio) : null;
        }
    }

    public string? NoRatioReason => MaintenanceMarginRatio is null ? "no-equity" : null;
}

/// <summary>When an account below its initial margin may still act.</summary>
public enum AcceptanceForm
{
    /// <summary>Maintenance not higher, and its surplus not lower or its ratio not worse.</summary>
    SurplusOrRatio,

    /// <summary>Maintenance not higher and its ratio not worse.</summary>
    RatioOnly,
}
