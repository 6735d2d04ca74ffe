using System.Diagnostics;
using System.Text.Json.Serialization;

namespace CrossMargin.Contracts.Markets;

public enum InstrumentKind : byte
{
    Perp = 1,
    Future = 2,
    Option = 3,
}

/// <summary>
/// An instrument as the venue lists it: the terms of the contract, and the grid on which it trades. Never changed; an
/// instrument with other terms is another instrument.
/// </summary>
public sealed record Listing(
    InstrumentId Id, InstrumentKind Kind, string Symbol, Underlying Underlying, Asset Settlement, Quantity Multiplier, Price Tick,
    Quantity Lot)
{
    public const int MaxSymbolLength = 32;

    /// <summary>Of futures and options.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public Instant? Expiry { get; init; }

    /// <summary>Of options, as the kind of right.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public Price? Strike { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public OptionKind? Right { get; init; }

    /// <summary>The contract as the risk models know it.</summary>
    public Instrument Terms()
    {
        Instrument terms = Kind switch
        {
            InstrumentKind.Perp => new Instrument.Perp(Id, Symbol, Underlying, Settlement, Multiplier),
            InstrumentKind.Future => new Instrument.Future(Id, Symbol, Underlying, Settlement, Multiplier, Expiry!.Value),
            InstrumentKind.Option =>
                new Instrument.Option(Id, Symbol, Underlying, Settlement, Multiplier, Expiry!.Value, Strike!.Value, Right!.Value),
            _ => throw new UnreachableException(Kind.ToString()),
        };
        return terms with { Grid = new TradingGrid(Tick, Lot) };
    }
}

/// <summary>A listing and how far its funding has come; an instrument without funding stays at zero.</summary>
public sealed record ListedInstrument(Listing Listing, FundingPoint Funding);
