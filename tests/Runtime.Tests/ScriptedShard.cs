using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;

namespace CrossMargin.Runtime.Tests;

/// <summary>Whoever asked, with what came back.</summary>
internal sealed class Asker : ICaller
{
    public List<Reply> Replies { get; } = [];
    public bool IsWaiting => Replies.Count == 0;
    public Reply Reply => Replies.Single();

    public void Answer(in Reply reply) => Replies.Add(reply);
}

/// <summary>
/// Shard 0 of two with a host that writes down what it is asked and answers when the test says so. The journal is a list that the test
/// commits into.
/// </summary>
internal sealed class ScriptedShard : IShardHost
{
    public static readonly ShardId Here = new(0), There = new(1);
    public static readonly Instant Noon = new(1_767_268_800_000_000);
    public static readonly SourceId Feed = new("feed");
    public static readonly ShardMap Map = new(2);

    /// <summary>Tallies that live here, and one that lives in the other shard.</summary>
    public static readonly GrainId A, B, Far;

    private static readonly GrainCatalog Catalog = new(new TallyGrain()) { Valuation = new TallyValuation() };

    /// <summary>The same with a coordinator, which lives in the other shard.</summary>
    private static readonly GrainCatalog Coordinated;

    private static ulong keys;

    static ScriptedShard()
    {
        var ids = Enumerable.Range(0, 40).Select(TallyGrain.Id).ToList();
        var here = ids.Where(id => Map.ShardOf(id) == Here).ToList();
        (A, B) = (here[0], here[1]);
        Far = ids.First(id => Map.ShardOf(id) == There);
        Coordinated = new GrainCatalog(new TallyGrain()) { Valuation = new TallyValuation(), Coordinator = Far };
    }

    public ScriptedShard(ShardLimits? limits = null, Pool pool = Pool.None) =>
        Shard = new Shard(Here, Map, pool == Pool.None ? Catalog : Coordinated, limits ?? ShardLimits.Default, this);

    public enum Pool
    {
        None,
        Coordinated,
    }

    public Shard Shard { get; }
    public Instant Now { get; set; } = Noon;

    public List<Batch> Commits { get; } = [];
    public List<(ShardId Shard, int? Epoch)> TakeOvers { get; } = [];
    public List<ShardMessage> Sent { get; } = [];
    public List<SnapshotSet> Saves { get; } = [];
    public List<string> Alarms { get; } = [];
    public List<(ShardId To, long After)> AddressedReads { get; } = [];
    public List<long> OwnReads { get; } = [];
    public int SnapshotLoads { get; private set; }
    public List<MarkFrame> Published { get; } = [];
    public List<long> FrameFetches { get; } = [];

    /// <summary>What is in the journal.</summary>
    public List<JournalRecord> Journal { get; } = [];

    // ---- the script ------------------------------------------------------------------------------------------------

    /// <summary>A shard that has taken over an empty journal under epoch 1.</summary>
    public static ScriptedShard Active(ShardLimits? limits = null, Pool pool = Pool.None)
    {
        var scripted = new ScriptedShard(limits, pool);
        scripted.Recover(epoch: 1, []);
        scripted.Shard.Tick(scripted.Now);
        scripted.Sent.Clear();
        return scripted;
    }

    /// <summary>Takes the shard over and folds what the list has, in pages of two.</summary>
    public ScriptedShard Recover(int epoch, IReadOnlyList<JournalRecord> journal, SnapshotsFound? snapshots = null, Head? head = null)
    {
        Journal.Clear();
        Journal.AddRange(journal);
        Shard.Start();
        Shard.TakenOver(new TakeOver.Taken(head ?? HeadOf(epoch)));
        Shard.SnapshotsLoaded(snapshots ?? new SnapshotsFound([], Discarded: 0));
        for (var served = 0; OwnReads.Count > served; served++)
            Shard.RecordsRead([.. Journal.Skip((int)OwnReads[served]).Take(2)]);
        return this;
    }

    /// <summary>The end of a chain that is computed anew from what the records say.</summary>
    public static ChainEnd EndOf(IEnumerable<JournalRecord> records) =>
        records.Aggregate(ChainEnd.Genesis(Here), (end, record) => end.Next(record));

    public Head HeadOf(int epoch) =>
        new(Here, epoch, Journal.Count, Journal.Count > 0 ? Journal[^1].Chain : Chain.Genesis(Here));

    public static Cause.Key NewKey(object command, long ageMicros = 0) =>
        new(CommandKey.Issue(Noon.PlusMicros(-ageMicros), 1, ++keys), Catalog.FingerprintOf(A, command));

    public static Cause.Source Number(long sequence, object command) =>
        new(Feed, sequence, Catalog.FingerprintOf(A, command));

    public Asker Ask(object command, Cause? identity = null, GrainId? to = null)
    {
        var asker = new Asker();
        Shard.Submit(Now, new Command(to ?? A, command, identity ?? NewKey(command)), asker);
        return asker;
    }

    public Asker Read(GrainId grain)
    {
        var asker = new Asker();
        Shard.Read(Now, grain, asker);
        return asker;
    }

    /// <summary>Flushes, and settles the commit that comes of it.</summary>
    public ScriptedShard Commit(CommitOutcome outcome = CommitOutcome.Committed)
    {
        Shard.Flush();
        return Settle(outcome);
    }

    public ScriptedShard Settle(CommitOutcome outcome)
    {
        var batch = Commits[^1];
        if (outcome == CommitOutcome.Committed) Journal.AddRange(batch.Records);
        Shard.CommitSettled(batch, outcome);
        return this;
    }

    public Tally StateOf(GrainId grain) => (Tally)Shard.State.Find(grain).State;

    // ---- messages from the other shard -----------------------------------------------------------------------------

    public static JournalRecord Message(long position, string what, params ImmutableArray<GrainId> to) =>
        Record(There, position, Far, position, "told", $"{what} {string.Join(' ', to)}", to);

    public static JournalRecord Record(
        ShardId shard, long position, GrainId grain, long version, string type, string payload, ImmutableArray<GrainId> to = default, long frame = 0)
    {
        var set = default(ShardSet);
        if (!to.IsDefault)
            foreach (var grainTo in to) set = set.With(Map.ShardOf(grainTo));
        return new JournalRecord
        {
            Shard = shard, Position = position, Grain = grain, Version = version, Type = type, Time = Noon, Frame = frame,
            Cause = Cause.Timer.Came, Addressees = to.IsDefault ? [] : to, To = set, Payload = System.Text.Encoding.UTF8.GetBytes(payload),
        };
    }

    public void Deliver(long predecessor, params IReadOnlyList<JournalRecord> records) =>
        Shard.Receive(Now, new ShardMessage.Delivery(There, Here, predecessor, records, HasMore: false));

    public IEnumerable<ShardMessage.Pull> Pulls => Sent.OfType<ShardMessage.Pull>().Where(pull => pull.To == There);

    public IEnumerable<ShardMessage.Delivery> Deliveries => Sent.OfType<ShardMessage.Delivery>();

    // ---- the host --------------------------------------------------------------------------------------------------

    void IShardHost.TakeOver(ShardId shard, int? epoch) => TakeOvers.Add((shard, epoch));
    void IShardHost.LoadSnapshots(ShardId shard) => SnapshotLoads++;
    void IShardHost.ReadOwn(ShardId shard, long after) => OwnReads.Add(after);
    void IShardHost.ReadAddressed(ShardId shard, ShardId to, long after) => AddressedReads.Add((to, after));
    void IShardHost.Publish(MarkFrame frame) => Published.Add(frame);
    void IShardHost.FetchFrame(ShardId shard, long atLeast) => FrameFetches.Add(atLeast);
    void IShardHost.Commit(Batch batch) => Commits.Add(batch);
    void IShardHost.Save(SnapshotSet set) => Saves.Add(set);
    void IShardHost.Send(ShardMessage message) => Sent.Add(message);
    void IShardHost.Alarm(ShardId shard, string sentence) => Alarms.Add(sentence);
}
