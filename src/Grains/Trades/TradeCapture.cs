using System.Collections.Immutable;
using System.Diagnostics;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Trades;
using CrossMargin.Grains.Accounts;
using CrossMargin.Runtime.Grains;

namespace CrossMargin.Grains.Trades;

/// <summary>
/// What one feed reports, taken in as facts. It rounds each trade once, for both sides, and keeps the fees that the house
/// collected from it. Which number comes next is counted by the runtime.
/// </summary>
public sealed record TradeCapture(
    FeedId Id, long Version, ImmutableSortedDictionary<InstrumentId, ListedInstrument> Instruments, Balances Fees, RecentTrades Trades)
{
    /// <summary>A tenth of the amount, either way. A fee beyond it is a mistake of the feed.</summary>
    public static readonly Rate MaxFeeRate = new(100_000_000);

    public static TradeCapture Unborn(FeedId id) =>
        new(id, 0, ImmutableSortedDictionary<InstrumentId, ListedInstrument>.Empty, Balances.Empty, RecentTrades.None);

    public static Decision<TradeEvent> Decide(TradeCapture capture, object input) => input switch
    {
        TradeCommand.Capture trade => Capture(capture, trade),
        TradeCommand.Convert convert => Convert(capture, convert),
        TradeCommand.EndOrder end => new TradeEvent.OrderEnded(end.Order, end.Account),
        TradeCommand.Bust bust => Bust(capture, bust),
        TradeCommand.RequestMassEnd => new TradeEvent.MassEndRequested(),
        MarketEvent.FeedAdmitted admitted => new TradeEvent.InstrumentsLearned(admitted.Instruments),
        MarketEvent.InstrumentListed listed => new TradeEvent.InstrumentsLearned([new ListedInstrument(listed.Listing, default)]),
        MarketEvent.ExpiryRetired retired => new TradeEvent.InstrumentsForgotten(retired.Instruments),
        MarketEvent.FundingFixed fixing => new TradeEvent.FundingLearned(fixing.Instrument, fixing.Funding),
        _ => throw new UnreachableException(input.GetType().Name),
    };

    // In the order of the published precedence. A refusal is of a report that cannot be true; it is journaled and has used
    // its number, and the feed sends the corrected report under the next one.
    private static Decision<TradeEvent> Capture(TradeCapture capture, TradeCommand.Capture command)
    {
        var instrument = capture.Instruments.GetValueOrDefault(command.Instrument);
        if (instrument is null) return Refused("capture", Rejection.UnknownInstrument);
        var listing = instrument.Listing;
        if (listing.Expiry is { } expiry && command.TradedAt >= expiry) return Refused("capture", Rejection.InstrumentExpired);
        if (command.Quantity <= Quantity.Zero) return Refused("capture", Rejection.QuantityNotPositive);
        if (command.Quantity.E8 % listing.Lot.E8 != 0) return Refused("capture", Rejection.QuantityOffLot);
        if (command.Price.E8 <= 0) return Refused("capture", Rejection.PriceNotPositive);
        if (command.Price.E8 % listing.Tick.E8 != 0) return Refused("capture", Rejection.PriceOffTick);
        if (IsBeyond(command.Buyer.FeeRate) || IsBeyond(command.Seller.FeeRate)) return Refused("capture", Rejection.FeeOutOfRange);
        if (Notional.Of(listing.Multiplier, listing.Settlement, command.Price, command.Quantity) is not { } paid)
            return Refused("capture", Rejection.NotionalTooLarge);
        if (capture.Trades.Find(command.Trade) is not null) return Refused("capture", Rejection.TradeIdReused);

        var buyer = LegOf(command.Buyer, paid);
        var seller = LegOf(command.Seller, paid);
        if (FeesWith(capture, buyer.Fee + seller.Fee) is not { } fees) return Refused("capture", Rejection.NotionalTooLarge);

        var style = listing.Kind == InstrumentKind.Option ? FillStyle.Premium : FillStyle.Variation;
        return new TradeEvent.Captured(
            command.Trade, command.Instrument, style, command.Price, command.Quantity, paid, instrument.Funding, buyer, seller, fees,
            command.TradedAt);
    }

    private static Decision<TradeEvent> Convert(TradeCapture capture, TradeCommand.Convert command)
    {
        const string Name = "convert";
        if (command.Sold.Asset.Decimals is null || command.Bought.Asset.Decimals is null) return Refused(Name, Rejection.UnknownAsset);
        if (command.Sold.Asset == command.Bought.Asset || command.Account == command.Counterparty)
            return Refused(Name, Rejection.ConversionIntoItself);
        if (!command.Sold.IsPositive || !command.Bought.IsPositive) return Refused(Name, Rejection.AmountNotPositive);
        if (command.Sold.Units > Account.MaxAmountUnits || command.Bought.Units > Account.MaxAmountUnits)
            return Refused(Name, Rejection.AmountTooLarge);
        if (capture.Trades.Find(command.Trade) is not null) return Refused(Name, Rejection.TradeIdReused);
        return new TradeEvent.Converted(
            command.Trade, command.Order, command.Account, command.Counterparty, command.Sold, command.Bought, command.TradedAt);
    }

    private static Decision<TradeEvent> Bust(TradeCapture capture, TradeCommand.Bust command)
    {
        if (capture.Trades.Find(command.Trade) is not { } known) return Refused("bust", Rejection.UnknownTrade);
        if (known.Standing == TradeStanding.Busted) return Refused("bust", Rejection.TradeAlreadyBusted);

        if (known.Trade is not { } trade)
        {
            var exchange = known.Conversion!;
            return new TradeEvent.ConversionBusted(
                exchange.Trade, exchange.Account, exchange.Counterparty, exchange.Sold, exchange.Bought);
        }

        if (FeesWith(capture, -(trade.Buyer.Fee + trade.Seller.Fee)) is not { } fees) return Refused("bust", Rejection.NotionalTooLarge);
        return new TradeEvent.Busted(
            trade.Trade, trade.Instrument, trade.Style, trade.Quantity, trade.Paid, trade.Funding, trade.Buyer, trade.Seller, fees);
    }

    /// <summary>The fee is a share of the rounded amount, rounded up: a fee grows, a rebate shrinks.</summary>
    private static TradeLeg LegOf(TradeParty party, AssetAmount paid) => new(
        party.Account, party.SubAccount, Notional.Fee(paid, party.FeeRate))
    {
        Order = party.Order,
    };

    private static bool IsBeyond(Rate rate) => rate > MaxFeeRate || rate.E9 < -MaxFeeRate.E9;

    private static AssetAmount? FeesWith(TradeCapture capture, AssetAmount more)
    {
        var units = (Int128)capture.Fees[more.Asset].Units + more.Units;
        return Int128.Abs(units) <= Account.MaxBalanceUnits ? more with { Units = (long)units } : null;
    }

    private static TradeEvent.CommandRefused Refused(string command, Rejection reason) => new(command, reason);

    public static TradeCapture Evolve(TradeCapture capture, TradeEvent @event)
    {
        capture = capture with { Version = capture.Version + 1 };
        return @event switch
        {
            TradeEvent.Captured e => capture with
            {
                Fees = capture.Collected(e.Buyer.Fee + e.Seller.Fee, e.FeesAfter),
                Trades = capture.Trades.With(e),
            },
            TradeEvent.Busted e => capture with
            {
                Fees = capture.Collected(-(e.Buyer.Fee + e.Seller.Fee), e.FeesAfter),
                Trades = capture.Trades.WithBusted(e.Trade),
            },
            TradeEvent.Converted e => capture with { Trades = capture.Trades.With(e) },
            TradeEvent.ConversionBusted e => capture with { Trades = capture.Trades.WithBusted(e.Trade) },
            TradeEvent.InstrumentsLearned e => capture with { Instruments = capture.WithInstruments(e.Instruments) },
            TradeEvent.InstrumentsForgotten e => capture with { Instruments = capture.Instruments.RemoveRange(e.Instruments) },
            TradeEvent.FundingLearned e => capture with { Instruments = capture.WithFunding(e.Instrument, e.Funding) },
            TradeEvent.OrderEnded or TradeEvent.MassEndRequested or TradeEvent.CommandRefused => capture,
            _ => throw new UnreachableException(@event.GetType().Name),
        };
    }

    public void Verify()
    {
        foreach (var fees in Fees.Amounts)
            Invariant.Holds("T1", fees.Units != 0, "fees of zero are not kept");
        foreach (var (id, instrument) in Instruments)
            Invariant.Holds("T2", id == instrument.Listing.Id && instrument.Listing.Lot.E8 > 0, "an instrument is known by its own number");
        Trades.Verify();
    }

    private Balances Collected(AssetAmount fees, AssetAmount promised)
    {
        var after = Fees.Add(fees);
        Invariant.Same("T3", promised, after[promised.Asset]);
        return after;
    }

    private ImmutableSortedDictionary<InstrumentId, ListedInstrument> WithInstruments(ImmutableArray<ListedInstrument> learned)
    {
        foreach (var instrument in learned)
            if (Instruments.TryGetValue(instrument.Listing.Id, out var known)) Invariant.Same("T4", known.Listing, instrument.Listing);
        return Instruments.SetItems(learned.Select(instrument => KeyValuePair.Create(instrument.Listing.Id, instrument)));
    }

    private ImmutableSortedDictionary<InstrumentId, ListedInstrument> WithFunding(InstrumentId id, FundingPoint funding)
    {
        Invariant.Holds("T5", Instruments.ContainsKey(id), "the market told of the instrument before it told of its funding");
        Invariant.Holds("T6", funding.Period > Instruments[id].Funding.Period, "funding never goes back");
        return Instruments.SetItem(id, Instruments[id] with { Funding = funding });
    }
}
