using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;

namespace CrossMargin.Runtime;

/// <summary>
/// Sorts what shards send by the place that its receiver is at: a thread of this silo, or another silo. One place gets one parcel at a
/// time, with at most one announcement of each shard in it, the latest: announcements repeat, deliveries do not.
/// </summary>
public sealed class Router(IReadOnlyList<int> placeOfShard, int places)
{
    private readonly List<ShardMessage>[] parcels = [.. Enumerable.Range(0, places).Select(_ => new List<ShardMessage>())];

    public void Add(ShardMessage message)
    {
        switch (message)
        {
            case ShardMessage.Delivery delivery:
                parcels[placeOfShard[delivery.To.Number]].Add(delivery);
                break;
            case ShardMessage.Pull pull:
                parcels[placeOfShard[pull.To.Number]].Add(pull);
                break;
            case ShardMessage.Announcement announcement:
                foreach (var parcel in parcels)
                {
                    parcel.RemoveAll(earlier => earlier is ShardMessage.Announcement same && same.From == announcement.From);
                    parcel.Add(announcement);
                }

                break;
        }
    }

    /// <summary>What waits for a place, or null. The parcel is the caller's.</summary>
    public IReadOnlyList<ShardMessage>? Take(int place)
    {
        if (parcels[place].Count == 0) return null;
        var taken = parcels[place];
        parcels[place] = [];
        return taken;
    }

    /// <summary>Those of a place's shards that a message is for.</summary>
    public static IEnumerable<Shard> ReceiversOf(ShardMessage message, IReadOnlyList<Shard> here) => message switch
    {
        ShardMessage.Delivery delivery => here.Where(shard => shard.Id == delivery.To),
        ShardMessage.Pull pull => here.Where(shard => shard.Id == pull.To),
        _ => here,
    };
}
