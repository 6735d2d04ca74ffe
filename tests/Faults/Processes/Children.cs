namespace CrossMargin.Faults.Processes;

/// <summary>
/// Every process that this one started and has not seen end. Whatever ends this program, Ctrl-C and an exception
/// included, ends them: a server that outlives its test would be found by nobody.
/// </summary>
internal static class Children
{
    private static readonly Lock Gate = new();
    private static readonly HashSet<int> Pids = [];
    private static readonly List<Action> AtExit = [];

    static Children() => AppDomain.CurrentDomain.ProcessExit += (_, _) => EndAll();

    public static void Add(int pid)
    {
        lock (Gate) Pids.Add(pid);
    }

    public static void Remove(int pid)
    {
        lock (Gate) Pids.Remove(pid);
    }

    /// <summary>What else has to be undone when this program ends before it has done so itself.</summary>
    public static IDisposable Undo(Action action)
    {
        lock (Gate) AtExit.Add(action);
        return new Undoing(action);
    }

    private static void EndAll()
    {
        lock (Gate)
        {
            foreach (var pid in Pids) Signal.KillHard(pid);
            for (var last = AtExit.Count - 1; last >= 0; last--) AtExit[last]();
        }
    }

    private sealed class Undoing(Action action) : IDisposable
    {
        public void Dispose()
        {
            lock (Gate)
            {
                if (!AtExit.Remove(action)) return;
            }

            action();
        }
    }
}
