using System.Buffers.Binary;
using System.Text;
using CrossMargin.Contracts;

namespace CrossMargin.Runtime.Cluster;

/// <summary>
/// Rendezvous hashing: every silo draws a number for every shard, the same in every process and version, and the highest one
/// has the shard. So a silo that comes or goes moves only the shards that it gains or loses.
/// </summary>
public static class Placement
{
    /// <summary>Who should own the shard; null when there is nobody.</summary>
    public static SiloId? OwnerOf(ShardId shard, IReadOnlyList<SiloId> eligible)
    {
        SiloId? best = null;
        ulong bestDraw = 0;
        foreach (var silo in eligible)
        {
            var draw = Draw(shard, silo.Name);
            var isBetter = best is null || draw > bestDraw
                || (draw == bestDraw && string.CompareOrdinal(silo.Name, best.Name) < 0);
            if (isBetter) (best, bestDraw) = (silo, draw);
        }

        return best;
    }

    /// <summary>By name and not by incarnation: a silo that is restarted gets back what it had.</summary>
    private static ulong Draw(ShardId shard, string name)
    {
        var bytes = new byte[2 + Encoding.UTF8.GetByteCount(name)];
        BinaryPrimitives.WriteUInt16BigEndian(bytes, (ushort)shard.Number);
        Encoding.UTF8.GetBytes(name, bytes.AsSpan(2));
        return Hash256.Of(bytes).A;
    }
}
