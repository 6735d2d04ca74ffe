using System.Text.Json;
using CrossMargin.Faults.Clients;
using CrossMargin.Faults.Processes;
using Npgsql;

namespace CrossMargin.Cluster;

/// <summary>One silo of the venue, over all processes that were started under its name.</summary>
internal sealed class Silo(
    string name, string directory, IReadOnlyList<string> databases, IReadOnlyDictionary<string, string> settings) : IDisposable
{
    private readonly int link = Ports.Free(), port = Ports.Free();
    private readonly List<Host> lives = [];
    private readonly NpgsqlConnectionStringBuilder[] databases = [.. databases.Select(database => new NpgsqlConnectionStringBuilder(database))];
    private readonly Wire?[] toDatabase = new Wire?[databases.Count];
    private Wire? wire;

    public string Name => name;

    /// <summary>What everybody dials who dials this silo.</summary>
    public Wire Wire => wire ??= Wire.To(link);

    /// <summary>Between this silo and PostgreSQL, where that is one host.</summary>
    public Wire ToDatabase => WireTo(0);

    /// <summary>Between this silo and one of several.</summary>
    public Wire WireTo(int database) => toDatabase[database] ??= Wire.To(databases[database].Port);

    /// <summary>What the settings of a database begin with.</summary>
    public static string SettingOf(int database, int of) => of == 1 ? "CROSSMARGIN__" : $"CROSSMARGIN__DATABASES__{database}__";

    /// <summary>The process that runs, or ran last.</summary>
    public Host Host => lives[^1];

    public bool IsUp => lives.Count > 0 && !Host.HasExited;

    public void Start()
    {
        var data = Path.Combine(directory, name);
        if (lives.Count == 0) Access.Write(data, Traffic.Clients);
        var own = new Dictionary<string, string>(settings)
        {
            ["CROSSMARGIN__DATADIRECTORY"] = data,
            ["CROSSMARGIN__SILO"] = name,
            ["CROSSMARGIN__LINK"] = $"127.0.0.1:{Wire.Port}",
            ["CROSSMARGIN__LINKLISTEN"] = $"127.0.0.1:{link}",
        };
        for (var i = 0; i < databases.Length; i++) own[$"{SettingOf(i, databases.Length)}CONNECTIONSTRING"] = ConnectionTo(i);
        lives.Add(Host.Start(Path.Combine(directory, $"{name}-{lives.Count + 1}.log"), port, own));
    }

    private string ConnectionTo(int database) => databases[database].Host!.Contains(',', StringComparison.Ordinal)
        ? databases[database].ConnectionString
        : new NpgsqlConnectionStringBuilder(databases[database].ConnectionString) { Port = WireTo(database).Port }.ConnectionString;

    /// <summary>What the silo says of all of them; null while it does not answer.</summary>
    public async Task<JsonElement?> Cluster(HttpClient http, CancellationToken limit)
    {
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(Host.Address, "/v1/cluster"));
            request.Headers.Authorization = new("Bearer", Access.TokenOf(Access.Operator));
            using var answer = await http.SendAsync(request, limit);
            return answer.IsSuccessStatusCode
                ? JsonSerializer.Deserialize<JsonElement>(await answer.Content.ReadAsStringAsync(limit))
                : null;
        }
        catch (Exception no) when (no is HttpRequestException or IOException or JsonException
            || (no is TaskCanceledException && !limit.IsCancellationRequested))
        {
            return null;
        }
    }

    public void Dispose()
    {
        foreach (var life in lives) life.Dispose();
        wire?.Dispose();
        foreach (var one in toDatabase) one?.Dispose();
    }
}
