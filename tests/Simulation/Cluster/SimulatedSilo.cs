using CrossMargin.Contracts;
using CrossMargin.Runtime.Cluster;
using CrossMargin.Simulation.World;

namespace CrossMargin.Simulation.Cluster;

/// <summary>
/// A process with a clock of its own, the membership machine, and shards of which only the owner, the epoch and the length matter.
/// Paused, it does nothing; what was to happen happens when it goes on.
/// </summary>
internal sealed class SimulatedSilo(ClusterWorld world, int number, Draws draws, int driftPerMille)
{
    private const long TickMillis = 50, LongestSilenceMillis = 2_000;

    private readonly long clockOffset = draws.Below(1_000_000_000);
    private readonly long driftPerMille = draws.Between(-(long)driftPerMille, driftPerMille);
    private readonly SimulatedShard?[] shards = new SimulatedShard?[world.Map.Count];
    private readonly List<ClusterCall> asked = [];
    private ShardCalls[] waiting = [];
    private long numbers;
    private Membership? membership;
    private OwnerRow[] owners = [];    // the latest that is known of each shard
    private bool isLeaving;
    private long pausedUntil;
    private int life;

    public int Number => number;
    public string Name { get; } = $"silo-{(char)('a' + number)}";
    public int Format { get; set; } = 2;
    public long CutToDatabaseUntil { get; set; }
    public long CutFromDatabaseUntil { get; set; }

    /// <summary>Nothing may ask for it; it jumps so that a mistake would show.</summary>
    public long WallClockOffset { get; set; }
    public SiloId Id => membership?.Self ?? new SiloId(Name, 0);
    public bool IsUp => membership is not null;
    public bool IsServing => IsUp && !isLeaving;
    public bool IsAwake => IsUp && world.Now >= pausedUntil;
    public int Life => life;

    /// <summary>The way to its own shards.</summary>
    public ReturnCounts Here { get; private set; } = new(world.Map.Count);

    /// <summary>Monotonic, of this process, and not quite as fast as true time.</summary>
    private long Clock => clockOffset + world.Now + (world.Now * driftPerMille / 1_000);

    public bool WouldAnswerFor(ShardId shard) =>
        membership is { } here && shards[shard.Number] is { IsOpen: true } && here.MayAnswer(Clock) && world.Now >= pausedUntil;

    // ---- life and death --------------------------------------------------------------------------------------------

    public void Start()
    {
        if (IsUp) return;
        life++;
        var mine = world.Tables.Join(Name, atLeast: 1, Format, Name);
        isLeaving = false;
        owners = [.. world.Map.Shards.Select(shard => new OwnerRow(shard, Owner: null, Term: 0))];
        waiting = [.. world.Map.Shards.Select(shard => new ShardCalls(shard))];
        Here = new ReturnCounts(world.Map.Count);
        membership = new Membership(mine, world.Map, Format, MembershipTimes.Default);
        Tick();
    }

    public void Crash()
    {
        life++;
        membership = null;
        pausedUntil = 0;
        asked.Clear();
        Array.Clear(shards);
        foreach (var link in world.LinksOf(this)) link.Die();
    }

    /// <summary>Another process under the same name: this one goes on until it hears of it.</summary>
    public void StartAgain()
    {
        world.Tables.Join(Name, atLeast: 1, Format, Name);
        After(1, "second process ends", () => { });
    }

    public void Pause(long millis)
    {
        pausedUntil = Math.Max(pausedUntil, world.Now + millis);
        world.After(LongestSilenceMillis, $"{Name} is missed", () =>
        {
            if (world.Now >= pausedUntil) return;
            foreach (var link in world.LinksOf(this)) link.Missed(this);
        });
    }

    public void Leave()
    {
        if (!IsServing || world.Now < pausedUntil) return;
        isLeaving = true;
        membership!.Leave(Clock);
        Drive();
    }

    public void Heal()
    {
        (CutToDatabaseUntil, CutFromDatabaseUntil, pausedUntil) = (0, 0, 0);
        Return();
    }

    /// <summary>Up, once it has left where it is about to.</summary>
    private void Return()
    {
        if (IsServing) return;
        if (IsUp) world.After(500, $"{Name} return", Return);
        else Start();
    }

    /// <summary>In this life, and not while it is paused.</summary>
    public void After(long millis, string what, Action act)
    {
        var mine = life;
        world.After(millis, $"{Name} {what}", Run);

        void Run()
        {
            if (mine != life) return;
            if (world.Now < pausedUntil) world.After(pausedUntil - world.Now, $"{Name} {what}", Run);
            else act();
        }
    }

    private void Tick()
    {
        if (membership is not { } here) return;
        here.Tick(Clock);
        Drive();
        if (here.HasLeft && asked.TrueForAll(call => call.IsOver))
        {
            var self = here.Self;
            world.Ask(this, "gone", () => world.Tables.Beat(self, SiloPhase.Gone), _ => { }, () => { });
            membership = null;   // its process ends; what it says last may be lost
            return;
        }

        TryWaiting();
        After(TickMillis, "tick", Tick);
    }

    // ---- what the machine wants ------------------------------------------------------------------------------------

    private void Drive()
    {
        if (membership is not { } here) return;
        foreach (var act in here.TakeActs())
        {
            switch (act)
            {
                case MembershipAct.Beat beat: Beat(here, beat.Phase); break;
                case MembershipAct.Claim claim: Claim(here, claim); break;
                case MembershipAct.Begin begin: Begin(here, begin); break;
                case MembershipAct.Drop drop: Drop(drop.Shard); break;
                case MembershipAct.Drain drain: shards[drain.Shard.Number]!.Drain(() => Told(one => one.Drained(drain.Shard))); break;
                case MembershipAct.Move move: Move(here, move); break;
                case MembershipAct.Stop:
                    Crash();
                    world.After(500, "start after it was replaced", Start);
                    return;
            }
        }
    }

    private void Told(Action<Membership> news)
    {
        if (membership is null) return;
        news(membership);
        Drive();
    }

    private void Beat(Membership here, SiloPhase phase)
    {
        var sent = Clock;
        world.Ask(
            this, "beat", () => world.Tables.Beat(here.Self, phase),
            read => Told(one =>
            {
                foreach (var row in read?.Owners ?? []) Learn(row);
                if (read is null) one.Replaced();
                else one.BeatAnswered(sent, Clock, read);
            }),
            lost: () => Told(one => one.BeatLost()));
    }

    private void Claim(Membership here, MembershipAct.Claim claim) => world.Ask(
        this, "claim", () =>
        {
            var stored = world.Tables.Claim(here.Self, [(claim.Shard, claim.Term)], claim.Dead).Count > 0;
            if (stored && claim.Dead is not null) world.Saw(ClusterSight.DeadSiloClaimed);
            if (!stored) world.Saw(ClusterSight.ClaimRefused);
            return stored;
        },
        stored =>
        {
            Told(one => one.ClaimAnswered(claim.Shard, claim.Term, stored));
            if (stored) TellAll(new OwnerRow(claim.Shard, here.Self, claim.Term + 1));
        },
        lost: () => Told(one => one.ClaimAnswered(claim.Shard, claim.Term, stored: false)));

    private void Move(Membership here, MembershipAct.Move move) => world.Ask(
        this, "move", () => world.Tables.Move(here.Self, move.Shard, move.Term, move.To),
        stored =>
        {
            if (stored) world.Saw(ClusterSight.ShardMoved);
            Told(one => one.MoveAnswered(Clock, move.Shard, stored));
            if (stored) TellAll(new OwnerRow(move.Shard, move.To, move.Term + 1));
        },
        lost: () => Told(one => one.MoveAnswered(Clock, move.Shard, stored: false)));

    private void TellAll(OwnerRow row)
    {
        foreach (var other in world.Silos)
        {
            if (other != this) world.LinkBetween(this, other)?.Tell(this, "moved", () => other.Hear(row));
        }

        Learn(row);
    }

    private void Hear(OwnerRow row)
    {
        if (shards[row.Shard.Number] is not null && row.Owner != Id && row.Owner is not null) world.Saw(ClusterSight.HeardOfAnotherOwner);
        Learn(row);
        Told(one => one.Heard(row));
    }

    private void Learn(OwnerRow row)
    {
        if (row.Term >= owners[row.Shard.Number].Term) owners[row.Shard.Number] = row;
    }

    private void Begin(Membership here, MembershipAct.Begin begin)
    {
        var shard = new SimulatedShard(world, this, here.Self, begin.Shard, begin.Term);
        Learn(new OwnerRow(begin.Shard, here.Self, begin.Term));
        shards[begin.Shard.Number] = shard;
        shard.TakeOver();
    }

    private void Drop(ShardId shard)
    {
        if (shards[shard.Number] is { } held && held.IsOpen) world.Saw(ClusterSight.ZombieDropped);
        shards[shard.Number]?.Close();
        shards[shard.Number] = null;
    }

    /// <summary>The epoch is over.</summary>
    public void Fenced(SimulatedShard shard)
    {
        if (shards[shard.Shard.Number] != shard) return;
        world.Saw(ClusterSight.CommitFenced);
        Drop(shard.Shard);
        Told(one => one.Lost(Clock, shard.Shard));
    }

    public bool Holds(SimulatedShard shard) => shards[shard.Shard.Number] == shard;

    // ---- calls; as src/Silo/Cluster/SiloCluster.Calls.cs, with the same ShardCalls -----------------------------------

    /// <summary>From a client.</summary>
    public void Take(ClusterCall call)
    {
        asked.RemoveAll(earlier => earlier.IsOver);
        asked.Add(call);
        call.AskedOf(this, life, ++numbers);
        var (calls, (way, link)) = (waiting[call.Shard.Number], WayTo(call.Shard));
        if (calls.MayPass(call, way))
        {
            Send(call, link);
            return;
        }

        world.Saw(call.IsRead ? ClusterSight.CallWaitedForAnOwner : ClusterSight.CommandStoodInLine);
        calls.Stand(call);
    }

    /// <summary>Whoever asked it is still the same process.</summary>
    public bool Lives(ClusterCall call) => call.Life == life;

    private void TryWaiting()
    {
        foreach (var shard in world.Map.Shards)
        {
            var calls = waiting[shard.Number];
            if (!calls.TryBeginSending()) continue;
            foreach (var expired in calls.TakeExpired(world.Now)) ((ClusterCall)expired).Refuse();
            var (way, link) = WayTo(shard);
            while (calls.TakeReady(way, world.Now) is { Count: > 0 } ready)
                foreach (var call in ready)
                    Send((ClusterCall)call, link);
        }
    }

    private (ReturnCounts? Way, SimulatedLink? Link) WayTo(ShardId shard)
    {
        if (shards[shard.Number] is not null) return (Here, null);
        var owner = owners[shard.Number].Owner;
        var peer = owner is null || owner.Name == Name ? null : world.Silos.First(silo => silo.Name == owner.Name);
        var link = peer is null || peer.Id != owner ? null : world.LinkBetween(this, peer);
        return (link?.Of(this).CameBack, link);
    }

    /// <summary>To a shard here, or over the link to its owner.</summary>
    private void Send(ClusterCall call, SimulatedLink? link)
    {
        call.Goes(link);
        if (link is null)
        {
            Serve(call);
            return;
        }

        world.Saw(ClusterSight.CallForwarded);
        link.Ask(this, call, () => link.Peer(this).Serve(call));
    }

    /// <summary>It is surely not done. One of a life that is over, or that was given up, waits for nothing.</summary>
    public void ComesBack(ClusterCall call)
    {
        if (!Lives(call) || call.HasEnded) return;
        call.Goes(over: null);
        if (waiting[call.Shard.Number].Return(call))
        {
            world.Saw(ClusterSight.CallWaitedForAnOwner);
            waiting[call.Shard.Number].Stand(call);
            return;
        }

        world.Saw(ClusterSight.CommandCameBackTooLate);
        call.Refuse();
    }

    /// <summary>What stood behind it may go.</summary>
    public void Ended(ClusterCall call)
    {
        if (Lives(call) && !call.IsRead) waiting[call.Shard.Number].Ended(call);
    }

    /// <summary>Done here, or sent back to be asked elsewhere.</summary>
    private void Serve(ClusterCall call)
    {
        if (!call.MayBeDecided) world.Saw(ClusterSight.CommandCameAfterOneThatCameBack);
        if (!call.MayBeDecided || !TryServe(call)) call.NotHere(this);
    }

    /// <summary>False when it is surely not done and may be asked elsewhere.</summary>
    private bool TryServe(ClusterCall call)
    {
        if (shards[call.Shard.Number] is not { IsOpen: true } shard) return false;
        if (!call.IsRead)
        {
            shard.Write(call);
            return true;
        }

        if (!membership!.MayAnswer(Clock))
        {
            world.Saw(ClusterSight.AnswerWithheld);
            return false;
        }

        call.IsDone = true;
        world.ReadAnswered(call, shard.Durable, this);
        return true;
    }
}
