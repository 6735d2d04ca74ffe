using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Risk;
using CrossMargin.Risk.Markets;
using CrossMargin.Risk.Models;
using CrossMargin.Risk.Parameters;
using CrossMargin.Risk.Portfolios;
using CrossMargin.Risk.Pricing;
using CrossMargin.Risk.Sweep;

namespace CrossMargin.RiskBench;

/// <summary>
/// One market of 2,000 options, 40 futures and 2 perps on two underlyings, and accounts drawn from a seed.
/// </summary>
internal static class BenchMarket
{
    public const int PositionCount = 10;

    private const int Both = 2;

    private static readonly Asset Usdc = Asset.Of("USDC");

    public static MarketView View { get; } = Build();

    public static MarginModel Model(string preset)
    {
        MarginModel.Resolve(ParameterDocument.Preset(preset), View, out var model);
        return model!;
    }

    public static double[] Arrays(MarginModel model)
    {
        var arrays = new double[model.Plan!.Length];
        var refusal = RiskArrays.Price(model.Plan, arrays);
        return refusal.IsNone ? arrays : throw new InvalidOperationException(refusal.ToString());
    }

    /// <summary>
    /// Positions of up to 50,000 of notional each and some share of the gross notional in cash, so that a few accounts are in trouble.
    /// Four accounts in five keep to one underlying, the others hold both.
    /// </summary>
    public static Portfolio Account(Random random, int positionCount) =>
        Account(random, positionCount, () => 0.05 + (0.5 * random.NextDouble()));

    /// <summary>The same with cash that the bound without a scan never finds enough.</summary>
    public static Portfolio PoorAccount(Random random, int positionCount) => Account(random, positionCount, () => 0.001);

    private static Portfolio Account(Random random, int positionCount, Func<double> cashShare)
    {
        var positions = new List<Position>(positionCount);
        var gross = 0.0;
        var taken = new HashSet<int>();
        var only = random.Next(10) switch { < 4 => 0, < 8 => 1, _ => Both };
        while (positions.Count < positionCount)
        {
            var number = random.Next(View.Lines.Length);
            ref readonly var line = ref View.Lines[number];
            if (line.Kind == LineKind.Spot || (only != Both && line.Group != only) || !taken.Add(number)) continue;

            var quantity = Math.Max(1, random.Next(50_000) / line.Forward / line.Size * 100) / 100 * (random.Next(2) == 0 ? 1 : -1);
            var value = quantity * line.Size * line.Mark;
            gross += Math.Abs(quantity) * line.Multiplier * line.Forward;
            positions.Add(new Position(line.Id, new Quantity((long)(quantity * 1e8)), Dollars(line.IsOption ? 0 : value)));
        }

        var cash = Dollars(gross * cashShare());
        var refusal = Portfolio.Of(1, [cash], positions, [], [], ImmutableSortedDictionary<Underlying, Rate>.Empty, out var portfolio);
        return refusal.IsNone ? portfolio! : throw new InvalidOperationException(refusal.ToString());
    }

    private static AssetAmount Dollars(double amount) => new(Usdc, (long)(amount * 1e6));

    private static MarketView Build()
    {
        var lines = new List<MarketLine>();
        foreach (var (group, index) in new[] { (0, 60_000.0), (1, 3_000.0) })
        {
            lines.Add(Linear(lines.Count + 1, LineKind.Perp, group, index, years: 0));
            for (var expiry = 1; expiry <= 20; expiry++)
            {
                var years = expiry * 18 / 365.0;
                var forward = index * (1 + (0.05 * years));
                lines.Add(Linear(lines.Count + 1, LineKind.Future, group, forward, years));
                for (var strike = 0; strike < 25; strike++)
                {
                    lines.Add(Option(lines.Count + 1, LineKind.Call, group, forward, index * (0.52 + (0.04 * strike)), years));
                    lines.Add(Option(lines.Count + 1, LineKind.Put, group, forward, index * (0.52 + (0.04 * strike)), years));
                }
            }
        }

        MarketGroup[] groups = [Group("BTC", 60_000), Group("ETH", 3_000)];
        MarketAsset[] assets = [Quoted("USDC", 1), Quoted("USDT", 1), Quoted("BTC", 60_000), Quoted("ETH", 3_000)];
        var refusal = MarketView.Of(1, lines, groups, assets, new Dictionary<InstrumentId, Refusal>(), out var view);
        return refusal.IsNone ? view! : throw new InvalidOperationException(refusal.ToString());
    }

    private static MarketGroup Group(string name, double index) =>
        new() { Underlying = new Underlying(name), Index = index, Confidence = 1, Depth = 50_000_000 };

    private static MarketAsset Quoted(string code, long price) =>
        new(Asset.Of(code), new Price(price * 100_000_000), null, Rate.One, new AssetAmount(Asset.Of(code), 0));

    private static MarketLine Linear(int id, LineKind kind, int group, double forward, double years) => new()
    {
        Id = new InstrumentId(id), Symbol = $"L{id}", Kind = kind, Group = group, Size = 0.01, Multiplier = 0.01, Mark = forward,
        Forward = forward, Settles = forward, Years = years, Delta = 1, Settlement = 2, ContractValueE8 = (long)(forward * 1e6),
    };

    private static MarketLine Option(int id, LineKind kind, int group, double forward, double strike, double years)
    {
        var vol = 0.5 + (0.2 * Math.Abs((strike / forward) - 1));
        var greeks = Black76.Greeks(
            kind == LineKind.Call ? OptionKind.Call : OptionKind.Put, forward, strike, years, vol, discount: 1).Value;
        return Linear(id, kind, group, forward, years) with
        {
            Mark = greeks.Price, Strike = strike, OpenStrike = strike, Volatility = vol, Delta = greeks.Delta,
            ContractValueE8 = (long)(greeks.Price * 1e6),
        };
    }
}
