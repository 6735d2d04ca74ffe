using Npgsql;

namespace CrossMargin.Journal;

/// <summary>
/// How this project talks to PostgreSQL. No lock is held across a client that has stopped, on either side of the wire:
/// every default of "for ever" is replaced here, in the start-up packet, so that no session runs without it. Plans are
/// made once for all parameters: planning the commit costs more than running it.
/// </summary>
internal static class Sessions
{
    /// <summary>A commit of 4,000 rows on a slow disk fits in it many times over.</summary>
    private const int StatementSeconds = 10;

    private static readonly string Bounds = string.Join(' ',
        $"-c statement_timeout={StatementSeconds}s",
        "-c lock_timeout=5s",
        "-c idle_in_transaction_session_timeout=1s",
        "-c tcp_user_timeout=10s",
        "-c client_connection_check_interval=1s",
        "-c plan_cache_mode=force_generic_plan",
        // Records are read, and heads locked, in the order of an index or an array, also before the first ANALYZE.
        "-c enable_bitmapscan=off",
        "-c enable_seqscan=off",
        "-c enable_hashjoin=off",
        "-c enable_mergejoin=off",
        "-c jit=off");

    public static NpgsqlDataSource Open(string connectionString, int maxSessions)
    {
        var settings = Settings(connectionString);
        settings.Pooling = true;                  // a session costs milliseconds on both sides: sixty-four shards start at once
        settings.MaxPoolSize = maxSessions;
        return NpgsqlDataSource.Create(settings);
    }

    /// <summary>For reads alone: the server refuses whatever else is asked in them.</summary>
    public static NpgsqlDataSource OpenReading(string connectionString, int maxSessions)
    {
        var settings = Settings(connectionString);
        settings.Options = $"{settings.Options} -c default_transaction_read_only=on";
        if (settings.TargetSessionAttributes == "read-write") settings.TargetSessionAttributes = "primary";   // by its session, none is
        settings.Pooling = true;
        settings.MaxPoolSize = maxSessions;
        return NpgsqlDataSource.Create(settings);
    }

    /// <summary>The same without a pool: every session is a new one.</summary>
    public static NpgsqlDataSource OpenUnpooled(string connectionString)
    {
        var settings = Settings(connectionString);
        settings.Pooling = false;
        return NpgsqlDataSource.Create(settings);
    }

    private static NpgsqlConnectionStringBuilder Settings(string connectionString)
    {
        NpgsqlConnectionStringBuilder settings;
        try
        {
            settings = new NpgsqlConnectionStringBuilder(connectionString);
        }
        catch (ArgumentException wrong)
        {
            throw new JournalRefused($"The connection string cannot be read: {wrong.Message}", wrong);
        }

        settings.Options = $"{Bounds} {settings.Options}".Trim();   // the later wins: an operator may tighten a bound
        settings.ApplicationName ??= "crossmargin";
        settings.ReadBufferSize = 65_536;         // a page of records is megabytes
        settings.WriteBufferSize = 262_144;       // a commit of a thousand rows: the server is woken by all of it, and once
        settings.NoResetOnClose = true;           // nobody here changes a session, so there is nothing to reset
        settings.MaxAutoPrepare = 16;
        settings.AutoPrepareMinUsages = 2;
        settings.HostRecheckSeconds = 1;          // of several hosts, the standby of a moment ago may be the primary now
        settings.Timeout = 5;
        settings.CommandTimeout = StatementSeconds + 2;   // the server gives up first and says why
        settings.CancellationTimeout = 2_000;
        settings.Enlist = false;
        return settings;
    }

    /// <summary>Opens a session, or says in one sentence why there is none.</summary>
    public static async Task<NpgsqlConnection> Connect(NpgsqlDataSource source, CancellationToken cancel)
    {
        try
        {
            return await source.OpenConnectionAsync(cancel);
        }
        catch (NpgsqlException failure)
        {
            throw new JournalRefused(Explain(failure, new NpgsqlConnectionStringBuilder(source.ConnectionString)),
                failure);
        }
    }

    /// <summary>One sentence for a server that was reached and then failed what a start needs of it.</summary>
    public static JournalRefused Refused(string what, NpgsqlException failure) => new(
        failure is PostgresException said
            ? $"{what}: {said.MessageText} ({said.SqlState})."
            : $"{what}: {failure.InnerException?.Message ?? failure.Message}.",
        failure);

    private static string Explain(NpgsqlException failure, NpgsqlConnectionStringBuilder to)
    {
        var server = $"{to.Host}:{to.Port}";
        return failure.SqlState switch
        {
            "28P01" or "28000" => $"PostgreSQL at {server} does not let {to.Username} in: wrong password or role.",
            "3D000" => $"PostgreSQL at {server} has no database {to.Database}: create it, then run the migrations.",
            "53300" => $"PostgreSQL at {server} has no connection left: raise max_connections or stop another client.",
            "57P03" => $"PostgreSQL at {server} is starting up or shutting down: try again in a moment.",
            null => $"No PostgreSQL answers at {server}: {failure.InnerException?.Message ?? failure.Message}.",
            var state => $"PostgreSQL at {server} refuses the connection ({state}): {failure.Message}.",
        };
    }
}
