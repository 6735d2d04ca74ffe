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

    /// <summary>Plants another text in a record, past the guards that keep the journal append-only.</summary>
    public static async Task RewritePayload(string dataDirectory, string address, string from, string to)
    {
        await using var source = NpgsqlDataSource.Create(ConnectionString(dataDirectory, "postgres"));
        await using var session = await source.OpenConnectionAsync(TestContext.Current.CancellationToken);
        await using var command = new NpgsqlCommand($"""
            SET session_replication_role = replica;
            UPDATE journal SET payload = convert_to(replace(convert_from(payload, 'UTF8'), '{from}', '{to}'), 'UTF8')
            WHERE shard = {address.Split(':')[0]} AND position = {address.Split(':')[1]}
            """, session);
        (await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken)).ShouldBe(1);
    }
}
