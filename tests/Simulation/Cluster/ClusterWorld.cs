using CrossMargin.Contracts;
using CrossMargin.Journal.Cluster;
using CrossMargin.Runtime.Cluster;
using CrossMargin.Runtime.Records;
using CrossMargin.Simulation.World;

namespace CrossMargin.Simulation.Cluster;

/// <summary>
/// Silos that divide shards, by themselves: <see cref="Membership"/> as it is, the tables in memory, shards that only count what
/// was written, clients that read and write. It holds at every moment: what is acknowledged is there, nobody reads less than what was acknowledged
/// when they asked, no two silos would answer for one shard; and after the faults every shard is served by the silo that should.
/// </summary>
internal sealed class ClusterWorld
{
    private const long FaultsUntil = 60_000, HealedBy = 72_000, Ends = 84_000, PatienceMillis = 3_000;

    private readonly ClusterPlan plan;
    private readonly Draws draws;
    private readonly Agenda agenda;
    private readonly Draws network;
    private readonly ClusterVerdict verdict;
    private readonly long[] acknowledged;     // by shard: the highest position that a client was told
    private ulong trace = 14_695_981_039_346_656_037;
    private long writes, reads;
    private readonly SimulatedLink?[,] links;            // lower number first
    private readonly Dictionary<(int Silo, int Life, GrainId Grain), long> written = [];   // the latest of those that came so
    private Queue<string>? lastSteps;
    private long slowUntil, outageUntil;
    private int outages;

    private ClusterWorld(ulong seed)
    {
        draws = new Draws(seed);
        plan = new ClusterPlan(draws.Fork("plan"));
        agenda = new Agenda(draws.Fork("order"));
        network = draws.Fork("network");
        verdict = new ClusterVerdict(seed, Failure: null, TraceHash: 0, Steps: 0, Writes: 0, Reads: 0);
        Map = new ShardMap(plan.Shards);
        Tables = new MemoryClusterTables(Map);
        Heads = new (int, long)[plan.Shards];
        acknowledged = new long[plan.Shards];
        Silos = [.. Enumerable.Range(0, plan.Silos).Select(number => new SimulatedSilo(this, number, draws.Fork($"silo {number}"), plan.DriftPerMille))];
        LinkCutUntil = new long[plan.Silos, plan.Silos];
        links = new SimulatedLink?[plan.Silos, plan.Silos];
    }

    public ShardMap Map { get; }
    public MemoryClusterTables Tables { get; }

    /// <summary>What the database has of each shard: the guard of every commit.</summary>
    public (int Epoch, long Position)[] Heads { get; }
    public IReadOnlyList<SimulatedSilo> Silos { get; }
    public long[,] LinkCutUntil { get; }

    /// <summary>True time in milliseconds.</summary>
    public long Now => agenda.Now / 1_000;

    /// <param name="seed">Decides everything.</param>
    /// <param name="lastSteps">Where the last steps are to be kept, or null.</param>
    public static ClusterVerdict Run(ulong seed, Queue<string>? lastSteps = null)
    {
        var world = new ClusterWorld(seed) { lastSteps = lastSteps };
        string? failure = null;
        try
        {
            world.Play();
        }
        catch (ClusterBroken broken)
        {
            failure = broken.Message;
        }
        catch (InvariantViolation broken)
        {
            failure = broken.Message;
        }

        var ended = world.verdict with
        {
            Failure = failure, TraceHash = world.trace, Steps = world.agenda.Steps, Writes = world.writes, Reads = world.reads,
        };
        world.verdict.Sights.CopyTo(ended.Sights, 0);
        return ended;
    }

    public void Saw(ClusterSight sight) => verdict.Sights[(int)sight]++;

    public void After(long millis, string what, Action act) => agenda.After((millis * 1_000) + network.Below(1_000), what, act);

    // ---- the course of events --------------------------------------------------------------------------------------

    private void Play()
    {
        foreach (var silo in Silos) After(draws.Below(2_000), "start", silo.Start);
        After(8_000, "client", NextCall);
        if (plan.Kinds.Count > 0) After(8_000 + draws.Below(plan.MillisBetweenFaults), "fault", NextFault);
        After(FaultsUntil, "heal", Heal);
        After(HealedBy, "settled", CheckSettled);
        while (Now < Ends && agenda.Step() is { } what)
        {
            foreach (var letter in what) trace = unchecked((trace ^ letter) * 0x0000_0100_0000_01B3);
            trace = unchecked((trace ^ (ulong)agenda.Now) * 0x0000_0100_0000_01B3);
            Keep(what);
            CheckOneAnswersForAShard();
        }

        CheckSettled();
    }

    private void Keep(string what)
    {
        const int Kept = 400;
        if (lastSteps is null) return;
        lastSteps.Enqueue($"{Now,8} {what}");
        if (lastSteps.Count > Kept) lastSteps.Dequeue();
    }

    private void NextFault()
    {
        if (Now >= FaultsUntil) return;
        var (fault, silo) = (draws.Pick(plan.Kinds), draws.Pick(Silos));
        Keep($"-- {fault} {silo.Name}");
        Strike(fault, silo);
        After(draws.Between(50, 2 * plan.MillisBetweenFaults), "fault", NextFault);
    }

    private void Strike(ClusterFault fault, SimulatedSilo silo)
    {
        var millis = draws.Between(200, 9_000);
        switch (fault)
        {
            case ClusterFault.Crash: silo.Crash(); After(millis, "restart", silo.Start); break;
            case ClusterFault.Pause: silo.Pause(millis); break;
            case ClusterFault.Leave:
                if (Silos.Count(other => other.IsServing) < 2) break;   // the last one stays
                silo.Leave();
                After(millis + 2_000, "rejoin", silo.Start);
                break;
            case ClusterFault.CutFromDatabase: silo.CutToDatabaseUntil = Now + millis; break;
            case ClusterFault.CutToSilo: silo.CutFromDatabaseUntil = Now + millis; break;
            case ClusterFault.LinkCut: LinkCutUntil[silo.Number, draws.Below(Silos.Count)] = Now + millis; break;
            case ClusterFault.SlowDatabase: slowUntil = Now + millis; break;
            case ClusterFault.Outage: outageUntil = Now + millis; outages++; break;
            case ClusterFault.WallClockJump: silo.WallClockOffset += draws.Between(-3_600_000, 3_600_000); break;
            case ClusterFault.OldBinary:
                if (Silos.Count(other => other.Format == 2) < 2) break;
                Tables.Format = 2;
                silo.Format = 1;
                silo.Crash();
                After(100, "old binary", silo.Start);
                break;
            case ClusterFault.SecondProcess:
                if (!silo.IsUp) break;
                Saw(ClusterSight.NameTaken);
                silo.StartAgain();
                break;
        }
    }

    private void Heal()
    {
        slowUntil = outageUntil = 0;
        Array.Clear(LinkCutUntil);
        foreach (var silo in Silos) silo.Heal();

        // Where nothing but the database was away, nobody had a reason to take anything from anybody.
        var isOutageOnly = plan.Kinds is [ClusterFault.Outage];
        if (!isOutageOnly || outages == 0) return;
        Saw(ClusterSight.OutageSurvived);
        if (verdict.Sights[(int)ClusterSight.DeadSiloClaimed] > 0) throw new ClusterBroken("silos that only heard nothing were taken for dead");
    }

    // ---- the network and the database ------------------------------------------------------------------------------

    /// <summary>
    /// One call to the database: it may not arrive, may be late, may happen without its answer. Whoever asked hears of that when
    /// their patience is over, and of nothing after.
    /// </summary>
    public void Ask<T>(SimulatedSilo silo, string what, Func<T> onServer, Action<T> answered, Action lost)
    {
        var isOpen = true;
        silo.After(2_000, what + " lost", () =>
        {
            if (!isOpen) return;
            isOpen = false;
            lost();
        });
        if (Now < silo.CutToDatabaseUntil || Now < outageUntil) return;
        After(network.Below(4) + Late(), what, () =>
        {
            var answer = onServer();
            if (Now < silo.CutFromDatabaseUntil || Now < outageUntil) return;
            silo.After(network.Below(4) + Late(), what + " answered", () =>
            {
                if (!isOpen) return;
                isOpen = false;
                answered(answer);
            });
        });
    }

    /// <summary>The request or the answer, or both, or neither.</summary>
    private long Late() => Now < slowUntil && network.OneIn(2) ? network.Below(3_000) : 0;

    public bool IsLinked(SimulatedSilo from, SimulatedSilo to) => Now >= LinkCutUntil[from.Number, to.Number];

    public long LinkMillis() => network.Below(3);

    /// <summary>The one that is open, or a new one where both are there and hear each other.</summary>
    public SimulatedLink? LinkBetween(SimulatedSilo one, SimulatedSilo other)
    {
        ref var link = ref links[Math.Min(one.Number, other.Number), Math.Max(one.Number, other.Number)];
        if (link is { IsOpen: true }) return link;
        var mayOpen = one.IsAwake && other.IsAwake && IsLinked(one, other) && IsLinked(other, one);
        return mayOpen ? link = new SimulatedLink(this, one, other) : null;
    }

    public IEnumerable<SimulatedLink> LinksOf(SimulatedSilo silo) =>
        links.Cast<SimulatedLink?>().OfType<SimulatedLink>().Where(link => link.IsBetween(silo));

    /// <summary>A take-over, as the database does it: only from the epoch that was read.</summary>
    public long? TakeOver(ShardId shard, int epoch)
    {
        ref var head = ref Heads[shard.Number];
        if (head.Epoch != epoch) return null;
        head.Epoch++;
        return head.Position;
    }

    /// <summary>The guarded commit: shard, epoch and position.</summary>
    public bool Commit(ShardId shard, int epoch, long position, IReadOnlyList<ClusterCall> batch)
    {
        ref var head = ref Heads[shard.Number];
        if (head.Epoch != epoch || head.Position != position) return false;
        head.Position += batch.Count;
        foreach (var call in batch) Wrote(call);
        return true;
    }

    // ---- clients ---------------------------------------------------------------------------------------------------

    private void NextCall()
    {
        if (Now >= Ends - 2 * PatienceMillis) return;
        var (silo, shard) = (draws.Pick(Silos), draws.Pick(Map.Shards));
        GrainId? line = draws.OneIn(2) ? null : GrainId.Derive(GrainKind.Account, [(byte)shard.Number, (byte)draws.Below(2)]);
        var atOnce = line is null ? 1 : draws.Between(1, 4);   // a machine numbers what it sends and does not wait
        for (var i = 0; i < atOnce && silo.IsServing; i++) silo.Take(new ClusterCall(this, shard, line, Now + PatienceMillis));
        After(draws.Between(5, 60), "client", NextCall);
    }

    public long AcknowledgedOf(ShardId shard) => acknowledged[shard.Number];

    public void Acknowledge(ShardId shard, long position)
    {
        writes++;
        if (position > Heads[shard.Number].Position) throw new ClusterBroken($"position {position} of shard {shard} is acknowledged and not there");
        acknowledged[shard.Number] = Math.Max(acknowledged[shard.Number], position);
    }

    /// <summary>In the order in which the commands for a grain came to a silo, as long as that silo knows what becomes of them.</summary>
    private void Wrote(ClusterCall call)
    {
        if (call.IsLost || !call.Asker.Lives(call)) return;
        var key = (call.Asker.Number, call.Life, call.Line!.Value);
        if (written.GetValueOrDefault(key) > call.Number)
            throw new ClusterBroken($"a command for a grain of shard {call.Shard} overtook one that came to {call.Asker.Name} before it");
        written[key] = call.Number;
    }

    public void ReadAnswered(ClusterCall call, long position, SimulatedSilo by)
    {
        reads++;
        if (position < call.Floor)
            throw new ClusterBroken($"{by.Name} answered a read of shard {call.Shard} with {position}, and {call.Floor} was acknowledged before it was asked");
    }

    public void Refuse()
    {
        if (plan.IsCalm) throw new ClusterBroken("nothing was wrong, and a call was refused or its outcome is unknown");
    }

    // ---- promises --------------------------------------------------------------------------------------------------

    private void CheckOneAnswersForAShard()
    {
        foreach (var shard in Map.Shards)
        {
            SimulatedSilo? first = null;
            foreach (var silo in Silos)
            {
                if (!silo.WouldAnswerFor(shard)) continue;
                if (first is not null) throw new ClusterBroken($"{first.Name} and {silo.Name} would both answer for shard {shard}");
                first = silo;
            }
        }
    }

    private void CheckSettled()
    {
        SimulatedSilo[] can = [.. Silos.Where(silo => silo.Format >= Tables.Format)];
        if (can.Length < Silos.Count) Saw(ClusterSight.OldBinaryPassedOver);
        SiloId[] ids = [.. can.Select(silo => silo.Id)];
        foreach (var shard in Map.Shards)
        {
            var should = Placement.OwnerOf(shard, ids);
            var does = Silos.Where(silo => silo.WouldAnswerFor(shard)).Select(silo => silo.Id).ToList();
            if (does.Count != 1 || does[0] != should)
                throw new ClusterBroken($"shard {shard} should be served by {should} and is by [{string.Join(", ", does)}]");
        }
    }
}
