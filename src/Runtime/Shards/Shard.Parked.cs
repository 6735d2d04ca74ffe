using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Runtime.Shards;

/// <summary>
/// What an officer may do about a parked message: give it to its grain once more, now that it can be taken. To the shard's own
/// grain.
/// </summary>
/// <param name="Message">The record as the journal has it.</param>
/// <param name="Grain">The addressee that could not take it.</param>
/// <param name="By">The officer, and in <paramref name="Because"/> what has changed.</param>
public sealed record RetryParked(JournalRecord Message, GrainId Grain, PrincipalId By, string Because);

/// <summary>
/// An officer's word that a parked message will never be taken in. What it carries stays in suspense, where auditors count it. To the
/// shard's own grain.
/// </summary>
public sealed record SetParkedAside(RecordAddress Message, GrainId Grain, PrincipalId By, string Because);

/// <summary>Messages that were parked, and how they are taken in after all.</summary>
public sealed partial class Shard
{
    /// <summary>
    /// The grain's records and the one that unparks the message are one batch: it is in suspense or applied, and never both.
    /// Their cause is the officer's key; the watermark passed the message when it was parked.
    /// </summary>
    private Turn Retry(Instant now, GrainSlot own, RetryParked retry, Cause cause)
    {
        var from = retry.Message.Address.ToString();
        if (ParkedIn(own, retry.Message.Address, retry.Grain) is null || catalog.Decode(retry.Message) is not { } @event) return NotParked;

        var turn = RunTurn(now, state.Find(retry.Grain), @event, cause);
        if (turn.First is null && turn.Answer != Rejection.None) return turn;
        var unparked = new ShardEvent.Unparked(from, retry.Grain.ToString(), retry.Message.Type, retry.By.Name, retry.Because);
        return new Turn(WriteOwn(now, unparked, cause), Rejection.None, Problem: null);
    }

    private Turn SetAside(Instant now, GrainSlot own, SetParkedAside command, Cause cause)
    {
        if (ParkedIn(own, command.Message, command.Grain) is not { } parked) return NotParked;
        var aside = new ShardEvent.ParkedSetAside(parked.From, parked.Grain, parked.Type, command.By.Name, command.Because);
        return new Turn(WriteOwn(now, aside, cause), Rejection.None, Problem: null);
    }

    private static Turn NotParked => new(First: null, Rejection.NotParked, Problem: null);

    private static ShardEvent.Parked? ParkedIn(GrainSlot own, RecordAddress message, GrainId grain) =>
        ((ShardGrain)own.State).Parked.FirstOrDefault(parked => parked.From == message.ToString() && parked.Grain == grain.ToString());
}
