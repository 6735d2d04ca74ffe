using System.Diagnostics;
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

    /// <summary>Ends its sessions and itself, and the host has not asked for it.</summary>
    public static async Task TakeAway(string dataDirectory)
    {
        using var stop = Process.Start("kill", ["-INT", Postmaster(dataDirectory)[0]]);
        while (IsRunning(dataDirectory)) await Task.Delay(20, TestContext.Current.CancellationToken);
    }

    private static string[] Postmaster(string dataDirectory) => File.ReadAllLines(PidFile(dataDirectory));

    private static string PidFile(string dataDirectory) => Path.Combine(dataDirectory, "postgres", "cluster", "postmaster.pid");

    /// <summary>Plants another text in a record, past the guards that keep the journal append-only.</summary>
    public static Task RewritePayload(string dataDirectory, string address, string from, string to) =>
        Plant(dataDirectory, $"payload = convert_to(replace(convert_from(payload, 'UTF8'), '{from}', '{to}'), 'UTF8')", At(address));

    /// <summary>The same in the one record of a type that has this text in it.</summary>
    public static Task RewritePayload(string dataDirectory, (string Type, string Text) of, string from, string to) => Plant(
        dataDirectory, $"payload = convert_to(replace(convert_from(payload, 'UTF8'), '{from}', '{to}'), 'UTF8')",
        $"type = '{of.Type}' AND convert_from(payload, 'UTF8') LIKE '%{of.Text}%'");

    /// <summary>Where the record was there is none, and behind the head there is one too many, which nobody reads.</summary>
    public static Task MoveAway(string dataDirectory, string address, long by) =>
        Plant(dataDirectory, $"position = position + {by}", At(address));

    private static string At(string address) => $"shard = {address.Split(':')[0]} AND position = {address.Split(':')[1]}";

    private static async Task Plant(string dataDirectory, string change, string where)
    {
        await using var source = NpgsqlDataSource.Create(ConnectionString(dataDirectory, "postgres"));
        await using var session = await source.OpenConnectionAsync(TestContext.Current.CancellationToken);
        await using var command = new NpgsqlCommand($"""
            SET session_replication_role = replica;
            UPDATE journal SET {change} WHERE {where}
            """, session);
        (await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken)).ShouldBe(1);
    }
}
