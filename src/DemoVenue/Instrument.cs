using CrossMargin.DemoVenue.Prices;

namespace CrossMargin.DemoVenue;

public enum InstrumentKind
{
    Perp,
    Future,
    Call,
    Put,
}

/// <summary>What is traded, as it is listed at the clearinghouse, and what it is worth to somebody who quotes it.</summary>
public sealed record Instrument(int Id, string Symbol, InstrumentKind Kind, string Underlying, decimal Tick, decimal Lot)
{
    /// <summary>What a dated future is above the spot, in a year.</summary>
    private const double Carry = 0.05;

    private static readonly TimeSpan Year = TimeSpan.FromDays(365);

    public DateTimeOffset? Expiry { get; init; }

    public decimal Strike { get; init; }

    public bool IsOption => Kind is InstrumentKind.Call or InstrumentKind.Put;

    public double YearsAt(DateTimeOffset now) => Expiry is { } expiry ? Math.Max(0, (expiry - now) / Year) : 0;

    public double ForwardAt(PriceProcess prices, DateTimeOffset now) => prices.Of(Underlying) * Math.Exp(Carry * YearsAt(now));

    public decimal FairPrice(PriceProcess prices, DateTimeOffset now)
    {
        var forward = ForwardAt(prices, now);
        if (!IsOption) return (decimal)forward;
        var volatility = Smile.Volatility(prices.VolatilityOf(Underlying), forward, (double)Strike);
        return (decimal)BlackFormula.Price(Kind, forward, (double)Strike, YearsAt(now), volatility);
    }

    /// <summary>What one contract counts in a trader's own budget. A clearinghouse knows better.</summary>
    public decimal ExposureAt(PriceProcess prices) => (decimal)prices.Of(Underlying);

    public decimal DownToTick(decimal price) => Math.Max(Tick, Math.Floor(price / Tick) * Tick);

    public decimal UpToTick(decimal price) => Math.Max(Tick, Math.Ceiling(price / Tick) * Tick);

    public decimal DownToLot(decimal quantity) => Math.Floor(quantity / Lot) * Lot;
}
