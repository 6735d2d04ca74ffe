using System.Diagnostics;
using CrossMargin.Bench.Journal;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Trades;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Margin;
using CrossMargin.Grains.Markets;
using CrossMargin.Runtime.Shards;

namespace CrossMargin.Bench.Clearing;

/// <summary>
/// From 1,000 to 1,000,000 accounts with ten positions each, in 64 shards: what an account takes in memory with all that its shard keeps
/// of it, and what it costs at a frame. No journal and no threads, so that nothing but the accounts grows.
/// </summary>
internal static class ScaleBench
{
    private const string Bench = "clearing scale";
    private const int Frames = 9;

    private static readonly int[] Sizes = [1_000, 10_000, 100_000, 1_000_000];
    private static readonly AccountGrain Grain = new();

    public static void Run(Report report)
    {
        report.Heading($"Memory and cost of a frame by number of accounts, {ClearingVenue.PositionCount} positions each, one thread, {Frames} frames");
        var (first, last) = (default(Size), default(Size));
        foreach (var accounts in Sizes)
        {
            var size = Measure(accounts);
            if (accounts == Sizes[0]) first = size;
            last = size;
            report.Line($"{accounts,9:n0} accounts: {size.Bytes,6:n0} bytes each; a frame {size.FrameMs.Text("0.000")} ms, {size.FrameMs.Median * 1e6 / accounts:0} ns each; "
                + $"laid out in {size.LayMs:n0} ms");
            report.Add(new Figure(Bench, $"memory, {accounts} accounts", size.Bytes, "bytes/account"));
            report.Add(new Figure(Bench, $"frame, {accounts} accounts", size.FrameMs.Median * 1e6 / accounts, "ns/account"));
        }

        report.Add(new Figure(
            Bench, "memory of an account among a million, of one among a thousand", last.Bytes / first.Bytes, "", new Spread([last.Bytes / first.Bytes]), new Bar.AtMost(1.2)));
    }

    private readonly record struct Size(double Bytes, double LayMs, Spread FrameMs);

    private static Size Measure(int accounts)
    {
        var listings = new ClearingVenue().Listings;
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var shards = Workload.Shards.Shards.Select(_ => new List<GrainSlot>()).ToArray();
        for (var i = 0; i < accounts; i++)
        {
            var account = Holding(i, listings);
            var slots = shards[Workload.Shards.ShardOf(account.Id.Grain).Number];
            slots.Add(new GrainSlot(account.Id.Grain, Grain) { State = account, Number = slots.Count });
        }

        var tables = new FrameTables();
        var sweeps = shards.Select(_ => new MarginSweep(tables)).ToArray();
        var watch = Stopwatch.StartNew();
        Sweep(sweeps, shards, listings, number: 1, changed: slots => slots);
        var layMs = watch.Elapsed.TotalMilliseconds;
        var bytes = (double)(GC.GetTotalMemory(forceFullCollection: true) - before) / accounts;

        var times = new List<double>();
        for (var frame = 2; frame < 2 + Frames; frame++)
        {
            watch.Restart();
            Sweep(sweeps, shards, listings, frame, changed: _ => []);
            times.Add(watch.Elapsed.TotalMilliseconds);
        }

        GC.KeepAlive(shards);
        return new Size(bytes, layMs, new Spread(times));
    }

    private static void Sweep(
        MarginSweep[] sweeps, List<GrainSlot>[] shards, Listing[] listings, int number, Func<List<GrainSlot>, IReadOnlyList<GrainSlot>> changed)
    {
        var marks = MarginMarks.Open(FrameOf(number, listings));
        if (!marks.Unusable.IsNone) throw new InvalidOperationException(marks.Unusable.ToString());
        for (var shard = 0; shard < sweeps.Length; shard++)
        {
            var results = sweeps[shard].Sweep(marks, shards[shard], changed(shards[shard]));
            if (results.Turns.Count > 0 || results.Valued != shards[shard].Count)
                throw new InvalidOperationException($"{results.Turns.Count} turns of {results.Valued} accounts");
        }
    }

    /// <summary>What was deposited and filled, by the account's own events.</summary>
    private static Account Holding(int number, Listing[] listings)
    {
        var owner = new PrincipalId($"holder-{number}");
        var usdc = Asset.Of("USDC");
        var id = AccountId.For(owner, CommandKey.Issue(new Instant(1_790_000_000_000_000), entropyHigh: 1, entropyLow: (ulong)number));
        var (none, cash) = (new AssetAmount(usdc, 0), new AssetAmount(usdc, 2_000_000_000));
        var account = Account.Evolve(Account.Unopened(id), new AccountEvent.Opened(owner));
        account = Account.Evolve(account, new AccountEvent.Deposited(cash, cash, "seed"));
        for (var i = 0; i < ClearingVenue.PositionCount; i++)
        {
            var listing = listings[((number * 7) + (i * 3)) % listings.Length];
            var quantity = new Quantity((number + i) % 2 == 0 ? listing.Lot.E8 : -listing.Lot.E8);
            var paid = new AssetAmount(usdc, (long)((Int128)quantity.E8 * PriceOf(listing).E8 / 10_000_000_000));
            account = Account.Evolve(account, new AccountEvent.FillApplied(new TradeId($"t{i}"), new PositionChange(
                SubAccountId.Main, listing.Id, quantity, paid, none, none, none, 0, default, quantity, paid, cash)));
        }

        return account;
    }

    private static Price PriceOf(Listing listing) => new((listing.Underlying.Code == "BTC" ? 60_000L : 3_000L) * 100_000_000);

    private static MarkFrame FrameOf(int number, Listing[] listings)
    {
        var at = new Instant(1_790_000_000_000_000 + (number * 250_000L));
        Price Moved(Price price) => new(price.E8 / 1_000 * (1_000 + (number % 2)));
        return new MarkFrame(
            number, at, [new AssetMark(Asset.Of("USDC"), new Price(100_000_000), null, Rate.One, new AssetAmount(Asset.Of("USDC"), 0), 0)],
            [.. listings.DistinctBy(listing => listing.Underlying).Select(listing =>
                new UnderlyingMark(listing.Underlying, Moved(PriceOf(listing)), Rate.One, null, 0))],
            [.. listings.Where(listing => listing.Expiry is not null).Select(listing => new ExpiryMark(
                listing.Underlying, listing.Expiry!.Value, Moved(PriceOf(listing)), Rate.Zero, new Price(0), Rate.One, new SmileMark.None()))],
            [.. listings.Select(listing => new InstrumentMark(listing.Id, Moved(PriceOf(listing)), Money.Zero))])
        {
            Listed = [.. listings.Select(listing => listing.Terms())],
            Parameters = FirstParameters.InForce,
        };
    }
}
