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
    private readonly ShardMap shards;
    private readonly IReadOnlyList<ShardSet> homes;   // of which client i's accounts are all in one
    private readonly Client[] clients;
    private readonly Task running;

    private Traffic(string directory, int seed, Uri host, ShardMap shards, IReadOnlyList<ShardSet> homes, CancellationToken limit)
    {
        (this.directory, this.seed, this.limit, this.shards, this.homes) = (directory, seed, limit, shards, homes);
        Directory.CreateDirectory(directory);
        town = new Town(host, shards, limit);
        clients = [.. Enumerable.Range(0, Clients).Select(NewClient)];
        running = Task.WhenAll(clients.Select(client => Task.Run(client.Run, limit)));
    }

    private Client NewClient(int number) => new(
        number, unchecked((seed * 31) + number), town, account => HomeOf(number).Contains(shards.ShardOf(account.Grain)),
        new ClientLog(Path.Combine(directory, $"{Access.Client(number)}.jsonl")));

    public static Traffic Start(string directory, int seed, Uri host, ShardMap shards, CancellationToken limit) =>
        Start(directory, seed, host, shards, [ShardSet.Of(shards.Shards)], limit);

    /// <summary>Each client has all of its accounts in one of these sets of shards; whom it pays may be anywhere.</summary>
    public static Traffic Start(
        string directory, int seed, Uri host, ShardMap shards, IReadOnlyList<ShardSet> homes, CancellationToken limit) =>
        new(directory, seed, host, shards, homes, limit);

    private ShardSet HomeOf(int client) => homes[client % homes.Count];

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
    public Task Flows(Uri host) => Flow(clients.Where(client => client.Host == host), $"the clients of {host} are answered");

    /// <summary>The same of those who live in these shards.</summary>
    public Task Flows(ShardSet home) =>
        Flow(clients.Where((_, number) => HomeOf(number) == home), $"clients in shards {home} are answered");

    private Task Flow(IEnumerable<Client> some, string what)
    {
        var before = some.Select(client => (Client: client, client.Done)).ToList();
        return Wait.Until(async () =>
        {
            if (running.IsFaulted) await running;   // a client fails only when it hears what none should
            return before.All(one => one.Client.Done >= one.Done + 2);
        }, what, limit);
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
