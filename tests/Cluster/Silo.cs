using System.Text.Json;
using CrossMargin.Faults.Clients;
using CrossMargin.Faults.Processes;
using Npgsql;

namespace CrossMargin.Cluster;

/// <summary>One silo of the venue, over all processes that were started under its name.</summary>
internal sealed class Silo(string name, string directory, string database, IReadOnlyDictionary<string, string> settings) : IDisposable
{
    private readonly int link = Ports.Free(), port = Ports.Free();
    private readonly List<Host> lives = [];
    private readonly NpgsqlConnectionStringBuilder database = new(database);
    private Wire? wire, toDatabase;

    public string Name => name;

    /// <summary>What everybody dials who dials this silo.</summary>
    public Wire Wire => wire ??= Wire.To(link);

    /// <summary>Between this silo and PostgreSQL, where that is one host.</summary>
    public Wire ToDatabase => toDatabase ??= Wire.To(database.Port);

    /// <summary>The process that runs, or ran last.</summary>
    public Host Host => lives[^1];

    public bool IsUp => lives.Count > 0 && !Host.HasExited;

    public void Start()
    {
        var data = Path.Combine(directory, name);
        if (lives.Count == 0) Access.Write(data, Traffic.Clients);
        lives.Add(Host.Start(Path.Combine(directory, $"{name}-{lives.Count + 1}.log"), port, new Dictionary<string, string>(settings)
        {
            ["CROSSMARGIN__DATADIRECTORY"] = data,
            ["CROSSMARGIN__SILO"] = name,
            ["CROSSMARGIN__CONNECTIONSTRING"] = Connection,
            ["CROSSMARGIN__LINK"] = $"127.0.0.1:{Wire.Port}",
            ["CROSSMARGIN__LINKLISTEN"] = $"127.0.0.1:{link}",
        }));
    }

    private string Connection => database.Host!.Contains(',', StringComparison.Ordinal)
        ? database.ConnectionString
        : new NpgsqlConnectionStringBuilder(database.ConnectionString) { Port = ToDatabase.Port }.ConnectionString;

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
        toDatabase?.Dispose();
    }
}
