using System.Collections.Concurrent;
using CrossMargin.Contracts;
using CrossMargin.Runtime.Cluster;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;
using Microsoft.Extensions.Logging;

namespace CrossMargin.Silos.Cluster;

/// <summary>
/// What a silo does because there are others: drives <see cref="Membership"/> with a clock and the tables, brings calls to the silo
/// that owns their shard, and passes on what shards and the market say. docs/cluster.md has the protocol.
/// <para>Three files: membership here, calls, links.</para>
/// </summary>
internal sealed partial class SiloCluster : IAsyncDisposable
{
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(20);

    private readonly Silo silo;
    private readonly ClusterOptions options;
    private readonly ShardMap map;
    private readonly GrainCatalog catalog;
    private readonly TimeProvider clock;
    private readonly ILogger log;
    private readonly long origin;
    private readonly Lock gate = new();                 // over the machine and the order of its acts
    private readonly CancellationTokenSource stopped = new();
    private readonly SiloId self;
    private readonly Membership membership;
    private readonly ConcurrentDictionary<long, Task> asking = [];
    private readonly OwnerRow[] owners;                 // the latest that is known of each shard; read without the gate
    private Task pacing = Task.CompletedTask;
    private ClusterRows? rows;
    private long servesUntil = long.MinValue;
    private long asked;
    private long ownership;
    private volatile bool isReplaced;

    /// <summary>Joins; throws what the database throws.</summary>
    public SiloCluster(Silo silo, ClusterOptions options, ShardMap map, GrainCatalog catalog, TimeProvider clock, ILogger log)
    {
        this.silo = silo;
        this.options = options;
        this.map = map;
        this.catalog = catalog;
        this.clock = clock;
        this.log = log;
        origin = clock.GetTimestamp();
        codec = new LinkCodec(catalog);
        secret = new LinkSecret(options.Key, options.Venue);
        owners = [.. map.Shards.Select(shard => new OwnerRow(shard, Owner: null, Term: 0))];
        waiting = [.. map.Shards.Select(_ => new ShardCalls())];
        self = options.Tables.Join(options.Name, ClusterOptions.Format, options.Address);
        membership = new Membership(self, map, ClusterOptions.Format, options.Times);
        LogJoined(self.ToString());
    }

    public SiloId Self => self;

    /// <summary>Another process runs under this silo's name.</summary>
    public event Action? Replaced;

    /// <summary>What the last beat read; null before the first.</summary>
    public ClusterRows? Rows => Volatile.Read(ref rows);

    /// <summary>Who owns what, as far as this silo knows at this moment.</summary>
    public IReadOnlyList<OwnerRow> Owners => owners;

    /// <summary>The terms of all shards together: whoever has the higher one knows of more changes of owners.</summary>
    public long Ownership => Interlocked.Read(ref ownership);

    /// <summary>The silos that are seen to beat.</summary>
    public IReadOnlyList<string> Alive
    {
        get { lock (gate) return membership.Alive; }
    }

    /// <summary>It may answer, and every shard has an owner as far as this silo knows.</summary>
    public bool IsAtWork => MayAnswer && Array.TrueForAll(owners, row => row.Owner is not null);

    public bool MayAnswer => Now < Volatile.Read(ref servesUntil);

    /// <summary>
    /// Whether an answer of a shard here may leave. What rests on a record does at any time: it is durable under an epoch that was
    /// ours. So does that nobody knows: the record may be there. Everything else is what this silo believes, and counts while nobody
    /// can have taken the shard; without it, what was asked is surely not done.
    /// </summary>
    public bool MayLeave(in Reply reply) => reply.Record is not null || reply.Rejection == Rejection.OutcomeUnknown || MayAnswer;

    /// <summary>Whether the tables say now that the shard is this silo's.</summary>
    public bool Owns(ShardId shard) =>
        owners[shard.Number] is { } row && row.Owner == self && options.Tables.Owns(self, shard, row.Term);

    public long Now => (long)clock.GetElapsedTime(origin).TotalMilliseconds;

    public void Start()
    {
        StartListening();
        pacing = Task.Run(KeepPace);
    }

    /// <summary>Gives every shard away, as long as there is time, and says that it is gone.</summary>
    public async Task Leave(TimeSpan patience)
    {
        if (isReplaced) return;
        lock (gate)
        {
            membership.Leave(Now);
            Act();
        }

        var since = clock.GetTimestamp();
        while (!HasLeft() && clock.GetElapsedTime(since) < patience) await Task.Delay(Pace);
        if (!HasLeft()) return;   // the others take its shards over when it is silent
        await SayGone();

        // What was sent to the new owners meanwhile is answered over the links.
        while (HasCalls && clock.GetElapsedTime(since) < patience) await Task.Delay(Pace);

        bool HasLeft()
        {
            lock (gate) return membership.HasLeft;
        }
    }

    private async Task SayGone()
    {
        try
        {
            await Task.Run(() => options.Tables.Beat(self, SiloPhase.Gone));
        }
        catch (System.Data.Common.DbException failed)
        {
            LogNoAnswer(failed.Message);   // the others wait for the end of its silence
        }
    }

    public async ValueTask DisposeAsync()
    {
        await stopped.CancelAsync();
        await pacing;
        await CloseLinks();
        await Task.WhenAll(asking.Values);
        stopped.Dispose();
    }

    private async Task KeepPace()
    {
        using var pace = new PeriodicTimer(Pace, clock);
        try
        {
            while (await pace.WaitForNextTickAsync(stopped.Token))
            {
                lock (gate)
                {
                    membership.Tick(Now);
                    Act();
                }

                TryWaiting();
                CareForLinks();
            }
        }
        catch (OperationCanceledException)
        {
            // The silo stops.
        }
    }

    // ---- what the machine wants; all of it under the gate ----------------------------------------------------------

    /// <summary>The shard on its thread found that its epoch is over.</summary>
    public void Lost(ShardId shard)
    {
        lock (gate)
        {
            silo.LetGo(shard);
            membership.Lost(Now, shard);
            Act();
        }
    }

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
                    Learn(new OwnerRow(begin.Shard, self, begin.Term));
                    silo.Begin(begin.Shard);
                    break;
                case MembershipAct.Drop drop: silo.LetGo(drop.Shard); break;
                case MembershipAct.Drain drain: silo.Drain(drain.Shard, () => Later(() => Tell(one => one.Drained(drain.Shard)))); break;
                case MembershipAct.Stop:
                    if (isReplaced) break;
                    isReplaced = true;
                    LogReplaced(self.Name);
                    Replaced?.Invoke();
                    break;
            }
        }

        Volatile.Write(ref servesUntil, membership.ServesUntil);
    }

    private void Beat(SiloPhase phase)
    {
        var sent = Now;   // before it leaves: what the others count from is later
        Ask(() => options.Tables.Beat(self, phase), answered: read =>
        {
            if (read is null)
            {
                Tell(one => one.Replaced());
                return;
            }

            Volatile.Write(ref rows, read);
            foreach (var row in read.Owners) Learn(row);
            Tell(one => one.BeatAnswered(sent, Now, read));
        }, lost: () => Tell(one => one.BeatLost()));
    }

    /// <summary>What the machine wants of one silo's shards at one time is one transaction.</summary>
    private void Claim(SiloRow? dead, IReadOnlyList<MembershipAct.Claim> claims) => Ask(
        () => options.Tables.Claim(self, [.. claims.Select(claim => (claim.Shard, claim.Term))], dead),
        claimed => Tell(one =>
        {
            LogClaimed(claimed.Count, dead?.Id.ToString() ?? "nobody");
            foreach (var claim in claims) one.ClaimAnswered(claim.Shard, claim.Term, claimed.Contains(claim.Shard));
        }),
        lost: () => Tell(one =>
        {
            foreach (var claim in claims) one.ClaimAnswered(claim.Shard, claim.Term, stored: false);
        }));

    private void Move(MembershipAct.Move move) => Ask(
        () => options.Tables.Move(self, move.Shard, move.Term, move.To),
        stored =>
        {
            if (stored)
            {
                var row = new OwnerRow(move.Shard, move.To, move.Term + 1);
                Learn(row);
                SendToAll(new LinkMessage.Moved(row));
                TryWaiting(move.Shard);
            }

            Tell(one => one.MoveAnswered(Now, move.Shard, stored));
        },
        lost: () => Tell(one => one.MoveAnswered(Now, move.Shard, stored: false)));

    /// <summary>News of a row are believed when its term is the highest that was heard of.</summary>
    private void Learn(OwnerRow row)
    {
        lock (owners)
        {
            if (row.Term < owners[row.Shard.Number].Term) return;
            ownership += row.Term - owners[row.Shard.Number].Term;
            owners[row.Shard.Number] = row;
        }
    }

    private void Ask<T>(Func<T> ask, Action<T> answered, Action lost) => Later(() =>
    {
        T answer;
        try
        {
            answer = ask();
        }
        catch (Exception failed) when (failed is not OutOfMemoryException)
        {
            LogNoAnswer(failed.Message);
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

    [LoggerMessage(50, LogLevel.Information, "Joined as {Silo}")]
    private partial void LogJoined(string silo);

    [LoggerMessage(51, LogLevel.Critical, "Another process runs under the name {Name}: this one stops")]
    private partial void LogReplaced(string name);

    [LoggerMessage(52, LogLevel.Information, "Claimed {Count} shards of {Owner}")]
    private partial void LogClaimed(int count, string owner);

    [LoggerMessage(53, LogLevel.Warning, "The tables of the cluster do not answer: {Why}")]
    private partial void LogNoAnswer(string why);
}
