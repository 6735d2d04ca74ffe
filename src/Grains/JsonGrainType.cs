using System.Buffers;
using System.Collections.Frozen;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using CrossMargin.Runtime.Grains;

namespace CrossMargin.Grains;

/// <summary>
/// A kind of grain whose events and commands are JSON: one table says which event has which name, and everything about bytes
/// follows from it.
/// </summary>
public abstract class JsonGrainType<TState, TEvent> : GrainType<TState, TEvent> where TState : class where TEvent : class
{
    private readonly JsonSerializerContext json;
    private readonly FrozenDictionary<Type, EventShape> byType;
    private readonly FrozenDictionary<string, EventShape> byName;

    private protected JsonGrainType(JsonSerializerContext json, params IReadOnlyList<(string Name, Type Event)> events)
    {
        this.json = json;
        EventNames = [.. events.Select(entry => entry.Name)];
        byType = events.ToFrozenDictionary(entry => entry.Event, entry => new EventShape(entry.Name, ShapeOf(entry.Event)));
        byName = byType.Values.ToFrozenDictionary(shape => shape.Name, StringComparer.Ordinal);
    }

    private sealed record EventShape(string Name, JsonTypeInfo Json);

    public sealed override IReadOnlyList<string> EventNames { get; }

    protected sealed override string NameOf(TEvent @event) => byType[@event.GetType()].Name;

    protected sealed override void Encode(TEvent @event, IBufferWriter<byte> destination)
    {
        using var writer = new Utf8JsonWriter(destination);
        JsonSerializer.Serialize(writer, @event, byType[@event.GetType()].Json);
    }

    public sealed override object Decode(string name, ReadOnlySpan<byte> payload) =>
        JsonSerializer.Deserialize(payload, byName[name].Json) ?? throw new JsonException("an event is an object");

    /// <summary>What kind of command, then its fields.</summary>
    public sealed override byte[] CanonicalBytes(object command) =>
    [
        .. Encoding.ASCII.GetBytes(command.GetType().Name),
        .. JsonSerializer.SerializeToUtf8Bytes(command, ShapeOf(command.GetType())),
    ];

    /// <summary>The commands are the cases of one type: a name that is not among them is refused.</summary>
    public sealed override object ReadCommand(ReadOnlySpan<byte> canonical)
    {
        var name = Encoding.ASCII.GetString(canonical[..canonical.IndexOf((byte)'{')]);
        var shape = Commands.GetNestedType(name) is { } command ? ShapeOf(command) : throw new JsonException($"{name} is no command here");
        return JsonSerializer.Deserialize(canonical[name.Length..], shape) ?? throw new JsonException("a command is an object");
    }

    /// <summary>The type whose cases are the commands of this grain.</summary>
    protected abstract Type Commands { get; }

    private JsonTypeInfo ShapeOf(Type type) => json.GetTypeInfo(type) ?? throw new ArgumentException($"{type.Name} has no JSON here");
}
