namespace CrossMargin.Contracts.Markets;

/// <summary>
/// Where the funding of a perpetual stands after so many periods: what one long contract has paid since it was listed, in
/// units of 1e-12 of its settlement asset. A position owes its quantity times how far the index moved since it was settled;
/// both sides of a trade start at the same point, so at any point what all positions owe together is zero.
/// </summary>
public readonly record struct FundingPoint(long Period, long IndexE12)
{
    public const int IndexScale = 12;

    /// <summary>Of a quantity at 1e-8 times an index at 1e-12.</summary>
    public const int OwedScale = IndexScale + Quantity.Scale;

    /// <summary>The later one. The index itself may move either way.</summary>
    public static FundingPoint Later(FundingPoint a, FundingPoint b) => a.Period >= b.Period ? a : b;

    public override string ToString() => $"{DecimalText.Format(IndexE12, IndexScale)} after {Period}";
}
