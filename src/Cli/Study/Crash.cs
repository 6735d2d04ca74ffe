using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Parameters;

namespace CrossMargin.Cli.Study;

/// <summary>
/// What happens to the market whatever the rules are: instruments, how deep their books are, and a course of prices that follows from the
/// seed. A quarter is lost in eight seconds, and half of it comes back. What liquidations move prices by comes on top of it.
/// </summary>
internal sealed class Crash
{
    public const int Frames = 480;
    public const long MicrosBetweenFrames = 250_000;

    private const int FallFrames = 32, BottomFrames = 88, ReboundFrames = 120;
    private const double Fall = 0.25, Back = 0.5, Beta = 1.2, Noise = 0.0008;

    private static readonly Asset Usdc = Asset.Of("USDC");
    private static readonly Instant Expiry = StudyVenue.Beginning.PlusMicros(90L * 24 * 3_600 * 1_000_000);

    /// <summary>An instrument with its price before the crash and the dollars that move its book by one per cent.</summary>
    public sealed record Traded(Listing Listing, double Price, double Depth);

    public static readonly ImmutableArray<Traded> Instruments =
    [
        new(Perp(1, "BTC", tickE8: 50_000_000, lotE8: 100_000), 60_000, 1_500_000),
        new(Perp(2, "ETH", tickE8: 5_000_000, lotE8: 1_000_000), 3_000, 800_000),
        new(Future(3, "BTC", tickE8: 50_000_000, lotE8: 100_000), 60_300, 500_000),
    ];

    private readonly double[] btc, eth;   // by frame, as a factor of the price before

    public Crash(long seed)
    {
        var draws = new Draws(seed ^ 0x5EED);
        btc = new double[Frames + 1];
        eth = new double[Frames + 1];
        var (noiseBtc, noiseEth) = (0.0, 0.0);
        for (var frame = 0; frame <= Frames; frame++)
        {
            var fallen = frame <= FallFrames ? Fall * frame / FallFrames
                : frame <= FallFrames + BottomFrames ? Fall
                : Fall * (1 - (Back * Math.Min(1, (frame - FallFrames - BottomFrames) / (double)ReboundFrames)));
            noiseBtc += Noise * (draws.Next() + draws.Next() - 1);
            noiseEth += Noise * (draws.Next() + draws.Next() - 1);
            btc[frame] = 1 - fallen + noiseBtc;
            eth[frame] = 1 - (fallen * Beta) + noiseEth;
        }
    }

    /// <param name="moved">By instrument: what liquidations have moved it by for good.</param>
    public MarkFrame FrameOf(int number, IReadOnlyList<double> moved, ParameterText rules)
    {
        var at = StudyVenue.Beginning.PlusMicros((number + 1) * MicrosBetweenFrames);
        var prices = Instruments.Select((traded, i) =>
            PriceOf(traded, FactorOf(traded.Listing.Underlying, number) * (1 + moved[i]))).ToArray();
        return new MarkFrame(
            number + 1, at, [new AssetMark(Usdc, new Price(100_000_000), null, Rate.One, new AssetAmount(Usdc, 0), 0)],
            [
                new UnderlyingMark(new Underlying("BTC"), prices[0], Rate.One, new Money(15_000_000_000_000), 0),
                new UnderlyingMark(new Underlying("ETH"), prices[1], Rate.One, new Money(8_000_000_000_000), 0),
            ],
            [new ExpiryMark(new Underlying("BTC"), Expiry, prices[2], Rate.Zero, new Price(0), Rate.One, new SmileMark.None())],
            [.. Instruments.Select((traded, i) => new InstrumentMark(traded.Listing.Id, prices[i], Money.Zero))])
        {
            Listed = [.. Instruments.Select(traded => traded.Listing.Terms())],
            Parameters = new ParametersInForce(0, rules),
        };
    }

    public static Price PriceBefore(Traded traded) => PriceOf(traded, 1);

    private double FactorOf(Underlying underlying, int frame) => underlying.Code == "BTC" ? btc[frame] : eth[frame];

    private static Price PriceOf(Traded traded, double factor) =>
        new((long)(traded.Price * factor * 1e8) / traded.Listing.Tick.E8 * traded.Listing.Tick.E8);

    private static Listing Perp(int id, string code, long tickE8, long lotE8) => new(
        new InstrumentId(id), InstrumentKind.Perp, $"{code}-PERP", new Underlying(code), Usdc, new Quantity(100_000_000),
        new Price(tickE8), new Quantity(lotE8));

    private static Listing Future(int id, string code, long tickE8, long lotE8) => Perp(id, code, tickE8, lotE8) with
    {
        Kind = InstrumentKind.Future, Symbol = $"{code}-MAR26", Expiry = Expiry,
    };

    /// <summary>For the report: from what the study came.</summary>
    public static object Inputs => new
    {
        frames = Frames, millisecondsBetweenFrames = MicrosBetweenFrames / 1_000, fall = Fall, ethFallsTimes = Beta,
        fallFrames = FallFrames, bottomFrames = BottomFrames, reboundFrames = ReboundFrames, comesBack = Back,
        books = Instruments.Select(traded => new
        {
            instrument = traded.Listing.Symbol, price = traded.Price, dollarsPerCent = traded.Depth,
        }),
        bookComesBackPerFrame = OrderBook.BackPerFrame, lastingPartOfAMove = OrderBook.Lasting,
    };
}
