using CrossMargin.Contracts;
using CrossMargin.Runtime;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;
using CrossMargin.Simulation.Audit;

namespace CrossMargin.Simulation.World;

internal enum Life
{
    Running,

    /// <summary>Stopped by the machine: it does not know it, and goes on where it was when it is thawed.</summary>
    Frozen,
    Dead,
}

/// <summary>
/// One incarnation of the silo: the real shards, routers and commit queue, hosted on the agenda instead of on threads.
/// What it
/// does to the journal goes on without it; what comes back waits while it is frozen and is lost when it is dead.
/// </summary>
internal sealed partial class Silo : IShardHost
{
    private const int Writers = 2;

    private readonly Venue venue;
    private readonly Draws draws;
    private readonly Shard[] shards;
    private readonly int[] placeOf;
    private readonly Router[] routers;
    private readonly CommitQueue queue;
    private readonly HashSet<(int Shard, long Position)> sentBefore = [];
    private readonly bool[] isFlushPlanned;
    private readonly MarkFrame?[] offered;   // by place: the latest that it has not taken
    private readonly HashSet<int> mangled = [];
    private readonly List<Action> deferred = [];
    private int busyWriters;

    public Silo(Venue venue, int number)
    {
        this.venue = venue;
        Number = number;
        draws = venue.Root.Fork($"silo {number}");
        placeOf = [.. venue.Map.Shards.Select(shard => shard.Number % venue.Plan.Places)];
        routers = [.. Enumerable.Range(0, venue.Plan.Places).Select(_ => new Router(placeOf, venue.Plan.Places))];
        queue = new CommitQueue(venue.Plan.RowsPerTransaction);
        shards = [.. venue.Map.Shards.Select(NewShard)];
        isFlushPlanned = new bool[shards.Length];
        offered = new MarkFrame?[venue.Plan.Places];
    }

    public int Number { get; }
    public Life Life { get; private set; }
    public long SkewMicros { get; set; }
    public IReadOnlyList<Shard> Shards => shards;

    private bool IsOwner => ReferenceEquals(venue.Owner, this);
    private Instant Now => venue.Wall.PlusMicros(SkewMicros);

    /// <summary>
    /// Only whoever is sure to own a shard shows its state: anybody else's may be old. The silo knows by its heartbeat; here that is
    /// taken for granted.
    /// </summary>
    public bool MayShow(GrainId grain) =>
        IsOwner && Life == Life.Running && venue.Map.ShardOf(grain) is var shard
        && shards[shard.Number].Durable.Epoch == venue.Auditor.EpochOf(shard.Number);

    /// <summary>Records, answers or recoveries that a crash now would cut off.</summary>
    public bool IsBusy => Array.Exists(shards, shard => shard.Phase != ShardPhase.Active || !shard.IsQuiet);

    public bool IsDrained =>
        Array.TrueForAll(shards, shard => shard.Phase == ShardPhase.Active && shard.IsQuiet) && queue.IsEmpty && busyWriters == 0;

    private Shard NewShard(ShardId id) => new(id, venue.Map, venue.Catalog, venue.Plan.Limits, this);

    // ---- life ------------------------------------------------------------------------------------------------------

    public void Start()
    {
        foreach (var shard in shards) Later(draws.Between(1, 2_000), "start", shard.Id, target => target.Start());
        for (var place = 0; place < venue.Plan.Places; place++) Tick(place);
    }

    public void Die() => Life = Life.Dead;

    public void Freeze() => Life = Life.Frozen;

    public void Thaw()
    {
        Life = Life.Running;
        var missed = deferred.ToArray();
        deferred.Clear();
        foreach (var act in missed) venue.Agenda.After(draws.Between(0, 500), "catches up", () => Do(act));
    }

    private void Do(Action act)
    {
        if (Life == Life.Frozen) deferred.Add(act);
        else if (Life == Life.Running) act();
    }

    private void Later(long micros, string what, ShardId id, Action<Shard> input) =>
        venue.Agenda.After(micros, what, () => Do(() =>
    {
        var shard = shards[id.Number];
        Call(shard, input);
        Settle(placeOf[id.Number]);
    }));

    /// <summary>What the host of a shard owes it: whoever throws into it is stopped. Here that ends the run.</summary>
    private static void Call(Shard shard, Action<Shard> input)
    {
        try
        {
            input(shard);
        }
        catch (InvariantViolation broken)
        {
            throw new AuditFailure(broken.Number, $"shard {shard.Id} broke: {broken.Message}");
        }
    }

    private void Tick(int place)
    {
        venue.Agenda.After(venue.Plan.TickMicros, "tick", () => Do(() =>
        {
            for (var number = 0; number < shards.Length; number++)
            {
                if (placeOf[number] != place) continue;
                if (shards[number].Phase == ShardPhase.Lost && IsOwner) shards[number] = NewShard(shards[number].Id);
                Call(shards[number], shard => shard.Tick(Now));
            }

            Settle(place);
        }));
        if (Life != Life.Dead) venue.Agenda.After(venue.Plan.TickMicros, "tick again", () => Tick(place));
    }

    /// <summary>After an input the place flushes its shards, now or a little later, and sends what they said.</summary>
    private void Settle(int place)
    {
        for (var number = 0; number < shards.Length; number++)
        {
            if (placeOf[number] != place) continue;
            if (draws.PerMille(venue.Plan.FlushAtOncePerMille)) Call(shards[number], shard => shard.Flush());
            else if (!isFlushPlanned[number])
            {
                isFlushPlanned[number] = true;
                Later(draws.Between(1, venue.Plan.FlushDelayMicros), "flush", shards[number].Id, shard =>
                {
                    isFlushPlanned[shard.Id.Number] = false;
                    shard.Flush();
                });
            }
        }

        for (var to = 0; to < venue.Plan.Places; to++)
            if (routers[place].Take(to) is { } parcel) venue.Network.Carry(this, to, parcel);
        StartWriters();
    }

    // ---- inputs ----------------------------------------------------------------------------------------------------

    public void Arrive(int place, IReadOnlyList<ShardMessage> parcel) => Do(() =>
    {
        Shard[] here = [.. shards.Where(shard => placeOf[shard.Id.Number] == place)];
        foreach (var message in parcel)
            foreach (var receiver in Router.ReceiversOf(message, here)) Call(receiver, shard => shard.Receive(Now, message));
        Settle(place);
    });

    public void Submit(Command command, ICaller caller) => Do(() =>
    {
        var shard = shards[venue.Map.ShardOf(command.To).Number];
        Call(shard, target => target.Submit(Now, command, caller));
        Settle(placeOf[shard.Id.Number]);
    });

    public void Read(GrainId grain, ICaller caller) => Do(() =>
    {
        var shard = shards[venue.Map.ShardOf(grain).Number];
        Call(shard, target => target.Read(Now, grain, caller));
        Settle(placeOf[shard.Id.Number]);
    });

    public void SaveSoon() => Do(() => Array.ForEach(shards, shard => shard.SaveSoon()));

    // ---- what the shards ask for -----------------------------------------------------------------------------------

    public void Commit(Batch batch) => queue.Add(batch);

    private void StartWriters()
    {
        while (busyWriters < Writers && !queue.IsEmpty)
        {
            var batches = queue.Take();
            busyWriters++;
            venue.Sights.Saw(batches.Count > 1 ? Sight.GroupCommit : Sight.LoneCommit);
            if (batches.Any(batch => batch.Records.Count > 1)) venue.Sights.Saw(Sight.BatchOfSeveral);
            var isSlow = venue.Faults.Strikes(Fault.SlowJournal);
            var micros = draws.Between(venue.Plan.CommitMicros / 3, venue.Plan.CommitMicros) * (isSlow ? 60 : 1);
            venue.Agenda.After(micros, "commit arrives", () => ArriveAtJournal(batches, isSlow));
        }
    }

    /// <summary>The batches are on the wire: a dead silo's may still arrive, or not, or much later.</summary>
    private void ArriveAtJournal(IReadOnlyList<Batch> batches, bool isSlow)
    {
        if (Life == Life.Dead)
        {
            if (draws.OneIn(2) && venue.Faults.Comes(Fault.LateCommit))
            {
                venue.Faults.Took(Fault.LateCommit);
                venue.Agenda.After(draws.Between(1, 80_000), "commit of the dead arrives", () => venue.Journal.Commit(batches));
            }
            else if (draws.OneIn(2)) venue.Journal.Commit(batches);
            return;
        }

        var outcomes = venue.Journal.Commit(batches);
        venue.Agenda.After(draws.Between(50, venue.Plan.CommitMicros), "commit answers", () => Do(() =>
        {
            busyWriters--;
            foreach (var (batch, outcome) in queue.Settle(batches, outcomes)) Tell(batch, outcome, isSlow);
            for (var place = 0; place < venue.Plan.Places; place++) Settle(place);
        }));
    }

    private void Tell(Batch batch, CommitOutcome outcome, bool isSlow)
    {
        var shard = shards[batch.Shard.Number];
        venue.Trace.Say(
            $"silo {Number} shard {shard.Id} is told {outcome} of {batch.Records.Count} behind {batch.Before.Position} in epoch {batch.Before.Epoch}");
        if (isSlow && shard.State.Position > batch.After.Position) venue.Faults.Took(Fault.SlowJournal);
        if (outcome == CommitOutcome.Fenced)
        {
            venue.Sights.Saw(IsOwner ? Sight.FencedOwner : Sight.FencedZombie);
            if (!IsOwner) venue.Faults.Took(Fault.Zombie);
        }

        if (outcome == CommitOutcome.RolledBack) venue.Sights.Saw(Sight.RetriedAlone);
        Call(shard, target => target.CommitSettled(batch, outcome));
    }

    public void TakeOver(ShardId shard, int? epoch)
    {
        venue.Agenda.After(draws.Between(50, 2_000), "take-over arrives", () =>
        {
            if (Life == Life.Dead) return;
            var answer = AskForShard(shard, epoch);
            venue.Trace.Say($"silo {Number} takes shard {shard} over from {epoch}: {answer}");
            Note(shards[shard.Number], epoch, answer);
            Later(draws.Between(50, 1_000), "take-over answers", shard, target => target.TakenOver(answer));
        });
    }

    private TakeOver AskForShard(ShardId shard, int? epoch)
    {
        if (epoch is { } known) return venue.Journal.TakeOver(shard, known);
        if (!IsOwner)
        {
            if (!draws.OneIn(3) || !venue.Faults.Comes(Fault.StolenShard)) return new TakeOver.Lost();
            venue.Faults.Took(Fault.StolenShard);
        }

        return venue.Journal.TakeOver(shard, venue.Journal.HeadOf(shard).Epoch);
    }

    private void Note(Shard shard, int? epoch, TakeOver answer)
    {
        if (epoch is null)
        {
            if (answer is not Runtime.Records.TakeOver.Taken) venue.Sights.Saw(Sight.TakeOverAskedAgain);
            return;
        }

        venue.Sights.Saw(
            answer is not Runtime.Records.TakeOver.Taken(var head) ? Sight.ResolveLost
            : head.Position > shard.Durable.Position ? Sight.ResolvedAsCommitted
            : Sight.ResolvedAsNotCommitted);
    }

    public void LoadSnapshots(ShardId shard)
    {
        var found = venue.Mangler.Mangle(shard, venue.Journal.ReadSnapshots(shard), out var mangledBy);
        venue.Sights.Saw(found.Matching.Count > 0 ? Sight.FoldedFromSnapshots : Sight.FoldedFromZero);
        Later(draws.Between(50, 1_000), "snapshots answer", shard, target =>
        {
            if (target.Phase != ShardPhase.LoadingSnapshots) return;
            if (mangledBy is { } kind) mangled.Add(shard.Number);
            target.SnapshotsLoaded(found);
            AuditFailure.Unless(
                !mangled.Remove(shard.Number), "I6",
                $"shard {shard} has loaded a set with a {mangledBy} in it and gave no alarm");
            if (mangledBy is { } seen) venue.Faults.Took(seen);
        });
    }

    public void ReadOwn(ShardId shard, long after) => Later(draws.Between(20, 800), "records answer", shard, target =>
        target.RecordsRead(venue.Journal.ReadShard(shard, after, draws.Between(1, venue.Plan.PageOfRecords))));

    public void ReadAddressed(ShardId shard, ShardId to, long after)
    {
        venue.Sights.Saw(Sight.PullServedFromJournal);
        Later(draws.Between(20, 800), "addressed records answer", shard, target =>
        {
            var limit = draws.Between(1, venue.Plan.PageOfRecords);
            var records = venue.Journal.ReadAddressed(shard, to, after, limit + 1);
            target.AddressedRead(to, after, [.. records.Take(limit)], hasMore: records.Count > limit);
        });
    }

    public void Save(SnapshotSet set)
    {
        foreach (var snapshot in set.Snapshots)
        {
            var isDurable = snapshot.Position <= venue.Auditor.PositionOf(set.Shard.Number)
                && venue.Auditor.Row(set.Shard.Number, snapshot.Position).Chain.AsSpan().SequenceEqual(snapshot.Chain.ToArray());
            AuditFailure.Unless(
                isDurable, "I6",
                $"a snapshot of shard {set.Shard} speaks of position {snapshot.Position}, which is not durable so");
        }

        var fails = venue.Faults.Strikes(Fault.SnapshotNotSaved);
        if (fails) venue.Faults.Took(Fault.SnapshotNotSaved);
        Later(draws.Between(50, 4_000), "save answers", set.Shard, target =>
        {
            if (!fails) venue.Journal.Save(set);
            target.Saved(set, stored: !fails);
        });
    }

    public void Send(ShardMessage message)
    {
        switch (message)
        {
            case ShardMessage.Delivery delivery:
                var last = delivery.Records[^1];
                if (!sentBefore.Add((delivery.To.Number * 1_000 + delivery.From.Number, last.Position)))
                    venue.Sights.Saw(Sight.PullServedFromRing);
                AuditFailure.Unless(
                    last.Position <= venue.Auditor.PositionOf(delivery.From.Number), "I3",
                    $"{last.Address} was sent before it was durable");
                routers[placeOf[delivery.From.Number]].Add(message);
                break;
            case ShardMessage.Pull pull:
                venue.Sights.Saw(Sight.Gap);
                routers[placeOf[pull.From.Number]].Add(message);
                break;
            case ShardMessage.Announcement announcement:
                routers[placeOf[announcement.From.Number]].Add(message);
                break;
        }
    }

    public void Alarm(ShardId shard, string sentence)
    {
        venue.Trace.Say($"ALARM silo {Number} shard {shard}: {sentence}");
        if (sentence.StartsWith("snapshots are ignored", StringComparison.Ordinal))
        {
            venue.Sights.Saw(Sight.SnapshotsIgnored);
            AuditFailure.Unless(
                mangled.Remove(shard.Number), "I6", $"good snapshots of shard {shard} are ignored: {sentence}");
        }
        else if (sentence.Contains("is parked", StringComparison.Ordinal)) venue.Sights.Saw(Sight.Parked);
        else if (sentence.StartsWith("grain c8", StringComparison.Ordinal))
        {
            venue.Sights.Saw(Sight.GrainHalted);
            venue.Faults.Took(Fault.GrainBug);
        }
        else AuditFailure.Unless(
            sentence.StartsWith("the shard is lost", StringComparison.Ordinal), "I13", $"shard {shard}: {sentence}");
    }
}
