using CrossMargin.Contracts;
using CrossMargin.Contracts.Pools;
using CrossMargin.Grains.Accounts;
using CrossMargin.Risk.Liquidation;
using CrossMargin.Runtime.Shards;

namespace CrossMargin.Grains.Liquidation;

/// <summary>How the accounts of one shard answer for a loss of the pool: each with what it gained, and never with more.</summary>
internal static class ShardLosses
{
    /// <summary>Everybody is asked, in order of id.</summary>
    public static IEnumerable<(GrainSlot, object)> Ask(PoolEvent.LossAsked asked, IReadOnlyList<GrainSlot> slots) =>
        AccountsOf(slots).Select(slot => (slot, (object)new GainsAsked(asked.Round, asked.Asset)));

    public static ShardEvent.GainsLocked Answer(PoolEvent.LossAsked asked, ShardState shard)
    {
        var (locked, paidIn) = ((Int128)0, new AssetAmount(asked.Asset, 0));
        foreach (var slot in AccountsOf(shard.Slots))
            if (((Account)slot.State).Lock is { } gain && gain.Round == asked.Round) locked += gain.Amount.Units;
        foreach (var share in shard.Fund)
            if (share.PaidIn.Asset == asked.Asset) paidIn = share.PaidIn;
        return new ShardEvent.GainsLocked(
            shard.Shard, asked.Round, new AssetAmount(asked.Asset, (long)Int128.Min(locked, long.MaxValue)), paidIn);
    }

    /// <summary>
    /// The shard's share in proportion to what each has locked; who locked something is told even of nothing, and is free.
    /// </summary>
    public static IEnumerable<(GrainSlot, object)> Divide(PoolEvent.LossAllocated allocated, ShardId shard, IReadOnlyList<GrainSlot> slots)
    {
        var locked = AccountsOf(slots).Where(slot => ((Account)slot.State).Lock?.Round == allocated.Round).ToList();
        var total = allocated.Shares.FirstOrDefault(share => share.Shard == shard).Amount.Units;
        if (locked.Count == 0) return [];
        var claims = locked.Select(slot => new Claim<GrainId>(slot.Id, ((Account)slot.State).Lock!.Amount.Units));
        var shares = LargestRemainder.Divide(total, claims).Value.Given;
        return locked.Zip(shares, (slot, share) =>
            (slot, (object)new LossDivided(allocated.Round, allocated.Deficit with { Units = share.Weight })));
    }

    private static IEnumerable<GrainSlot> AccountsOf(IReadOnlyList<GrainSlot> slots) =>
        slots.Where(slot => slot.Id.Kind == GrainKind.Account && slot.Halted is null).OrderBy(slot => slot.Id);
}
