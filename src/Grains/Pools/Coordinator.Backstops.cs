using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Pools;
using CrossMargin.Runtime.Grains;

namespace CrossMargin.Grains.Pools;

/// <summary>What one backstop account still takes over of one market.</summary>
public sealed record BackstopQuota(AccountId Account, InstrumentId Instrument, Money Left);

/// <summary>
/// Accounts that agreed to take over, at bankruptcy prices, what slices cannot close. Their quotas are used in the order of their
/// registration; what was granted is used up, whether a case took it or not.
/// </summary>
public sealed partial record Coordinator
{
    public const int MaxBackstopQuotas = 256;

    /// <summary>In the order of registration, and inside one by instrument.</summary>
    public ImmutableArray<BackstopQuota> Backstops { get; init; } = [];

    private static Decision<PoolEvent> RegisterBackstop(Coordinator pool, PoolCommand.RegisterBackstop command)
    {
        const string Name = "register-backstop";
        var others = pool.Backstops.Count(quota => quota.Account != command.Account);
        if (others + command.Quotas.Length > MaxBackstopQuotas) return Refused(Name, Rejection.TooManyBackstops);
        var isSound = command.Quotas.All(quota => quota.Notional > Money.Zero)
            && command.Quotas.DistinctBy(quota => quota.Instrument).Count() == command.Quotas.Length;
        if (!isSound) return Refused(Name, Rejection.QuotaOutOfRange);
        return new PoolEvent.BackstopRegistered(command.Account, [.. command.Quotas.OrderBy(quota => quota.Instrument)]);
    }

    /// <summary>What is wanted of each market, from the quotas that are left, in order.</summary>
    private ImmutableArray<BackstopAmount> BackstopsFor(ShardDemand demand)
    {
        var granted = ImmutableArray.CreateBuilder<BackstopAmount>();
        foreach (var wanted in demand.Remainders)
        {
            var missing = wanted.Notional;
            foreach (var quota in Backstops)
            {
                if (quota.Instrument != wanted.Instrument || quota.Left <= Money.Zero || missing <= Money.Zero) continue;
                var part = missing < quota.Left ? missing : quota.Left;
                granted.Add(new BackstopAmount(quota.Account, quota.Instrument, part));
                missing -= part;
            }
        }

        return granted.ToImmutable();
    }

    private Money QuotaOf(AccountId account, InstrumentId instrument)
    {
        foreach (var quota in Backstops)
            if (quota.Account == account && quota.Instrument == instrument) return quota.Left;
        return Money.Zero;
    }

    private static Money LeftOf(BackstopQuota quota, ImmutableArray<BackstopAmount> granted)
    {
        foreach (var part in granted)
            if (part.Account == quota.Account && part.Instrument == quota.Instrument) return quota.Left - part.Notional;
        return quota.Left;
    }

    private Coordinator Registered(PoolEvent.BackstopRegistered e) => this with
    {
        Backstops =
        [
            .. Backstops.Where(quota => quota.Account != e.Account),
            .. e.Quotas.Select(quota => new BackstopQuota(e.Account, quota.Instrument, quota.Notional)),
        ],
    };
}
