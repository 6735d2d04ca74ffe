using CrossMargin.Runtime.Records;

namespace CrossMargin.Faults.Clients;

/// <summary>A number of clients at work, each with its file.</summary>
internal sealed class Traffic : IAsyncDisposable
{
    public const int Clients = 8;

    private readonly Town town;
    private readonly Client[] clients;
    private readonly Task running;

    private Traffic(string directory, int seed, Uri host, ShardMap shards, CancellationToken limit)
    {
        Directory.CreateDirectory(directory);
        town = new Town(host, shards, limit);
        clients = [.. Enumerable.Range(0, Clients).Select(number => new Client(
            number, unchecked((seed * 31) + number), town, new ClientLog(Path.Combine(directory, $"{Access.Client(number)}.jsonl"))))];
        running = Task.WhenAll(clients.Select(client => Task.Run(client.Run, limit)));
    }

    public static Traffic Start(string directory, int seed, Uri host, ShardMap shards, CancellationToken limit) =>
        new(directory, seed, host, shards, limit);

    public long Settled => town.Settled;

    public long Unknown => town.Unknown;

    public int OutTo(Uri host) => town.OutTo(host);

    /// <summary>What all clients know at this moment.</summary>
    public List<Told> Read() => [.. clients.SelectMany(client => client.Log.Read())];

    /// <summary>All clients send to this host from now on.</summary>
    public void Aim(Uri host)
    {
        foreach (var client in clients) client.Host = host;
    }

    /// <summary>Every second client does; the others go on as they were.</summary>
    public void AimHalf(Uri host)
    {
        for (var number = 0; number < clients.Length; number += 2) clients[number].Host = host;
    }

    /// <summary>Throws when a client has failed, which none does for a fault of the venue.</summary>
    public async Task Check()
    {
        if (running.IsFaulted) await running;
    }

    /// <summary>Comes to rest: every command is known or given up.</summary>
    public async Task End()
    {
        town.Close();
        await running;
    }

    public async ValueTask DisposeAsync()
    {
        town.Close();
        await Task.WhenAny(running);   // how it ended was said by End, or does not matter any more
        foreach (var client in clients) client.Dispose();
    }
}
