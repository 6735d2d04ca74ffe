using System.Globalization;
using System.Numerics;
using CrossMargin.Simulation.Audit;
using static CrossMargin.Simulation.Audit.StoredFormat;

namespace CrossMargin.Simulation.Reference;

/// <summary>What makes a frame: sources, instruments, funding, and what settles at what.</summary>
internal sealed partial class ReferenceModel
{
    // ---- feeds ------------------------------------------------------------------------------------------------------------

    private sealed partial class Feed
    {
        private static readonly BigInteger MaxFeeRate = 100_000_000;   // a tenth

        private readonly SortedDictionary<int, Listed> instruments = [];
        private readonly SortedDictionary<string, BigInteger> fees = new(StringComparer.Ordinal);
        private readonly Dictionary<string, (Trade Trade, bool IsBusted)> trades = new(StringComparer.Ordinal);

        public Outcome Ask(Request request) => request switch
        {
            Request.Capture trade => Capture(trade),
            Request.Bust bust => Bust(bust),
            Request.Convert conversion => Convert(conversion),
            Request.EndOrder end => new Fact($"order.ended.v1 order={end.Order} account={end.Account}", new OrderEnded(end.Order)),
            _ => throw new AuditFailure("I3", $"a feed was asked for a {request.GetType().Name}"),
        };

        public Outcome Tell(object message)
        {
            if (message is InstrumentsTold told)
            {
                foreach (var listed in told.Instruments) instruments[listed.Terms.Id] = listed;
                return $"trade.instruments-learned.v1 instruments={string.Join(',', told.Instruments.Select(ReferenceModel.Json))}";
            }

            if (message is InstrumentsForgotten forgotten)
            {
                foreach (var id in forgotten.Instruments) instruments.Remove(id);
                return $"trade.instruments-forgotten.v1 instruments={string.Join(',', forgotten.Instruments)}";
            }

            var funding = (FundingTold)message;
            instruments[funding.Instrument] = instruments[funding.Instrument] with { Point = funding.Point };
            return $"trade.funding-learned.v1 instrument={funding.Instrument} funding={funding.Point}";
        }

        private Outcome Capture(Request.Capture report)
        {
            if (!instruments.TryGetValue(report.Instrument, out var listed)) return Refused("unknown-instrument");
            var terms = listed.Terms;
            if (terms.Expiry is { } expiry && report.TradedAt >= expiry) return Refused("instrument-expired");
            if (report.Quantity.Sign <= 0) return Refused("quantity-not-positive");
            if (!(report.Quantity % terms.Lot).IsZero) return Refused("quantity-off-lot");
            if (report.Price.Sign <= 0) return Refused("price-not-positive");
            if (!(report.Price % terms.Tick).IsZero) return Refused("price-off-tick");
            if (BigInteger.Abs(report.Buyer.FeeRate) > MaxFeeRate || BigInteger.Abs(report.Seller.FeeRate) > MaxFeeRate)
                return Refused("fee-out-of-range");

            var (asset, scale) = (terms.Settlement, ScaleOf(terms.Settlement));
            var paid = (Ratio.Of(report.Price, 8) * Ratio.Of(report.Quantity, 8) * Ratio.Of(terms.Multiplier, 8)).Up(scale);
            if (paid > MaxAmount) return Refused("notional-too-large");
            if (trades.ContainsKey(report.Id) || exchanges.ContainsKey(report.Id)) return Refused("trade-id-reused");
            var (buyer, seller) = (LegOf(report.Buyer), LegOf(report.Seller));
            if (!Collect(asset, buyer.Fee + seller.Fee)) return Refused("notional-too-large");

            var isPremium = terms.Kind == "Option";
            var trade = new Trade(report.Id, terms.Id, isPremium, report.Quantity, asset, paid, listed.Point, buyer, seller);
            trades.Add(trade.Id, (trade, IsBusted: false));
            return new Fact(
                $"trade.captured.v1 trade={trade.Id} instrument={trade.Instrument} style={(isPremium ? "Premium" : "Variation")} price={Price(report.Price)}"
                + $" {Amounts(trade)} tradedAt={Time(report.TradedAt)}", trade);

            Leg LegOf(Party party) => new(
                party.Account, party.SubAccount, (Ratio.Of(paid, scale) * Ratio.Of(party.FeeRate, 9)).Up(scale), party.Order);

            static Outcome Refused(string reason) => ReferenceModel.Refused("trade", "capture", reason);
        }

        private Outcome Bust(Request.Bust bust)
        {
            if (exchanges.TryGetValue(bust.Trade, out var exchange)) return Bust(exchange);
            if (!trades.TryGetValue(bust.Trade, out var known)) return Refused("trade", "bust", "unknown-trade");
            if (known.IsBusted) return Refused("trade", "bust", "trade-already-busted");
            var trade = known.Trade;
            if (!Collect(trade.Asset, -(trade.Buyer.Fee + trade.Seller.Fee))) return Refused("trade", "bust", "notional-too-large");
            trades[trade.Id] = (trade, IsBusted: true);
            return new Fact(
                $"trade.busted.v1 trade={trade.Id} instrument={trade.Instrument} style={(trade.IsPremium ? "Premium" : "Variation")} {Amounts(trade)}",
                new Busted(trade));
        }

        private bool Collect(string asset, BigInteger more)
        {
            var after = fees.GetValueOrDefault(asset) + more;
            if (BigInteger.Abs(after) > MaxBalance) return false;
            fees[asset] = after;
            return true;
        }

        private string Amounts(Trade trade) =>
            $"quantity={Price(trade.Quantity)} paid={Text(trade.Asset, trade.Paid)} funding={trade.Point}"
            + $" buyer={Json(trade.Buyer, trade.Asset)} seller={Json(trade.Seller, trade.Asset)} feesAfter={Text(trade.Asset, fees[trade.Asset])}";

        private static string Json(Leg leg, string asset) => ReferenceModel.Json(
            ("account", leg.Account), ("subAccount", leg.SubAccount), ("fee", Text(asset, leg.Fee)), ("order", leg.Order));
    }

    // ---- the market ---------------------------------------------------------------------------------------------------------

    private sealed record Source(string Name, int Weight)
    {
        public long SeenAt { get; set; }
        public SortedDictionary<string, (BigInteger Price, long At)> Latest { get; } = new(StringComparer.Ordinal);
        public Dictionary<int, (BigInteger Price, long At, BigInteger? Depth, long DepthAt)> Books { get; } = [];
    }

    private sealed record Index(string Underlying, BigInteger? Price, string Breaker);

    private sealed record Frame(long Number, long At, IReadOnlyList<Index> Indices, IReadOnlyDictionary<int, BigInteger> Marks, IReadOnlyDictionary<int, BigInteger> Bases,
        IReadOnlyDictionary<(long At, string Underlying), BigInteger> Forwards, int Priced, bool CouldOpen);

    /// <summary>An expiry, how much of its last half hour was observed at what, and what it settled at.</summary>
    private sealed class Expiry
    {
        public BigInteger Weighted, Observed;
        public int Samples;
        public string Standing = "Open";
        public BigInteger? Price;
        public long SettledAt;
    }

    private sealed partial class Market
    {
        /// <summary>Nothing but USDC has a price of its own before the first rules.</summary>
        private static readonly Dictionary<string, BigInteger?> FirstStated = new() { ["USDC"] = 100_000_000 };

        private const long Cadence = Second / 4;

        private readonly List<string> feeds = [];
        private readonly List<Source> sources = [];
        private readonly SortedDictionary<int, Listed> instruments = [];
        private readonly HashSet<int> retired = [];
        private readonly Dictionary<string, IndexBrake> brakes = new(StringComparer.Ordinal);
        private readonly SortedDictionary<(long At, string Underlying), Expiry> expiries = [];
        private readonly SortedDictionary<int, (int Number, BigInteger Price)> days = [];
        private readonly Dictionary<(string Underlying, long At), BigInteger> vols = [];
        private readonly Dictionary<string, (BigInteger Price, long At)> slowPrices = new(StringComparer.Ordinal);
        private Frame? last;
        private bool hasNews;
        private RulesEffective? rules;
        private Rules? read;

        private long Fresh => Micros("freshMs", 5_000);
        private long Window => Micros("averageMs", 1_800_000);

        private long Micros(string name, int without) => (read?.Oracle(name) is { } ms ? (long)ms.Down(0) : without) * 1_000;
        private Ratio Share(string name, int without) => read?.Oracle(name) ?? Ratio.Of(without, 2);

        public Outcome Ask(Request request, long time) => request switch
        {
            Request.AdmitFeed admit => Admit(admit),
            Request.AdmitSource admit => Admit(admit),
            Request.List list => List(list.Terms, time),
            Request.Quote quote => Take(quote, time),
            Request.QuoteBooks quote => Take(quote, time),
            Request.QuoteSurface quote => Take(quote, time),
            Request.FixFunding fix => Fix(fix, time),
            Request.SettleDay settle => Settle(settle, time),
            Request.SettleExpiry settle => Settle(settle, time),
            Request.RetireExpiry retire => Retire(retire, time),
            Request.Measure measure => Take(measure),
            _ => throw new AuditFailure("I3", $"the market was asked for a {request.GetType().Name}"),
        };

        public Outcome Tell(object message)
        {
            var effective = (RulesEffective)message;
            if (last is { CouldOpen: true } && !CanOpen(new Rules(effective.Document), last.Priced)) return Outcome.No("terms-out-of-range");
            (rules, read) = (effective, new Rules(effective.Document));
            return $"market.parameters-taken.v1 parameters={{\"version\":{rules.Version},\"document\":{rules.Document}}} effectiveAt={Time(rules.At)}";
        }

        /// <summary>Under how many underlyings something listed has a price.</summary>
        private int PricedIn(IReadOnlyList<Index> indices) => instruments.Values.Select(listed => listed.Terms.Underlying).Distinct()
            .Count(underlying => indices.Any(index => index.Underlying == underlying && index.Price is not null));

        public long? DueAt => expiries.Where(entry => entry.Value.Standing == "Open").Select(entry => (long?)entry.Key.At).Append(FrameDueAt).Min();

        /// <summary>A cadence after the last frame, while something is new or some price may still go stale.</summary>
        private long? FrameDueAt =>
            last is null ? hasNews ? long.MinValue : null
            : hasNews || last.Indices.Any(index => index.Price is not null) ? last.At + Cadence : null;

        public Outcome Wake(long time)
        {
            var (facts, isFrameDue) = (new List<Fact>(), FrameDueAt <= time);
            foreach (var (key, expiry) in expiries.Where(entry => entry.Value.Standing == "Open" && entry.Key.At <= time).ToList())
            {
                var (weighted, observed, samples) = Observed(key, expiry, time);
                facts.Add(observed >= Micros("averageAtLeastMs", 900_000)
                    ? SettleAt(key, (weighted / observed, "Average", samples, observed), time)
                    : Overdue(key, expiry, observed));
            }

            if (!isFrameDue && !(facts.Count > 0 && last?.At < time)) return new Outcome(facts, Refused: null);
            foreach (var (key, expiry) in expiries)
                (expiry.Weighted, expiry.Observed, expiry.Samples) = Observed(key, expiry, time);
            var underlyings = sources.SelectMany(source => source.Latest.Keys).Distinct().Order(StringComparer.Ordinal);
            IReadOnlyList<Index> indices = [.. underlyings.Select(underlying => IndexOf(underlying, time))];
            var bases = BasesOf(indices, time);
            last = new Frame((last?.Number ?? 0) + 1, time, indices, MarksOf(indices, bases, time), bases, ForwardsOf(indices, bases, time), PricedIn(indices),
                rules is null || CanOpen(new Rules(rules.Document), PricedIn(indices)));
            hasNews = false;
            facts.Add(new Fact(FrameLine(
                last.Number, last.At, indices.Select(index => (index.Underlying, index.Price is { } price ? Price(price) : null, index.Breaker)),
                last.Marks.Select(mark => (mark.Key, mark.Value)), AssetsOf(indices, time).Concat(DepthsOf(indices, time))
                    .Concat(TotalsOf(last.Marks, AssetsOf(indices, time).Select(asset => asset.Split('/')[0]))),
                rules?.Version ?? 0, instruments.Values.Where(listed => listed.Terms.Kind == "Perp").Select(listed => $"{listed.Terms.Id}/{listed.Point}"),
                days.Select(day => $"{day.Key}/{day.Value.Number}/{day.Value.Price}"),
                instruments.Values.Where(listed => ExpiryOf(listed)?.Price is not null).Select(listed => $"{listed.Terms.Id}/{ExpiryOf(listed)!.Price}"),
                expiries.Where(entry => entry.Value.Standing == "Open" && entry.Key.At > time && vols.ContainsKey((entry.Key.Underlying, entry.Key.At))
                    && indices.Any(index => index.Underlying == entry.Key.Underlying && index.Price is not null))
                    .Select(entry => $"{entry.Key.Underlying}/{Time(entry.Key.At)}").Order(StringComparer.Ordinal))));
            return new Outcome(facts, Refused: null);
        }

        private Fact Overdue((long At, string Underlying) key, Expiry expiry, BigInteger observed)
        {
            expiry.Standing = "Overdue";
            hasNews = last is not null;
            return new Fact($"market.expiry-overdue.v1 underlying={key.Underlying} expiry={Time(key.At)} observedMs={observed / 1_000}");
        }

        private Fact SettleAt((long At, string Underlying) key, (BigInteger Price, string Origin, int Samples, BigInteger Observed) with, long time)
        {
            var expiry = expiries[key];
            (expiry.Standing, expiry.Price, expiry.SettledAt, hasNews) = ("Settled", with.Price, time, last is not null);
            return new Fact(
                $"market.expiry-settled.v1 underlying={key.Underlying} expiry={Time(key.At)} price={Price(with.Price)} origin={with.Origin} samples={with.Samples}"
                + $" observedMs={with.Observed / 1_000} at={Time(time)} instruments={string.Join(',', Expiring(key))}");
        }

        private Expiry? ExpiryOf(Listed listed) => listed.Terms.Expiry is { } at ? expiries.GetValueOrDefault((at, listed.Terms.Underlying)) : null;

        private List<int> Expiring((long At, string Underlying) key) =>
            [.. instruments.Values.Where(listed => listed.Terms.Expiry == key.At && listed.Terms.Underlying == key.Underlying).Select(listed => listed.Terms.Id)];

        /// <summary>What the index of the last frame adds to an average until now, when money may rest on it.</summary>
        private (BigInteger Weighted, BigInteger Observed, int Samples) Observed((long At, string Underlying) key, Expiry expiry, long time)
        {
            var index = last?.Indices.FirstOrDefault(index => index.Underlying == key.Underlying && index.Breaker == "Normal");
            var micros = index is null ? 0 : Math.Min(Math.Min(time, last!.At + Fresh), key.At) - Math.Max(last.At, key.At - Window);
            return expiry.Standing != "Open" || micros <= 0
                ? (expiry.Weighted, expiry.Observed, expiry.Samples)
                : (expiry.Weighted + (index!.Price!.Value * micros), expiry.Observed + micros, expiry.Samples + 1);
        }

        /// <summary>
        /// How far each perpetual and future stands from its index: the median of what books say, held within a band and followed slowly.
        /// Once a part of its average is known, a future's forward is the index alone.
        /// </summary>
        private SortedDictionary<int, BigInteger> BasesOf(IReadOnlyList<Index> indices, long time)
        {
            var bases = new SortedDictionary<int, BigInteger>();
            foreach (var (id, listed) in instruments)
            {
                if (listed.Terms.Kind == "Option" || listed.Terms.Expiry <= time) continue;
                if (indices.FirstOrDefault(index => index.Underlying == listed.Terms.Underlying)?.Price is not { } index) continue;
                if (ExpiryOf(listed) is { Observed.IsZero: false })
                {
                    bases.Add(id, 0);
                    continue;
                }

                BigInteger known = 0;
                var isKnown = listed.Terms.Expiry is { } at
                    ? last?.Forwards.TryGetValue((at, listed.Terms.Underlying), out known) : last?.Bases.TryGetValue(id, out known);
                BigInteger? before = isKnown == true ? known : null;
                var band = (Ratio.Of(index, 0) * Share("basisBand", 5)).Down(0);
                var books = sources.Where(source => source.Books.TryGetValue(id, out var book) && time - book.At <= Fresh)
                    .Select(source => (source.Books[id].Price, source.Weight)).ToList();
                var target = books.Count == 0 ? before ?? 0 : Clamp(IndexBrake.Median(books) - index);
                if (books.Count > 0 && before is { } from)
                {
                    var (passed, follow) = (Math.Min(time - last!.At, Micros("basisFollowMs", 30_000)), Micros("basisFollowMs", 30_000));
                    target = from + (Ratio.Of((target - from) * passed, 0) / Ratio.Of(follow, 0)).Down(0);
                }

                bases.Add(id, Clamp(target));

                BigInteger Clamp(BigInteger basis) => BigInteger.Max(-band, BigInteger.Min(band, basis));
            }

            return bases;
        }

        /// <summary>By how much the forward of an expiry stands above the index: by the basis of the first of its futures.</summary>
        private Dictionary<(long At, string Underlying), BigInteger> ForwardsOf(
            IReadOnlyList<Index> indices, SortedDictionary<int, BigInteger> bases, long time) => expiries
            .Where(entry => entry.Value.Standing == "Open" && entry.Key.At > time
                && indices.Any(index => index.Underlying == entry.Key.Underlying && index.Price is not null))
            .ToDictionary(entry => entry.Key, entry => instruments.Values.FirstOrDefault(listed =>
                listed.Terms.Kind == "Future" && ExpiryOf(listed) == entry.Value) is { } future ? bases[future.Terms.Id] : 0);

        private Outcome Take(Request.QuoteBooks quote, long time)
        {
            foreach (var book in quote.Books)
            {
                if (!instruments.TryGetValue(book.Instrument, out var listed) || listed.Terms.Kind == "Option") return Refused("quote-books", "unknown-instrument");
                if (listed.Terms.Expiry <= time) return Refused("quote-books", "instrument-expired");
                if (book.Price.Sign <= 0) return Refused("quote-books", "price-not-positive");
            }

            if (sources.Find(known => known.Name == quote.Source) is not { } source) return Refused("quote-books", "unknown-source");
            if (quote.At > time + Second) return Refused("quote-books", "price-from-the-future");
            if (quote.At <= source.SeenAt) return Refused("quote-books", "price-not-newer");
            foreach (var book in quote.Books)
            {
                var underlying = instruments[book.Instrument].Terms.Underlying;
                var index = last?.Indices.FirstOrDefault(index => index.Underlying == underlying && index.Breaker == "Normal")?.Price;
                if (index is not { } spot) return Refused("quote-books", "no-price");
                if (2 * BigInteger.Abs(book.Price - spot) > spot) return Refused("quote-books", "price-out-of-band");
                if (book.Depth?.Sign < 0) return Refused("quote-books", "depth-negative");
            }

            (source.SeenAt, hasNews) = (quote.At, true);
            foreach (var book in quote.Books)
                source.Books[book.Instrument] = source.Books.GetValueOrDefault(book.Instrument) is var before && book.Depth is { } now
                    ? (book.Price, quote.At, now, quote.At) : (book.Price, quote.At, before.Depth, before.DepthAt);
            var said = quote.Books.Select(book => Json(
                ("instrument", book.Instrument), ("price", Price(book.Price)), ("depth", book.Depth is { } depth ? Decimal(depth, 6) : null)));
            return $"market.books-quoted.v1 source={quote.Source} at={Time(quote.At)} books={string.Join(',', said)}";
        }

        /// <summary>Perpetuals stand at their index and basis, futures at what of their average is known and, for the rest, the forward.</summary>
        private SortedDictionary<int, BigInteger> MarksOf(IReadOnlyList<Index> indices, SortedDictionary<int, BigInteger> bases, long time)
        {
            var marks = new SortedDictionary<int, BigInteger>();
            foreach (var listed in instruments.Values.Where(listed => listed.Terms.Kind != "Option"))
            {
                if (indices.FirstOrDefault(index => index.Underlying == listed.Terms.Underlying)?.Price is not { } index) continue;
                if (ExpiryOf(listed) is not { } expiry) marks.Add(listed.Terms.Id, index + bases[listed.Terms.Id]);
                else if (expiry.Standing == "Open" && listed.Terms.Expiry > time)
                {
                    var share = expiry.Observed.IsZero ? Ratio.Of(0, 0)
                        : Ratio.Of((Ratio.Of(expiry.Observed, 0) / Ratio.Of(expiry.Observed + listed.Terms.Expiry.Value - time, 0)).Down(9), 9);
                    var average = expiry.Observed.IsZero ? 0 : expiry.Weighted / expiry.Observed;
                    marks.Add(listed.Terms.Id, ((Ratio.Of(average, 8) * share) + (Ratio.Of(index + bases[listed.Terms.Id], 8) * (Ratio.Of(1, 0) - share))).Down(8));
                }
            }

            return marks;
        }

        /// <summary>What an asset is worth, and the slow price beside it: a hundredth of itself nearer in a minute, or as the rules say, and no more.</summary>
        private List<string> AssetsOf(IReadOnlyList<Index> indices, long time)
        {
            var lines = new List<string>();
            var stated = read?.StatedPrices ?? FirstStated;
            foreach (var asset in ListedAssets)
            {
                var quoted = indices.FirstOrDefault(index => index.Underlying == asset);
                if ((quoted is null ? stated.GetValueOrDefault(asset) : quoted.Price) is not { } price) continue;
                var slow = price;
                if (slowPrices.TryGetValue(asset, out var before))
                {
                    var step = (Ratio.Of(before.Price, 0) * Ratio.Of(Math.Min(time - before.At, 3_600 * Second), 0) * Share("slowDrift", 1)
                        / Ratio.Of(60 * Second, 0)).Up(0);
                    slow = BigInteger.Max(before.Price - step, BigInteger.Min(before.Price + step, price));
                }

                slowPrices[asset] = (slow, time);
                lines.Add($"{asset}/{price}/{slow}");
            }

            return lines;
        }

        private Outcome Settle(Request.SettleDay settle, long time)
        {
            const string Name = "settle-day";
            if (!instruments.TryGetValue(settle.Instrument, out var listed)) return Refused(Name, "unknown-instrument");
            if (listed.Terms.Expiry <= time) return Refused(Name, "instrument-expired");
            if (listed.Terms.Kind != "Future") return Refused(Name, "not-a-future");
            var number = days.GetValueOrDefault(settle.Instrument).Number + 1;
            if (settle.Number != number) return Refused(Name, "settlement-not-due");
            if (last is null || last.At + Fresh < time) return Refused(Name, "no-price");
            var isNormal = last.Indices.Any(index => index.Underlying == listed.Terms.Underlying && index.Breaker == "Normal");
            if (!isNormal || !last.Marks.TryGetValue(settle.Instrument, out var mark)) return Refused(Name, "no-price");
            days[settle.Instrument] = (number, mark);
            hasNews = true;
            return $"market.day-settled.v1 frame={last.Number} day={Json(("instrument", settle.Instrument), ("number", number), ("price", Price(mark)))}";
        }

        private Outcome Settle(Request.SettleExpiry settle, long time)
        {
            if (settle.Price.Sign <= 0) return Refused("settle-expiry", "price-not-positive");
            if (!expiries.TryGetValue((settle.Expiry, settle.Underlying), out var expiry)) return Refused("settle-expiry", "unknown-expiry");
            if (expiry.Standing != "Overdue") return Refused("settle-expiry", "settlement-not-due");
            return SettleAt((settle.Expiry, settle.Underlying), (settle.Price, "Officer", expiry.Samples, expiry.Observed), time);
        }

        private Outcome Retire(Request.RetireExpiry retire, long time)
        {
            var key = (retire.Expiry, retire.Underlying);
            if (!expiries.TryGetValue(key, out var expiry)) return Refused("retire-expiry", "unknown-expiry");
            if (expiry.Standing != "Settled" || expiry.SettledAt + Day > time) return Refused("retire-expiry", "not-retirable");
            var gone = Expiring(key);
            expiries.Remove(key);
            foreach (var id in gone)
            {
                instruments.Remove(id);
                days.Remove(id);
                foreach (var source in sources) source.Books.Remove(id);
                retired.Add(id);
            }

            hasNews = last is not null;
            return new Fact(
                $"market.expiry-retired.v1 underlying={retire.Underlying} expiry={Time(retire.Expiry)} instruments={string.Join(',', gone)}"
                + $" feeds={string.Join(',', feeds)}", new InstrumentsForgotten(gone));
        }

        /// <summary>Flat smiles: a later one of less total variance gives something away, and no volatility is none.</summary>
        private Outcome Take(Request.QuoteSurface quote, long time)
        {
            if (sources.Find(known => known.Name == quote.Source) is not { } source) return Refused("quote-surface", "unknown-source");
            if (quote.At > time + Second) return Refused("quote-surface", "price-from-the-future");
            if (quote.At <= source.SeenAt) return Refused("quote-surface", "price-not-newer");
            if (quote.Smiles.Count is < 1 or > 32) return Refused("quote-surface", "too-many-smiles");
            foreach (var smile in quote.Smiles)
                if (smile.Expiry <= quote.At || !instruments.Values.Any(listed => listed.Terms.Expiry == smile.Expiry && listed.Terms.Underlying == quote.Underlying))
                    return Refused("quote-surface", "unknown-expiry");
            var index = last?.Indices.FirstOrDefault(index => index.Underlying == quote.Underlying && index.Breaker == "Normal")?.Price;
            if (index is not { } spot) return Refused("quote-surface", "no-price");
            if (quote.Smiles.Any(smile => 2 * BigInteger.Abs(smile.Forward - spot) > spot)) return Refused("quote-surface", "forward-out-of-band");

            var held = new SortedDictionary<long, BigInteger>(vols.Where(known => known.Key.Underlying == quote.Underlying && known.Key.At > quote.At)
                .ToDictionary(known => known.Key.At, known => known.Value));
            foreach (var smile in quote.Smiles) held[smile.Expiry] = smile.Volatility;
            var variances = held.Select(known => known.Value * known.Value * (known.Key - quote.At)).ToList();
            var flaw = quote.Smiles.Any(smile => smile.Volatility.Sign <= 0) ? "smile-malformed"
                : variances.Zip(variances.Skip(1)).Any(pair => pair.Second < pair.First) ? "smile-calendar" : null;
            if (flaw is not null) return SurfaceLine("refused", quote.Source, quote.At, quote.Underlying, flaw);
            source.SeenAt = quote.At;
            foreach (var smile in quote.Smiles) vols[(quote.Underlying, smile.Expiry)] = smile.Volatility;
            return SurfaceLine(
                "accepted", quote.Source, quote.At, quote.Underlying, string.Join(',', quote.Smiles.Select(smile => $"{Time(smile.Expiry)}/{Price(smile.Forward)}")));
        }

        private static string Refused(string command, string reason) => ReferenceModel.Refused("market", command, reason);

        private Outcome Admit(Request.AdmitFeed admit)
        {
            if (feeds.Contains(admit.Feed)) return Refused("admit-feed", "feed-already-admitted");
            if (feeds.Count >= 16) return Refused("admit-feed", "too-many-feeds");
            feeds.Add(admit.Feed);
            return new Fact(
                $"market.feed-admitted.v1 feed={admit.Feed} instruments={string.Join(',', instruments.Values.Select(Json))}",
                new InstrumentsTold([.. instruments.Values]));
        }

        private Outcome Admit(Request.AdmitSource admit)
        {
            if (sources.Exists(source => source.Name == admit.Source)) return Refused("admit-source", "source-already-admitted");
            if (sources.Count >= 16) return Refused("admit-source", "too-many-sources");
            if (admit.Weight is < 1 or > 1_000) return Refused("admit-source", "weight-out-of-range");
            sources.Add(new Source(admit.Source, admit.Weight));
            return $"market.source-admitted.v1 source={admit.Source} weight={admit.Weight}";
        }

        private Outcome List(Terms terms, long time)
        {
            if (instruments.ContainsKey(terms.Id) || retired.Contains(terms.Id)) return Refused("list", "instrument-already-listed");
            if (instruments.Count >= 10_000) return Refused("list", "too-many-instruments");
            var isShaped = terms.Kind switch
            {
                "Perp" => terms is { Expiry: null, Strike: null, Right: null },
                "Future" => terms is { Expiry: not null, Strike: null, Right: null },
                _ => terms is { Expiry: not null, Strike: not null, Right: not null } && terms.Strike > 0,
            };
            var isSound = isShaped && terms.Id > 0 && terms.Multiplier > 0 && terms.Tick > 0 && terms.Lot > 0;
            if (!isSound || terms.Expiry <= time) return Refused("list", "terms-out-of-range");
            if (terms.Expiry is { } expiry) expiries.TryAdd((expiry, terms.Underlying), new Expiry());
            var listed = new Listed(terms, Point.Start);
            instruments.Add(terms.Id, listed);
            return new Fact(
                $"market.instrument-listed.v1 listing={Json(terms)} feeds={string.Join(',', feeds)}", new InstrumentsTold([listed]));
        }

        private Outcome Take(Request.Quote quote, long time)
        {
            if (quote.Prices.Any(entry => entry.Price.Sign <= 0)) return Refused("quote", "price-not-positive");
            if (sources.Find(known => known.Name == quote.Source) is not { } source) return Refused("quote", "unknown-source");
            if (quote.At > time + Second) return Refused("quote", "price-from-the-future");
            if (quote.At <= source.SeenAt) return Refused("quote", "price-not-newer");
            source.SeenAt = quote.At;
            foreach (var (underlying, price) in quote.Prices) source.Latest[underlying] = (price, quote.At);
            hasNews = true;
            var prices = quote.Prices.Select(entry => Json(("underlying", entry.Underlying), ("price", Price(entry.Price))));
            return $"market.quoted.v1 source={quote.Source} at={Time(quote.At)} prices={string.Join(',', prices)}";
        }

        /// <summary>
        /// The weighted median of the fresh quotes; those too far from it are set aside, and the weighted median of the
        /// rest is the index.
        /// </summary>
        private Index IndexOf(string underlying, long time)
        {
            var fresh = sources.Where(source => source.Latest.TryGetValue(underlying, out var quote) && time - quote.At <= Fresh)
                .Select(source => (source.Latest[underlying].Price, source.Weight)).ToList();
            var centre = IndexBrake.Median(fresh);
            var used = fresh.Where(quote => Ratio.Of(BigInteger.Abs(quote.Price - centre), 0) <= Ratio.Of(centre, 0) * Share("deviation", 1)).ToList();
            var agrees = 2 * used.Sum(quote => quote.Weight) >= fresh.Sum(quote => quote.Weight);
            if (!brakes.TryGetValue(underlying, out var brake)) brakes[underlying] = brake = new IndexBrake();
            brake.Jump = Share("jump", 10);
            brake.Deviation = Share("deviation", 1);
            (brake.Within, brake.Confirm, brake.Hold) = (Micros("jumpWindowMs", 60_000), Micros("confirmMs", 3_000), Micros("holdMs", 15_000));
            var (price, breaker) = used.Count == 0 || !agrees
                ? brake.Take(null, "Halted", time)
                : brake.Take(IndexBrake.Median(used), used.Count >= (read?.Oracle("minSources") ?? Ratio.Of(3, 0)).Down(0) ? "Normal" : "Degraded", time);
            return new Index(underlying, price, breaker);
        }

        private Outcome Fix(Request.FixFunding fix, long time)
        {
            if (!instruments.TryGetValue(fix.Instrument, out var listed)) return Refused("fix-funding", "unknown-instrument");
            var one = BigInteger.Pow(10, 9);
            var isSound = fix.InnerClamp.Sign >= 0 && fix.Cap.Sign >= 0 && fix.Share.Sign > 0
                && new[] { fix.InnerClamp, fix.Cap, fix.Share, fix.Interest, fix.Premium }.All(rate => BigInteger.Abs(rate) <= one);
            if (!isSound) return Refused("fix-funding", "terms-out-of-range");
            if (listed.Terms.Kind != "Perp") return Refused("fix-funding", "not-a-perp");
            if (fix.Period != listed.Point.Period + 1) return Refused("fix-funding", "funding-not-due");
            if (last is null || last.At + Fresh < time) return Refused("fix-funding", "no-price");
            var mark = last.Indices.FirstOrDefault(index => index.Underlying == listed.Terms.Underlying);
            if (mark?.Breaker != "Normal") return Refused("fix-funding", "no-price");

            // clamp(premium + clamp(interest − premium, ±inner), ±cap) of price × multiplier, for the period's share, rounded down.
            Ratio R(BigInteger rate) => Ratio.Of(rate, 9);
            var rate = (R(fix.Premium) + (R(fix.Interest) - R(fix.Premium)).Clamp(-R(fix.InnerClamp), R(fix.InnerClamp))).Clamp(-R(fix.Cap), R(fix.Cap));
            var paid = Ratio.Of(mark.Price!.Value, 8) * Ratio.Of(listed.Terms.Multiplier, 8) * rate * R(fix.Share);
            var point = new Point(fix.Period, listed.Point.Index + paid.Down(12));
            instruments[fix.Instrument] = listed with { Point = point };
            var terms = Json(
                ("interest", Rate(fix.Interest)), ("innerClamp", Rate(fix.InnerClamp)), ("cap", Rate(fix.Cap)), ("periodShare", Rate(fix.Share)));
            return new Fact(
                $"market.funding-fixed.v1 instrument={fix.Instrument} frame={last.Number} index={Price(mark.Price.Value)} premium={Rate(fix.Premium)}"
                + $" rate={Rate(rate.Down(9))} terms={terms} funding={point} feeds={string.Join(',', feeds)}",
                new FundingTold(fix.Instrument, point));
        }
    }

    // ---- the parameters -------------------------------------------------------------------------------------------------------

    private sealed class ParameterBook
    {
        private readonly List<long> versions = [];   // when each takes effect
        private readonly Queue<RulesEffective> waiting = [];

        public long? DueAt => waiting.TryPeek(out var next) ? next.At : null;

        public Outcome Ask(Request.Publish publish, long time)
        {
            var at = publish.EffectiveAt ?? time;
            var reason = !publish.IsSound ? "document-refused" : publish.Version != versions.Count + 1 ? "version-not-next"
                : at < time ? "effective-in-the-past" : at > time + (366 * Day) ? "effective-too-far-ahead"
                : versions.Count > 0 && at <= versions[^1] ? "effective-out-of-order" : waiting.Count >= 16 ? "too-many-waiting" : null;
            if (reason is not null) return Refused("parameters", "publish", reason);
            versions.Add(at);
            waiting.Enqueue(new RulesEffective(publish.Version, publish.Document, at));
            var published = new Fact($"parameters.published.v1 version={publish.Version} document={publish.Document} effectiveAt={Time(at)}");
            return new Outcome([published, .. Wake(time).Facts], Refused: null);
        }

        /// <summary>All whose time has come, in order.</summary>
        public Outcome Wake(long time)
        {
            var facts = new List<Fact>();
            while (DueAt <= time)
            {
                var now = waiting.Dequeue();
                facts.Add(new Fact($"parameters.effective.v1 version={now.Version} document={now.Document} effectiveAt={Time(now.At)}", now));
            }

            return new Outcome(facts, Refused: null);
        }
    }
}
