using System.Collections.Frozen;
using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;

namespace CrossMargin.Runtime.Grains;

/// <summary>The kinds of grain that this build knows, and the owner of every event name.</summary>
public sealed class GrainCatalog
{
    private readonly GrainType?[] byKind = new GrainType?[256];
    private readonly FrozenDictionary<string, GrainType> byEvent;

    public GrainCatalog(params IReadOnlyList<GrainType> types)
    {
        var byEventName = new Dictionary<string, GrainType>(StringComparer.Ordinal);
        foreach (var type in types.Prepend(new ShardGrainType()))
        {
            byKind[(byte)type.Kind] = type;
            foreach (var name in type.EventNames) byEventName.Add(name, type);
        }

        byEvent = byEventName.ToFrozenDictionary(StringComparer.Ordinal);
    }

    public bool Knows(GrainKind kind) => byKind[(byte)kind] is not null;

    public GrainType TypeOf(GrainId grain) =>
        byKind[(byte)grain.Kind] ?? throw new UnknownGrainKindException(grain);

    /// <summary>The event in a record, or null when no kind of grain in this build knows its name.</summary>
    public object? Decode(JournalRecord record) =>
        byEvent.TryGetValue(record.Type, out var type) ? type.Decode(record.Type, record.Payload.Span) : null;

    /// <summary>The command with a fingerprint of its content, ready to be submitted.</summary>
    public Fingerprint FingerprintOf(GrainId to, object command) => Fingerprint.Of(TypeOf(to).CanonicalBytes(command));

    /// <summary>What the record answers to the command that caused it.</summary>
    public Rejection RefusalIn(JournalRecord record) =>
        byEvent.TryGetValue(record.Type, out var type)
            ? type.RefusalIn(type.Decode(record.Type, record.Payload.Span))
            : Rejection.None;
}

public sealed class UnknownGrainKindException(GrainId grain)
    : Exception($"grain {grain} is of kind {(byte)grain.Kind}, which this build does not know");
