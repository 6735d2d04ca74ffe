using System.Collections.Concurrent;
using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Journal;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;
using CrossMargin.Silos.Cluster;
using Microsoft.Extensions.Logging;

namespace CrossMargin.Silos;

/// <summary>
/// A process's share of the venue: shards on a few threads, each of which is a journal writer too, and the answers that shards ask
/// the world for. Alone it owns every shard; given a cluster, those that membership gives it (Cluster/).
/// </summary>
public sealed partial class Silo : IShardHost, IAsyncDisposable
{
    private static readonly TimeSpan AskedAgainAfter = TimeSpan.FromMilliseconds(500);

    private readonly IJournal journal;
    private readonly SiloOptions options;
    private readonly TimeProvider clock;
    private readonly ILogger<Silo> log;
    private readonly ShardMap map;
    private readonly GrainCatalog catalog;
    private readonly Shard?[] shards;           // null where another silo has it
    private readonly int[] homes;               // the thread that a shard has while it is here
    private readonly int[] placeOfShard;        // the same, or behind the last thread where it is elsewhere
    private readonly ShardThread[] threads;
    private readonly SiloCluster? cluster;
    private readonly SemaphoreSlim[] reads;     // by shard: one for all of a database
    private readonly ConcurrentDictionary<(ShardId From, ShardId To), byte> repairs = [];   // under way; the set of them
    private readonly CancellationTokenSource stopped = new();
    private readonly List<Task> answering = [];
    private long alarms;
    private volatile bool isDraining;
    private volatile bool isStopped;

    public Silo(IJournal journal, ShardMap map, GrainCatalog catalog, SiloOptions options, TimeProvider clock, ILogger<Silo> log)
        : this(journal, map, catalog, options, clock, log, together: null)
    {
    }

    /// <summary>One of several: joins their tables, and throws what the database throws.</summary>
    public Silo(
        IJournal journal, ShardMap map, GrainCatalog catalog, SiloOptions options, TimeProvider clock, ILogger<Silo> log,
        ClusterOptions? together)
    {
        this.journal = journal;
        this.options = options;
        this.clock = clock;
        this.log = log;
        this.map = map;
        this.catalog = catalog;
        reads = new SemaphoreSlim[map.Count];
        homes = new int[map.Count];
        DivideThreads();
        shards = [.. map.Shards.Select(id => together is null ? new Shard(id, map, catalog, options.Limits, this) : null)];

        var elsewhere = options.ShardThreads * journal.Databases.Count;
        placeOfShard = [.. map.Shards.Select(id => together is null ? homes[id.Number] : elsewhere)];
        threads = [.. Enumerable.Range(0, elsewhere).Select(place => new ShardThread(
            place, together is null ? elsewhere : elsewhere + 1, placeOfShard,
            [.. Hosted.Where(shard => placeOfShard[shard.Id.Number] == place)], journal, options, clock,
            send: Send, saidAll: SaidAll, failed: Failed))];
        if (together is not null) cluster = new SiloCluster(this, together, journal.Databases, catalog, clock, log);

        void Send(int to, IReadOnlyList<ShardMessage> parcel)
        {
            if (to == elsewhere) cluster!.SendElsewhere(parcel);
            else threads![to].Post(parcel);
        }

        void SaidAll() => cluster?.FlushLinks();
    }

    /// <summary>
    /// A thread waits for the commit that it sent, and a read for its answer: so every database has threads and reads of its own, and one
    /// that does not answer holds up nobody but its own shards.
    /// </summary>
    private void DivideThreads()
    {
        for (var database = 0; database < journal.Databases.Count; database++)
        {
            var together = new SemaphoreSlim(options.ReadsAtOnce);
            var next = 0;
            foreach (var shard in journal.Databases[database].Shards)
            {
                reads[shard.Number] = together;
                homes[shard.Number] = (database * options.ShardThreads) + (next++ % options.ShardThreads);
            }
        }
    }

    public ShardMap Map => map;

    /// <summary>How many alarms were raised since the start.</summary>
    public long Alarms => Interlocked.Read(ref alarms);

    /// <summary>How many shards are in each phase; read without a lock, so it is a moment's impression.</summary>
    public ImmutableSortedDictionary<ShardPhase, int> Phases => PhasesIn(Hosted);

    /// <summary>The same of the shards that one database has.</summary>
    public ImmutableSortedDictionary<ShardPhase, int> PhasesOf(DatabaseShare database) =>
        PhasesIn(Hosted.Where(shard => database.Shards.Contains(shard.Id)));

    private static ImmutableSortedDictionary<ShardPhase, int> PhasesIn(IEnumerable<Shard> some) =>
        some.GroupBy(shard => shard.Phase).ToImmutableSortedDictionary(group => group.Key, group => group.Count());

    public bool IsDraining => isDraining;

    /// <summary>Every shard has been taken over and folded, or has given up doing so.</summary>
    public bool IsStarted => cluster is not { HasLooked: false }
        && Hosted.All(shard => shard.Phase is ShardPhase.Active or ShardPhase.Halted or ShardPhase.Lost);

    /// <summary>
    /// Every shard of some database can take commands. One of several silos can while it may answer for one in which every shard has an
    /// owner: what comes for a shard that is being folded waits.
    /// </summary>
    public bool IsReady => !isDraining && (cluster?.IsAtWork ?? journal.Databases.Any(IsAllActive));

    private bool IsAllActive(DatabaseShare database) =>
        Hosted.Where(shard => database.Shards.Contains(shard.Id)).All(shard => shard.Phase == ShardPhase.Active);

    /// <summary>Another owner has a shard of this silo. It must not go on as if nothing had happened.</summary>
    public event Action<ShardId>? ShardLost;

    public void Start()
    {
        foreach (var thread in threads) thread.Start();   // the first tick starts each shard
        cluster?.Start();
    }

    /// <summary>The caller is answered once, on another thread, when what the answer rests on is durable.</summary>
    public void Submit(Command command, ICaller caller) => Post(command.To, command, caller);

    /// <summary>As one by one, but what other silos are asked leaves together.</summary>
    public void Submit(IReadOnlyList<Command> commands, Func<int, ICaller> callerOf)
    {
        for (var i = 0; i < commands.Count; i++) Put(commands[i].To, commands[i], callerOf(i));
        cluster?.FlushLinks();
    }

    /// <summary>The caller is answered with the grain's state when all of it is durable.</summary>
    public void Read(GrainId grain, ICaller caller) => Post(grain, new ShardThread.Read(grain), caller);

    /// <summary>
    /// The states of a shard's grains that are wanted, as far as the shard is in this process: another one is refused as unavailable.
    /// </summary>
    public void Collect(ShardId shard, Func<object, bool> wanted, ICaller caller)
    {
        if (isDraining || cluster?.MayAnswer(shard) is false) caller.Answer(Reply.Refused(Rejection.ShardUnavailable));
        else ThreadOf(shard).Submit(shard, new ShardThread.Collect(wanted), caller);
    }

    private void Post(GrainId grain, object body, ICaller caller)
    {
        Put(grain, body, caller);
        cluster?.FlushLinks();
    }

    private void Put(GrainId grain, object body, ICaller caller)
    {
        var shard = map.ShardOf(grain);
        if (cluster is not null) cluster.Submit(shard, body, caller);
        else if (isDraining) caller.Answer(Reply.Refused(Rejection.ShardUnavailable));
        else ThreadOf(shard).Submit(shard, body, caller);
    }

    /// <summary>
    /// Takes nothing more in, gives its shards away, lets what is in flight end, saves what it still has, and stops. What is answered stays
    /// true. When the patience is over it only waits for the commits that are on their way.
    /// </summary>
    public async Task DrainAsync(TimeSpan patience)
    {
        var since = clock.GetTimestamp();
        isDraining = true;
        if (cluster is not null) await cluster.Leave(patience);
        foreach (var shard in Hosted) Drain(shard.Id, drained: static () => { });   // whether all are is looked at below
        while (clock.GetElapsedTime(since) < patience && !await AreAllQuiet()) await Task.Delay(20);
        await StopAsync();
    }

    public async ValueTask DisposeAsync() => await StopAsync();

    private async Task<bool> AreAllQuiet()
    {
        var answers = Hosted.Select(shard =>
        {
            var answer = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
            Tell(shard, one => answer.SetResult(one.Phase != ShardPhase.Active || (one.IsQuiet && one.IsSaved)));
            return answer.Task;
        });
        try
        {
            return (await Task.WhenAll(answers).WaitAsync(AskedAgainAfter)).All(quiet => quiet);
        }
        catch (TimeoutException)
        {
            return false;   // a thread waits for the journal, or a shard went away before its turn and never says anything
        }
    }

    private async Task StopAsync()
    {
        if (isStopped) return;
        isStopped = true;
        isDraining = true;
        await stopped.CancelAsync();
        if (cluster is not null) await cluster.DisposeAsync();
        foreach (var thread in threads) thread.Stop();
        Task[] rest;
        lock (answering) rest = [.. answering];
        await Task.WhenAll(rest);
        stopped.Dispose();
        foreach (var one in reads.Distinct()) one.Dispose();
    }

    private ShardThread ThreadOf(ShardId shard) => threads[homes[shard.Number]];

    private IEnumerable<Shard> Hosted => shards.OfType<Shard>();

    /// <summary>The shard that asks, on its thread.</summary>
    private Shard Asking(ShardId shard) => ThreadOf(shard).Find(shard)!;

    /// <summary>To this shard and not to one that took its place meanwhile.</summary>
    private void Tell(Shard asked, Action<Shard> answer) => ThreadOf(asked.Id).Post(asked.Id, one =>
    {
        if (one == asked) answer(one);
    });

    private void Failed(Shard shard, Exception thrown)
    {
        LogThrown(thrown, shard.Id.Number);
        if (shard.Phase != ShardPhase.Halted) shard.Halt(thrown.Message);
    }

    // ---- what shards ask for; called on their threads ---------------------------------------------------------------

    void IShardHost.Commit(Batch batch) => ThreadOf(batch.Shard).Add(batch);

    void IShardHost.Send(ShardMessage message) => ThreadOf(message.Sender).Add(message);

    void IShardHost.TakeOver(ShardId shard, int? epoch)
    {
        var asked = Asking(shard);
        Answer(shard, async cancel =>
        {
            var expected = epoch ?? (await journal.ReadHead(shard, cancel)).Epoch;
            var isTheirs = epoch is null && cluster is not null && !cluster.Owns(shard);   // after the epoch was read, never before
            var answer = isTheirs ? new TakeOver.Lost() : await Apart(() => journal.TakeOver(shard, expected));
            if (answer is TakeOver.Unknown) await Task.Delay(Jittered(), cancel);
            Tell(asked, one => one.TakenOver(answer));
        });
    }

    void IShardHost.LoadSnapshots(ShardId shard)
    {
        var asked = Asking(shard);
        Answer(shard, async cancel =>
        {
            var found = await journal.ReadSnapshots(shard, cancel);
            Tell(asked, one => one.SnapshotsLoaded(found));
        });
    }

    void IShardHost.ReadOwn(ShardId shard, long after)
    {
        var asked = Asking(shard);
        Answer(shard, async cancel =>
        {
            var records = await journal.ReadShard(shard, after, options.RecordsPerRead, cancel);
            Tell(asked, one => one.RecordsRead(records));
        });
    }

    void IShardHost.ReadAddressed(ShardId shard, ShardId to, long after)
    {
        var asked = Asking(shard);
        if (!repairs.TryAdd((shard, to), 0)) return;   // a receiver asks with every tick until it has its answer
        Answer(shard, async cancel =>
        {
            var records = await journal.ReadAddressed(shard, to, after, options.RecordsPerRead, cancel);
            repairs.TryRemove((shard, to), out _);
            Tell(asked, one => one.AddressedRead(to, after, records, records.Count == options.RecordsPerRead));
        });
    }

    void IShardHost.Save(SnapshotSet set)
    {
        var asked = Asking(set.Shard);
        Answer(set.Shard, cancel => Save(asked, set));
    }

    private async Task Save(Shard asked, SnapshotSet set)
    {
        var isStored = false;
        try
        {
            isStored = await Apart(() =>
            {
                journal.Save(set);
                return true;
            });
        }
        catch (Exception failed) when (failed is not OutOfMemoryException)
        {
            LogNotSaved(failed, set.Shard.Number);   // the shard saves everything with the next set
        }

        Tell(asked, one => one.Saved(set, isStored));
    }

    /// <summary>Writes block, for seconds where a database is away: on a thread of their own they keep nobody else's waiting.</summary>
    private static Task<T> Apart<T>(Func<T> write) =>
        Task.Factory.StartNew(write, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    void IShardHost.Alarm(ShardId shard, string sentence)
    {
        Interlocked.Increment(ref alarms);
        LogAlarm(shard.Number, sentence);
        if (ThreadOf(shard).Find(shard) is not { Phase: ShardPhase.Lost } alarming) return;
        if (cluster is null) ShardLost?.Invoke(shard);
        else LostToAnother(alarming);
    }

    /// <summary>Asks the shard's database until it answers: a shard that waits for a read can do nothing else.</summary>
    private void Answer(ShardId shard, Func<CancellationToken, Task> ask)
    {
        var task = Task.Run(async () =>
        {
            var cancel = stopped.Token;
            try
            {
                await reads[shard.Number].WaitAsync(cancel);
            }
            catch (OperationCanceledException)
            {
                return;   // the silo stops before its turn came
            }

            try
            {
                while (true)
                {
                    try
                    {
                        await ask(cancel);
                        return;
                    }
                    catch (Exception failed) when (failed is not OperationCanceledException and not OutOfMemoryException)
                    {
                        LogRetried(failed);
                        await Task.Delay(Jittered(), cancel);
                    }
                }
            }
            catch (OperationCanceledException)
            {
                // The silo stops; the shard stops with it.
            }
            finally
            {
                reads[shard.Number].Release();
            }
        });
        lock (answering)
        {
            answering.RemoveAll(done => done.IsCompleted);
            answering.Add(task);
        }
    }

    private static TimeSpan Jittered() => TimeSpan.FromMilliseconds(Random.Shared.Next(50, 500));

    [LoggerMessage(1, LogLevel.Critical, "Alarm on shard {Shard}: {Sentence}")]
    private partial void LogAlarm(int shard, string sentence);

    [LoggerMessage(2, LogLevel.Critical, "Shard {Shard} threw and is halted")]
    private partial void LogThrown(Exception thrown, int shard);

    [LoggerMessage(3, LogLevel.Warning, "The journal did not answer; it is asked again")]
    private partial void LogRetried(Exception failed);

    [LoggerMessage(4, LogLevel.Warning, "The snapshots of shard {Shard} were not saved")]
    private partial void LogNotSaved(Exception failed, int shard);
}
