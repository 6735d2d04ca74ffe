using System.Diagnostics;
using CrossMargin.DemoVenue.Clearing;

namespace CrossMargin.DemoVenue;

/// <summary>A session at the pace of the clock. A step that takes longer than its time is followed by the next at once.</summary>
public sealed class LiveRun(Principals principals, Session session, TextWriter output)
{
    private const int StepsBetweenLines = 5;

    public async Task UntilStopped(CancellationToken cancel)
    {
        var summary = new LiveSummary(principals, session, output);
        for (var step = 1L; ; step++)
        {
            var began = Stopwatch.StartNew();
            await session.Advance(push: 0, cancel);
            if (step % StepsBetweenLines == 0) await summary.Print(cancel);
            var left = Session.Step - began.Elapsed;
            if (left > TimeSpan.Zero) await Task.Delay(left, cancel);
        }
    }
}
