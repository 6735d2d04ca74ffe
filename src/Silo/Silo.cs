using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Journal;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;
using Microsoft.Extensions.Logging;

namespace CrossMargin.Silos;

/// <summary>
/// A process's share of the venue: shards on a few threads, each of which is a journal writer too, and the answers that shards ask
/// the world for. It owns every shard; dividing them among silos comes with membership.
/// </summary>
public sealed partial class Silo : IShardHost, IAsyncDisposable
{
    private readonly IJournal journal;
    private readonly SiloOptions options;
    private readonly TimeProvider clock;
    private readonly ILogger<Silo> log;
    private readonly ShardMap map;
    private readonly GrainCatalog catalog;
    private readonly Shard[] shards;
    private readonly ShardThread[] threads;
    private readonly SemaphoreSlim reads;
    private readonly CancellationTokenSource stopped = new();
    private readonly List<Task> answering = [];
    private long alarms;
    private volatile bool isDraining;
    private volatile bool isStopped;

    public Silo(IJournal journal, ShardMap map, GrainCatalog catalog, SiloOptions options, TimeProvider clock, ILogger<Silo> log)
    {
        this.journal = journal;
        this.options = options;
        this.clock = clock;
        this.log = log;
        this.map = map;
        this.catalog = catalog;
        reads = new SemaphoreSlim(options.ReadsAtOnce);
        shards = [.. map.Shards.Select(id => new Shard(id, map, catalog, options.Limits, this))];

        int[] placeOfShard = [.. map.Shards.Select(id => id.Number % options.ShardThreads)];
        threads = [.. Enumerable.Range(0, options.ShardThreads).Select(place => new ShardThread(
            place, options.ShardThreads, placeOfShard, [.. shards.Where(shard => placeOfShard[shard.Id.Number] == place)], journal,
            options, clock, send: (to, parcel) => threads![to].Post(parcel), failed: Failed))];
    }

    public ShardMap Map => map;

    /// <summary>How many alarms were raised since the start.</summary>
    public long Alarms => Interlocked.Read(ref alarms);

    /// <summary>How many shards are in each phase; read without a lock, so it is a moment's impression.</summary>
    public ImmutableSortedDictionary<ShardPhase, int> Phases =>
        shards.GroupBy(shard => shard.Phase).ToImmutableSortedDictionary(group => group.Key, group => group.Count());

    public bool IsDraining => isDraining;

    /// <summary>Every shard has been taken over and folded, or has given up doing so.</summary>
    public bool IsStarted => shards.All(shard => shard.Phase is ShardPhase.Active or ShardPhase.Halted or ShardPhase.Lost);

    /// <summary>Every shard can take commands.</summary>
    public bool IsReady => !isDraining && shards.All(shard => shard.Phase == ShardPhase.Active);

    /// <summary>Another owner has a shard of this silo. It must not go on as if nothing had happened.</summary>
    public event Action<ShardId>? ShardLost;

    public void Start()
    {
        foreach (var thread in threads) thread.Start();   // the first tick starts each shard
    }

    /// <summary>The caller is answered once, on another thread, when what the answer rests on is durable.</summary>
    public void Submit(Command command, ICaller caller) => Post(command.To, command, caller);

    /// <summary>The caller is answered with the grain's state when all of it is durable.</summary>
    public void Read(GrainId grain, ICaller caller) => Post(grain, new ShardThread.Read(grain), caller);

    private void Post(GrainId grain, object body, ICaller caller)
    {
        var shard = map.ShardOf(grain);
        if (isDraining) caller.Answer(Reply.Refused(Rejection.ShardUnavailable));
        else ThreadOf(shard).Submit(shard, body, caller);
    }

    /// <summary>
    /// Takes nothing more in, lets what is in flight end, saves every shard, and stops. What is answered stays true.
    /// </summary>
    public async Task DrainAsync(TimeSpan patience)
    {
        isDraining = true;
        foreach (var shard in shards) Tell(shard.Id, static one => one.SaveSoon());
        var since = clock.GetTimestamp();
        while (!await AllQuiet() && clock.GetElapsedTime(since) < patience) await Task.Delay(20);
        await StopAsync();
    }

    public async ValueTask DisposeAsync() => await StopAsync();

    private async Task<bool> AllQuiet()
    {
        var answers = shards.Select(shard =>
        {
            var answer = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
            Tell(shard.Id, one => answer.SetResult(one.Phase != ShardPhase.Active || (one.IsQuiet && one.IsSaved)));
            return answer.Task;
        });
        return (await Task.WhenAll(answers)).All(quiet => quiet);
    }

    private async Task StopAsync()
    {
        if (isStopped) return;
        isStopped = true;
        isDraining = true;
        await stopped.CancelAsync();
        foreach (var thread in threads) thread.Stop();
        Task[] rest;
        lock (answering) rest = [.. answering];
        await Task.WhenAll(rest);
        stopped.Dispose();
        reads.Dispose();
    }

    private ShardThread ThreadOf(ShardId shard) => threads[shard.Number % options.ShardThreads];

    private void Tell(ShardId shard, Action<Shard> answer) => ThreadOf(shard).Post(shard, answer);

    private void Failed(Shard shard, Exception thrown)
    {
        LogThrown(thrown, shard.Id.Number);
        if (shard.Phase != ShardPhase.Halted) shard.Halt(thrown.Message);
    }

    // ---- what shards ask for; called on their threads ---------------------------------------------------------------

    void IShardHost.Commit(Batch batch) => ThreadOf(batch.Shard).Add(batch);

    void IShardHost.Send(ShardMessage message) => ThreadOf(message.Sender).Add(message);

    void IShardHost.TakeOver(ShardId shard, int? epoch) => Answer(async cancel =>
    {
        var expected = epoch ?? (await journal.ReadHeads(cancel)).Single(head => head.Shard == shard).Epoch;
        var answer = journal.TakeOver(shard, expected);
        if (answer is TakeOver.Unknown) await Task.Delay(Jittered(), cancel);
        Tell(shard, one => one.TakenOver(answer));
    });

    void IShardHost.LoadSnapshots(ShardId shard) => Answer(async cancel =>
    {
        var found = await journal.ReadSnapshots(shard, cancel);
        Tell(shard, one => one.SnapshotsLoaded(found));
    });

    void IShardHost.ReadOwn(ShardId shard, long after) => Answer(async cancel =>
    {
        var records = await journal.ReadShard(shard, after, options.RecordsPerRead, cancel);
        Tell(shard, one => one.RecordsRead(records));
    });

    void IShardHost.ReadAddressed(ShardId shard, ShardId to, long after) => Answer(async cancel =>
    {
        var records = await journal.ReadAddressed(shard, to, after, options.RecordsPerRead, cancel);
        Tell(shard, one => one.AddressedRead(to, after, records, records.Count == options.RecordsPerRead));
    });

    void IShardHost.Save(SnapshotSet set) => Answer(cancel =>
    {
        var isStored = false;
        try
        {
            journal.Save(set);
            isStored = true;
        }
        catch (Exception failed) when (failed is not OutOfMemoryException)
        {
            LogNotSaved(failed, set.Shard.Number);   // the shard saves everything with the next set
        }

        Tell(set.Shard, one => one.Saved(set, isStored));
        return Task.CompletedTask;
    });

    void IShardHost.Alarm(ShardId shard, string sentence)
    {
        Interlocked.Increment(ref alarms);
        LogAlarm(shard.Number, sentence);
        if (shards[shard.Number].Phase == ShardPhase.Lost) ShardLost?.Invoke(shard);
    }

    /// <summary>Asks the journal until it answers: a shard that waits for a read can do nothing else.</summary>
    private void Answer(Func<CancellationToken, Task> ask)
    {
        var task = Task.Run(async () =>
        {
            var cancel = stopped.Token;
            try
            {
                await reads.WaitAsync(cancel);
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
                reads.Release();
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
