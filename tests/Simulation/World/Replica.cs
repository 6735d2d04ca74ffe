using System.Text;
using CrossMargin.Contracts;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;
using CrossMargin.Simulation.Audit;

namespace CrossMargin.Simulation.World;

/// <summary>
/// A recovery beside the venue: a real shard that folds the journal as a new owner would, from nothing or from snapshots, and has no
/// other effect. Its state must be the live one to the byte.
/// </summary>
internal sealed class Replica : IShardHost
{
    private readonly Venue venue;
    private readonly SnapshotsFound found;
    private readonly Queue<Action<Shard>> answers = [];

    private Replica(Venue venue, SnapshotsFound found)
    {
        this.venue = venue;
        this.found = found;
    }

    public static string Recover(Venue venue, ShardId id, SnapshotsFound from)
    {
        var replica = new Replica(venue, from);
        var shard = new Shard(id, venue.Map, venue.Catalog, venue.Plan.Limits, replica);
        shard.Start();
        while (replica.answers.TryDequeue(out var answer)) answer(shard);
        AuditFailure.Unless(shard.Phase == ShardPhase.Active, "I6", $"a replay of shard {id} ends as {shard.Phase}");
        return Image(shard.State);
    }

    /// <summary>Everything that a shard knows, in an order that does not depend on how it came to know it.</summary>
    public static string Image(ShardState state)
    {
        var text = new StringBuilder();
        text.Append(state.Position).Append(' ').Append(state.Time.Micros).Append(' ').Append(state.Frame);
        text.Append(' ').Append(state.AdoptedAt?.Micros).Append(' ').Append(state.Published);
        text.Append(
            "\nwatermarks ").AppendJoin(' ', state.Watermarks).Append(
                "\nlast addressed ").AppendJoin(' ', state.LastAddressed);
        foreach (var (key, entry) in state.Keys.Entries)
            text.Append(
                $"\nkey {key} {entry.Body.High:x} {entry.Body.Low:x} {entry.Record.Address} {entry.Record.Epoch} {entry.Record.Type} {entry.Record.Version} {entry.Record.Time.Micros} {Encoding.UTF8.GetString(entry.Record.Payload.Span)}");
        foreach (var slot in state.Slots.OrderBy(slot => slot.Id))
        {
            text.Append(
                $"\ngrain {slot.Id} {slot.Version} {slot.Position} {slot.DueAt?.Micros} {Encoding.UTF8.GetString(slot.Type.Save(slot.State))}");
            foreach (var mark in slot.Sources)
                text.Append($" {mark.Source}/{mark.Sequence}/{mark.Body.High:x}{mark.Body.Low:x}/{mark.Answer}");
        }

        return text.ToString();
    }

    public void TakeOver(ShardId shard, int? epoch)
    {
        var head = venue.Journal.HeadOf(shard);
        answers.Enqueue(target => target.TakenOver(new TakeOver.Taken(head)));
    }

    public void LoadSnapshots(ShardId shard) => answers.Enqueue(target => target.SnapshotsLoaded(found));

    public void ReadOwn(ShardId shard, long after) =>
        answers.Enqueue(target => target.RecordsRead(venue.Journal.ReadShard(shard, after, limit: 1_000)));

    public void Alarm(ShardId shard, string sentence)
    {
        if (!sentence.StartsWith("grain c8", StringComparison.Ordinal))
            throw new AuditFailure("I6", $"a replay of shard {shard} gives an alarm: {sentence}");
    }

    public void Send(ShardMessage message) { }
    public void FetchFrame(ShardId shard, long atLeast) { }

    public void ReadAddressed(ShardId shard, ShardId to, long after) =>
        throw new NotSupportedException("nobody pulls from a replica");
    public void Publish(MarkFrame frame) => throw new NotSupportedException("a replica writes nothing");
    public void Commit(Batch batch) => throw new NotSupportedException("a replica writes nothing");
    public void Save(SnapshotSet set) => throw new NotSupportedException("a replica saves nothing");
}
