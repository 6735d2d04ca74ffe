using System.Buffers;
using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using CrossMargin.Contracts;
using CrossMargin.Grains.Margin;
using CrossMargin.Runtime.Grains;
using CrossMargin.Simulation.Audit;

namespace CrossMargin.Simulation.World;

internal sealed record Circulate(ImmutableArray<GrainId> To, string Text);

internal abstract record CircularEvent
{
    /// <summary>Each names the frame of the marks that its decision saw.</summary>
    internal sealed record Sent(ImmutableArray<GrainId> To, string Text, long Seen) : CircularEvent;

    internal sealed record Read(GrainId From, string Text, long Seen) : CircularEvent;
}

internal sealed record Circulars(long Sent, long Read);

/// <summary>A mistake that a test plants in the circular grain.</summary>
internal enum Flaw
{
    None,

    /// <summary>After it was restored from a snapshot.</summary>
    ForgetsWhatItRead,
}

/// <summary>
/// A grain of the simulator's own, for what no account does: one message to several grains of one shard, a message that causes nothing,
/// one that is refused, and one that its receiver breaks on. The runtime is generic over grains, so it must not care.
/// </summary>
internal sealed class CircularGrain(Flaw flaw) : GrainType<Circulars, CircularEvent>
{
    public const GrainKind TheKind = (GrainKind)200;

    public override GrainKind Kind => TheKind;
    public override int SnapshotSchema => 1;
    public override IReadOnlyList<string> EventNames { get; } = ["circular.sent.v1", "circular.read.v1"];

    protected override Circulars Empty(GrainId id) => new(Sent: 0, Read: 0);

    protected override Decision<CircularEvent> Decide(Circulars state, object input, Context context) => input switch
    {
        Circulate circulate => new CircularEvent.Sent(circulate.To, circulate.Text, Seen(context)),
        CircularEvent.Sent { Text: CircularText.Ignore } => new Decision<CircularEvent>([], Rejection.None),
        CircularEvent.Sent { Text: CircularText.Refuse } => Rejection.AccountNotFound,
        CircularEvent.Sent { Text: CircularText.Poison } => throw new InvariantViolation("Z1", "this reader breaks on poison"),
        CircularEvent.Sent sent => new CircularEvent.Read(Sender(sent), sent.Text, Seen(context)),
        _ => throw new InvariantViolation("Z2", input.GetType().Name),
    };

    private static long Seen(Context context) => (context.Marks as MarginMarks)?.Frame.Number ?? 0;

    /// <summary>The first addressee is always the sender itself, so that a circular can be answered.</summary>
    private static GrainId Sender(CircularEvent.Sent sent) => sent.To[0];

    protected override Circulars Evolve(Circulars state, CircularEvent @event) => @event switch
    {
        CircularEvent.Sent => state with { Sent = state.Sent + 1 },
        _ => state with { Read = state.Read + 1 },
    };

    protected override void Verify(Circulars state) =>
        Invariant.Holds("Z3", state.Sent >= 0 && state.Read >= 0, "counts are counts");

    protected override Instant? DueAt(Circulars state) => null;

    protected override ImmutableArray<GrainId> AddresseesOf(CircularEvent @event) =>
        @event is CircularEvent.Sent sent ? sent.To : [];

    protected override Rejection RefusalIn(CircularEvent @event) => Rejection.None;

    public override byte[] CanonicalBytes(object command)
    {
        var circulate = (Circulate)command;
        return Encoding.UTF8.GetBytes($"{circulate.Text} {string.Join(' ', circulate.To)}");
    }

    protected override string NameOf(CircularEvent @event) => @event switch
    {
        CircularEvent.Sent => "circular.sent.v1",
        _ => "circular.read.v1",
    };

    protected override void Encode(CircularEvent @event, IBufferWriter<byte> destination)
    {
        using var writer = new Utf8JsonWriter(destination);
        writer.WriteStartObject();
        switch (@event)
        {
            case CircularEvent.Sent sent:
                writer.WriteStartArray("to");
                foreach (var to in sent.To) writer.WriteStringValue(to.ToString());
                writer.WriteEndArray();
                writer.WriteString("text", sent.Text);
                writer.WriteNumber("seen", sent.Seen);
                break;
            case CircularEvent.Read read:
                writer.WriteString("from", read.From.ToString());
                writer.WriteString("text", read.Text);
                writer.WriteNumber("seen", read.Seen);
                break;
        }

        writer.WriteEndObject();
    }

    public override object Decode(string name, ReadOnlySpan<byte> payload)
    {
        using var document = JsonDocument.Parse(payload.ToArray());
        var seen = document.RootElement.GetProperty("seen").GetInt64();
        var text = document.RootElement.GetProperty("text").GetString()!;
        return name == "circular.sent.v1"
            ? new CircularEvent.Sent([.. document.RootElement.GetProperty("to").EnumerateArray().Select(Id)], text, seen)
            : new CircularEvent.Read(Id(document.RootElement.GetProperty("from")), text, seen);
    }

    private static GrainId Id(JsonElement text) =>
        GrainId.TryParse(text.GetString(), out var id) ? id : throw new FormatException("not a grain id");

    protected override byte[] Save(Circulars state) =>
        Encoding.UTF8.GetBytes($$"""{"sent":{{state.Sent}},"read":{{state.Read}}}""");

    public override object Restore(GrainId id, ReadOnlySpan<byte> snapshot)
    {
        using var document = JsonDocument.Parse(snapshot.ToArray());
        return new Circulars(
            document.RootElement.GetProperty("sent").GetInt64(),
            flaw == Flaw.ForgetsWhatItRead ? 0 : document.RootElement.GetProperty("read").GetInt64());
    }
}
