using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using CrossMargin.Contracts;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Shards;

namespace CrossMargin.Simulation.World;

internal sealed record Shine(int Skip, int Light);

internal sealed record Shone(long Frame, int Light);

internal sealed record Lighthouse(long Last);

/// <summary>Publishes mark frames whose only mark is a light; some numbers are skipped.</summary>
internal sealed class LighthouseGrain : GrainType<Lighthouse, Shone>
{
    public const GrainKind TheKind = (GrainKind)201;
    public const string EventName = "lighthouse.shone.v1";

    /// <summary>A venue has one.</summary>
    public static readonly GrainId Id = GrainId.Derive(TheKind, "the lighthouse"u8);

    public override GrainKind Kind => TheKind;
    public override int SnapshotSchema => 1;
    public override IReadOnlyList<string> EventNames { get; } = [EventName];

    public override MarkFrame? FrameIn(object @event) => @event is Shone shone
        ? new MarkFrame(shone.Frame, new Instant(0),
            [new AssetMark(Asset.Of("USDC"), new Price(shone.Light), SlowPrice: null, Rate.One, new AssetAmount(Asset.Of("USDC"), 0), AgeMs: 0)],
            [], [], [])
        : null;

    protected override Lighthouse Empty(GrainId id) => new(Last: 0);

    protected override Decision<Shone> Decide(Lighthouse state, object input, Context context) =>
        input is Shine shine ? new Shone(state.Last + 1 + shine.Skip, shine.Light) : throw new InvariantViolation("Z4", input.GetType().Name);

    protected override Lighthouse Evolve(Lighthouse state, Shone @event) => new(@event.Frame);
    protected override void Verify(Lighthouse state) => Invariant.Holds("Z5", state.Last > 0, "frames are numbered from 1");
    protected override Instant? DueAt(Lighthouse state) => null;
    protected override ImmutableArray<GrainId> AddresseesOf(Shone @event) => [];
    protected override Rejection RefusalIn(Shone @event) => Rejection.None;
    public override byte[] CanonicalBytes(object command) => Encoding.ASCII.GetBytes(command.ToString()!);
    protected override string NameOf(Shone @event) => EventName;

    protected override void Encode(Shone @event, IBufferWriter<byte> destination) =>
        destination.Write(Encoding.ASCII.GetBytes($$"""{"frame":{{@event.Frame}},"light":{{@event.Light}}}"""));

    public override object Decode(string name, ReadOnlySpan<byte> payload)
    {
        using var document = JsonDocument.Parse(payload.ToArray());
        return new Shone(document.RootElement.GetProperty("frame").GetInt64(), document.RootElement.GetProperty("light").GetInt32());
    }

    protected override byte[] Save(Lighthouse state) => Encoding.ASCII.GetBytes($$"""{"last":{{state.Last}}}""");

    public override object Restore(GrainId id, ReadOnlySpan<byte> snapshot)
    {
        using var document = JsonDocument.Parse(snapshot.ToArray());
        return new Lighthouse(document.RootElement.GetProperty("last").GetInt64());
    }
}

/// <summary>What a circular grain sees under a frame.</summary>
internal sealed record Beam(long Frame, int Light);

/// <summary>Circular grains are what is valued; a light reaches about every third of them. docs/testing.md has the rule.</summary>
internal sealed class BeamValuation : Valuation
{
    public override GrainId Publisher => LighthouseGrain.Id;
    public override string FrameEvent => LighthouseGrain.EventName;

    public override object Open(MarkFrame frame) => new Beam(frame.Number, (int)frame.Assets[0].Price.E8);

    public override ShardSweep ForShard() => new BeamSweep();
}

internal sealed class BeamSweep : ShardSweep
{
    public override FrameResults Sweep(object marks, IReadOnlyList<GrainSlot> slots, IReadOnlyList<GrainSlot> changed)
    {
        var beam = (Beam)marks;
        var circulars = slots.Where(slot => slot.Id.Kind == CircularGrain.TheKind).OrderBy(slot => slot.Id).ToList();
        var results = new byte[circulars.Count * 32];
        for (var i = 0; i < circulars.Count; i++)
        {
            var result = results.AsSpan(i * 32);
            circulars[i].Id.Write(result);
            BinaryPrimitives.WriteInt64BigEndian(result[16..], beam.Light);
            BinaryPrimitives.WriteInt64BigEndian(result[24..], ((Circulars)circulars[i].State).Read);
        }

        return new FrameResults(
            [.. circulars.Where(slot => (slot.Id.Low + (ulong)beam.Light) % 3 == 0)], circulars.Count, Hash256.Of(results))
        {
            Shortfall = new Money(beam.Light == 5 ? circulars.Count : 0),
        };
    }
}
