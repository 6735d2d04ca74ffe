using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Risk.Markets;
using CrossMargin.Risk.Portfolios;
using CrossMargin.Risk.Tests.Models;
using Shouldly;

namespace CrossMargin.Risk.Tests.Sweep;

/// <summary>
/// Markets and accounts drawn from a seed: perps, futures and options on two underlyings, small books and large.
/// </summary>
internal sealed class RandomBooks(int seed)
{
    private readonly Random random = new(seed);

    public static MarketView Market(double move = 1)
    {
        var lines = new List<MarketLine>();
        var id = 1;
        foreach (var (group, index) in new[] { (0, 60_000 * move), (1, 3_000 * move) })
        {
            lines.Add(Fixtures.Perp(id++, index * 1.0002, group));
            foreach (var days in new[] { 2, 9, 30, 120 })
            {
                var forward = index * (1 + (days * 2e-4));
                lines.Add(Fixtures.Future(id++, forward, days, group));
                for (var strike = 0.7; strike < 1.31; strike += 0.1)
                {
                    var volatility = 0.6 + (0.3 * Math.Abs(strike - 1));
                    foreach (var kind in new[] { OptionKind.Call, OptionKind.Put })
                        lines.Add(Fixtures.Option(
                            id++, kind, forward, index * strike / move, days / 365.0, volatility, 0.999, group, size: 0.1));
                }
            }
        }

        return Fixtures.Market(lines, Group("BTC", 60_000 * move), Group("ETH", 3_000 * move));
    }

    /// <summary>
    /// The same on a bad day: the index of BTC is in doubt, dollars are below their peg, ETH fell faster than its slow price and
    /// the venue holds too much of it, and much is open.
    /// </summary>
    public static MarketView BadDay(double move = 1)
    {
        var calm = Market(move);
        var lines = calm.Lines.ToArray().Where(line => line.Kind != LineKind.Spot).Select(line => line with { OpenInterest = 9e8, Settlement = 3 });   // USDC, in order of codes
        MarketAsset[] assets =
        [
            Fixtures.Dollar with { Price = new Price(98_000_000) },
            Held("ETH", 3_000 * move, total: 800_000) with { SlowPrice = new Price((long)(2_900 * move * 1e8)) },
            Held("BTC", 60_000 * move, total: 10),
            Held("SOL", 150, total: 10),
        ];
        MarketView.Of(8, lines, [Group("BTC", 60_000 * move) with { Confidence = 0.5 }, Group("ETH", 3_000 * move)], assets,
            Fixtures.NoneUnpriced, out var market).ShouldBe(Refusal.None);
        return market!;
    }

    /// <summary>An account that owns more than dollars, in amounts that reach into the tiers.</summary>
    public Portfolio MixedAccount(MarketView market, int positionCount)
    {
        var own = Account(market, positionCount);
        AssetAmount[] also =
        [
            new(Asset.Of("ETH"), (long)(random.NextDouble() * 3_000e8)), new(Asset.Of("SOL"), (long)(random.NextDouble() * 300_000e9)),
            new(Asset.Of("BTC"), (long)(random.NextDouble() * 2e8)),
        ];
        return Of(1, [.. own.Balances, .. also.Where(_ => random.Next(3) == 0)], own.Positions);
    }

    /// <summary>The market of a calm day, with other assets to own or to owe.</summary>
    public static MarketView OrderDay(double move = 1)
    {
        var calm = Market(move);
        var lines = calm.Lines.ToArray().Where(line => line.Kind != LineKind.Spot).Select(line => line with { Settlement = 3 });
        MarketAsset[] assets = [Fixtures.Dollar, Held("ETH", 3_000 * move, total: 10), Held("BTC", 60_000 * move, total: 10), Held("SOL", 150, total: 10)];
        MarketView.Of(7, lines, [Group("BTC", 60_000 * move), Group("ETH", 3_000 * move)], assets, Fixtures.NoneUnpriced, out var market)
            .ShouldBe(Refusal.None);
        return market!;
    }

    /// <summary>An account with orders in two to five instruments, or none, and in one of four cases with a debt.</summary>
    public Portfolio OrderingAccount(MarketView market, int positionCount, bool hasOptions)
    {
        var own = positionCount == 0 ? Of(1, [Dollars(random.NextDouble() * 60_000)], []) : MixedAccount(market, positionCount);
        var lines = market.Lines.ToArray().Where(line => line.Kind != LineKind.Spot && (hasOptions || !line.IsOption)).ToArray();
        var orders = Enumerable.Range(0, random.Next(10)).Select(_ =>
        {
            var line = random.Next(2) == 0 && own.Positions.Length > 0
                ? lines.FirstOrDefault(line => line.Id == own.Positions[0].Instrument, lines[random.Next(lines.Length)])
                : lines[random.Next(lines.Length)];
            var price = Math.Max(0.01, line.Mark * (0.9 + (0.2 * random.NextDouble())));
            return new OpenOrder(
                line.Id, random.Next(2) == 0 ? OrderSide.Buy : OrderSide.Sell, new Quantity(1_000_000 + (long)(random.NextDouble() * 5e12 / line.Forward)),
                new Price((long)(price * 1e8)));
        });
        var sol = Asset.Of("SOL");
        AssetAmount[] debts = random.Next(4) == 0 ? [new AssetAmount(sol, -(long)(random.NextDouble() * 100e8))] : [];
        var refusal = Portfolio.Of(
            1, [.. own.Balances.Where(balance => debts.Length == 0 || balance.Asset != sol), .. debts], own.Positions, [], [.. orders],
            ImmutableSortedDictionary<Underlying, Rate>.Empty, out var portfolio);
        return refusal.IsNone ? portfolio! : throw new InvalidOperationException(refusal.ToString());
    }

    private static MarketAsset Held(string code, double price, long total)
    {
        var asset = Asset.Of(code);
        var units = total;
        for (var decimals = 0; decimals < asset.Decimals; decimals++) units *= 10;
        return new MarketAsset(asset, new Price((long)(price * 1e8)), null, Rate.One, new AssetAmount(asset, units));
    }

    public Portfolio Account(MarketView market, int positionCount)
    {
        var instruments = market.Lines.ToArray().Where(line => line.Kind != LineKind.Spot).ToArray();
        random.Shuffle(instruments);
        var positions = instruments.Take(positionCount).Select(line =>
        {
            var quantity = Math.Round((random.NextDouble() - 0.5) * 200_000 / line.Forward, 2);
            var cost = line.IsOption ? 0 : quantity * line.Size * line.Mark * (0.97 + (0.06 * random.NextDouble()));
            if (random.Next(20) == 0) quantity = 0;   // two sub-accounts that cancel leave a cost
            if (quantity == 0 && line.IsOption) quantity = 0.01;
            return new Position(line.Id, new Quantity((long)Math.Round(quantity * 1e8)), Dollars(cost));
        });
        var cash = Dollars(positionCount * 40_000 * Math.Pow(random.NextDouble(), 2));
        return Of(1, [cash], positions);
    }

    public static Portfolio Of(long version, IEnumerable<AssetAmount> balances, IEnumerable<Position> positions)
    {
        var refusal = Portfolio.Of(version, balances, positions, [], [],
            ImmutableSortedDictionary<Underlying, Rate>.Empty, out var portfolio);
        return refusal.IsNone ? portfolio! : throw new InvalidOperationException(refusal.ToString());
    }

    public static AssetAmount Dollars(double amount) => new(Fixtures.Usdc, (long)Math.Round(amount * 1e6));

    private static MarketGroup Group(string name, double index) => Fixtures.Group(name, index) with { Depth = 20_000_000 };
}
