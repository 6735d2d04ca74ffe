using CrossMargin.Runtime.Shards;

namespace CrossMargin.Simulation.World;

/// <summary>
/// What a seed decides before anything happens. Sizes are tiny, so that the rare paths are walked all the time.
/// </summary>
internal sealed class Plan
{
    public Plan(Draws draws)
    {
        Shards = draws.OneIn(10) ? 1 : draws.Small(2, 8);
        Accounts = draws.Small(2, 40);
        Circulars = draws.Between(0, 5);
        Humans = draws.Between(1, 8);
        Places = Math.Min(Shards, draws.Between(1, 3));
        Steps = draws.OneIn(5) ? draws.Between(200, 1_000) : draws.OneIn(12) ? 12_000 : draws.Between(2_000, 4_000);
        Limits = new ShardLimits
        {
            OpenRecords = draws.OneIn(3) ? 4_096 : draws.Between(2, 12),
            RingRecords = draws.OneIn(4) ? 64 : draws.Between(1, 4),
            SnapshotEvery = draws.OneIn(4) ? 1_000 : draws.Between(2, 25),
            ConflateMicros = draws.Pick([20_000L, 200_000L, 1_000_000L]),
            KeysInWindow = draws.OneIn(8) ? draws.Between(3, 20) : 100_000,
        };
        RowsPerTransaction = draws.OneIn(3) ? 1_000 : draws.Between(1, 12);
        PageOfRecords = draws.OneIn(3) ? 500 : draws.Between(1, 9);
        FlushAtOncePerMille = draws.Pick([1_000, 700, 200]);
        FlushDelayMicros = draws.Pick([200, 2_000, 10_000]);
        CommitMicros = draws.Pick([300, 1_500, 6_000]);
        TickMicros = draws.Pick([20_000, 50_000, 100_000]);
        ThinkMicros = draws.Pick([6_000, 30_000, 90_000]);
        TroubleEveryMicros = draws.Pick([150_000L, 400_000L, 1_500_000L]);
        NightEveryMicros = draws.OneIn(3) ? 0 : draws.Pick([300_000L, 2_000_000L]);
        HugeAmountPerMille = draws.Pick([0, 10, 200]);
        Feeds = draws.Pick([0, 1, 1, 2, 3]);
        Instruments = draws.Between(2, 6);
        Sources = draws.Pick([2, 3, 4, 4, 5, 5, 5]);
        JumpAtMicros = draws.OneIn(3) ? draws.Between(300_000L, 2_500_000L) : 0;
        OpensCases = !draws.OneIn(3);
        Fund = draws.Pick([0, 0, 1, 2, 2]);
        SlideAtMicros = OpensCases && !draws.OneIn(4) ? draws.Between(200_000L, 1_500_000L) : 0;
        SlidePerMille = draws.Pick([-350, 200, 350, 600]);
        ListsOptions = !OpensCases || draws.OneIn(2);
    }

    public int Shards { get; }
    public int Accounts { get; }
    public int Circulars { get; }
    public int Humans { get; }

    /// <summary>Threads of a silo.</summary>
    public int Places { get; }

    /// <summary>Things that happen before the faults stop.</summary>
    public int Steps { get; }
    public ShardLimits Limits { get; }
    public int RowsPerTransaction { get; }
    public int PageOfRecords { get; }

    /// <summary>
    /// How often a shard is flushed after an input; otherwise a little later, and more has come by then.
    /// </summary>
    public int FlushAtOncePerMille { get; }
    public int FlushDelayMicros { get; }
    public int CommitMicros { get; }
    public int TickMicros { get; }
    public int ThinkMicros { get; }
    public long TroubleEveryMicros { get; }

    /// <summary>
    /// Zero: the venue's clocks only tick. Otherwise hours pass now and then in which nobody does anything.
    /// </summary>
    public long NightEveryMicros { get; }
    public int HugeAmountPerMille { get; }

    /// <summary>Matching engines; without one nobody trades, and there is no market.</summary>
    public int Feeds { get; }
    public int Instruments { get; }

    /// <summary>Price sources. The fourth is wrong and the fifth dies.</summary>
    public int Sources { get; }

    /// <summary>Zero: prices drift. Otherwise all of them fall by an eighth at this time.</summary>
    public long JumpAtMicros { get; }

    /// <summary>Otherwise no price is ever as sure as the rules ask for, and who has fallen stays as he is.</summary>
    public bool OpensCases { get; }

    /// <summary>
    /// Zero: they do not slide. Otherwise prices fall by so much, or rise, from this time on within a second: in steps small enough to be
    /// believed at once.
    /// </summary>
    public long SlideAtMicros { get; }
    public int SlidePerMille { get; }

    /// <summary>Who holds an option that no surface prices is frozen, and falls for nothing else.</summary>
    public bool ListsOptions { get; }

    /// <summary>Nobody pays into the fund; one unit comes into it; or what is missing to the unit, one less, or one more.</summary>
    public int Fund { get; }
}
