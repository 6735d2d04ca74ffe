namespace CrossMargin.Silos;

/// <summary>
/// Many threads put in, one takes out, everything at once. What comes from outside is refused beyond a limit; what the
/// silo's own
/// parts answer is always taken, because something waits for it.
/// </summary>
internal sealed class Inbox<T>(int outsideLimit)
{
    private readonly object gate = new();
    private List<T> items = [];
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
    /// Everything that waits, or nothing after the timeout. The list given is emptied and used for what comes next.
    /// </summary>
    public List<T> Take(List<T> spare, TimeSpan timeout)
    {
        spare.Clear();
        lock (gate)
        {
            if (items.Count == 0 && timeout > TimeSpan.Zero) Monitor.Wait(gate, timeout);
            (items, spare) = (spare, items);
            outside = 0;
        }

        return spare;
    }

    private void Put(T item)
    {
        items.Add(item);
        if (items.Count == 1) Monitor.Pulse(gate);
    }
}
