using System.Collections.Frozen;
using System.Text.Json;
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
        foreach (var type in types.Prepend(new ShardGrainType(this)))
        {
            byKind[(byte)type.Kind] = type;
            foreach (var name in type.EventNames) byEventName.Add(name, type);
        }

        byEvent = byEventName.ToFrozenDictionary(StringComparer.Ordinal);
    }

    /// <summary>What frames mean to these grains; null where nothing is marked, and then no frame is ever adopted.</summary>
    public Valuation? Valuation { get; init; }

    /// <summary>The grain that every shard reports its adoptions to; null where there is none.</summary>
    public GrainId? Coordinator { get; init; }

    public bool Knows(GrainKind kind) => byKind[(byte)kind] is not null;

    public GrainType TypeOf(GrainId grain) =>
        byKind[(byte)grain.Kind] ?? throw new UnknownGrainKindException(grain);

    /// <summary>
    /// The event in a record, or null when this build does not know its name or cannot read its payload.
    /// </summary>
    public object? Decode(JournalRecord record)
    {
        if (record.Event is { } written) return written;
        if (!byEvent.TryGetValue(record.Type, out var type)) return null;
        try
        {
            return type.Decode(record.Type, record.Payload.Span);
        }
        catch (Exception unreadable) when (unreadable is JsonException or FormatException)
        {
            return null;
        }
    }

    /// <summary>Equal commands have equal fingerprints; it goes into the command's identity.</summary>
    public Fingerprint FingerprintOf(GrainId to, object command) => Fingerprint.Of(TypeOf(to).CanonicalBytes(command));

    /// <summary>The frame that a record publishes, or null.</summary>
    public MarkFrame? FrameIn(JournalRecord record) => Decode(record) is { } @event ? TypeOf(record.Grain).FrameIn(@event) : null;

    /// <summary>What the record answers to the command that caused it.</summary>
    public Rejection RefusalIn(JournalRecord record) => TypeOf(record.Grain).RefusalIn(Decode(record)!);
}

public sealed class UnknownGrainKindException(GrainId grain)
    : Exception($"grain {grain} is of kind {(byte)grain.Kind}, which this build does not know");
