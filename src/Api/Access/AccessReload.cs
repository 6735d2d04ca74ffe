using System.Runtime.InteropServices;

namespace CrossMargin.Api.Access;

/// <summary>
/// SIGHUP: the access file was changed. Who was taken out of it is turned away from the next request on. A file that cannot be used
/// leaves the old list in force and says so, because a host that knows nobody would be worse.
/// </summary>
internal sealed partial class AccessReload(AccessList access, AccessRecord record, ILogger<AccessReload> log) : IHostedService, IDisposable
{
    private PosixSignalRegistration? hangUp;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, signal =>
        {
            signal.Cancel = true;   // or the process would end
            Reload();
        });
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose() => hangUp?.Dispose();

    private void Reload()
    {
        try
        {
            access.Reload();
            record.Soon();
            LogReloaded(access.Principals);
        }
        catch (Exception wrong) when (wrong is not OutOfMemoryException)
        {
            LogKept(wrong.Message);   // whatever it is: an exception that leaves a signal's handler ends the process
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "The access file was read again: {Principals} principals")]
    private partial void LogReloaded(int principals);

    [LoggerMessage(2, LogLevel.Error, "The access file was not taken, the list from before stays in force: {Reason}")]
    private partial void LogKept(string reason);
}
