using System.Collections.Concurrent;
using CrossMargin.Contracts;
using CrossMargin.Journal;
using CrossMargin.Journal.Cluster;
using CrossMargin.Runtime.Cluster;
using Microsoft.Extensions.Logging;

namespace CrossMargin.Silos.Cluster;

/// <summary>
/// A silo's part in dividing the shards of one database: drives <see cref="Membership"/> with a clock and the tables that are there. Each
/// database of a venue has its own, so one that is away takes the right to answer from its own shards and from no other.
/// </summary>
internal sealed partial class DatabaseMembership
{
    private readonly SiloCluster cluster;
    private readonly Silo silo;
    private readonly DatabaseShare share;
    private readonly IClusterTables tables;
    private readonly TimeProvider clock;
    private readonly ILogger log;
    private readonly Lock gate = new();                 // over the machine and the order of its acts
    private readonly Membership membership;
    private readonly ConcurrentDictionary<long, Task> asking = [];
    private ClusterRows? rows;
    private long servesUntil = long.MinValue;
    private long asked;

    public DatabaseMembership(
        SiloCluster cluster, Silo silo, ClusterOptions options, DatabaseShare share, IClusterTables tables, TimeProvider clock, ILogger log)
    {
        this.cluster = cluster;
        this.silo = silo;
        this.share = share;
        this.tables = tables;
        this.clock = clock;
        this.log = log;
        membership = new Membership(cluster.Self, silo.Map, ClusterOptions.Format, options.Times);
    }

    /// <summary>What the last beat read; null before the first.</summary>
    public ClusterRows? Rows => Volatile.Read(ref rows);

    public bool MayAnswer => cluster.Now < Volatile.Read(ref servesUntil);

    public DatabaseStanding Standing
    {
        get { lock (gate) return new DatabaseStanding(share, membership.Alive, MayAnswer); }
    }

    public bool Has(ShardId shard) => share.Shards.Contains(shard);

    /// <summary>It may answer for the shards of this database, and each of them has an owner as far as this silo knows.</summary>
    public bool IsAtWork(IReadOnlyList<OwnerRow> owners) =>
        MayAnswer && owners.All(row => row.Owner is not null || !Has(row.Shard));

    /// <summary>Whether the tables say now that the shard is this silo's.</summary>
    public bool Owns(OwnerRow row) => row.Owner == cluster.Self && tables.Owns(cluster.Self, row.Shard, row.Term);

    public void Tick() => Tell(one => one.Tick(cluster.Now));

    /// <summary>The shard on its thread found that its epoch is over.</summary>
    public void Lost(ShardId shard)
    {
        lock (gate)
        {
            silo.LetGo(shard);
            membership.Lost(cluster.Now, shard);
            Act();
        }
    }

    /// <summary>Another silo said over its link that the row is so now.</summary>
    public void Heard(OwnerRow row) => Tell(one =>
    {
        one.Heard(row);
        if (row.Owner is null) one.Nudge(cluster.Now);
    });

    /// <summary>Gives every shard of this database away, as long as there is time, and says that it is gone.</summary>
    public async Task Leave(TimeSpan patience)
    {
        var since = clock.GetTimestamp();
        Tell(one => one.Leave(cluster.Now));
        while (!HasLeft() && clock.GetElapsedTime(since) < patience) await Task.Delay(SiloCluster.Pace);
        if (HasLeft()) await SayGone();   // else the others take its shards over when it is silent

        bool HasLeft()
        {
            lock (gate) return membership.HasLeft;
        }
    }

    /// <summary>The acts that are on their way have been answered.</summary>
    public Task Rest() => Task.WhenAll(asking.Values);

    private async Task SayGone()
    {
        try
        {
            await Task.Run(() => tables.Beat(cluster.Self, SiloPhase.Gone));
        }
        catch (System.Data.Common.DbException failed)
        {
            LogNoAnswer(share.Name, failed.Message);   // the others wait for the end of its silence
        }
    }

    // ---- what the machine wants; all of it under the gate ----------------------------------------------------------

    private void Tell(Action<Membership> news)
    {
        lock (gate)
        {
            news(membership);
            Act();
        }
    }

    private void Act()
    {
        var acts = membership.TakeActs();
        foreach (var ofOne in acts.OfType<MembershipAct.Claim>().GroupBy(claim => claim.Dead)) Claim(ofOne.Key, [.. ofOne]);
        foreach (var act in acts)
        {
            switch (act)
            {
                case MembershipAct.Beat beat: Beat(beat.Phase); break;
                case MembershipAct.Move move: Move(move); break;
                case MembershipAct.Begin begin:
                    cluster.Learn(new OwnerRow(begin.Shard, cluster.Self, begin.Term));
                    silo.Begin(begin.Shard);
                    break;
                case MembershipAct.Drop drop: silo.LetGo(drop.Shard); break;
                case MembershipAct.Drain drain: silo.Drain(drain.Shard, () => Later(() => Tell(one => one.Drained(drain.Shard)))); break;
                case MembershipAct.Stop: cluster.BeReplaced(); break;
            }
        }

        Volatile.Write(ref servesUntil, membership.ServesUntil);
    }

    private void Beat(SiloPhase phase)
    {
        var sent = cluster.Now;   // before it leaves: what the others count from is later
        Ask(() => tables.Beat(cluster.Self, phase), answered: read =>
        {
            if (read is null)
            {
                Tell(one => one.Replaced());
                return;
            }

            Volatile.Write(ref rows, read);
            foreach (var row in read.Owners) cluster.Learn(row);
            Tell(one => one.BeatAnswered(sent, cluster.Now, read));
        }, lost: () => Tell(one => one.BeatLost()));
    }

    /// <summary>What the machine wants of one silo's shards at one time is one transaction.</summary>
    private void Claim(SiloRow? dead, IReadOnlyList<MembershipAct.Claim> claims) => Ask(
        () => tables.Claim(cluster.Self, [.. claims.Select(claim => (claim.Shard, claim.Term))], dead),
        claimed =>
        {
            LogClaimed(claimed.Count, dead?.Id.ToString() ?? "nobody");
            Tell(one =>
            {
                foreach (var claim in claims) one.ClaimAnswered(claim.Shard, claim.Term, claimed.Contains(claim.Shard));
            });
            cluster.HaveChanged([.. claims.Where(claim => claimed.Contains(claim.Shard))
                .Select(claim => new OwnerRow(claim.Shard, cluster.Self, claim.Term + 1))]);
        },
        lost: () => Tell(one =>
        {
            foreach (var claim in claims) one.ClaimAnswered(claim.Shard, claim.Term, stored: false);
        }));

    private void Move(MembershipAct.Move move) => Ask(
        () => tables.Move(cluster.Self, move.Shard, move.Term, move.To),
        stored =>
        {
            if (stored) cluster.HaveChanged([new OwnerRow(move.Shard, move.To, move.Term + 1)]);
            Tell(one => one.MoveAnswered(cluster.Now, move.Shard, stored));
        },
        lost: () => Tell(one => one.MoveAnswered(cluster.Now, move.Shard, stored: false)));

    private void Ask<T>(Func<T> ask, Action<T> answered, Action lost) => Later(() =>
    {
        T answer;
        try
        {
            answer = ask();
        }
        catch (Exception failed) when (failed is not OutOfMemoryException)
        {
            LogNoAnswer(share.Name, failed.Message);
            lost();
            return;
        }

        answered(answer);
    });

    /// <summary>On another thread: the database is waited for there, and the gate is taken anew.</summary>
    private void Later(Action act)
    {
        var number = Interlocked.Increment(ref asked);
        var task = new Task(act, TaskCreationOptions.LongRunning);
        asking[number] = task;
        _ = task.ContinueWith(_ => asking.TryRemove(number, out Task? _), TaskScheduler.Default);
        task.Start(TaskScheduler.Default);
    }

    [LoggerMessage(52, LogLevel.Information, "Claimed {Count} shards of {Owner}")]
    private partial void LogClaimed(int count, string owner);

    [LoggerMessage(53, LogLevel.Warning, "The tables of the cluster in {Database} do not answer: {Why}")]
    private partial void LogNoAnswer(string database, string why);
}
