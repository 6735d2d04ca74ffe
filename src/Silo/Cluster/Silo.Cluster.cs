using CrossMargin.Contracts;
using CrossMargin.Journal;
using CrossMargin.Runtime.Cluster;
using CrossMargin.Runtime.Shards;
using CrossMargin.Silos.Cluster;

namespace CrossMargin.Silos;

/// <summary>How shards come to this silo and leave it, and what other silos may ask of it.</summary>
public sealed partial class Silo
{
    /// <summary>What this silo knows of all of them; null for one that is alone.</summary>
    public ClusterStanding? Standing => cluster is { HasLooked: true } together
        ? new ClusterStanding(together.Self, together.Silos, [.. together.Owners], together.Standings, together.Forwarded)
        : null;

    /// <summary>It owns every shard, and there is no other.</summary>
    public bool IsAlone => cluster is null;

    /// <summary>Rises with every change of an owner that this silo hears of; 0 for one that is alone.</summary>
    public long Ownership => cluster?.Ownership ?? 0;

    /// <summary>The silo that owns the shard, as far as this one knows; null where nobody does, and for one that is alone.</summary>
    public string? OwnerOf(ShardId shard) => cluster?.Owners[shard.Number].Owner?.Name;

    /// <summary>The phase of a shard that is here, or null.</summary>
    public ShardPhase? PhaseOf(ShardId shard) => shards[shard.Number]?.Phase;

    /// <summary>Another process runs under this silo's name: it must not go on.</summary>
    public event Action? Replaced
    {
        add
        {
            if (cluster is not null) cluster.Replaced += value;
        }

        remove
        {
            if (cluster is not null) cluster.Replaced -= value;
        }
    }

    /// <summary>The tables name this silo.</summary>
    internal void Begin(ShardId id)
    {
        var shard = new Shard(id, map, catalog, options.Limits, this);
        shards[id.Number] = shard;
        placeOfShard[id.Number] = homes[id.Number];
        ThreadOf(id).Host(shard);
    }

    internal void LetGo(ShardId id)
    {
        shards[id.Number] = null;
        placeOfShard[id.Number] = threads.Length;
        ThreadOf(id).LetGo(id);
    }

    internal void Drain(ShardId id, Action drained) => ThreadOf(id).Drain(id, drained);

    internal bool IsHere(ShardId id) => shards[id.Number] is not null;

    /// <summary>False when the shard is not here.</summary>
    internal bool TrySubmitHere(ShardId id, object body, ICaller caller)
    {
        if (shards[id.Number] is null) return false;
        ThreadOf(id).Submit(id, body, caller);
        return true;
    }

    /// <summary>From another silo; a thread gets what is for it together. False for what is not here.</summary>
    internal bool TryGather(List<ShardThread.Inbound>[] arrived, ShardId id, object body, ICaller caller)
    {
        if (shards[id.Number] is null) return false;
        arrived[homes[id.Number]].Add(new ShardThread.Inbound(id, body, caller));
        return true;
    }

    internal List<ShardThread.Inbound>[] NewArrivals() => [.. threads.Select(_ => new List<ShardThread.Inbound>())];

    internal void Take(List<ShardThread.Inbound>[] arrived)
    {
        for (var place = 0; place < threads.Length; place++)
        {
            if (arrived[place].Count == 0) continue;
            threads[place].Submit(arrived[place]);
            arrived[place].Clear();
        }
    }

    internal void TakeParcel(IReadOnlyList<ShardMessage> parcel)
    {
        for (var place = 0; place < threads.Length; place++)
        {
            ShardMessage[] theirs = [.. parcel.Where(message => message switch
            {
                ShardMessage.Delivery delivery => placeOfShard[delivery.To.Number] == place,
                ShardMessage.Pull pull => placeOfShard[pull.To.Number] == place,
                _ => true,
            })];
            if (theirs.Length > 0) threads[place].Post(theirs);
        }
    }

    internal void TakeFrame(MarkFrame frame) => Broadcast(frame);

    /// <summary>From the shard's own thread, which must not wait for the cluster.</summary>
    private void LostToAnother(Shard shard) => ThreadPool.QueueUserWorkItem(_ =>
    {
        if (shards[shard.Id.Number] == shard) cluster!.Lost(shard.Id);
    });
}

/// <summary>A moment's impression of all silos, as one of them has it.</summary>
/// <param name="Forwarded">Calls that it sent to other silos since its start.</param>
public sealed record ClusterStanding(
    SiloId Self, IReadOnlyList<SiloRow> Silos, IReadOnlyList<OwnerRow> Owners, IReadOnlyList<DatabaseStanding> Databases, long Forwarded)
{
    /// <summary>It is seen to beat in some database.</summary>
    public bool IsAlive(string silo) => Databases.Any(one => one.Alive.Contains(silo));
}

/// <summary>How this silo stands in one database.</summary>
/// <param name="Alive">Names of the silos that are seen to beat there.</param>
/// <param name="MayAnswer">Its own last beat there is young enough.</param>
public sealed record DatabaseStanding(DatabaseShare Database, IReadOnlyList<string> Alive, bool MayAnswer);
