namespace CrossMargin.Risk.Models;

/// <summary>
/// The most that one contract may add to the initial requirement, nothing netted: times the size of the position, and once
/// more times what of it is short. In the reference currency.
/// </summary>
public readonly record struct UnitCharge(double Held, double Short)
{
    public static UnitCharge operator *(UnitCharge charge, double factor) => new(charge.Held * factor, charge.Short * factor);
    public static UnitCharge operator +(UnitCharge a, UnitCharge b) => new(a.Held + b.Held, a.Short + b.Short);
}
