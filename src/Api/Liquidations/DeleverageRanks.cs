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
using CrossMargin.Runtime.Shards;
using Position = CrossMargin.Grains.Accounts.Position;

namespace CrossMargin.Api.Liquidations;

/// <summary>Where a holder stands among all who hold the same side of a market.</summary>
/// <param name="Ahead">Contracts that would be closed before the holder's.</param>
internal readonly record struct DeleverageStanding(int Rank, int Of, Int128 AheadE8);

/// <summary>
/// The queues of deleveraging as they are before anything happens, one a side of a market. Once a second at most each shard names its
/// accounts that have positions, in one turn that looks at all of its grains; every queue is made of these and valued on its caller's
/// thread.
/// </summary>
internal sealed class DeleverageRanks(Venue venue, TimeProvider clock)
{
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(1);

    private readonly Lock gate = new();
    private Task<Moment?>? latest;   // asked for once, by whoever came first
    private long answered;

    /// <summary>What the shards named at one time, and the queues that were made of it since.</summary>
    private sealed record Moment(IReadOnlyList<CollectedStates> Shards)
    {
        public ConcurrentDictionary<Side, Lazy<ImmutableArray<DeleverageCandidate>>> Queues { get; } = new();
    }

    private readonly record struct Side(DeleverageRanking Ranking, InstrumentId Instrument, int Sign);

    /// <summary>Null while a shard is away.</summary>
    public async Task<DeleverageStanding?> StandingOf(
        DeleverageRanking ranking, InstrumentId instrument, int sign, DeleverageCandidate own, CancellationToken cancel)
    {
        if (await Latest().WaitAsync(cancel) is not { } moment) return null;
        var holders = moment.Queues.GetOrAdd(new Side(ranking, instrument, sign), side => new(() => Among(moment.Shards, side)));
        var place = Deleveraging.PlaceOf(ranking, own);
        var (before, others, ahead) = (0, 0, Int128.Zero);
        foreach (var other in holders.Value)
        {
            if (other.Holder == own.Holder) continue;
            others++;
            if (Deleveraging.PlaceOf(ranking, other).CompareTo(place) >= 0) continue;
            before++;
            ahead += other.Size.E8;
        }

        return new DeleverageStanding(before + 1, others + 1, ahead);
    }

    /// <summary>That a shard is away is an answer too, and as long.</summary>
    private Task<Moment?> Latest()
    {
        lock (gate)
        {
            var isFresh = latest is { IsCompleted: false } || (latest is not null && clock.GetElapsedTime(answered) < Fresh);
            return isFresh ? latest! : latest = Ask();
        }
    }

    private async Task<Moment?> Ask()
    {
        try
        {
            var shards = await venue.Collect(state => state is Account account && account.AllPositions.Any());
            return shards is null ? null : new Moment(shards);
        }
        finally
        {
            answered = clock.GetTimestamp();
        }
    }

    private static ImmutableArray<DeleverageCandidate> Among(IReadOnlyList<CollectedStates> shards, Side side)
    {
        var (holders, workspace) = (ImmutableArray.CreateBuilder<DeleverageCandidate>(), new RiskWorkspace());
        foreach (var shard in shards)
        {
            if (shard.Marks is not MarginMarks marks) continue;
            foreach (var account in shard.States.Cast<Account>())
                foreach (var part in account.Parts)
                    foreach (var held in part.Positions.All.Where(IsOne))
                        if (DeleverageQueue.CandidateOf(marks, side.Ranking, account, part, held, workspace) is { } one) holders.Add(one);
        }

        return holders.ToImmutable();

        bool IsOne(Position held) => held.Instrument == side.Instrument && Math.Sign(held.Quantity.E8) == side.Sign;
    }
}
