using CrossMargin.Contracts;
using CrossMargin.Faults.Processes;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Faults.Clients;

/// <summary>A number of clients at work, each with its file.</summary>
internal sealed class Traffic : IAsyncDisposable
{
    public const int Clients = 8;

    private readonly string directory;
    private readonly int seed;
    private readonly CancellationToken limit;
    private readonly Town town;
    private readonly Client[] clients;
    private readonly Task running;

    private Traffic(string directory, int seed, Uri host, ShardMap shards, CancellationToken limit)
    {
        (this.directory, this.seed, this.limit) = (directory, seed, limit);
        Directory.CreateDirectory(directory);
        town = new Town(host, shards, limit);
        clients = [.. Enumerable.Range(0, Clients).Select(NewClient)];
        running = Task.WhenAll(clients.Select(client => Task.Run(client.Run, limit)));
    }

    private Client NewClient(int number) => new(
        number, unchecked((seed * 31) + number), town,
        new ClientLog(Path.Combine(directory, $"{Access.Client(number)}.jsonl")));

    public static Traffic Start(string directory, int seed, Uri host, ShardMap shards, CancellationToken limit) =>
        new(directory, seed, host, shards, limit);

    public long Unknown => town.Unknown;

    /// <summary>Whom clients pay besides each other.</summary>
    public void Add(AccountId account) => town.Add(account);

    public int OutTo(Uri host) => town.OutTo(host);

    /// <summary>What all clients know at this moment.</summary>
    public List<Told> Read() => [.. clients.SelectMany(client => client.Log.Read())];

    /// <summary>All clients send to this host from now on.</summary>
    public void Aim(Uri host)
    {
        foreach (var client in clients) client.Host = host;
    }

    /// <summary>The clients turn to these hosts, as evenly as they can.</summary>
    public void AimAt(IReadOnlyList<Uri> hosts)
    {
        for (var number = 0; number < clients.Length; number++) clients[number].Host = hosts[number % hosts.Count];
    }

    /// <summary>Every second client does; the others go on as they were.</summary>
    public void AimHalf(Uri host)
    {
        for (var number = 0; number < clients.Length; number += 2) clients[number].Host = host;
    }

    /// <summary>
    /// Waits until every client of this host has done two things more: the one that it was at when it was asked, and
    /// whatever a fault did to it, is then behind it.
    /// </summary>
    public async Task Flows(Uri host)
    {
        var before = Array.ConvertAll(clients, client => client.Done);
        await Wait.Until(async () =>
        {
            if (running.IsFaulted) await running;   // a client fails only when it hears what none should
            return clients.Zip(before).All(one => one.First.Host != host || one.First.Done >= one.Second + 2);
        }, $"the clients of {host} are answered", limit);
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
