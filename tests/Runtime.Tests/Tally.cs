using System.Buffers;
using System.Collections.Immutable;
using System.Text;
using CrossMargin.Contracts;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Shards;

namespace CrossMargin.Runtime.Tests;

/// <summary>
/// What a tally can be asked: to count, to tell others, to refuse with or without a record, to break, to be woken.
/// </summary>
internal abstract record TallyCommand
{
    internal sealed record Count(int By) : TallyCommand;
    internal sealed record CountTwice(int By) : TallyCommand;
    internal sealed record Tell(ImmutableArray<GrainId> To, string What) : TallyCommand;
    internal sealed record Refuse : TallyCommand;
    internal sealed record RefuseOnRecord : TallyCommand;
    internal sealed record Break : TallyCommand;
    internal sealed record WakeAt(Instant Due) : TallyCommand;
    internal sealed record Publish(long Frame) : TallyCommand;
    internal sealed record Look : TallyCommand;
    internal sealed record Wait : TallyCommand;
}

internal abstract record TallyEvent
{
    internal sealed record Counted(int By) : TallyEvent;
    internal sealed record Told(ImmutableArray<GrainId> To, string What) : TallyEvent;
    internal sealed record Heard(string What) : TallyEvent;
    internal sealed record Refused : TallyEvent;
    internal sealed record Waking(Instant Due) : TallyEvent;
    internal sealed record Woken(Instant NextDue) : TallyEvent;
    internal sealed record Published(long Frame) : TallyEvent;

    /// <summary>Waits from this frame on until it hears something.</summary>
    internal sealed record Waits(long Frame) : TallyEvent;

    /// <summary>The frame whose marks the decision saw; 0 where it saw none.</summary>
    internal sealed record Looked(long Seen) : TallyEvent;
}

internal sealed record Tally(long Total, long Heard, Instant? Due, long? WaitsSince = null);

/// <summary>The smallest grain that makes the runtime do everything it can.</summary>
internal sealed class TallyGrain : GrainType<Tally, TallyEvent>
{
    public const GrainKind TheKind = (GrainKind)100;

    /// <summary>What a message says to be taken in without a record, refused, or broken on.</summary>
    public const string Ignore = "ignore", Refuse = "refuse", Break = "break", RefuseWhileZero = "refuse-at-zero";

    /// <summary>A due time that stays when the timer has come.</summary>
    public static readonly Instant Stuck = ScriptedShard.Noon;

    public override GrainKind Kind => TheKind;
    public override int SnapshotSchema => 3;
    public override IReadOnlyList<string> EventNames { get; } = ["counted", "told", "heard", "refused", "waking", "woken", "published", "looked", "waits"];

    public static GrainId Id(int number) => GrainId.Derive(TheKind, Encoding.ASCII.GetBytes($"tally {number}"));

    protected override Tally Empty(GrainId id) => new(Total: 0, Heard: 0, Due: null, WaitsSince: null);

    protected override Decision<TallyEvent> Decide(Tally state, object input, Context context) => input switch
    {
        TallyCommand.Count count => new TallyEvent.Counted(count.By),
        TallyCommand.CountTwice twice => new Decision<TallyEvent>([new TallyEvent.Counted(twice.By), new TallyEvent.Counted(twice.By)], Rejection.None),
        TallyCommand.Tell tell => new TallyEvent.Told(tell.To, tell.What),
        TallyCommand.Refuse => Rejection.AccountAlreadyOpen,
        TallyCommand.RefuseOnRecord => new TallyEvent.Refused(),
        TallyCommand.WakeAt wake => new TallyEvent.Waking(wake.Due),
        TallyCommand.Publish publish => new TallyEvent.Published(publish.Frame),
        TallyCommand.Wait => new TallyEvent.Waits(context.Frame),
        TallyCommand.Look or FrameAdopted => new TallyEvent.Looked((context.Marks as MarkFrame)?.Number ?? 0),
        TallyEvent.Told { What: Ignore } => new Decision<TallyEvent>([], Rejection.None),
        TallyEvent.Told { What: Refuse } => Rejection.AccountNotFound,
        TallyEvent.Told { What: RefuseWhileZero } when state.Total == 0 => Rejection.AccountNotFound,
        TallyEvent.Told { What: not Break } told => new TallyEvent.Heard(told.What),
        TimerDue => new TallyEvent.Woken(state.Due == Stuck ? Stuck : default),
        _ => throw new InvariantViolation("T1", $"a tally breaks on {input}"),
    };

    protected override Tally Evolve(Tally state, TallyEvent @event) => @event switch
    {
        TallyEvent.Counted counted => state with { Total = state.Total + counted.By },
        TallyEvent.Heard => state with { Heard = state.Heard + 1, WaitsSince = null },
        TallyEvent.Waits waits => state with { WaitsSince = waits.Frame },
        TallyEvent.Waking waking => state with { Due = waking.Due },
        TallyEvent.Woken woken => state with { Due = woken.NextDue == default ? null : woken.NextDue },
        _ => state,
    };

    protected override void Verify(Tally state) => Invariant.Holds("T2", state.Total >= 0, "a tally is not negative");
    protected override Instant? DueAt(Tally state) => state.Due;
    public override long? WaitsSince(object state) => ((Tally)state).WaitsSince;
    protected override ImmutableArray<GrainId> AddresseesOf(TallyEvent @event) =>
        @event is TallyEvent.Told told ? told.To : [];

    protected override Rejection RefusalIn(TallyEvent @event) =>
        @event is TallyEvent.Refused ? Rejection.ExceedsBalance : Rejection.None;

    public override MarkFrame? FrameIn(object @event) =>
        @event is TallyEvent.Published published ? new MarkFrame(published.Frame, ScriptedShard.Noon, [], [], [], []) : null;

    public override byte[] CanonicalBytes(object command) => Encoding.UTF8.GetBytes(command.ToString()!);

    protected override string NameOf(TallyEvent @event) => @event.GetType().Name.ToLowerInvariant();

    protected override void Encode(TallyEvent @event, IBufferWriter<byte> destination) =>
        destination.Write(Encoding.UTF8.GetBytes(@event switch
    {
        TallyEvent.Counted counted => $"{counted.By}",
        TallyEvent.Told told => $"{told.What} {string.Join(' ', told.To)}",
        TallyEvent.Heard heard => heard.What,
        TallyEvent.Waking waking => $"{waking.Due.Micros}",
        TallyEvent.Woken woken => $"{woken.NextDue.Micros}",
        TallyEvent.Published published => $"{published.Frame}",
        TallyEvent.Looked looked => $"{looked.Seen}",
        TallyEvent.Waits waits => $"{waits.Frame}",
        _ => "",
    }));

    public override object Decode(string name, ReadOnlySpan<byte> payload)
    {
        var text = Encoding.UTF8.GetString(payload);
        return name switch
        {
            "counted" => new TallyEvent.Counted(int.Parse(text)),
            "told" => new TallyEvent.Told([.. text.Split(' ')[1..].Select(Parse)], text.Split(' ')[0]),
            "heard" => new TallyEvent.Heard(text),
            "refused" => new TallyEvent.Refused(),
            "published" => new TallyEvent.Published(long.Parse(text)),
            "looked" => new TallyEvent.Looked(long.Parse(text)),
            "waits" => new TallyEvent.Waits(long.Parse(text)),
            "waking" => new TallyEvent.Waking(new Instant(long.Parse(text))),
            _ => new TallyEvent.Woken(new Instant(long.Parse(text))),
        };
    }

    private static GrainId Parse(string text) =>
        GrainId.TryParse(text, out var id) ? id : throw new FormatException(text);

    protected override byte[] Save(Tally state) =>
        Encoding.UTF8.GetBytes($$"""{"total":{{state.Total}},"heard":{{state.Heard}},"due":{{state.Due?.Micros ?? -1}},"since":{{state.WaitsSince ?? -1}}}""");

    public override object Restore(GrainId id, ReadOnlySpan<byte> snapshot)
    {
        using var document = System.Text.Json.JsonDocument.Parse(snapshot.ToArray());
        var due = document.RootElement.GetProperty("due").GetInt64();
        return new Tally(
            document.RootElement.GetProperty("total").GetInt64(), document.RootElement.GetProperty("heard").GetInt64(),
            due < 0 ? null : new Instant(due),
            document.RootElement.GetProperty("since").GetInt64() is >= 0 and var since ? since : null);
    }
}

/// <summary>Marks are the frame itself; a tally that has counted something needs a turn at every frame.</summary>
internal sealed class TallyValuation : Valuation
{
    public override GrainId Publisher => ScriptedShard.A;
    public override string FrameEvent => "published";
    public override object Open(MarkFrame frame) => frame;
    public override ShardSweep ForShard() => new TallySweep();
}

internal sealed class TallySweep : ShardSweep
{
    public override FrameResults Sweep(object marks, IReadOnlyList<GrainSlot> slots, IReadOnlyList<GrainSlot> changed)
    {
        var tallies = slots.Where(slot => slot.Id.Kind == TallyGrain.TheKind).OrderBy(slot => slot.Id).ToList();
        var digest = Hash256.Of(Encoding.ASCII.GetBytes($"frame {((MarkFrame)marks).Number}"));
        return new FrameResults([.. tallies.Where(slot => ((Tally)slot.State).Total > 0)], tallies.Count, digest);
    }
}
