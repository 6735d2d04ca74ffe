namespace CrossMargin.Contracts;

/// <summary>What an instrument's price follows (BTC, ETH): the unit inside which risks offset each other.</summary>
public readonly record struct Underlying(string Code) : IComparable<Underlying>
{
    public const int MaxLength = 16;

    public static bool TryParse(string? text, out Underlying underlying)
    {
        underlying = default;
        if (!Names.IsName(text, MaxLength)) return false;
        underlying = new Underlying(text);
        return true;
    }

    public int CompareTo(Underlying other) => string.CompareOrdinal(Code, other.Code);
    public override string ToString() => Code;
}

/// <summary>The number under which the venue listed an instrument. Never reused.</summary>
public readonly record struct InstrumentId(int Number) : IComparable<InstrumentId>
{
    public int CompareTo(InstrumentId other) => Number.CompareTo(other.Number);
    public override string ToString() => Number.ToString();
}

/// <summary>The right that an option gives: to buy or to sell.</summary>
public enum OptionKind : byte
{
    Call = 1,
    Put = 2,
}

/// <summary>
/// The terms of a contract and nothing about its price. One contract is <see cref="Multiplier"/> units of the
/// underlying, quoted and cash-settled in <see cref="Settlement"/>.
/// </summary>
public abstract record Instrument(InstrumentId Id, string Symbol, Underlying Underlying, Asset Settlement,
    Quantity Multiplier)
{
    /// <summary>On which it trades; null where nobody trades it: in a made-up book.</summary>
    public TradingGrid? Grid { get; init; }

    /// <summary>When it settles; null for what has no end.</summary>
    public Instant? ExpiresAt => this switch
    {
        Future future => future.Expiry,
        Option option => option.Expiry,
        _ => null,
    };

    /// <summary>A linear contract without end, held to the index by funding.</summary>
    public sealed record Perp(InstrumentId Id, string Symbol, Underlying Underlying, Asset Settlement,
        Quantity Multiplier)
        : Instrument(Id, Symbol, Underlying, Settlement, Multiplier);

    /// <summary>A linear contract that settles at its expiry.</summary>
    public sealed record Future(
        InstrumentId Id, string Symbol, Underlying Underlying, Asset Settlement, Quantity Multiplier, Instant Expiry)
        : Instrument(Id, Symbol, Underlying, Settlement, Multiplier);

    /// <summary>
    /// A European option. Its premium is paid when it trades, so the option itself is worth its mark.
    /// </summary>
    public sealed record Option(
        InstrumentId Id, string Symbol, Underlying Underlying, Asset Settlement, Quantity Multiplier, Instant Expiry,
        Price Strike, OptionKind Kind)
        : Instrument(Id, Symbol, Underlying, Settlement, Multiplier);
}

/// <summary>Prices are multiples of the tick, quantities of the lot.</summary>
public readonly record struct TradingGrid(Price Tick, Quantity Lot) : IComparable<TradingGrid>
{
    public int CompareTo(TradingGrid other) => (Tick, Lot).CompareTo((other.Tick, other.Lot));
}
