using CrossMargin.Contracts;
using CrossMargin.Contracts.Pools;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Links;
using CrossMargin.Grains.Margin;
using CrossMargin.Grains.Markets;
using CrossMargin.Grains.Parameters;
using CrossMargin.Grains.Pools;
using CrossMargin.Grains.Trades;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;
using CrossMargin.Simulation.Audit;
using CrossMargin.Simulation.Clients;
using CrossMargin.Simulation.Reference;

namespace CrossMargin.Simulation.World;

/// <summary>How a seed ended.</summary>
internal sealed record Verdict(
    ulong Seed, ulong TraceHash, long Steps, long Commands, long Records, long VirtualMicros, AuditFailure? Failure,
    Faults Faults, Sights Sights, IReadOnlyCollection<string> LastLines, IReadOnlyList<Deed> Deeds);

internal enum Hour
{
    /// <summary>Everything goes on, and goes wrong.</summary>
    Day,

    /// <summary>Nothing goes wrong any more; prices come, and what was begun of cases is brought to its end.</summary>
    Evening,

    /// <summary>Nothing is begun any more.</summary>
    Night,
}

internal enum Judges
{
    All,

    /// <summary>Only what must hold for any rules: to see which mistakes nothing but the rules shows.</summary>
    WithoutReference,
}

/// <summary>
/// The whole venue under one seed and in one thread: silos, journal, network, clients and the auditor. First everything goes wrong that
/// the seed has on; then the faults stop, and everything must come to rest.
/// </summary>
internal sealed class Venue
{
    /// <summary>How long a venue without faults may need until nothing waits, in virtual time.</summary>
    private const long HealMicros = 240 * Instant.MicrosPerSecond;

    /// <summary>How long the last case may need after a fill of one of its slices: the largest positions are hundreds of slices.</summary>
    private const long EveningMicros = 60 * Instant.MicrosPerSecond;

    private static readonly Instant Beginning = new(1_767_225_600_000_000);   // 2026-01-01

    private readonly Draws trouble;
    private readonly List<Client> clients = [];
    private readonly List<Silo> zombies = [];
    private long nightMicros;
    private int silos;

    public Venue(ulong seed, Tracing tracing, Judges judges, Script script, Flaw flaw)
    {
        Script = script;
        Seed = seed;
        Root = new Draws(seed);
        Plan = new Plan(Root.Fork("plan"));
        Faults = new Faults(Root.Fork("faults"), script);
        Agenda = new Agenda(Root.Fork("agenda"));
        Trace = new Trace(tracing, Agenda);
        trouble = Root.Fork("trouble");
        Map = new ShardMap(Plan.Shards);
        Catalog = new GrainCatalog(
            new AccountGrain(), new TradeCaptureGrain(), new MarketGrain(), new ParametersGrain(Town.Market), new CoordinatorGrain(Map),
            new VenueLinkGrain(), new CircularGrain(flaw))
        {
            Valuation = new MarginValuation(Town.Market),
            Coordinator = PoolId.Main.Grain,
        };
        Auditor = new Auditor(Plan.Shards, Log, judges == Judges.All ? new ReferenceModel() : null);
        Journal = new AuditedJournal(this, Map, Auditor, Root.Fork("journal"));
        Network = new Network(this, Root.Fork("network"));
        Mangler = new Mangler(this, Root.Fork("snapshots"));
        Owner = new Silo(this, silos++);
    }

    public ulong Seed { get; }
    public Draws Root { get; }
    public Script Script { get; }
    public Plan Plan { get; }
    public Faults Faults { get; }
    public Sights Sights { get; } = new();
    public Agenda Agenda { get; }
    public Trace Trace { get; }
    public ShardMap Map { get; }
    public GrainCatalog Catalog { get; }
    public ClientLog Log { get; } = new();
    public Auditor Auditor { get; }
    public AuditedJournal Journal { get; }
    public Network Network { get; }
    public Mangler Mangler { get; }

    /// <summary>
    /// The incarnation that the shards belong to; the ones before it may not know yet that it exists.
    /// </summary>
    public Silo Owner { get; private set; }

    /// <summary>The time outside: what a perfect clock shows.</summary>
    public Instant Wall => Beginning.PlusMicros(Agenda.Now + nightMicros);

    public Hour Hour { get; private set; }

    /// <summary>No more commands are begun; the ones that were are brought to an end.</summary>
    public bool IsHealing => Hour == Hour.Night;

    public static Verdict Run(ulong seed, Tracing tracing, Judges judges = Judges.All, Script? script = null, Flaw flaw = Flaw.None)
    {
        var venue = new Venue(seed, tracing, judges, script ?? new Script(), flaw);
        AuditFailure? failure = null;
        try
        {
            venue.Live();
        }
        catch (AuditFailure found)
        {
            failure = found;
        }
        catch (InvariantViolation broken)
        {
            failure = new AuditFailure(broken.Number, $"the engine's own check: {broken.Message}");
        }
        catch (Exception broken) when (broken is not OutOfMemoryException)
        {
            failure = new AuditFailure("crash", broken.ToString());
        }

        return new Verdict(
            seed, venue.Trace.Hash, venue.Agenda.Steps, venue.Auditor.CommandRecords, venue.Map.Shards.Sum(shard => venue.Auditor.PositionOf(shard.Number)),
            venue.Agenda.Now + venue.nightMicros, failure, venue.Faults, venue.Sights, venue.Trace.Lines, venue.Script.Done);
    }

    private void Live()
    {
        Owner.Start();
        clients.AddRange(Town.Settle(this));
        Journal.Stored = row =>
        {
            Watch.Count(this, row);
            foreach (var client in clients) client.Saw(row);
        };
        foreach (var client in clients) client.Begin();
        PlanTrouble();
        PlanNight();

        while (Agenda.Steps < Plan.Steps) Step();
        StopFaults();
        EndCases();
        Heal();
        CheckAtRest();
    }

    private void Step()
    {
        var what = Agenda.Step();
        AuditFailure.Unless(what is not null, "I13", "nothing is left to happen");
        Trace.Fold(what!);
        Trace.Fold(Agenda.Now);
    }

    // ---- trouble ---------------------------------------------------------------------------------------------------

    private void PlanTrouble() => Agenda.After(trouble.Between(1, Plan.TroubleEveryMicros), "trouble", () =>
    {
        if (Hour != Hour.Day) return;
        switch (trouble.Between(0, 4))
        {
            case 0 when Faults.Comes(Fault.Crash): Crash(); break;
            case 1 when Faults.Comes(Fault.Zombie): Freeze(); break;
            case 2 when Faults.Comes(Fault.ClockJump): JumpClock(); break;
            case 3: Owner.SaveSoon(); break;
            case 4: CheckReplay(trouble.Pick(Map.Shards)); break;
        }

        PlanTrouble();
    });

    private void Crash()
    {
        if (Owner.IsBusy) Faults.Took(Fault.Crash);
        Trace.Say($"silo {Owner.Number} dies");
        Owner.Die();
        StartAnother();
    }

    /// <summary>
    /// The machine stops the silo for longer than it is waited for; later it goes on with what it had in hand.
    /// </summary>
    private void Freeze()
    {
        if (zombies.Count > 0) return;
        var zombie = Owner;
        Trace.Say($"silo {zombie.Number} freezes");
        zombie.Freeze();
        zombies.Add(zombie);
        StartAnother();
        Agenda.After(trouble.Between(5_000, 250_000), "thaw", () =>
        {
            if (zombie.Life != Life.Frozen) return;
            Trace.Say($"silo {zombie.Number} thaws");
            zombie.Thaw();
        });
        Agenda.After(trouble.Between(260_000, 600_000), "zombie ends", () =>
        {
            zombie.Die();
            zombies.Remove(zombie);
        });
    }

    private void StartAnother()
    {
        Owner = new Silo(this, silos++);
        var started = Owner;
        Agenda.After(trouble.Between(1, 20_000), "silo starts", started.Start);
    }

    private void JumpClock()
    {
        long[] jumps = [-2 * Instant.MicrosPerHour, -600_000_000, -3_000, 5_000, 600_000_000, 2 * Instant.MicrosPerHour, 25 * Instant.MicrosPerHour];
        Owner.SkewMicros = trouble.OneIn(4) ? trouble.Pick(jumps) : trouble.Pick(jumps[1..5]);
        Faults.Took(Fault.ClockJump);
        var jumped = Owner;
        Agenda.After(trouble.Between(10_000, 400_000), "clock is set", () => jumped.SkewMicros = 0);
    }

    /// <summary>Hours in which nobody does anything: withdrawals become overdue and keys grow old.</summary>
    private void PlanNight()
    {
        if (Plan.NightEveryMicros == 0) return;
        Agenda.After(trouble.Between(Plan.NightEveryMicros / 4, Plan.NightEveryMicros), "night", () =>
        {
            nightMicros += trouble.Between(1, 30) * Instant.MicrosPerHour;
            if (Hour == Hour.Day) PlanNight();
        });
    }

    public void PassADay() => nightMicros += 25 * Instant.MicrosPerHour;

    // ---- where requests go -----------------------------------------------------------------------------------------

    /// <summary>Now and then a client still talks to a silo that does not own the shards any more.</summary>
    public Silo SiloFor(Draws draws) => zombies.Count > 0 && draws.OneIn(3) ? zombies[0] : Owner;

    // ---- the end ---------------------------------------------------------------------------------------------------

    private void StopFaults()
    {
        Trace.Say($"the faults stop");
        Hour = Hour.Evening;
        Faults.Stop();
        foreach (var zombie in zombies) zombie.Die();
        zombies.Clear();
        Owner.SkewMicros = 0;
        while (Journal.HasLimbo) Journal.EndLimbo();
    }

    /// <summary>With prices, engines and somebody to trade with, every case comes to its end.</summary>
    private void EndCases()
    {
        var (until, fills) = (Agenda.Now + EveningMicros, FillsOfSlices);
        var atLast = Agenda.Now + (10 * EveningMicros);
        while (Plan.Feeds > 0 && Auditor.WhatKeepsCasesOpen(Plan.Shards) is { } open)
        {
            if (FillsOfSlices > fills) (until, fills) = (Agenda.Now + EveningMicros, FillsOfSlices);
            AuditFailure.Unless(Agenda.Now < atLast, "I13", $"slices are filled and filled, and there is no end to {open}");
            AuditFailure.Unless(
                Agenda.Now < until, "I13", $"{EveningMicros / Instant.MicrosPerSecond} s after the last fault and the last fill of a slice, with prices and counterparties: {open}");
            for (var steps = 0; steps < 40; steps++) Step();
        }
    }

    private long FillsOfSlices => Sights.Counts[(int)Sight.SliceFilled] + Sights.Counts[(int)Sight.SliceFilledInPart];

    private void Heal()
    {
        Trace.Say($"nothing more is begun");
        Hour = Hour.Night;
        var until = Agenda.Now + HealMicros;
        while (!IsAtRest())
        {
            AuditFailure.Unless(
                Agenda.Now < until, "I13",
                $"{HealMicros / Instant.MicrosPerSecond} s after the last fault something still waits: {WhatWaits()}");
            Step();
        }
    }

    /// <summary>A timer may be seen one tick after it is due.</summary>
    private long Settled => Wall.Micros - (2 * Plan.TickMicros);

    private bool IsAtRest() =>
        Network.OnTheWay == 0 && clients.TrueForAll(client => client.IsAtRest) && Owner.IsDrained && Auditor.IsDrained(Settled)
        && Owner.Shards.All(shard => shard.Frame == Auditor.LastFrame);

    private string WhatWaits() =>
        string.Join("; ", Owner.Shards.Where(shard => shard.Phase != ShardPhase.Active || !shard.IsQuiet).Select(shard => $"shard {shard.Id} is {shard.Phase}, quiet: {shard.IsQuiet}")
            .Concat(clients.Where(client => !client.IsAtRest).Select(client => client.ToString()!))
            .Concat(Owner.Shards.Where(shard => shard.Frame != Auditor.LastFrame).Select(shard => $"shard {shard.Id} is at frame {shard.Frame} of {Auditor.LastFrame}"))
            .Append(Auditor.IsDrained(Settled) ? "every message has come" : "messages or timers are waiting"));

    private void CheckAtRest()
    {
        Auditor.CheckDrained(Settled);
        Auditor.CheckMoney();
        Auditor.Join();
        foreach (var shard in Owner.Shards)
        {
            foreach (var source in Map.Shards)
                AuditFailure.Unless(
                    shard.State.Watermarks[source.Number] == Owner.Shards[source.Number].State.LastAddressed[shard.Id.Number], "I13",
                    $"shard {shard.Id} has taken in {source}:{shard.State.Watermarks[source.Number]}, and {source} has spoken to it last at {Owner.Shards[source.Number].State.LastAddressed[shard.Id.Number]}");
            CheckLiveState(shard);
            CheckReplay(shard.Id);
        }

        CheckFromScratch();
    }

    /// <summary>The rows alone, without what was seen while they came.</summary>
    private void CheckFromScratch()
    {
        var second = new Auditor(Plan.Shards, log: null);
        foreach (var row in Chronicle.InSomeOrder([.. Map.Shards.Select(shard => Journal.ReadShard(shard, 0, int.MaxValue).Select(AuditedJournal.AsRow).ToList())]))
            second.Append(row);
        foreach (var shard in Map.Shards)
        {
            var head = Journal.HeadOf(shard);
            second.CheckHead(shard.Number, head.Epoch, head.Position, head.Chain.ToArray());
        }

        second.CheckMoney();
        second.CheckDrained(Settled);
    }

    /// <summary>What the shard holds in memory against the auditor's own fold.</summary>
    private void CheckLiveState(Shard shard)
    {
        foreach (var slot in shard.State.Slots)
            Auditor.CheckRead(slot.Id.ToString(), slot.Version, slot.Type.Save(slot.State));
    }

    /// <summary>Live, replayed from nothing, and replayed from every kept snapshot: the same to the byte.</summary>
    private void CheckReplay(ShardId id)
    {
        var shard = Owner.Shards[id.Number];
        if (shard.Phase != ShardPhase.Active || !shard.IsQuiet || shard.Durable.Position != Auditor.PositionOf(id.Number))
            return;

        var live = Replica.Image(shard.State);
        Same("nothing", Replica.Recover(this, id, new SnapshotsFound([], Discarded: 0)));
        Sights.Saw(Sight.ReplayedFromZero);
        var kept = new Dictionary<GrainId, GrainSnapshot>();
        var sets = Journal.SetsOf(id);
        var isSampled = sets.Count > 6;
        foreach (var set in sets)
        {
            foreach (var snapshot in set.Snapshots)
                if (!kept.TryGetValue(snapshot.Grain, out var other) || other.Position <= snapshot.Position)
                    kept[snapshot.Grain] = snapshot;
            if (isSampled && !trouble.OneIn(sets.Count / 3)) continue;
            Same(
                $"the snapshots up to {set.Snapshots[^1].Position}", Replica.Recover(this, id, new SnapshotsFound([.. kept.Values.OrderBy(snapshot => snapshot.Grain)], Discarded: 0)));
            Sights.Saw(Sight.ReplayedFromSnapshots);
        }

        void Same(string from, string replayed) =>
            AuditFailure.Unless(
                live == replayed, "I6", $"shard {id} from {from} is\n{replayed}\nand live it is\n{live}");
    }
}
