using System.Text.Json;
using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;
using CrossMargin.Simulation.Audit;
using CrossMargin.Simulation.World;

namespace CrossMargin.Simulation.Clients;

/// <summary>A command in the engine's words and in the auditor's.</summary>
internal sealed record Order(GrainId To, object Body, Request Request);

/// <summary>
/// Somebody who sends one command after the other and sends again what was not answered. It writes into the log what it means to do
/// before it does it, and what it was told after.
/// </summary>
internal abstract class Client(Venue venue, string name)
{
    private const int SendingsAtMost = 12;

    private Intent? pending;
    private Command? command;
    private int sendings;
    private bool isReading;
    private readonly Draws own = venue.Root.Fork(name);
    private long acts;

    protected Venue Venue { get; } = venue;

    /// <summary>For this act: the n-th of a client is the same, whatever happened to the ones before it.</summary>
    protected Draws Draws { get; private set; } = venue.Root.Fork(name);
    protected string Name => name;

    /// <summary>What this client knows to have happened, by grain: it must never be shown less.</summary>
    private readonly Dictionary<string, long> seen = [];

    public bool IsAtRest => pending is null && !isReading;

    public override string ToString() => pending is null ? $"{name} reads" : $"{name} waits for {pending.Request}";

    /// <summary>How long it thinks between two acts, at most.</summary>
    protected virtual int ThinkMicros => 2 * Venue.Plan.ThinkMicros;

    public void Begin() => Venue.Agenda.After(Draws.Between(1, Venue.Plan.ThinkMicros), "client thinks", Think);

    /// <summary>A row became durable; a machine that follows the journal acts on it.</summary>
    public virtual void Saw(StoredRow row) { }

    /// <summary>Begins the next thing, or nothing.</summary>
    protected abstract void ActOnce();

    /// <summary>The faults are over, and nobody begins anything new but to end what is open.</summary>
    protected virtual void ActInTheEvening() { }

    /// <summary>The command came to an end; null when it was given up without an answer.</summary>
    protected abstract void Ended(Intent intent, Told? told);

    /// <summary>What came back from a sending that nobody waits for.</summary>
    protected virtual void Overheard(Intent intent, Told told) { }

    /// <summary>How likely it is that an unanswered command is sent again, when it might as well be given up.</summary>
    protected abstract bool IsPatient { get; }

    private void Think()
    {
        Act();
        if (!Venue.IsHealing) Venue.Agenda.After(Draws.Between(1, ThinkMicros), "client thinks", Think);
    }

    /// <summary>Acts once more, soon, and does not wait for its time to think.</summary>
    protected void Hurry() => Venue.Agenda.After(Draws.Between(50, 3_000), "client hurries", Act);

    private void Act()
    {
        Draws = own.At(++acts);
        if (!IsAtRest) return;
        if (Venue.Hour == Hour.Evening) ActInTheEvening();
        else if (Venue.Hour == Hour.Day && Venue.Script.Allows(name, acts)) ActOnce();
    }

    // ---- commands --------------------------------------------------------------------------------------------------

    protected Intent Write(Order order, Cause identity) =>
        Venue.Log.Write(name, order.To.ToString(), identity.Encode(), order.Request);

    protected void Ask(Order order, Cause identity)
    {
        pending = Write(order, identity);
        command = new Command(order.To, order.Body, identity);
        sendings = 0;
        SendPending();
        if (Draws.OneIn(10)) Send(pending, command);   // the same once more while the first is on its way
    }

    private void SendPending()
    {
        sendings++;
        Send(pending!, command!);
    }

    /// <summary>Sends without waiting for what comes of it.</summary>
    protected void Send(Intent intent, Command what)
    {
        var sending = new Sending();
        intent.Sendings.Add(sending);
        var caller = new Caller(this, intent, what.To, sending);
        if (Venue.Faults.Strikes(Fault.RequestLost)) Venue.Faults.Took(Fault.RequestLost);
        else
        {
            var silo = Venue.SiloFor(Draws);
            Venue.Agenda.After(Draws.Between(20, 2_000), "request arrives", () =>
            {
                caller.Ask(silo);
                silo.Submit(what, caller);
            });
        }

        Venue.Agenda.After(Draws.Between(40_000, 120_000), "client stops waiting", () =>
        {
            if (sending.Outcome is null) Hear(intent, sending, new Told.Unknown());
        });
    }

    private void Hear(Intent intent, Sending sending, Told told)
    {
        if (sending.Outcome is not null)
        {
            Venue.Sights.Saw(Sight.LateAnswer);
            return;
        }

        sending.Outcome = told;
        Venue.Trace.Say($"{name} is told {told} about {intent.Request}");
        if (told is Told.Applied applied) Know(intent.Grain, VersionOf(applied));
        if (!ReferenceEquals(intent, pending))
        {
            Overheard(intent, told);
            return;
        }

        var mayBeTakenLater = told is Told.Unknown or Told.NotApplied { Code: "overloaded" or "shard-unavailable" or "key-window-full" or "sequence-gap" };
        if (!mayBeTakenLater)
        {
            End(told);
            return;
        }

        var isGivenUp = told is Told.NotApplied
            ? (Venue.IsHealing && sendings > SendingsAtMost) || !IsPatient || (told is Told.NotApplied { Code: "key-window-full" } && (Venue.IsHealing || Venue.Hour == Hour.Evening))
            : !Venue.IsHealing && !IsPatient;
        if (isGivenUp) End(told: null);
        else Venue.Agenda.After(Draws.Between(500, 30_000), "client sends again", () =>
        {
            if (ReferenceEquals(intent, pending)) SendPending();
        });
    }

    private void End(Told? told)
    {
        var intent = pending!;
        pending = null;
        command = null;
        Ended(intent, told);
    }

    private long VersionOf(Told.Applied applied)
    {
        var parts = applied.Record.Split(':');
        return Venue.Auditor.Row(int.Parse(parts[0]), long.Parse(parts[1])).Version;
    }

    private void Know(string grain, long version) => seen[grain] = Math.Max(seen.GetValueOrDefault(grain), version);

    /// <summary>One sending, waiting at a shard.</summary>
    private sealed class Caller(Client client, Intent intent, GrainId grain, Sending sending) : ICaller
    {
        private bool isAnswered;
        private long askedAtStep;
        private long lastNumber;
        private Silo? asked;

        public void Ask(Silo silo)
        {
            asked = silo;
            askedAtStep = client.Venue.Agenda.Steps;
            lastNumber = client.Venue.Auditor.LastNumberOf(intent);
        }

        public void Answer(in Reply reply)
        {
            AuditFailure.Unless(!isAnswered, "I3", $"{client.Name} is answered twice");
            isAnswered = true;
            var told = Meaning(reply);
            var venue = client.Venue;
            if (venue.Agenda.Steps > askedAtStep)
                venue.Sights.Saw(told is Told.Applied { IsReplay: true } ? Sight.JoinedInFlight : Sight.AnswerHeld);
            else if (told is Told.Applied { IsReplay: true }) venue.Sights.Saw(Sight.AnswerReplayed);
            Note(reply.Rejection);
            venue.Auditor.CheckAnswer(intent, told);
            if (told is Told.NotApplied { Code: "sequence-gap" } && asked!.MayShow(grain))
                Auditor.CheckGap(intent, lastNumber);
            if (venue.Faults.Strikes(Fault.ReplyLost))
            {
                venue.Faults.Took(Fault.ReplyLost);
                return;
            }

            venue.Agenda.After(client.Draws.Between(20, 2_000), "answer arrives", () => client.Hear(intent, sending, told));
        }

        private static Told Meaning(in Reply reply)
        {
            if (reply.Record is { } record)
            {
                using var payload = JsonDocument.Parse(record.Payload);
                var line = StoredFormat.Line(record.Type, payload.RootElement);
                var refused = record.Type.EndsWith("-refused.v1", StringComparison.Ordinal) ? payload.RootElement.GetProperty("reason").GetString() : "none";
                AuditFailure.Unless(
                    reply.Rejection.Code() == refused, "I3",
                    $"the answer {reply.Rejection.Code()} rests on a record that says {line}");
                return new Told.Applied(record.Address.ToString(), line, reply.Replayed);
            }

            return reply.Rejection switch
            {
                Rejection.OutcomeUnknown => new Told.Unknown(),
                Rejection.SequenceDuplicate => new Told.TakenBefore(),
                Rejection.None => throw new AuditFailure("I3", "a command was accepted without a record"),
                var rejection => new Told.NotApplied(rejection.Code(), reply.ExpectedSequence),
            };
        }

        private void Note(Rejection rejection)
        {
            Sight? sight = rejection switch
            {
                Rejection.KeyConflict => Sight.KeyConflict,
                Rejection.KeyExpired => Sight.KeyExpired,
                Rejection.KeyWindowFull => Sight.KeyWindowFull,
                Rejection.SequenceGap => Sight.SequenceGap,
                Rejection.SequenceConflict => Sight.SequenceConflict,
                Rejection.SequenceDuplicate => Sight.SequenceDuplicate,
                Rejection.Overloaded => Sight.Overloaded,
                Rejection.ShardUnavailable => Sight.ShardUnavailable,
                Rejection.OutcomeUnknown => Sight.OutcomeUnknown,
                Rejection.AccountAlreadyOpen => Sight.AccountAlreadyOpen,
                _ => null,
            };
            if (sight is { } seen) client.Venue.Sights.Saw(seen);
        }
    }

    // ---- reads -----------------------------------------------------------------------------------------------------

    protected void Read(GrainId grain)
    {
        isReading = true;
        var atLeast = seen.GetValueOrDefault(grain.ToString());
        var isOver = false;
        var silo = Venue.SiloFor(Draws);
        var reader = new Reader(this, grain, silo, answer =>
        {
            if (isOver) return;
            isOver = true;
            isReading = false;
            if (answer is not { } version) return;
            AuditFailure.Unless(
                version >= atLeast, "I12", $"{name} knew version {atLeast} of {grain} and was shown {version}");
            Know(grain.ToString(), version);
        });
        Venue.Agenda.After(Draws.Between(20, 2_000), "read arrives", () =>
        {
            reader.AskedAtStep = Venue.Agenda.Steps;
            silo.Read(grain, reader);
        });
        Venue.Agenda.After(Draws.Between(40_000, 120_000), "reader stops waiting", () =>
        {
            if (!isOver) isReading = false;
            isOver = true;
        });
    }

    private sealed class Reader(Client client, GrainId grain, Silo silo, Action<long?> done) : ICaller
    {
        public long AskedAtStep { get; set; }

        public void Answer(in Reply reply)
        {
            var venue = client.Venue;
            if (reply.View is not { } view)
            {
                venue.Agenda.After(client.Draws.Between(20, 2_000), "refused read arrives", () => done(null));
                return;
            }

            venue.Sights.Saw(venue.Agenda.Steps > AskedAtStep ? Sight.ReadHeld : Sight.ReadAtOnce);
            venue.Auditor.CheckRead(view.Grain.ToString(), view.Version, venue.Catalog.TypeOf(grain).Save(view.State));
            if (!silo.MayShow(grain)) return;
            venue.Agenda.After(client.Draws.Between(20, 2_000), "view arrives", () => done(view.Version));
        }
    }
}
