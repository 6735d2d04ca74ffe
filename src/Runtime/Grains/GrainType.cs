using System.Buffers;
using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Pools;

namespace CrossMargin.Runtime.Grains;

/// <summary>
/// One kind of grain as the runtime sees it: pure functions over a state it does not look into. A grain never sees a
/// connection, a thread or another grain's state, so any host can run it.
/// </summary>
public abstract class GrainType
{
    public abstract GrainKind Kind { get; }

    /// <summary>The state of a grain that nothing has happened to.</summary>
    public abstract object Unborn(GrainId id);

    /// <summary>
    /// A command, another grain's event that is addressed to this one, <see cref="FrameAdopted"/> or <see cref="TimerDue"/>.
    /// </summary>
    public abstract Decision<object> Decide(object state, object input, Context context);

    public abstract object Evolve(object state, object @event);

    /// <summary>Throws <see cref="InvariantViolation"/> when the state contradicts itself.</summary>
    public abstract void Verify(object state);

    /// <summary>When the grain wants to be woken, as a function of its state.</summary>
    public abstract Instant? DueAt(object state);

    /// <summary>
    /// The lowest frame under which something in the grain began to wait for the coordinator; null while nothing does. What
    /// the coordinator addresses to a shard is an input of every grain there that waits.
    /// </summary>
    public virtual long? WaitsSince(object state) => null;

    /// <summary>
    /// The frame under which the grain began to ask for a part of what the pool shares; null while it does not. It has a turn
    /// at every frame, and what the coordinator grants its shard is divided among those that ask.
    /// </summary>
    public virtual long? AsksSince(object state) => null;

    /// <summary>What the grain paid into the pool's fund and drew from it, ever. The array of an unchanged share is the same.</summary>
    public virtual ImmutableArray<FundShare> FundSharesOf(object state) => [];

    /// <summary>
    /// The grains that an event is a message to; a shard's own grain stands for all in it that wait for the coordinator.
    /// </summary>
    public abstract ImmutableArray<GrainId> AddresseesOf(object @event);

    /// <summary>The mark frame that an event publishes; null for all but the publishing grain's.</summary>
    public virtual MarkFrame? FrameIn(object @event) => null;

    /// <summary>An event with this frame in it and nothing else: the form in which frames travel between silos.</summary>
    public virtual object Publishing(MarkFrame frame) => throw new NotSupportedException($"a grain of kind {Kind} publishes no frames");

    /// <summary>The refusal that an event stands for, or <see cref="Rejection.None"/>.</summary>
    public abstract Rejection RefusalIn(object @event);

    /// <summary>The canonical bytes of a command: equal commands have equal bytes.</summary>
    public abstract byte[] CanonicalBytes(object command);

    /// <summary>A command from its canonical bytes, as another silo sent them.</summary>
    public virtual object ReadCommand(ReadOnlySpan<byte> canonical) =>
        throw new NotSupportedException($"commands of a grain of kind {Kind} do not travel");

    public abstract IReadOnlyList<string> EventNames { get; }
    public abstract string NameOf(object @event);
    public abstract void Encode(object @event, IBufferWriter<byte> destination);
    public abstract object Decode(string name, ReadOnlySpan<byte> payload);

    /// <summary>The number of the snapshot format; one with another number is discarded.</summary>
    public abstract int SnapshotSchema { get; }
    public abstract byte[] Save(object state);
    public abstract object Restore(GrainId id, ReadOnlySpan<byte> snapshot);
}

/// <summary>The casts between the runtime's objects and a grain's own types, in one place.</summary>
public abstract class GrainType<TState, TEvent> : GrainType where TState : class where TEvent : class
{
    protected abstract TState Empty(GrainId id);
    protected abstract Decision<TEvent> Decide(TState state, object input, Context context);
    protected abstract TState Evolve(TState state, TEvent @event);
    protected abstract void Verify(TState state);
    protected abstract Instant? DueAt(TState state);
    protected abstract ImmutableArray<GrainId> AddresseesOf(TEvent @event);
    protected abstract Rejection RefusalIn(TEvent @event);
    protected abstract string NameOf(TEvent @event);
    protected abstract void Encode(TEvent @event, IBufferWriter<byte> destination);
    protected abstract byte[] Save(TState state);

    public sealed override object Unborn(GrainId id) => Empty(id);
    public sealed override object Evolve(object state, object @event) => Evolve((TState)state, (TEvent)@event);
    public sealed override void Verify(object state) => Verify((TState)state);
    public sealed override Instant? DueAt(object state) => DueAt((TState)state);
    public sealed override ImmutableArray<GrainId> AddresseesOf(object @event) => AddresseesOf((TEvent)@event);
    public sealed override Rejection RefusalIn(object @event) => RefusalIn((TEvent)@event);
    public sealed override string NameOf(object @event) => NameOf((TEvent)@event);
    public sealed override void Encode(object @event, IBufferWriter<byte> destination) => Encode((TEvent)@event, destination);
    public sealed override byte[] Save(object state) => Save((TState)state);

    public sealed override Decision<object> Decide(object state, object input, Context context)
    {
        var decision = Decide((TState)state, input, context);
        return new Decision<object>(ImmutableArray<object>.CastUp(decision.Events), decision.Refused);
    }
}
