using System.Runtime.InteropServices;
using CrossMargin.Journal.Embedded;

namespace CrossMargin.Api.Hosting;

/// <summary>
/// The private PostgreSQL by itself, for several silos on one machine: none of them may be the one that takes it along when it stops.
/// How to reach it stands in a file that only its owner reads.
/// </summary>
internal static class DatabaseHost
{
    public const string ConnectionsFile = "database.env";

    public static async Task<int> Run(string directory)
    {
        using var stopped = new CancellationTokenSource();
        using var term = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        Directory.CreateDirectory(directory);
        var server = await EmbeddedPostgres.Start(
            new EmbeddedPostgresOptions { Directory = Path.Combine(directory, "postgres") }, stopped.Token);
        Write(Path.Combine(directory, ConnectionsFile), server);
        try
        {
            await Task.Delay(Timeout.Infinite, stopped.Token);
        }
        catch (OperationCanceledException)
        {
            server.Stop();
        }

        return 0;

        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            stopped.Cancel();
        }
    }

    /// <summary>Whole or not at all: whoever waits for the file reads it at once.</summary>
    private static void Write(string path, EmbeddedPostgres server)
    {
        var aside = path + ".new";
        File.Delete(aside);
        using (var file = new FileStream(aside, new FileStreamOptions
        {
            Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        }))
        using (var writer = new StreamWriter(file))
        {
            writer.WriteLine($"CROSSMARGIN__CONNECTIONSTRING='{server.AppConnection}'");
            writer.WriteLine($"CROSSMARGIN__MIGRATIONCONNECTIONSTRING='{server.MigrateConnection}'");
        }

        File.Move(aside, path, overwrite: true);
    }
}
