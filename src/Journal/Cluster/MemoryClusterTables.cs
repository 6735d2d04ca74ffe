using CrossMargin.Contracts;
using CrossMargin.Runtime.Cluster;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Journal.Cluster;

/// <summary>The tables in memory, for the simulator: every call happens at once and as a whole.</summary>
public sealed class MemoryClusterTables(ShardMap map) : IClusterTables
{
    private readonly SortedDictionary<string, SiloRow> silos = new(StringComparer.Ordinal);
    private readonly OwnerRow[] owners = [.. map.Shards.Select(shard => new OwnerRow(shard, Owner: null, Term: 0))];

    /// <summary>What the venue may write; an operator raises it.</summary>
    public int Format { get; set; } = 1;

    public SiloId Join(string name, long atLeast, int format, string address)
    {
        var id = new SiloId(name, Math.Max((silos.GetValueOrDefault(name)?.Id.Incarnation ?? 0) + 1, atLeast));
        silos[name] = new SiloRow(id, Beat: 0, SiloPhase.Serving, format, address);
        return id;
    }

    public ClusterRows? Beat(SiloId silo, SiloPhase phase)
    {
        if (!silos.TryGetValue(silo.Name, out var row) || row.Id != silo) return null;
        silos[silo.Name] = row with { Beat = row.Beat + 1, Phase = phase };
        return Read();
    }

    public IReadOnlyList<ShardId> Claim(SiloId silo, IReadOnlyList<(ShardId Shard, long Term)> claims, SiloRow? dead)
    {
        if (dead is not null && (silos[dead.Id.Name].Id != dead.Id || silos[dead.Id.Name].Beat != dead.Beat)) return [];
        return [.. claims.Where(claim => Change(claim.Shard, claim.Term, _ => true, silo)).Select(claim => claim.Shard)];
    }

    public bool Move(SiloId silo, ShardId shard, long term, SiloId? to) =>
        (to is null || (silos[to.Name].Id == to && silos[to.Name].Phase == SiloPhase.Serving))
        && Change(shard, term, owner => owner == silo, to);

    public bool Owns(SiloId silo, ShardId shard, long term) => owners[shard.Number] == new OwnerRow(shard, silo, term);

    public ClusterRows Read() => new([.. silos.Values], [.. owners], Format);

    private bool Change(ShardId shard, long term, Func<SiloId?, bool> isRight, SiloId? owner)
    {
        var row = owners[shard.Number];
        if (row.Term != term || !isRight(row.Owner)) return false;
        owners[shard.Number] = new OwnerRow(shard, owner, term + 1);
        return true;
    }
}
