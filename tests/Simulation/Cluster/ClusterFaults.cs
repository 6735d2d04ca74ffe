using CrossMargin.Simulation.World;

namespace CrossMargin.Simulation.Cluster;

/// <summary>What can go wrong among silos. Each seed has about half of them; some have none.</summary>
internal enum ClusterFault
{
    Crash,
    Pause,
    Leave,
    CutFromDatabase,     // requests do not arrive
    CutToSilo,           // answers do not arrive
    LinkCut,             // one way, between two silos
    SlowDatabase,
    Outage,              // nobody reaches the database
    WallClockJump,
    OldBinary,           // a silo comes back that cannot read what the venue may write
    SecondProcess,       // another one starts under a name that is taken
}

/// <summary>What has to be seen in the fixed seeds, or they show nothing.</summary>
internal enum ClusterSight
{
    DeadSiloClaimed,
    ClaimRefused,
    ShardMoved,
    ZombieDropped,
    AnswerWithheld,
    CommitFenced,
    CommitUnknown,
    OldBinaryPassedOver,
    NameTaken,
    CallForwarded,
    CallWaitedForAnOwner,
    OutageSurvived,
    HeardOfAnotherOwner,
    CommandStoodInLine,
    CommandCameAfterOneThatCameBack,
    CommandCameBackTooLate,
}

/// <summary>How a world of silos ended.</summary>
internal sealed record ClusterVerdict(ulong Seed, string? Failure, ulong TraceHash, long Steps, long Writes, long Reads)
{
    public int[] Sights { get; } = new int[Enum.GetValues<ClusterSight>().Length];
}

/// <summary>A promise that was broken; ends the run.</summary>
internal sealed class ClusterBroken(string promise) : Exception(promise);

/// <summary>A seed's choice of faults and sizes.</summary>
internal sealed class ClusterPlan
{
    private readonly bool[] isOn = new bool[Enum.GetValues<ClusterFault>().Length];

    public ClusterPlan(Draws draws)
    {
        Silos = draws.Between(2, 4);
        Shards = draws.Between(3, 10);
        IsCalm = draws.OneIn(8);
        var hasOutagesOnly = !IsCalm && draws.OneIn(16);
        for (var kind = 0; kind < isOn.Length; kind++)
        {
            isOn[kind] = draws.OneIn(2);
            if (IsCalm) isOn[kind] &= kind is (int)ClusterFault.Leave or (int)ClusterFault.WallClockJump;
            if (hasOutagesOnly) isOn[kind] = kind == (int)ClusterFault.Outage;
        }

        MillisBetweenFaults = draws.Pick([400, 1_500, 4_000, 9_000]);
        DriftPerMille = draws.Pick([0, 10, 80]);
    }

    public int Silos { get; }
    public int Shards { get; }

    /// <summary>Only what an operator plans: then nothing may be refused.</summary>
    public bool IsCalm { get; }
    public int MillisBetweenFaults { get; }

    /// <summary>How much faster or slower than true time a silo's clock may run; the margin covers a quarter.</summary>
    public int DriftPerMille { get; }

    public bool Has(ClusterFault fault) => isOn[(int)fault];

    public IReadOnlyList<ClusterFault> Kinds => [.. Enum.GetValues<ClusterFault>().Where(Has)];
}
