using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Runtime.Shards;

/// <summary>Something that a grain is asked to do, by somebody who will ask again when no answer comes.</summary>
/// <param name="Identity">What makes the second asking harmless: a <see cref="Cause.Key"/> or a <see cref="Cause.Source"/>.</param>
public sealed record Command(GrainId To, object Body, Cause Identity);

/// <summary>Whoever waits for an answer. Called once, on the shard's thread; it must not block.</summary>
public interface ICaller
{
    void Answer(in Reply reply);
}

/// <summary>
/// The answer to a command: a frozen function of the record that the command caused, so that the hundredth asking gets what the first
/// one got. Where nothing was journaled, only <see cref="Rejection"/> is set.
/// </summary>
public readonly record struct Reply(Rejection Rejection, JournalRecord? Record)
{
    /// <summary>True when this command had been taken in before and this is that answer again.</summary>
    public bool Replayed { get; init; }

    /// <summary>With <see cref="Rejection.SequenceGap"/>: the number that the source has to send next.</summary>
    public long ExpectedSequence { get; init; }

    /// <summary>The answer to a read.</summary>
    public GrainView? View { get; init; }

    /// <summary>The answer to a collection.</summary>
    public CollectedStates? Collected { get; init; }

    public static Reply Refused(Rejection rejection) => new(rejection, Record: null);
}

/// <summary>The states of many grains of one shard, of one instant, and the marks that it decides under.</summary>
public sealed record CollectedStates(IReadOnlyList<object> States, object? Marks);

/// <summary>A grain's state as of a version. The state is immutable and may be read on any thread.</summary>
public sealed record GrainView(GrainId Grain, object State, long Version, RecordAddress LastRecord, int Epoch, Instant AsOf, long Frame)
{
    /// <summary>How far each machine that numbers what it sends to this grain has come.</summary>
    public IReadOnlyList<SourceMark> Sources { get; init; } = [];

    /// <summary>
    /// What the build's valuation opened of <see cref="Frame"/>: the marks that a decision would have been made under at the
    /// instant of the read. Null where no frame was ever published, or while a recovered shard waits for one.
    /// </summary>
    public object? Marks { get; init; }
}
