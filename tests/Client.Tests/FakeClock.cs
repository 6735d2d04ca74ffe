using System.Diagnostics;

namespace CrossMargin.Clients.Tests;

/// <summary>Time that passes only when everybody waits for it: the next timer is then due.</summary>
internal sealed class FakeClock : TimeProvider
{
    private static readonly TimeSpan Stuck = TimeSpan.FromSeconds(30);

    private readonly Lock gate = new();
    private readonly List<Timer> timers = [];
    private TimeSpan now;

    public TimeSpan Now
    {
        get { lock (gate) return now; }
    }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => Now.Ticks;

    public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch + Now;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Lets time pass until it is done. Nothing else runs meanwhile: a step ends before the next begins.</summary>
    public T Run<T>(Func<Task<T>> act)
    {
        var before = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);   // so that a continuation runs where it was caused
        try
        {
            var task = act();
            var waited = Stopwatch.StartNew();
            while (!task.IsCompleted)
            {
                // A cancellation runs on another thread; nothing but that is waited for in real time.
                if (!FireNext() && !task.Wait(millisecondsTimeout: 1) && waited.Elapsed > Stuck) throw new InvalidOperationException("nobody will ever answer");
            }

            return task.GetAwaiter().GetResult();
        }
        catch (AggregateException failed)
        {
            throw failed.InnerException!;
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(before);
        }
    }

    private bool FireNext()
    {
        Timer? next;
        lock (gate)
        {
            next = timers.MinBy(timer => timer.Due);
            if (next is null) return false;
            timers.Remove(next);
            if (next.Due > now) now = next.Due;
        }

        next.Fire();
        return true;
    }

    private sealed class Timer(FakeClock clock, TimerCallback callback, object? state) : ITimer
    {
        public TimeSpan Due { get; private set; }

        public void Fire() => callback(state);

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (clock.gate)
            {
                clock.timers.Remove(this);
                if (dueTime < TimeSpan.Zero) return true;
                Due = clock.now + dueTime;
                clock.timers.Add(this);
                return true;
            }
        }

        public void Dispose()
        {
            lock (clock.gate) clock.timers.Remove(this);
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
