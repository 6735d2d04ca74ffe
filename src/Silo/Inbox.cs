namespace CrossMargin.Silos;

/// <summary>
/// Many threads put in, one takes out, everything at once. What comes from outside is refused beyond a limit; what the silo's own parts
/// answer is always taken, because something waits for it.
/// </summary>
internal sealed class Inbox<T>(int outsideLimit)
{
    private readonly object gate = new();
    private List<T> items = [];
    private List<T> urgent = [];
    private int outside;

    /// <summary>False when as much from outside waits as the inbox will hold.</summary>
    public bool TryAddOutside(T item)
    {
        lock (gate)
        {
            if (outside >= outsideLimit) return false;
            outside++;
            Put(item);
            return true;
        }
    }

    /// <summary>The same, for what is taken out between other things: <see cref="TakeUrgent"/>.</summary>
    public bool TryAddUrgent(T item)
    {
        lock (gate)
        {
            if (urgent.Count >= outsideLimit) return false;
            urgent.Add(item);
            if (urgent.Count == 1) Monitor.Pulse(gate);
            return true;
        }
    }

    /// <summary>What is urgent and waits. The list given is emptied and used for what comes next.</summary>
    public List<T> TakeUrgent(List<T> spare)
    {
        spare.Clear();
        if (Volatile.Read(ref urgent).Count == 0) return spare;
        lock (gate) (urgent, spare) = (spare, urgent);
        return spare;
    }

    /// <summary>As many as it will hold, and how many these are.</summary>
    public int AddOutside(List<T> more)
    {
        lock (gate)
        {
            var taken = Math.Min(more.Count, Math.Max(0, outsideLimit - outside));
            for (var i = 0; i < taken; i++) Put(more[i]);
            outside += taken;
            return taken;
        }
    }

    public void Add(T item)
    {
        lock (gate) Put(item);
    }

    /// <summary>
    /// Everything that waits and is not urgent, or nothing after the timeout. The list given is emptied and used for what comes next.
    /// </summary>
    public List<T> Take(List<T> spare, TimeSpan timeout)
    {
        spare.Clear();
        lock (gate)
        {
            if (items.Count == 0 && urgent.Count == 0 && timeout > TimeSpan.Zero) Monitor.Wait(gate, WholeMilliseconds(timeout));
            (items, spare) = (spare, items);
            outside = 0;
        }

        return spare;
    }

    /// <summary>
    /// A monitor counts whole ones: what is left of the last would not be waited for, and whoever asks again spins until it is over.
    /// </summary>
    private static int WholeMilliseconds(TimeSpan timeout) => (int)Math.Ceiling(timeout.TotalMilliseconds);

    private void Put(T item)
    {
        items.Add(item);
        if (items.Count == 1) Monitor.Pulse(gate);
    }
}
