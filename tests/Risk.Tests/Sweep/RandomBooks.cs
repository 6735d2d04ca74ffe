using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Risk.Markets;
using CrossMargin.Risk.Portfolios;
using CrossMargin.Risk.Tests.Models;

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

    public Portfolio Account(MarketView market, int positionCount)
    {
        var instruments = market.Lines.ToArray().Where(line => line.Kind != LineKind.Spot).ToArray();
        random.Shuffle(instruments);
        var positions = instruments.Take(positionCount).Select(line =>
        {
            var quantity = Math.Round((random.NextDouble() - 0.5) * 200_000 / line.Forward, 2);
            if (quantity == 0) quantity = 0.01;
            var cost = line.IsOption ? 0 : quantity * line.Size * line.Mark * (0.97 + (0.06 * random.NextDouble()));
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
