namespace CrossMargin.Contracts.Markets;

/// <summary>What the market can be asked. Prices come from numbered sources, everything else from officers with keys.</summary>
public abstract record MarketCommand
{
    private MarketCommand() { }

    /// <summary>From now on this feed is told what is listed and where funding stands.</summary>
    public sealed record AdmitFeed(FeedId Feed) : MarketCommand;

    public sealed record List(Listing Listing) : MarketCommand;

    /// <summary>
    /// Fixes the funding of one period of a perpetual. The premium is what the venue measured over the period, as a rate.
    /// </summary>
    public sealed record FixFunding(InstrumentId Instrument, long Period, Price Mark, Rate Premium, FundingTerms Terms) : MarketCommand;
}

/// <summary>
/// The rule of a perpetual's rate: clamp(premium + clamp(interest − premium, ±inner clamp), ±cap), of which a period pays
/// <see cref="PeriodShare"/>.
/// </summary>
public sealed record FundingTerms(Rate Interest, Rate InnerClamp, Rate Cap, Rate PeriodShare);
