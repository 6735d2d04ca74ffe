using System.Collections.Immutable;
using System.Diagnostics;
using System.Text;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Parameters;
using CrossMargin.Risk.Parameters;
using CrossMargin.Runtime.Grains;

namespace CrossMargin.Grains.Parameters;

/// <summary>A version of the parameter set and from when on it holds.</summary>
public sealed record PublishedVersion(int Number, Instant EffectiveAt);

/// <summary>
/// The parameter sets of a venue: versions 1, 2, 3, … of one document, each in force from its time on. What is known of a
/// version stays for ever; the text stays here while it waits, and in the journal always.
/// </summary>
/// <param name="Versions">All that were published, in order; the last ones are still to come.</param>
/// <param name="Waiting">The documents of those.</param>
public sealed record RuleBook(
    ParametersId Id, long Version, ImmutableArray<PublishedVersion> Versions, ImmutableArray<ParameterText> Waiting)
{
    /// <summary>A frame carries the document that is in force, and a frame is small.</summary>
    public const int MaxDocumentBytes = 32_768;

    public const int MaxWaiting = 16;

    /// <summary>How far ahead a version may be published.</summary>
    public const long MaxAheadMicros = 366 * 24 * Instant.MicrosPerHour;

    /// <summary>How many of a document's errors a refusal names.</summary>
    public const int MaxErrors = 20;

    public static RuleBook Unborn(ParametersId id) => new(id, 0, [], []);

    public static Decision<ParameterEvent> Decide(RuleBook book, object input, Instant now) => input switch
    {
        ParameterCommand.Publish publish => Publish(book, publish, now),
        TimerDue => TakeEffect(book, now),
        _ => throw new UnreachableException(input.GetType().Name),
    };

    private static Decision<ParameterEvent> Publish(RuleBook book, ParameterCommand.Publish command, Instant now)
    {
        var bytes = Encoding.UTF8.GetBytes(command.Document.Json);
        if (bytes.Length > MaxDocumentBytes) return Refused(Rejection.DocumentTooLarge);
        var errors = ParameterDocument.Read(bytes, out var set);
        if (set is null)
        {
            return Refused(
                Rejection.DocumentRefused, [.. errors.Take(MaxErrors).Select(error => new DocumentError(error.Pointer, error.Message))]);
        }

        if (set.Version != book.Versions.Length + 1)
            return Refused(Rejection.VersionNotNext, [new DocumentError("/version", $"{book.Versions.Length + 1} is next")]);
        var effectiveAt = command.EffectiveAt ?? now;
        if (effectiveAt < now) return Refused(Rejection.EffectiveInThePast);
        if (effectiveAt > now.PlusMicros(MaxAheadMicros)) return Refused(Rejection.EffectiveTooFarAhead);
        if (book.Versions is [.., var last] && effectiveAt <= last.EffectiveAt) return Refused(Rejection.EffectiveOutOfOrder);
        if (book.Waiting.Length >= MaxWaiting) return Refused(Rejection.TooManyWaiting);

        var published = new ParameterEvent.Published(set.Version, command.Document, effectiveAt);
        return new Decision<ParameterEvent>([published, .. TakeEffect(Evolve(book, published), now).Events], Rejection.None);
    }

    /// <summary>All whose time has come, in order.</summary>
    private static Decision<ParameterEvent> TakeEffect(RuleBook book, Instant now)
    {
        var events = ImmutableArray.CreateBuilder<ParameterEvent>();
        for (var i = 0; i < book.Waiting.Length && book.WaitingVersion(i).EffectiveAt <= now; i++)
            events.Add(new ParameterEvent.Effective(book.WaitingVersion(i).Number, book.Waiting[i], book.WaitingVersion(i).EffectiveAt));
        return new Decision<ParameterEvent>(events.ToImmutable(), Rejection.None);
    }

    private static ParameterEvent.CommandRefused Refused(Rejection reason, params ImmutableArray<DocumentError> errors) =>
        new("publish", reason, errors);

    public static RuleBook Evolve(RuleBook book, ParameterEvent @event)
    {
        book = book with { Version = book.Version + 1 };
        return @event switch
        {
            ParameterEvent.Published e => book with
            {
                Versions = book.Versions.Add(new PublishedVersion(e.Version, e.EffectiveAt)), Waiting = book.Waiting.Add(e.Document),
            },
            ParameterEvent.Effective e => book.After(e),
            ParameterEvent.CommandRefused => book,
            _ => throw new UnreachableException(@event.GetType().Name),
        };
    }

    public void Verify()
    {
        Invariant.Holds("B1", Waiting.Length <= Versions.Length, "what waits was published");
        for (var i = 0; i < Versions.Length; i++)
        {
            Invariant.Holds("B2", Versions[i].Number == i + 1, "versions are numbered 1, 2, 3, …");
            Invariant.Holds("B3", i == 0 || Versions[i].EffectiveAt > Versions[i - 1].EffectiveAt, "a later version takes effect later");
        }
    }

    /// <summary>When the next version takes effect.</summary>
    public Instant? DueAt() => Waiting.IsEmpty ? null : WaitingVersion(0).EffectiveAt;

    /// <summary>The version in force at an instant, as it was published; null before the first.</summary>
    public PublishedVersion? VersionAt(Instant instant)
    {
        for (var i = Versions.Length - 1; i >= 0; i--)
            if (Versions[i].EffectiveAt <= instant) return Versions[i];
        return null;
    }

    private PublishedVersion WaitingVersion(int index) => Versions[Versions.Length - Waiting.Length + index];

    private RuleBook After(ParameterEvent.Effective e)
    {
        Invariant.Holds("B1", !Waiting.IsEmpty, "what takes effect was waiting");
        Invariant.Same("B5", e.Version, WaitingVersion(0).Number);
        return this with { Waiting = Waiting.RemoveAt(0) };
    }
}
