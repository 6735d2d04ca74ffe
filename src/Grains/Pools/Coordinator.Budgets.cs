using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Pools;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Margin;
using CrossMargin.Risk.Parameters;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Shards;

namespace CrossMargin.Grains.Pools;

/// <summary>
/// What a pool's cases share: the pace at which each market is traded into, and the fund. One grant a report at the most,
/// however many accounts have fallen; docs/liquidation.md has the rules.
/// </summary>
public sealed partial record Coordinator
{
    /// <summary>What officers put into the fund, ever.</summary>
    public Balances Deposited { get; init; } = Balances.Empty;

    /// <summary>The interval of the last grant, and what was granted of each market in it, in order of instrument.</summary>
    public Pace Pace { get; init; } = Pace.None;

    private static Decision<PoolEvent> DepositToFund(Coordinator pool, PoolCommand.DepositToFund command)
    {
        const string Name = "deposit-to-fund";
        if (command.Amount.Asset.Decimals is null) return Refused(Name, Rejection.UnknownAsset);
        if (!command.Amount.IsPositive) return Refused(Name, Rejection.AmountNotPositive);
        if (command.Amount.Units > Account.MaxAmountUnits) return Refused(Name, Rejection.AmountTooLarge);
        var before = pool.Deposited[command.Amount.Asset];
        if (before.Units > Account.MaxBalanceUnits - command.Amount.Units) return Refused(Name, Rejection.BalanceLimit);
        return new PoolEvent.FundDeposited(command.Amount, before + command.Amount, command.Reference);
    }

    private static Decision<PoolEvent> WithGrant(
        Coordinator pool, Decision<PoolEvent> decision, ShardEvent.FrameAdopted adopted, Context context)
    {
        if (adopted.Demand is not { } demand || (context.Marks as MarginMarks)?.Model is not { } model) return decision;
        var after = decision.Events.Aggregate(pool, Evolve);
        if (!after.Shards[adopted.Shard.Number].Counts) return decision;
        var rules = model.Parameters.Liquidation;
        var interval = Interval(context.Now, rules);
        var slices = after.SlicesFor(adopted.Shard, demand, interval, rules);
        var backstops = after.BackstopsFor(demand);
        var limits = after.LimitsFor(adopted.Shard, demand);
        if (slices.IsEmpty && backstops.IsEmpty && limits.IsEmpty) return decision;
        return decision with
        {
            Events = decision.Events.Add(
                new PoolEvent.BudgetGranted(adopted.Shard, adopted.Frame, interval, slices, backstops, limits)),
        };
    }

    /// <summary>Intervals lie on the clock, so that nobody has to remember when one began.</summary>
    private static Instant Interval(Instant now, LiquidationParameters rules)
    {
        var length = 1_000L * rules.PaceIntervalMs;
        return new Instant(now.Micros / length * length);
    }

    /// <summary>
    /// Of what is left of a market, the part of this shard among those that want it and were not granted anything in this
    /// interval. Rounded down; what that leaves over is nobody's in this interval.
    /// </summary>
    private ImmutableArray<MarketAmount> SlicesFor(ShardId shard, ShardDemand demand, Instant interval, LiquidationParameters rules)
    {
        if (Shards[shard.Number].Granted == interval) return [];
        var granted = ImmutableArray.CreateBuilder<MarketAmount>();
        foreach (var wanted in demand.Slices)
        {
            var left = rules.PacePerMarket - Pace.Of(interval, wanted.Instrument);
            Int128 all = 0;
            foreach (var other in Shards)
                if (other.Counts && other.Granted != interval && other.Demand is { } open) all += WantedOf(open, wanted.Instrument).Micros;
            var part = all <= left.Micros
                ? wanted.Notional
                : new Money((long)Rounding.Floor((Int128)Math.Max(0, left.Micros) * wanted.Notional.Micros, all));
            if (part > Money.Zero) granted.Add(wanted with { Notional = part });
        }

        return granted.ToImmutable();
    }

    private static Money WantedOf(ShardDemand demand, InstrumentId instrument)
    {
        foreach (var wanted in demand.Slices)
            if (wanted.Instrument == instrument) return wanted.Notional;
        return Money.Zero;
    }

    /// <summary>
    /// A limit is raised by what is owed beyond what may be drawn already, as far as the fund goes. One that is not raised is said
    /// again as long as something may be drawn: the last time may have found a price in doubt.
    /// </summary>
    private ImmutableArray<AssetAmount> LimitsFor(ShardId shard, ShardDemand demand)
    {
        var limits = ImmutableArray.CreateBuilder<AssetAmount>();
        foreach (var debt in demand.Debts)
        {
            var (limit, drawn) = (LimitOf(shard, debt.Asset), DrawnBy(shard, debt.Asset));
            var missing = debt - (limit - drawn);
            var available = DrawableIn(debt.Asset);
            if (missing.IsPositive && available.IsPositive) limit += missing < available ? missing : available;
            if (limit > drawn) limits.Add(limit);
        }

        return limits.ToImmutable();
    }

    private AssetAmount LimitOf(ShardId shard, Asset asset)
    {
        foreach (var limit in Shards[shard.Number].FundLimits)
            if (limit.Asset == asset) return limit;
        return new AssetAmount(asset, 0);
    }

    private AssetAmount DrawnBy(ShardId shard, Asset asset)
    {
        foreach (var share in Shards[shard.Number].Demand?.Fund ?? [])
            if (share.Drawn.Asset == asset) return share.Drawn;
        return new AssetAmount(asset, 0);
    }

    /// <summary>In order of asset, as far as the shards have told.</summary>
    public IEnumerable<FundStanding> FundStandings
    {
        get
        {
            var shares = Shards.SelectMany(shard => shard.Demand?.Fund ?? []).ToLookup(share => share.PaidIn.Asset);
            var assets = shares.Select(known => known.Key).Concat(Deposited.Amounts.Select(amount => amount.Asset)).Distinct().Order();
            foreach (var asset in assets)
            {
                var paidIn = shares[asset].Aggregate(new AssetAmount(asset, 0), (sum, share) => sum + share.PaidIn);
                var drawn = shares[asset].Aggregate(new AssetAmount(asset, 0), (sum, share) => sum + share.Drawn);
                yield return new FundStanding(Deposited[asset], paidIn, drawn, AvailableIn(asset));
            }
        }
    }

    /// <summary>
    /// By how much less the fund has than was drawn from it, or may have been, in order of asset. Accounts own more than there is then:
    /// whoever left first would leave the loss to the others. So nobody leaves until it is repaid.
    /// </summary>
    public IEnumerable<AssetAmount> Deficits => Shards.SelectMany(shard => shard.FundLimits).Select(limit => limit.Asset).Distinct().Order()
        .Select(asset => Enumerable.Range(0, Shards.Length).Aggregate(
            -AvailableIn(asset), (sum, number) => sum - SurelyUndrawnBy(new ShardId(number), asset)))
        .Where(deficit => deficit.IsPositive);

    /// <summary>
    /// What is left of a limit. Nothing of it is sure to be there where somebody owes, who may have drawn since, nor where an officer has
    /// said that nobody waits for the shard's word.
    /// </summary>
    private AssetAmount SurelyUndrawnBy(ShardId shard, Asset asset) =>
        !Shards[shard.Number].Counts || Shards[shard.Number].Demand?.Debts.Any(debt => debt.Asset == asset) is true
            ? new AssetAmount(asset, 0)
            : LimitOf(shard, asset) - DrawnBy(shard, asset);

    /// <summary>What is in the fund and promised to nobody, as far as the shards have told.</summary>
    public AssetAmount AvailableIn(Asset asset)
    {
        var available = Deposited[asset];
        for (var number = 0; number < Shards.Length; number++)
        {
            foreach (var share in Shards[number].Demand?.Fund ?? [])
                if (share.PaidIn.Asset == asset) available += share.PaidIn;
            available -= LimitOf(new ShardId(number), asset);
        }

        return available;
    }

    private Coordinator Given(PoolEvent.BudgetGranted e)
    {
        var standing = Shards[e.Shard.Number];
        var limits = standing.FundLimits.Where(limit => !e.FundLimits.Any(raised => raised.Asset == limit.Asset))
            .Concat(e.FundLimits).OrderBy(limit => limit.Asset);
        var pool = this;
        foreach (var raised in e.FundLimits)
        {
            var more = raised - LimitOf(e.Shard, raised.Asset);
            var available = AvailableIn(raised.Asset);
            var beyond = available.IsPositive ? more - available : more;
            Invariant.Holds("L5", !more.IsNegative, "a limit is never lowered: it may have been used");
            Invariant.Holds("L5", beyond <= CarriedIn(raised.Asset), "no more is promised than the fund has and the pool carries");
            if (beyond.IsPositive) pool = pool with { Carried = pool.CarriedWith(-beyond) };
        }

        foreach (var part in e.Backstops)
        {
            var left = QuotaOf(part.Account, part.Instrument);
            Invariant.Holds("L10", part.Notional <= left, "no backstop account takes over more than its quota");
        }

        standing = standing with { FundLimits = [.. limits], Granted = e.Slices.IsEmpty ? standing.Granted : e.Interval };
        return pool.Standing(e.Shard, standing) with
        {
            Pace = Pace.With(e.Interval, e.Slices),
            Backstops = [.. Backstops.Select(quota => quota with { Left = LeftOf(quota, e.Backstops) })],
        };
    }

    private Balances DepositedWith(PoolEvent.FundDeposited e)
    {
        var after = Deposited.Add(e.Amount);
        Invariant.Same("L5", e.DepositedAfter, after[e.Amount.Asset]);
        return after;
    }

    private void VerifyFund()
    {
        foreach (var carried in Carried)
            Invariant.Holds("L5", carried.IsPositive, "what the pool carries is more than nothing");
    }
}

/// <summary>The fund in one asset. What is available is not promised to anybody either.</summary>
public sealed record FundStanding(AssetAmount Deposited, AssetAmount PaidIn, AssetAmount Drawn, AssetAmount Available)
{
    /// <summary>What is in it; nothing, while the pool carries a loss.</summary>
    public AssetAmount Balance => Net.IsNegative ? Net with { Units = 0 } : Net;

    /// <summary>What was drawn although it was not there, and is repaid before anything else.</summary>
    public AssetAmount Deficit => Net.IsNegative ? -Net : Net with { Units = 0 };

    private AssetAmount Net => Deposited + PaidIn - Drawn;
}

/// <summary>What was granted of each market in one interval.</summary>
public sealed record Pace(Instant Interval, ImmutableArray<MarketAmount> Granted)
{
    public static readonly Pace None = new(default, []);

    public Money Of(Instant interval, InstrumentId instrument)
    {
        if (interval != Interval) return Money.Zero;
        foreach (var granted in Granted)
            if (granted.Instrument == instrument) return granted.Notional;
        return Money.Zero;
    }

    public Pace With(Instant interval, ImmutableArray<MarketAmount> more)
    {
        if (more.IsEmpty) return this;
        var all = (interval == Interval ? Granted : []).Concat(more).GroupBy(part => part.Instrument).OrderBy(parts => parts.Key)
            .Select(parts => new MarketAmount(parts.Key, parts.Aggregate(Money.Zero, (sum, part) => sum + part.Notional)));
        return new Pace(interval, [.. all]);
    }
}
