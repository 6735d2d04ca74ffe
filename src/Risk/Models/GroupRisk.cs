using System.Runtime.InteropServices;

namespace CrossMargin.Risk.Models;

/// <summary>
/// What an account holds and has ordered of one line. The loss of a side is what its fill would cost at once, fee
/// included.
/// </summary>
[StructLayout(LayoutKind.Auto)]
public readonly record struct Exposure(
    int Line, double Quantity, double Bids = 0, double Asks = 0, double BidLoss = 0, double AskLoss = 0)
{
    public bool HasOrders => Bids != 0 || Asks != 0;
}

/// <summary>
/// The requirement of one group and what it is made of, in the reference currency. Every model fills the same levels
/// and leaves at zero the parts that it does not have; the report is written from these parts and computes nothing
/// anew.
/// </summary>
[StructLayout(LayoutKind.Auto)]
public record struct GroupRisk
{
    public double Maintenance;
    public double Initial;

    /// <summary>
    /// The initial requirement with every instrument's worse side of open orders filled; never below <see
    /// cref="Initial"/>.
    /// </summary>
    public double InitialWithOrders;

    /// <summary>What the open interest of the venue adds to the initial requirement: a soft penalty.</summary>
    public double OpenInterestPenalty;

    /// <summary>The value of the options at the mark, signed.</summary>
    public double OptionValue;

    public double NetDelta;

    /// <summary>Σ |quantity| × multiplier × index over all lines.</summary>
    public double GrossNotional;

    public double LinearNotional;

    public ScenarioParts Scenario;
    public RuleParts Rules;

    public bool IsHeld;
}

/// <summary>The parts of a scenario requirement, before the factors.</summary>
[StructLayout(LayoutKind.Auto)]
public record struct ScenarioParts
{
    /// <summary>
    /// The number of the worst scenario in the group's list, from 0; the lowest on a tie; -1 when none loses.
    /// </summary>
    public int Worst;

    public double ScanLoss;
    public double ScanLossWithOrders;
    public double PriceRisk;
    public double Basis;
    public double Calendar;
    public double Credit;
    public double ShortOptionMinimum;
    public double Static;
    public double Concentration;
}

/// <summary>The parts of a requirement by rules.</summary>
[StructLayout(LayoutKind.Auto)]
public record struct RuleParts
{
    public double LinearMaintenance;
    public double LinearInitial;
    public double OptionMaintenance;
    public double OptionInitial;
}
