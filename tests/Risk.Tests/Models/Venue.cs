using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Risk.Markets;
using CrossMargin.Risk.Portfolios;
using CrossMargin.Risk.Pricing;
using Shouldly;

namespace CrossMargin.Risk.Tests.Models;

/// <summary>
/// A small venue with everything on it: two underlyings with perps, futures and options at three expiries, one with a
/// perp only, two settlement assets of which one is off its peg; and random accounts on it.
/// </summary>
internal sealed class Venue
{
    public static readonly Instant Now = new(1_790_000_000L * Instant.MicrosPerSecond);
    private static readonly int[] Days = [7, 30, 180];

    private Venue(ImmutableArray<Instrument> instruments, MarkFrame frame, MarketView market)
    {
        Instruments = instruments;
        Frame = frame;
        Market = market;
    }

    public static Venue Shared { get; } = Build();

    public ImmutableArray<Instrument> Instruments { get; }
    public MarkFrame Frame { get; }
    public MarketView Market { get; }

    public Instrument Listed(string symbol) => Instruments.Single(instrument => instrument.Symbol == symbol);

    public static MarketView Resolve(ImmutableArray<Instrument> instruments, MarkFrame frame)
    {
        MarketView.Resolve(instruments, frame, out var market).ShouldBe(Refusal.None);
        return market!;
    }

    public static Price PriceOf(double units) => new((long)Math.Round(units * 1e8));

    public static Instant At(int days) => Now.PlusMicros(days * 24 * Instant.MicrosPerHour);

    public Portfolio RandomAccount(Random random, int maxPositions, int maxOrders = 0)
    {
        var positions = Enumerable.Range(0, random.Next(maxPositions + 1)).Select(_ => RandomPosition(random)).ToList();
        var balances = new[] { "USDC", "USDT", "BTC", "ETH", "SOL", "STETH" }.Where(_ => random.Next(3) > 0)
            .Select(code => Asset.Of(code)).Select(asset => new AssetAmount(asset, RandomUnits(random, asset)));
        var orders = Enumerable.Range(0, random.Next(maxOrders + 1)).Select(_ => RandomOrder(random));
        return Account(balances, positions, orders);
    }

    public static Portfolio Account(
        IEnumerable<AssetAmount> balances, IEnumerable<Position> positions, IEnumerable<OpenOrder>? orders = null,
        ImmutableSortedDictionary<Underlying, Rate>? ownRates = null)
    {
        Portfolio.Of(1, balances, positions, [], orders ?? [],
            ownRates ?? ImmutableSortedDictionary<Underlying, Rate>.Empty, out var account)
            .ShouldBe(Refusal.None);
        return account!;
    }

    /// <summary>A position of this many contracts that was entered at the mark.</summary>
    public Position AtMark(string symbol, double quantity)
    {
        var instrument = Listed(symbol);
        ref readonly var line = ref Market.Lines[Market.LineOf(instrument.Id).Value];
        var contracts = new Quantity((long)Math.Round(quantity * 1e8));
        var cost = instrument is Instrument.Option
            ? 0 : (long)((Int128)contracts.E8 * line.ContractValueE8 / 10_000_000_000);
        return new Position(instrument.Id, contracts, new AssetAmount(instrument.Settlement, cost));
    }

    private Position RandomPosition(Random random)
    {
        var position = AtMark(Instruments[random.Next(Instruments.Length)].Symbol,
            Math.Round(Math.Exp(random.NextDouble() * 8 - 3), 3) * (random.Next(2) * 2 - 1));
        var moved = (long)(position.Cost.Units * (0.8 + (0.4 * random.NextDouble())));
        return position with { Cost = position.Cost with { Units = moved } };
    }

    private OpenOrder RandomOrder(Random random)
    {
        var instrument = Instruments[random.Next(Instruments.Length)];
        var mark = Market.Lines[Market.LineOf(instrument.Id).Value].Mark;
        return new OpenOrder(
            instrument.Id, random.Next(2) == 0 ? OrderSide.Buy : OrderSide.Sell,
            new Quantity(random.Next(1, 50) * 10_000_000L),
            PriceOf(Math.Max(0.01, Math.Round(mark * (0.9 + (0.2 * random.NextDouble())), 4))));
    }

    private static long RandomUnits(Random random, Asset asset)
    {
        var scale = asset.Decimals == 6 ? 1_000_000L : 100_000_000L;
        var whole = asset.Decimals == 6 ? random.Next(-200_000, 1_000_000) : random.Next(-2, 300);
        return (whole * scale) + random.Next((int)scale);
    }

    private static Venue Build()
    {
        var (usdc, usdt) = (Asset.Of("USDC"), Asset.Of("USDT"));
        var instruments = ImmutableArray.CreateBuilder<Instrument>();
        var expiries = ImmutableArray.CreateBuilder<ExpiryMark>();
        var quotes = ImmutableArray.CreateBuilder<InstrumentMark>();
        InstrumentId Next() => new(instruments.Count + 1);
        void List(Instrument instrument, double mark)
        {
            instruments.Add(instrument);
            quotes.Add(new InstrumentMark(instrument.Id, PriceOf(mark), new Money(300_000_000_000_000)));
        }

        foreach (var (code, index, multiplier) in new[] { ("BTC", 60_000.0, 100_000_000L),
            ("ETH", 3_000.0, 100_000_000L), ("SOL", 150.0, 1_000_000_000L) })
        {
            var (underlying, size) = (new Underlying(code), new Quantity(multiplier));
            List(new Instrument.Perp(Next(), $"{code}-PERP", underlying, usdc, size), index * 1.0002);
            List(new Instrument.Perp(Next(), $"{code}-PERP-T", underlying, usdt, size), index * 1.003);
            if (code == "SOL") continue;
            foreach (var days in Days)
            {
                var forward = Math.Round(index * (1 + (0.08 * days / 365)), 2);
                expiries.Add(new ExpiryMark(
                    underlying, At(days), PriceOf(forward), Rate.Zero, PriceOf(0),
                    new Rate((long)(1e9 * (1 - (0.03 * days / 365)))),
                    new SmileMark.Points(
                        [new VolPoint(PriceOf(forward * 0.7), new Rate(800_000_000)),
                        new VolPoint(PriceOf(forward), new Rate(550_000_000)),
                        new VolPoint(PriceOf(forward * 1.4), new Rate(650_000_000))])));
                List(new Instrument.Future(Next(), $"{code}-F{days}", underlying, usdc, size, At(days)), forward);
                foreach (var moneyness in new[] { 0.7, 0.9, 1.0, 1.1, 1.4 })
                    foreach (var kind in new[] { OptionKind.Call, OptionKind.Put })
                        List(new Instrument.Option(
                            Next(), $"{code}-{days}-{moneyness * 100:0}-{kind}", underlying, usdc, size, At(days),
                            PriceOf(index * moneyness), kind), 1);
            }
        }

        var zero = new AssetAmount(usdc, 0);
        var frame = new MarkFrame(
            41, Now,
            [
                new AssetMark(usdc, PriceOf(0.9998), null, Rate.One, zero, 0),
                new AssetMark(usdt, PriceOf(0.985), PriceOf(0.98), Rate.One, new AssetAmount(usdt, 0), 0),
                new AssetMark(Asset.Of("BTC"), PriceOf(60_000), PriceOf(58_000), Rate.One,
                    new AssetAmount(Asset.Of("BTC"), 2_500_000_000_000), 0),
                new AssetMark(Asset.Of("ETH"), PriceOf(3_000), PriceOf(3_100), Rate.One,
                    new AssetAmount(Asset.Of("ETH"), 0), 0),
                new AssetMark(Asset.Of("STETH"), PriceOf(2_970), null, Rate.One, new AssetAmount(Asset.Of("STETH"), 0),
                    0),
                new AssetMark(Asset.Of("SOL"), PriceOf(150), null, Rate.One, new AssetAmount(Asset.Of("SOL"), 0), 0),
            ],
            [
                new UnderlyingMark(new Underlying("BTC"), PriceOf(60_000), Rate.One, new Money(20_000_000_000_000), 0),
                new UnderlyingMark(new Underlying("ETH"), PriceOf(3_000), new Rate(400_000_000),
                    new Money(5_000_000_000_000), 0),
                new UnderlyingMark(new Underlying("SOL"), PriceOf(150), Rate.One, new Money(100_000_000_000), 0),
            ],
            expiries.ToImmutable(), quotes.ToImmutable());
        frame = frame with { Instruments = [.. OptionMarks(Resolve(instruments.ToImmutable(), frame),
            frame.Instruments)] };
        return new Venue(instruments.ToImmutable(), frame, Resolve(instruments.ToImmutable(), frame));
    }

    private static IEnumerable<InstrumentMark> OptionMarks(MarketView market, ImmutableArray<InstrumentMark> quotes)
    {
        foreach (var quote in quotes)
        {
            var line = market.Lines[market.LineOf(quote.Instrument).Value];
            yield return !line.IsOption ? quote : quote with
            {
                Mark = PriceOf(Black76.Price(line.Kind == LineKind.Call ? OptionKind.Call : OptionKind.Put,
                    line.Forward, line.OpenStrike, line.Years, line.Volatility, line.Discount).Value),
            };
        }
    }
}
