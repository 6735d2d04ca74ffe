namespace CrossMargin.Simulation.World;

/// <summary>
/// What is going to happen, by virtual time. What is due at the same time happens in an order drawn from the seed, because in the world
/// it has no order either.
/// </summary>
internal sealed class Agenda(Draws draws)
{
    private readonly PriorityQueue<(string What, Action Act), (long Time, ulong Priority, long Sequence)> heap = new();
    private long sequence;

    /// <summary>
    /// Virtual microseconds since the world began. Never goes back; every clock of the world is made from it.
    /// </summary>
    public long Now { get; private set; }

    public long Steps { get; private set; }

    public void After(long micros, string what, Action act) =>
        heap.Enqueue((what, act), (Now + micros, draws.Next(), sequence++));

    /// <summary>Lets the next thing happen and says what it was; null when nothing is left.</summary>
    public string? Step()
    {
        if (!heap.TryDequeue(out var next, out var when)) return null;
        Now = when.Time;
        Steps++;
        next.Act();
        return next.What;
    }
}
