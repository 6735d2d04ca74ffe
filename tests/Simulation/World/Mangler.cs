using CrossMargin.Runtime.Records;
using CrossMargin.Contracts;

namespace CrossMargin.Simulation.World;

/// <summary>Damages snapshots on their way to a recovery, in one way at a time. Every damage has to be seen by the shard.</summary>
internal sealed class Mangler(Venue venue, Draws draws)
{
    private static readonly Fault[] Kinds =
    [
        Fault.SnapshotLost, Fault.SnapshotStale, Fault.SnapshotTorn, Fault.SnapshotFlipped, Fault.SnapshotOfFutureSchema,
        Fault.SnapshotOfOtherHistory,
    ];

    public SnapshotsFound Mangle(ShardId shard, SnapshotsFound found, out Fault? by)
    {
        by = null;
        if (found.Matching.Count == 0) return found;
        foreach (var kind in Kinds)
        {
            // A recovery is rare, so a damage that is on strikes often.
            if (!venue.Faults.IsOn(kind) || !draws.OneIn(3) || !venue.Faults.Comes(kind)) continue;
            var index = (int)draws.Below(found.Matching.Count);
            var victim = found.Matching[index];
            var others = found.Matching.Where((_, i) => i != index);
            SnapshotsFound? damaged = kind switch
            {
                Fault.SnapshotLost => found.Matching.Count > 1 ? new SnapshotsFound([.. others], found.Discarded) : null,
                Fault.SnapshotStale => Older(shard, victim) is { } older ? new SnapshotsFound([.. others, older], found.Discarded) : null,
                Fault.SnapshotTorn => With(victim with { State = victim.State[..(int)draws.Below(victim.State.Length)] }),
                Fault.SnapshotFlipped => With(victim with { State = Flip(victim.State) }),
                Fault.SnapshotOfFutureSchema => With(GrainSnapshot.Of(
                    victim.Grain, new Head(shard, Epoch: 0, victim.Position, victim.Chain), victim.Version, victim.Schema + 1, victim.State)),
                _ => new SnapshotsFound([.. others], found.Discarded + 1),
            };
            if (damaged is null) continue;
            by = kind;
            return damaged;

            SnapshotsFound With(GrainSnapshot snapshot) => new([.. others, snapshot], found.Discarded);
        }

        return found;
    }

    // The shard's own is left out: an older one may be a whole state again, when only its own grain moved since.
    private GrainSnapshot? Older(ShardId shard, GrainSnapshot than) => venue.Journal.SetsOf(shard)
        .SelectMany(set => set.Snapshots)
        .LastOrDefault(snapshot => snapshot.Grain == than.Grain && snapshot.Version < than.Version && than.Grain.Kind != GrainKind.Shard);

    private byte[] Flip(ReadOnlyMemory<byte> state)
    {
        var bytes = state.ToArray();
        bytes[draws.Below(bytes.Length)] ^= (byte)(1 << (int)draws.Below(8));
        return bytes;
    }
}
