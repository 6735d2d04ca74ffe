using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization;
using CrossMargin.Contracts;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Runtime.Shards;

/// <summary>
/// Saves a shard's state as snapshots and builds it from them. Sets are incremental, so a lost one would leave a stale grain behind;
/// that cannot go unseen, because every record raises exactly one version: the versions of all grains of a shard sum to its position.
/// </summary>
public static class ShardSnapshots
{
    private const int ShardSchema = 3;

    /// <summary>
    /// Every grain that changed since the last set, and the shard itself; the state is that of the head, and so is the end.
    /// </summary>
    public static SnapshotSet Save(ShardState state, Head head, ChainEnd end)
    {
        Invariant.Holds("R6", state.Position == head.Position, "a snapshot speaks of the position that its state has");
        Invariant.Holds("R6", end.Hash == head.Chain, "and of the chain");

        var own = ShardMap.GrainOf(state.Shard);
        var snapshots = new List<GrainSnapshot>();
        foreach (var slot in state.Slots)
        {
            if (!slot.IsDirty) continue;
            slot.IsDirty = false;
            if (slot.Id != own) snapshots.Add(GrainSnapshot.Of(slot.Id, head, slot.Version, slot.Type.SnapshotSchema, Bytes(slot)));
        }

        snapshots.Add(GrainSnapshot.Of(own, head, state.Find(own).Version, ShardSchema, Bytes(state, end)));
        return new SnapshotSet(state.Shard, snapshots);
    }

    /// <summary>False, with the reason, when the snapshots are not one whole and intact state.</summary>
    public static bool TryLoad(
        ShardState state, SnapshotsFound found, [NotNullWhen(true)] out ChainEnd? end, [NotNullWhen(false)] out string? reason)
    {
        end = null;
        reason = null;
        if (found.Discarded > 0) return Fail($"{found.Discarded} do not match the journal", out reason);

        var own = ShardMap.GrainOf(state.Shard);
        GrainSnapshot? shard = null;
        long versions = 0;
        foreach (var snapshot in found.Matching)
        {
            if (!snapshot.IsIntact) return Fail($"that of grain {snapshot.Grain} is damaged", out reason);
            versions += snapshot.Version;
            if (snapshot.Grain == own) shard = snapshot;
            else if (!TryRestore(state, snapshot)) return Fail($"that of grain {snapshot.Grain} is of another format", out reason);
        }

        if (shard is null) return Fail("the shard's own is missing", out reason);
        if (versions != shard.Position) return Fail("a grain's is stale", out reason);
        if (shard.Schema != ShardSchema || !TryRestoreShard(state, shard, out end))
            return Fail("the shard's own is of another format", out reason);

        state.Position = shard.Position;
        return true;
    }

    /// <summary>Whether the grain, as it is now, would be saved as it was.</summary>
    public static bool Matches(GrainSnapshot snapshot, GrainSlot slot) => snapshot.State.Span.SequenceEqual(Bytes(slot));

    /// <summary>The same of the shard's own.</summary>
    public static bool Matches(GrainSnapshot snapshot, ShardState state, ChainEnd end) =>
        snapshot.State.Span.SequenceEqual(Bytes(state, end));

    private static bool Fail(string why, out string reason)
    {
        reason = why;
        return false;
    }

    private static byte[] Bytes(GrainSlot slot) => JsonSerializer.SerializeToUtf8Bytes(SlotJson.Of(slot), ShardJson.Default.SlotJson);

    private static bool TryRestore(ShardState state, GrainSnapshot snapshot)
    {
        var slot = state.Find(snapshot.Grain);
        if (snapshot.Schema != slot.Type.SnapshotSchema) return false;

        var json = JsonSerializer.Deserialize(snapshot.State.Span, ShardJson.Default.SlotJson)!;
        json.CopyTo(slot);
        slot.Version = snapshot.Version;
        slot.DueAt = slot.Type.DueAt(slot.State);
        slot.WaitsSince = slot.Type.WaitsSince(slot.State);
        slot.AsksSince = slot.Type.AsksSince(slot.State);
        state.Include(slot);
        return true;
    }

    private static byte[] Bytes(ShardState state, ChainEnd end)
    {
        var own = state.Find(ShardMap.GrainOf(state.Shard));
        var json = new StateJson(
            state.Time.Micros, state.Frame, state.AdoptedAt?.Micros, state.Published, state.Watermarks, state.LastAddressed,
            [.. state.Keys.Entries.Select(entry => KeyJson.Of(entry.Key, entry.Entry))], SlotJson.Of(own),
            [.. end.Hashes().Select(hash => hash.ToArray())]);
        return JsonSerializer.SerializeToUtf8Bytes(json, ShardJson.Default.StateJson);
    }

    private static bool TryRestoreShard(ShardState state, GrainSnapshot snapshot, [NotNullWhen(true)] out ChainEnd? end)
    {
        var json = JsonSerializer.Deserialize(snapshot.State.Span, ShardJson.Default.StateJson)!;
        end = ChainEnd.From(state.Shard, snapshot.Position, [.. json.Ends.Select(hash => Hash256.Read(hash))]);
        if (end is null || end.Hash != snapshot.Chain || json.Watermarks.Length != state.Watermarks.Length) return false;

        state.Time = new Instant(json.TimeMicros);
        state.Frame = json.Frame;
        state.AdoptedAt = json.AdoptedAtMicros is { } micros ? new Instant(micros) : null;
        state.Published = json.Published;
        json.Watermarks.CopyTo(state.Watermarks, 0);
        json.LastAddressed.CopyTo(state.LastAddressed, 0);
        foreach (var key in json.Keys) key.AddTo(state);
        if (snapshot.Version == 0) return true;

        var own = state.Find(ShardMap.GrainOf(state.Shard));
        json.Own.CopyTo(own);
        own.Version = snapshot.Version;
        state.Include(own);
        return true;
    }

    internal sealed record SlotJson(long Position, SourceJson[] Sources, JsonElement State)
    {
        public static SlotJson Of(GrainSlot slot)
        {
            using var state = JsonDocument.Parse(slot.Type.Save(slot.State));
            return new SlotJson(
                slot.Position,
                [.. slot.Sources.Select(mark =>
                    new SourceJson(mark.Source.Name, mark.Sequence, mark.Body.High, mark.Body.Low, (int)mark.Answer))],
                state.RootElement.Clone());
        }

        public void CopyTo(GrainSlot slot)
        {
            slot.Position = Position;
            slot.Sources = [.. Sources.Select(source => new SourceMark(
                new SourceId(source.Name), source.Sequence, new Fingerprint(source.BodyHigh, source.BodyLow), (Rejection)source.Answer))];
            slot.State = slot.Type.Restore(slot.Id, JsonSerializer.SerializeToUtf8Bytes(State, ShardJson.Default.JsonElement));
        }
    }

    internal sealed record SourceJson(string Name, long Sequence, ulong BodyHigh, ulong BodyLow, int Answer);

    internal sealed record StateJson(
        long TimeMicros, long Frame, long? AdoptedAtMicros, long Published, long[] Watermarks, long[] LastAddressed, KeyJson[] Keys,
        SlotJson Own, byte[][] Ends);

    /// <summary>A remembered key with the record that answers it.</summary>
    internal sealed record KeyJson(
        string Key, ulong BodyHigh, ulong BodyLow, long Position, int Epoch, string Grain, long Version, string Type, long TimeMicros,
        long Frame, byte[] Payload)
    {
        public static KeyJson Of(CommandKey key, KeyWindow.Entry entry) => new(
            key.ToString(), entry.Body.High, entry.Body.Low, entry.Record.Position, entry.Record.Epoch, entry.Record.Grain.ToString(),
            entry.Record.Version, entry.Record.Type, entry.Record.Time.Micros, entry.Record.Frame, entry.Record.Payload.ToArray());

        public void AddTo(ShardState state)
        {
            var parsed = CommandKey.TryParse(Key, out var key) & GrainId.TryParse(Grain, out var grain);
            Invariant.Holds("R7", parsed, "a snapshot that passed its digest holds keys and ids as they were written");
            var body = new Fingerprint(BodyHigh, BodyLow);
            var record = new JournalRecord
            {
                Shard = state.Shard, Position = Position, Grain = grain, Version = Version, Type = Type,
                Time = new Instant(TimeMicros), Frame = Frame, Cause = new Cause.Key(key, body), Payload = Payload,
            };
            state.Keys.Add(key, body, record.AsStored(Epoch, chain: default));
        }
    }
}

[JsonSerializable(typeof(ShardSnapshots.SlotJson))]
[JsonSerializable(typeof(ShardSnapshots.StateJson))]
[JsonSerializable(typeof(JsonElement))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
internal sealed partial class ShardJson : JsonSerializerContext;
