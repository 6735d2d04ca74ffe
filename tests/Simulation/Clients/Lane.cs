using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;
using CrossMargin.Simulation.Audit;
using CrossMargin.Simulation.World;

namespace CrossMargin.Simulation.Clients;

/// <summary>
/// A machine that numbers what it says to one grain: 1, 2, 3, … It never gives a number up, and now and then says what it should
/// not: again from an earlier number on, as after a restart; something else under its last number; a number far ahead.
/// </summary>
internal abstract class Lane(Venue venue, SourceId source, GrainId to) : Client(venue, $"{source}/{to}")
{
    private readonly List<Order> sent = [];
    private readonly Dictionary<Intent, Fault> faults = [];
    private int taken;   // numbers known to have been taken in

    protected override bool IsPatient => true;

    protected SourceId Source => source;
    protected GrainId To => to;

    /// <summary>How many numbers were given out.</summary>
    protected int Given => sent.Count;

    /// <summary>Something that was never meant to be said.</summary>
    protected abstract Order Mistake(string about);

    /// <summary>The next thing under the next number, unless the one before it is still on its way to be taken in.</summary>
    protected void SayNext(Func<Order> next)
    {
        if (sent.Count == taken) sent.Add(next());
        Ask(sent[taken], Number(taken + 1, sent[taken]));
    }

    /// <summary>Something waits under a number that is not known to have been taken in.</summary>
    protected bool IsBehind => sent.Count > taken;

    private Cause.Source Number(long number, Order order) =>
        new(source, number, Venue.Catalog.FingerprintOf(to, order.Body));

    /// <summary>Nobody waits for what comes of it.</summary>
    protected bool Misspeak(Fault fault)
    {
        if (taken == 0) return false;
        switch (fault)
        {
            case Fault.LaneRestarts:
                var first = Draws.OneIn(4) ? 1 : Math.Max(1, taken - Draws.Between(0, 6));
                for (var number = first; number <= Math.Min(taken, first + 9); number++) SendAside(number, sent[number - 1], fault);
                break;
            case Fault.LaneRepeats:
                SendAside(taken, sent[taken - 1], fault);
                break;
            case Fault.LaneContradicts:
                SendAside(taken, Mistake("conflict"), fault);
                break;
            default:
                SendAside(taken + Draws.Between(500, 900), Mistake("ahead"), fault);
                break;
        }

        return true;
    }

    private void SendAside(long number, Order order, Fault fault)
    {
        var identity = Number(number, order);
        var intent = Write(order, identity);
        faults[intent] = fault;
        Send(intent, new Command(order.To, order.Body, identity));
    }

    protected override void Overheard(Intent intent, Told told)
    {
        if (!faults.TryGetValue(intent, out var fault)) return;
        var isSeen = fault switch
        {
            Fault.LaneRestarts or Fault.LaneRepeats => told is Told.TakenBefore,
            Fault.LaneContradicts => told is Told.NotApplied { Code: "sequence-conflict" },
            _ => told is Told.NotApplied { Code: "sequence-gap" },
        };
        if (isSeen) Venue.Faults.Took(fault);
    }

    protected override void Ended(Intent intent, Told? told)
    {
        if (told is Told.Applied or Told.TakenBefore)
        {
            taken++;
            return;
        }

        AuditFailure.Unless(
            told is null or Told.NotApplied { Code: "overloaded" or "shard-unavailable" }, "I4",
            $"{Name} sent number {taken + 1}, which is the next, and was told {told}");
    }
}
