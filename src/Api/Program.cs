using CrossMargin.Api.Hosting;
using CrossMargin.Api.OpenApi;
using CrossMargin.Journal;
using CrossMargin.Runtime.Records;
using Microsoft.AspNetCore.Connections;

namespace CrossMargin.Api;

/// <summary>
/// The process: starts the venue, serves it, and stops it in order. What cannot start says why in one sentence.
/// </summary>
internal static partial class Program
{
    private const int Refused = 1;
    private const int LostShard = 3;
    private const int DistrustedServer = 4;

    private static async Task<int> Main(string[] arguments)
    {
        try
        {
            return arguments switch
            {
                ["--openapi", var path] => await WriteDocument(path),
                ["--database", var directory] => await DatabaseHost.Run(directory),
                ["--migrate"] => await Migrate(),
                _ => await Serve(arguments),
            };
        }
        catch (Exception refused) when (refused is StartRefused or JournalRefused)
        {
            await Console.Error.WriteLineAsync(refused.Message);
            return Refused;
        }
    }

    private static async Task<int> Serve(string[] arguments)
    {
        await using var app = ApiApplication.Build(arguments);
        var (venue, options) = (app.Services.GetRequiredService<Venue>(), app.Services.GetRequiredService<VenueOptions>());
        var log = app.Services.GetRequiredService<ILogger<Venue>>();
        MakeDataDirectory(options.DataDirectory);
        app.Services.GetRequiredService<Access.AccessList>();   // a broken access file stops the start, not the first request

        var exitCode = 0;
        venue.ShardLost += shard =>
        {
            if (Interlocked.Exchange(ref exitCode, LostShard) != LostShard) LogLost(log, shard.Number);
            app.Lifetime.StopApplication();
        };
        venue.Replaced += () =>
        {
            exitCode = LostShard;
            app.Lifetime.StopApplication();
        };
        venue.Distrusted += sentence =>
        {
            exitCode = DistrustedServer;
            LogDistrusted(log, sentence);
            app.Lifetime.StopApplication();
        };
        app.Lifetime.ApplicationStopping.Register(venue.BeginClosing);

        try
        {
            // The port first: that it is taken is known before a database is touched, and probes are answered meanwhile.
            await Listen(app, options);
            await venue.Open(app.Lifetime.ApplicationStopping);
            LogOpen(log, app.Urls.First());
            await app.WaitForShutdownAsync();
        }
        catch (OperationCanceledException) when (app.Lifetime.ApplicationStopping.IsCancellationRequested)
        {
            // Stopped while it was starting.
        }
        finally
        {
            await app.StopAsync();
            await venue.Close();
        }

        LogStopped(log);
        return exitCode;
    }

    /// <summary>Brings the schema up to date and makes the venue where there is none, before the silos of a release start.</summary>
    private static async Task<int> Migrate()
    {
        await using var app = ApiApplication.Build([]);
        var options = app.Services.GetRequiredService<VenueOptions>();
        var databases = options.MigrationAddresses();
        if (databases.Count == 0)
            throw new StartRefused(
                "--migrate needs the setting CrossMargin:MigrationConnectionString, as the role crossmargin_migrate; "
                + "where there are several databases, that of each.");
        await Migrations.Apply(databases, options.Venue, new ShardMap(options.Shards));
        foreach (var database in databases)
        {
            LogMigrated(
                app.Services.GetRequiredService<ILogger<Venue>>(), database.Share.Name, database.Share.Shards.ToString(), options.Venue,
                Migrations.Newest);
        }

        return 0;
    }

    private static async Task Listen(WebApplication app, VenueOptions options)
    {
        try
        {
            await app.StartAsync();
        }
        catch (IOException taken) when (taken.InnerException is AddressInUseException)
        {
            throw new StartRefused($"Port {options.Port} of {options.Address} is in use by another program: give another one.", taken);
        }
        catch (System.Net.Sockets.SocketException refused)
        {
            throw new StartRefused($"{options.Address}:{options.Port} cannot be listened on: {refused.Message}.", refused);
        }
    }

    private static void MakeDataDirectory(string directory)
    {
        try
        {
            Directory.CreateDirectory(directory);
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            throw new StartRefused($"The data directory {directory} cannot be made: {refused.Message}", refused);
        }
    }

    /// <summary>Routes are known once the server has started: it does so on any port, with nothing behind it.</summary>
    private static async Task<int> WriteDocument(string path)
    {
        var nothing = Directory.CreateTempSubdirectory("crossmargin-openapi-").FullName;
        await using var app = ApiApplication.Build(["--CrossMargin:Port=0", $"--CrossMargin:DataDirectory={nothing}"]);
        await app.StartAsync();
        await File.WriteAllTextAsync(path, await VenueDocument.Write(app.Services));
        await app.StopAsync();
        Directory.Delete(nothing, recursive: true);
        return 0;
    }

    [LoggerMessage(1, LogLevel.Information, "Serving at {Address}")]
    private static partial void LogOpen(ILogger log, string address);

    [LoggerMessage(2, LogLevel.Critical, "Another process has taken shard {Shard}: this one stops")]
    private static partial void LogLost(ILogger log, int shard);

    [LoggerMessage(4, LogLevel.Critical, "{Sentence} Nothing more is taken in: this process stops")]
    private static partial void LogDistrusted(ILogger log, string sentence);

    [LoggerMessage(5, LogLevel.Information,
        "Database {Database} has the shards {Shards} of the venue {Venue} and schema version {Version}")]
    private static partial void LogMigrated(ILogger log, string database, string shards, string venue, int version);

    [LoggerMessage(3, LogLevel.Information, "Stopped")]
    private static partial void LogStopped(ILogger log);
}
