using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Pools;
using CrossMargin.Grains.Liquidation;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Shards;

namespace CrossMargin.Grains.Margin;

/// <summary>What the frames of a venue's market mean to its accounts.</summary>
public sealed class MarginValuation(MarketId market) : Valuation
{
    private readonly Lock gate = new();
    private readonly FrameTables tables = new();
    private MarginMarks? latest;

    public override GrainId Publisher => market.Grain;
    public override string FrameEvent => MarketEventNames.FramePublished;

    /// <summary>Never throws. The shards of a process get one frame as one object, and it is priced once for all of them.</summary>
    public override object Open(MarkFrame frame)
    {
        lock (gate)
        {
            if (!ReferenceEquals(latest?.Frame, frame)) latest = MarginMarks.Open(frame, latest);
            return latest;
        }
    }

    public override ShardSweep ForShard() => new MarginSweep(tables);

    public override ShardDemand? DemandOf(object marks, IReadOnlyList<GrainSlot> asking, ImmutableArray<FundShare> fund) =>
        ShardCases.DemandOf((MarginMarks)marks, asking, fund);

    public override IEnumerable<(GrainSlot Grain, object Input)> Divide(object marks, object message, ShardState shard) => message switch
    {
        PoolEvent.BudgetGranted granted => ShardCases.Divide((MarginMarks)marks, granted, shard.ListAsking(), () => shard.Fund),
        PoolEvent.LossAsked asked => ShardLosses.Ask(asked, shard.Slots),
        PoolEvent.LossAllocated allocated => ShardLosses.Divide(allocated, shard.Shard, shard.Slots),
        PoolEvent.DeleveragingAsked asked => ShardCloseOuts.Ask(asked, shard.ListAsking()),
        PoolEvent.DeleverageAssigned assigned => ShardCloseOuts.Divide(assigned, shard.ListAsking(), shard.Slots),
        _ => [],
    };

    public override ShardEvent? Answer(object marks, object message, ShardState shard) => message switch
    {
        PoolEvent.LossAsked asked => ShardLosses.Answer(asked, shard),
        PoolEvent.DeleveragingAsked asked => ShardCloseOuts.Answer(
            asked, shard.Shard, (MarginMarks)marks, shard.ListAsking(), shard.Slots),
        _ => null,
    };
}
