using CrossMargin.Contracts;
using CrossMargin.Runtime.Cluster;

namespace CrossMargin.Journal.Cluster;

/// <summary>
/// The two tables by which silos divide the shards of one database (docs/cluster.md). Implemented by PostgreSQL for use and by memory
/// for the simulator; one conformance suite holds them together. Every call is one transaction and blocks; one that throws may or may not
/// have been stored.
/// </summary>
public interface IClusterTables
{
    /// <summary>
    /// A new incarnation of the name, with a counter that begins anew: one more than the last, and not below <paramref name="atLeast"/>.
    /// </summary>
    SiloId Join(string name, long atLeast, int format, string address);

    /// <summary>
    /// Raises the counter and then reads both tables; null when the name has another incarnation by now.
    /// </summary>
    ClusterRows? Beat(SiloId silo, SiloPhase phase);

    /// <summary>
    /// Makes the silo the owner of those whose row is of the term given, if <paramref name="dead"/>, where there is one, has the
    /// incarnation and the counter that it was judged by. Its row is locked meanwhile: a beat comes wholly before or wholly after.
    /// All that one silo left behind is claimed at once, because each transaction costs a flush of the log. The answer: which it was.
    /// </summary>
    IReadOnlyList<ShardId> Claim(SiloId silo, IReadOnlyList<(ShardId Shard, long Term)> claims, SiloRow? dead);

    /// <summary>
    /// Makes somebody else the owner, or nobody, if the row is of this term and names the silo, and the other one is serving: its row
    /// is locked meanwhile, so that one that leaves learns of every shard that it was given.
    /// </summary>
    bool Move(SiloId silo, ShardId shard, long term, SiloId? to);

    /// <summary>
    /// Whether the row names the silo under this term. A take-over reads the epoch, then asks this, then raises that epoch: so it
    /// never takes a shard from somebody who claimed it later.
    /// </summary>
    bool Owns(SiloId silo, ShardId shard, long term);

    /// <summary>Both tables as they are.</summary>
    ClusterRows Read();

    /// <summary>
    /// One incarnation in all databases of a venue: those that are behind the others are joined again until none is. Of two processes that
    /// join under one name at once, one ends with the higher incarnation, and has it everywhere.
    /// </summary>
    static SiloId JoinAll(IReadOnlyList<IClusterTables> all, string name, int format, string address)
    {
        SiloId[] joined = [.. all.Select(tables => tables.Join(name, atLeast: 1, format, address))];
        while (joined.DistinctBy(self => self.Incarnation).Skip(1).Any())
        {
            var highest = joined.Max(self => self.Incarnation);
            for (var i = 0; i < joined.Length; i++)
                if (joined[i].Incarnation < highest) joined[i] = all[i].Join(name, highest, format, address);
        }

        return joined[0];
    }
}
