using System.Diagnostics;

namespace CrossMargin.Faults.Processes;

/// <summary>
/// Nothing here depends on how long something takes: a test waits for what it needs to see, and gives up, with a
/// sentence, only after far more time than a slow machine takes.
/// </summary>
internal static class Wait
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    public static Task Until(Func<bool> holds, string what, CancellationToken limit) =>
        Until(() => Task.FromResult(holds()), what, limit);

    public static async Task Until(Func<Task<bool>> holds, string what, CancellationToken limit)
    {
        for (var waited = Stopwatch.StartNew(); !await holds(); await Task.Delay(Pause, limit))
        {
            if (waited.Elapsed > Patience)
                throw new TimeoutException($"{Patience.TotalSeconds:0} s passed and still not: {what}");
        }
    }
}
