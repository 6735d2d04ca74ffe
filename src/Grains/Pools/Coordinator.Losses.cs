using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Pools;
using CrossMargin.Risk.Liquidation;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Shards;

namespace CrossMargin.Grains.Pools;

/// <summary>What one shard's accounts can answer for, and what they had paid into the fund before the round.</summary>
public sealed record LossAnswer(ShardId Shard, AssetAmount Locked, AssetAmount PaidIn);

/// <summary>
/// One sharing of a loss. It is asked, answered by every shard, allocated, and over when the fund has what was allocated.
/// </summary>
/// <param name="Number">The version of the record that asked.</param>
/// <param name="Shares">Empty until it is allocated.</param>
/// <param name="Behind">By how much the fund was below zero then, by what the pool carried before: these shares are not for that.</param>
public sealed record LossRound(
    long Number, Asset Asset, ImmutableArray<ShardId> Asked, ImmutableArray<LossAnswer> Answers, ImmutableArray<ShardAmount> Shares,
    AssetAmount Behind);

/// <summary>
/// What is owed beyond the fund is shared over the pool's gains: largest remainder over the shards, and inside them over accounts.
/// One round is open at a time. What no gain covers is carried by the pool, and repaid first: nothing is drawn from what the fund
/// earns until it is above zero again.
/// </summary>
public sealed partial record Coordinator
{
    /// <summary>Null while no loss is being shared.</summary>
    public LossRound? Round { get; init; }

    /// <summary>What may still be drawn although the fund does not have it, in order of asset.</summary>
    public ImmutableArray<AssetAmount> Carried { get; init; } = [];

    /// <summary>The first asset in which somebody owes what neither the fund nor a limit covers.</summary>
    private static Decision<PoolEvent> WithLoss(Coordinator pool, Decision<PoolEvent> decision, ShardEvent.FrameAdopted adopted)
    {
        if (adopted.Demand is not { } demand) return decision;
        var after = decision.Events.Aggregate(pool, Evolve);
        if (after.Round is not null) return decision;
        foreach (var debt in demand.Debts)
        {
            if (!after.MissingIn(debt.Asset).IsPositive || after.DrawableIn(debt.Asset).IsPositive) continue;
            return decision with
            {
                Events = decision.Events.Add(new PoolEvent.LossAsked(after.Version + 1, debt.Asset, after.Counting)),
            };
        }

        return decision;
    }

    /// <summary>An answer, and the allocation when it was the last. One to a round that is over says nothing.</summary>
    private static Decision<PoolEvent> TakeAnswer(Coordinator pool, ShardEvent.GainsLocked answer)
    {
        var isAwaited = pool.Round is { Shares.IsEmpty: true } round && round.Number == answer.Round
            && round.Answers.All(known => known.Shard != answer.Shard);
        return isAwaited
            ? WithAllocation(pool, new PoolEvent.GainsReported(answer.Shard, answer.Round, answer.Locked, answer.PaidIn))
            : new Decision<PoolEvent>([], Rejection.None);
    }

    private static Decision<PoolEvent> WithAllocation(Coordinator pool, Decision<PoolEvent> decision)
    {
        var after = decision.Events.Aggregate(pool, Evolve);
        return after.AllocationDue() is { } allocated ? decision with { Events = decision.Events.Add(allocated) } : decision;
    }

    /// <summary>Who was set aside since is not waited for, and pays nothing.</summary>
    private PoolEvent.LossAllocated? AllocationDue()
    {
        if (Round is not { Shares.IsEmpty: true } round) return null;
        var hasAll = round.Asked.All(shard =>
            !Shards[shard.Number].Counts || round.Answers.Any(answer => answer.Shard == shard));
        if (!hasAll) return null;

        var deficit = MissingIn(round.Asset);
        var gains = round.Asked.Select(shard => new Claim<ShardId>(shard, LockedIn(round, shard))).ToList();
        var shares = LargestRemainder.Loss(deficit.Units, gains).Value.Given;
        var shared = shares.Aggregate(deficit with { Units = 0 }, (sum, share) => sum + (deficit with { Units = share.Weight }));
        return new PoolEvent.LossAllocated(
            round.Number, deficit, deficit - shared,
            [.. shares.Select(share => new ShardAmount(share.Id, deficit with { Units = share.Weight }))]);
    }

    private long LockedIn(LossRound round, ShardId shard)
    {
        if (!Shards[shard.Number].Counts) return 0;
        foreach (var answer in round.Answers)
            if (answer.Shard == shard) return answer.Locked.Units;
        return 0;
    }

    private ImmutableArray<ShardId> Counting =>
        [.. Enumerable.Range(0, Shards.Length).Where(number => Shards[number].Counts).Select(number => new ShardId(number))];

    /// <summary>What accounts with nothing left owe beyond what they may draw already.</summary>
    private AssetAmount MissingIn(Asset asset)
    {
        Int128 missing = 0;
        for (var number = 0; number < Shards.Length; number++)
        {
            var shard = new ShardId(number);
            if (!Shards[number].Counts) continue;
            foreach (var debt in Shards[number].Demand?.Debts ?? [])
            {
                if (debt.Asset != asset) continue;
                var more = debt - (LimitOf(shard, asset) - DrawnBy(shard, asset));
                if (more.IsPositive) missing += more.Units;
            }
        }

        return new AssetAmount(asset, (long)Int128.Min(missing, long.MaxValue));
    }

    private AssetAmount CarriedIn(Asset asset)
    {
        foreach (var carried in Carried)
            if (carried.Asset == asset) return carried;
        return new AssetAmount(asset, 0);
    }

    /// <summary>What is in the fund, and what the pool carries.</summary>
    private AssetAmount DrawableIn(Asset asset)
    {
        var available = AvailableIn(asset);
        return (available.IsPositive ? available : available with { Units = 0 }) + CarriedIn(asset);
    }

    private ImmutableArray<AssetAmount> CarriedWith(AssetAmount change) =>
    [
        .. Carried.Where(other => other.Asset != change.Asset).Append(CarriedIn(change.Asset) + change)
            .Where(carried => carried.Units != 0).OrderBy(carried => carried.Asset),
    ];

    private Coordinator AskedOf(PoolEvent.LossAsked e)
    {
        Invariant.Holds("L12", Round is null && e.Round == Version, "one loss is shared at a time");
        return this with { Round = new LossRound(e.Round, e.Asset, e.Shards, [], [], new AssetAmount(e.Asset, 0)) };
    }

    private Coordinator AnsweredBy(PoolEvent.GainsReported e)
    {
        var round = RoundOf(e.Round);
        Invariant.Holds("L12", round.Answers.All(answer => answer.Shard != e.Shard), "a shard answers once");
        return this with { Round = round with { Answers = round.Answers.Add(new LossAnswer(e.Shard, e.Locked, e.PaidIn)) } };
    }

    private Coordinator AllocatedBy(PoolEvent.LossAllocated e)
    {
        var round = RoundOf(e.Round);
        var shared = e.Shares.Aggregate(e.Deficit with { Units = 0 }, (sum, share) => sum + share.Amount);
        Invariant.Same("L12", e.Deficit, shared + e.Carried);
        foreach (var share in e.Shares)
            Invariant.Holds("L12", share.Amount.Units <= LockedIn(round, share.Shard), "no shard pays more than its accounts locked");
        var available = AvailableIn(round.Asset);
        var behind = available.IsNegative ? -available : available with { Units = 0 };
        var allocated = this with { Round = round with { Shares = e.Shares, Behind = behind }, Carried = CarriedWith(e.Carried) };
        return allocated.WithoutPaidRound();
    }

    private LossRound RoundOf(long number) => Round is { Shares.IsEmpty: true } round && round.Number == number
        ? round
        : throw new InvariantViolation("L12", $"round {number} is not open");

    /// <summary>Every shard has told that the fund has its share: until then nothing is drawn from it, and no other round begins.</summary>
    private bool IsRoundPaid => Round is { Shares.IsEmpty: false } round && round.Shares.All(share =>
        share.Amount.Units == 0 || !Shards[share.Shard.Number].Counts
        || PaidInBy(share.Shard, round.Asset) >= round.Answers.First(answer => answer.Shard == share.Shard).PaidIn + share.Amount);

    /// <summary>
    /// What the shares filled of a hole that was there before may be drawn all the same: they were paid for another loss.
    /// </summary>
    private Coordinator WithoutPaidRound()
    {
        if (!IsRoundPaid || Round is not { } round) return this;
        var shared = round.Shares.Aggregate(round.Behind with { Units = 0 }, (sum, share) => sum + share.Amount);
        return this with { Round = null, Carried = CarriedWith(shared < round.Behind ? shared : round.Behind) };
    }

    private AssetAmount PaidInBy(ShardId shard, Asset asset)
    {
        foreach (var share in Shards[shard.Number].Demand?.Fund ?? [])
            if (share.PaidIn.Asset == asset) return share.PaidIn;
        return new AssetAmount(asset, 0);
    }
}
