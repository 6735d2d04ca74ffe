using CrossMargin.Journal;

namespace CrossMargin.Api.Hosting;

/// <summary>
/// Which databases do not answer. However many probes ask, and however often, the databases are asked once a second at most, and not
/// at all while nobody does.
/// </summary>
internal sealed class DatabaseLook(Func<CancellationToken, Task<IReadOnlyList<DatabaseShare>>> ask, TimeProvider clock)
{
    private static readonly TimeSpan GoodFor = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private readonly Lock gate = new();
    private Task<IReadOnlyList<DatabaseShare>>? look;
    private long began;

    public Task<IReadOnlyList<DatabaseShare>> Away()
    {
        lock (gate)
        {
            if (look is null || (look.IsCompleted && clock.GetElapsedTime(began) >= GoodFor))
            {
                began = clock.GetTimestamp();
                look = Look();
            }

            return look;
        }
    }

    private async Task<IReadOnlyList<DatabaseShare>> Look()
    {
        using var patience = new CancellationTokenSource(Patience, clock);
        return await ask(patience.Token);
    }
}
