using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace CrossMargin.Contracts.Markets;

/// <summary>What the market can be asked. Prices come from numbered sources, everything else from officers with keys.</summary>
public abstract record MarketCommand
{
    private MarketCommand() { }

    /// <summary>From now on this feed is told what is listed and where funding stands.</summary>
    public sealed record AdmitFeed(FeedId Feed) : MarketCommand;

    /// <summary>From now on this source's prices count, by its weight.</summary>
    public sealed record AdmitSource(SourceId Source, int Weight) : MarketCommand;

    public sealed record List(Listing Listing) : MarketCommand;

    /// <summary>What a source saw at one instant. Its own clock is compared with the shard's, and must move on.</summary>
    public sealed record Quote(SourceId Source, Instant At, ImmutableArray<IndexQuote> Prices) : MarketCommand;

    /// <summary>What a source sees perpetuals and futures trade at: the middle of a book.</summary>
    public sealed record QuoteBooks(SourceId Source, Instant At, ImmutableArray<BookQuote> Books) : MarketCommand;

    /// <summary>
    /// The volatilities of one underlying, as a source sees them; taken as a whole or not at all. Expiries that it does not
    /// name keep what they have.
    /// </summary>
    public sealed record QuoteSurface(SourceId Source, Instant At, Underlying Underlying, ImmutableArray<SmileQuote> Smiles)
        : MarketCommand;

    /// <summary>
    /// Fixes the funding of the next period of a perpetual at the index of the last frame. Without a premium it is the one
    /// that frames showed since the last fixing.
    /// </summary>
    public sealed record FixFunding(InstrumentId Instrument, long Period, Rate? Premium, FundingTerms Terms) : MarketCommand;

    /// <summary>What the venue's own audit counted on a cut: see <see cref="MarketEvent.TotalsMeasured"/>.</summary>
    public sealed record MeasureTotals(ImmutableArray<OpenContracts> OpenInterest, ImmutableArray<AssetAmount> Holdings) : MarketCommand;

    /// <summary>Closes the books of a future for the next day, at its mark in the last frame.</summary>
    public sealed record SettleDay(InstrumentId Instrument, int Number) : MarketCommand;

    /// <summary>Takes what settled a day ago or earlier out of the frames. By then every shard has to have adopted one of them.</summary>
    public sealed record RetireExpiry(Underlying Underlying, Instant Expiry) : MarketCommand;

    /// <summary>An officer's price for an expiry whose average could not be taken.</summary>
    public sealed record SettleExpiry(Underlying Underlying, Instant Expiry, Price Price) : MarketCommand;
}

/// <summary>The price of an underlying, or of an asset under its code, in the reference currency.</summary>
public sealed record IndexQuote(Underlying Underlying, Price Price);

/// <summary>How many contracts of an instrument somebody is long, and so somebody short.</summary>
public sealed record OpenContracts(InstrumentId Instrument, Quantity Quantity);

/// <summary>The price at which an instrument trades.</summary>
public sealed record BookQuote(InstrumentId Instrument, Price Price)
{
    /// <summary>
    /// What trades within a hundredth of it on the thinner side, in the reference currency; null where a source does not say.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public Money? Depth { get; init; }
}

/// <summary>
/// The rule of a perpetual's rate: clamp(premium + clamp(interest − premium, ±inner clamp), ±cap), of which a period pays
/// <paramref name="PeriodShare"/>.
/// </summary>
public sealed record FundingTerms(Rate Interest, Rate InnerClamp, Rate Cap, Rate PeriodShare)
{
    public Rate RateOf(Rate premium)
    {
        var inner = Math.Clamp(Interest.E9 - premium.E9, -InnerClamp.E9, InnerClamp.E9);
        return new Rate(Math.Clamp(premium.E9 + inner, -Cap.E9, Cap.E9));
    }
}
