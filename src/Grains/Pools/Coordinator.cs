using System.Collections.Immutable;
using System.Diagnostics;
using System.Text.Json.Serialization;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Pools;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Shards;

namespace CrossMargin.Grains.Pools;

/// <summary>What the coordinator knows of one shard: its last report, less what was granted since.</summary>
/// <param name="Exposure">What its accounts may owe, while an officer has set it aside; null while it counts.</param>
public sealed record ShardStanding(long Frame, int Waiting, long? WaitsSince, Money Shortfall, Money? Exposure)
{
    public static readonly ShardStanding Unheard = new(Frame: 0, Waiting: 0, WaitsSince: null, Money.Zero, Exposure: null);

    [JsonIgnore]
    public bool Counts => Exposure is null;

    /// <summary>What its cases wanted, and what its accounts had paid into the fund and drawn from it.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ShardDemand? Demand { get; init; }

    /// <summary>What its accounts may have drawn from the fund in all, in order of asset.</summary>
    public ImmutableArray<AssetAmount> FundLimits { get; init; } = [];

    /// <summary>The beginning of the last interval in which it was granted a part of the pace, or null.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public Instant? Granted { get; init; }
}

/// <summary>
/// The coordinator of a risk pool: it knows how far every shard has come and what is missing in each, and so from when on
/// money may leave the pool. The number of its records is that of the reports, however many accounts wait.
/// </summary>
public sealed partial record Coordinator(PoolId Id, long Version, ImmutableArray<ShardStanding> Shards)
{
    /// <summary>What the fund counts for in clearance: nothing, so that the smallest shortfall stops everything.</summary>
    public static Money Fund => Money.Zero;

    public static Coordinator Of(PoolId id, int shards) => new(id, 0, [.. Enumerable.Repeat(ShardStanding.Unheard, shards)]);

    public static Decision<PoolEvent> Decide(Coordinator pool, object input, Context context) => input switch
    {
        ShardEvent.FrameAdopted adopted => Report(pool, adopted, context),
        ShardEvent.GainsLocked answer => TakeAnswer(pool, answer),
        ShardEvent.CloseOutsAnswered answer => TakeAnswer(pool, answer, context),
        PoolCommand.SetAside command => WithAssignment(pool, WithAllocation(pool, SetAside(pool, command, context)), context),
        PoolCommand.BringBack command => BringBack(pool, command, context),
        PoolCommand.DepositToFund command => DepositToFund(pool, command),
        PoolCommand.RegisterBackstop command => RegisterBackstop(pool, command),
        _ => throw new UnreachableException(input.GetType().Name),
    };

    private static Decision<PoolEvent> Report(Coordinator pool, ShardEvent.FrameAdopted adopted, Context context)
    {
        var report = new PoolEvent.ShardReported(adopted.Shard, adopted.Frame, adopted.Waiting, adopted.Shortfall)
        {
            WaitsSince = adopted.WaitsSince,
            Demand = adopted.Demand,
        };
        var heard = WithDeleveraging(pool, WithClearance(pool, report, context), adopted, context);
        return WithLoss(pool, WithGrant(pool, heard, adopted, context), adopted);
    }

    private static Decision<PoolEvent> SetAside(Coordinator pool, PoolCommand.SetAside command, Context context)
    {
        if (command.Shard.Number < 0 || command.Shard.Number >= pool.Shards.Length) return Refused("set-aside", Rejection.UnknownShard);
        if (command.Exposure.IsNegative) return Refused("set-aside", Rejection.ExposureNegative);
        if (!pool.Shards[command.Shard.Number].Counts) return Refused("set-aside", Rejection.ShardAlreadySetAside);
        var aside = new PoolEvent.ShardSetAside(command.Shard, command.Exposure, command.Reason) { By = command.By };
        return WithClearance(pool, aside, context);
    }

    private static Decision<PoolEvent> BringBack(Coordinator pool, PoolCommand.BringBack command, Context context)
    {
        if (command.Shard.Number < 0 || command.Shard.Number >= pool.Shards.Length) return Refused("bring-back", Rejection.UnknownShard);
        if (pool.Shards[command.Shard.Number].Counts) return Refused("bring-back", Rejection.ShardNotSetAside);
        return WithClearance(pool, new PoolEvent.ShardBroughtBack(command.Shard, command.Reason) { By = command.By }, context);
    }

    private static PoolEvent.CommandRefused Refused(string command, Rejection reason) => new(command, reason);

    /// <summary>Whatever changes a standing may be what others have waited for.</summary>
    private static Decision<PoolEvent> WithClearance(Coordinator pool, PoolEvent @event, Context context)
    {
        var after = Evolve(pool, @event);
        if (after.ClearedFrame(context.Frame) is not { } cleared) return @event;
        var granted = ImmutableArray.CreateBuilder<ShardId>();
        for (var number = 0; number < after.Shards.Length; number++)
            if (after.Shards[number].Counts && after.Shards[number].WaitsSince <= cleared) granted.Add(new ShardId(number));
        if (granted.Count == 0) return @event;
        return new Decision<PoolEvent>([@event, new PoolEvent.Cleared(cleared, granted.ToImmutable())], Rejection.None);
    }

    /// <summary>
    /// The frame up to which everything that had happened anywhere was valued by everybody, with nothing missing and no loss carried; null
    /// when there is none. A shard that has adopted f adds nothing to what stands under an earlier frame: it is closed.
    /// </summary>
    private long? ClearedFrame(long frame)
    {
        if (Shortfall > Fund.Micros || Deficits.Any()) return null;
        if (frame == 0 && Shards.All(shard => shard.Frame == 0)) return 0;   // no price was ever published: nothing is valued
        var least = long.MaxValue;
        foreach (var shard in Shards)
            if (shard.Counts && shard.Frame < least) least = shard.Frame;
        return least is > 0 and < long.MaxValue ? least - 1 : null;
    }

    /// <summary>What is missing in the pool, in micros of the reference currency; it need not fit into a <see cref="Money"/>.</summary>
    public Int128 Shortfall
    {
        get
        {
            Int128 sum = 0;
            foreach (var shard in Shards) sum += (shard.Exposure ?? shard.Shortfall).Micros;
            return sum;
        }
    }

    public static Coordinator Evolve(Coordinator pool, PoolEvent @event)
    {
        pool = pool with { Version = pool.Version + 1 };
        return @event switch
        {
            PoolEvent.ShardReported e => pool.Standing(e.Shard, pool.Heard(e)).WithoutPaidRound(),
            PoolEvent.LossAsked e => pool.AskedOf(e),
            PoolEvent.DeleveragingAsked e => pool.AskedOf(e),
            PoolEvent.CloseOutsReported e => pool.AnsweredBy(e),
            PoolEvent.DeleverageAssigned e => pool.AssignedBy(e),
            PoolEvent.GainsReported e => pool.AnsweredBy(e),
            PoolEvent.LossAllocated e => pool.AllocatedBy(e),
            PoolEvent.Cleared e => pool.Answered(e),
            PoolEvent.BudgetGranted e => pool.Given(e),
            PoolEvent.BackstopRegistered e => pool.Registered(e),
            PoolEvent.FundDeposited e => pool with { Deposited = pool.DepositedWith(e) },
            PoolEvent.ShardSetAside e => pool.Standing(e.Shard, pool.Shards[e.Shard.Number] with { Exposure = e.Exposure }),
            PoolEvent.ShardBroughtBack e => pool.Standing(e.Shard, pool.Shards[e.Shard.Number] with { Exposure = null }),
            PoolEvent.CommandRefused => pool,
            _ => throw new UnreachableException(@event.GetType().Name),
        };
    }

    private ShardStanding Heard(PoolEvent.ShardReported e)
    {
        var before = Shards[e.Shard.Number];
        Invariant.Holds("K1", e.Frame >= before.Frame, "the frame of a shard never goes back");
        return before with
        {
            Frame = e.Frame, Waiting = e.Waiting, WaitsSince = e.WaitsSince, Shortfall = e.Shortfall, Demand = e.Demand,
        };
    }

    /// <summary>Who was answered has to ask again: what it reports next says what is left.</summary>
    private Coordinator Answered(PoolEvent.Cleared e)
    {
        Invariant.Holds("K2", Shortfall <= Fund.Micros, "nothing leaves while something is missing");
        var isBeforeAnyPrice = e.Frame == 0 && Shards.All(shard => shard.Frame == 0);
        Invariant.Holds(
            "K3", isBeforeAnyPrice || Shards.All(shard => !shard.Counts || shard.Frame > e.Frame), "every shard is beyond what is cleared");
        var shards = Shards;
        foreach (var shard in e.Shards)
        {
            var standing = shards[shard.Number];
            Invariant.Holds("K4", standing.Counts && standing.WaitsSince <= e.Frame, "only who asks is answered");
            shards = shards.SetItem(shard.Number, standing with { Waiting = 0, WaitsSince = null });
        }

        return this with { Shards = shards };
    }

    private Coordinator Standing(ShardId shard, ShardStanding standing) => this with { Shards = Shards.SetItem(shard.Number, standing) };

    public void Verify()
    {
        foreach (var shard in Shards)
        {
            var isMissing = !shard.Shortfall.IsNegative && shard.Exposure is not { IsNegative: true };
            Invariant.Holds("K5", isMissing, "what is missing is not negative");
            Invariant.Holds("K6", shard.WaitsSince is null || shard.Waiting > 0, "who waits is counted");
        }

        VerifyFund();
    }
}
