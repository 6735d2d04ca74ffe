using System.Globalization;
using Npgsql;

namespace CrossMargin.Api.Tests;

/// <summary>The PostgreSQL that a host has started for itself, as its files describe it.</summary>
internal static class PrivatePostgres
{
    public static string ConnectionString(string dataDirectory, string role, string database = "crossmargin") => new NpgsqlConnectionStringBuilder
    {
        Host = "127.0.0.1",
        Port = int.Parse(Postmaster(dataDirectory)[3], CultureInfo.InvariantCulture),
        Username = role,
        Password = File.ReadAllText(Path.Combine(dataDirectory, "postgres", "password")).Trim(),
        Database = database,
        Pooling = false,
    }.ConnectionString;

    public static bool IsRunning(string dataDirectory) => File.Exists(PidFile(dataDirectory));

    private static string[] Postmaster(string dataDirectory) => File.ReadAllLines(PidFile(dataDirectory));

    private static string PidFile(string dataDirectory) => Path.Combine(dataDirectory, "postgres", "cluster", "postmaster.pid");
}
