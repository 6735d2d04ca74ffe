using System.Collections.Concurrent;
using System.Collections.Immutable;
using CrossMargin.Api.Hosting;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Pools;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Liquidation;
using CrossMargin.Grains.Margin;
using CrossMargin.Risk.Liquidation;
using CrossMargin.Risk.Portfolios;
using Position = CrossMargin.Grains.Accounts.Position;

namespace CrossMargin.Api.Liquidations;

/// <summary>Where a holder stands among all who hold the same side of a market.</summary>
/// <param name="Ahead">Contracts that would be closed before the holder's.</param>
internal readonly record struct DeleverageStanding(int Rank, int Of, Int128 AheadE8);

/// <summary>
/// The queues of deleveraging as they are before anything happens, one a side of a market. A queue is valued on the caller's thread and
/// kept for a second: whoever asks more often is told the same, and no shard waits for it.
/// </summary>
internal sealed class DeleverageRanks(Venue venue, TimeProvider clock)
{
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<(DeleverageRanking, InstrumentId, int Sign), Queue> queues = new();

    private sealed class Queue
    {
        public SemaphoreSlim Gate { get; } = new(1);
        public long ReadAt { get; set; }
        public ImmutableArray<DeleverageCandidate>? Holders { get; set; }
    }

    /// <summary>Null while a shard is away.</summary>
    public async Task<DeleverageStanding?> StandingOf(DeleverageRanking ranking, InstrumentId instrument, int sign, DeleverageCandidate own)
    {
        if (await HoldersOf(ranking, instrument, sign) is not { } holders) return null;
        var place = Deleveraging.PlaceOf(ranking, own);
        var (before, others, ahead) = (0, 0, Int128.Zero);
        foreach (var other in holders)
        {
            if (other.Holder == own.Holder) continue;
            others++;
            if (Deleveraging.PlaceOf(ranking, other).CompareTo(place) >= 0) continue;
            before++;
            ahead += other.Size.E8;
        }

        return new DeleverageStanding(before + 1, others + 1, ahead);
    }

    private async Task<ImmutableArray<DeleverageCandidate>?> HoldersOf(DeleverageRanking ranking, InstrumentId instrument, int sign)
    {
        var queue = queues.GetOrAdd((ranking, instrument, sign), _ => new Queue());
        await queue.Gate.WaitAsync();
        try
        {
            if (queue.Holders is not null && clock.GetElapsedTime(queue.ReadAt) < Fresh) return queue.Holders;
            queue.Holders = await Read(ranking, instrument, sign);
            queue.ReadAt = clock.GetTimestamp();
            return queue.Holders;
        }
        finally
        {
            queue.Gate.Release();
        }
    }

    private async Task<ImmutableArray<DeleverageCandidate>?> Read(
        DeleverageRanking ranking, InstrumentId instrument, int sign)
    {
        if (await venue.Collect(state => state is Account account && account.AllPositions.Any(IsOne)) is not { } shards) return null;
        var (holders, workspace) = (ImmutableArray.CreateBuilder<DeleverageCandidate>(), new RiskWorkspace());
        foreach (var shard in shards)
        {
            if (shard.Marks is not MarginMarks marks) continue;
            foreach (var account in shard.States.Cast<Account>())
                foreach (var part in account.Parts)
                    foreach (var held in part.Positions.All.Where(IsOne))
                        if (DeleverageQueue.CandidateOf(marks, ranking, account, part, held, workspace) is { } one) holders.Add(one);
        }

        return holders.ToImmutable();

        bool IsOne(Position held) => held.Instrument == instrument && Math.Sign(held.Quantity.E8) == sign;
    }
}
