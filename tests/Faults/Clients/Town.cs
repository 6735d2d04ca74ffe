using System.Collections.Concurrent;
using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Faults.Clients;

/// <summary>
/// What the clients of one run share: who can be paid, how much was answered, and whether it is time to end.
/// </summary>
internal sealed class Town(Uri host, ShardMap shards, CancellationToken limit)
{
    private readonly Lock gate = new();
    private readonly List<AccountId> accounts = [];
    private readonly ConcurrentDictionary<Uri, int> outstanding = [];
    private long unknown;
    private volatile bool isClosing;

    public Uri Host => host;

    /// <summary>No new commands; those that are out are asked for until they are known.</summary>
    public bool IsClosing => isClosing;

    /// <summary>Answers so far that said nothing.</summary>
    public long Unknown => Interlocked.Read(ref unknown);

    /// <summary>Commands that are out at this moment, to one host or to any.</summary>
    public int OutTo(Uri one) => outstanding.GetValueOrDefault(one);

    public void Close() => isClosing = true;

    public void Add(AccountId account)
    {
        lock (gate) accounts.Add(account);
    }

    /// <summary>Another account to pay: as often one of the same shard, where there is one, as any.</summary>
    public AccountId Partner(AccountId of, Random draws)
    {
        lock (gate)
        {
            var others = accounts.FindAll(other => other != of);
            var near = others.FindAll(other => shards.ShardOf(other.Grain) == shards.ShardOf(of.Grain));
            var chosen = draws.Next(2) == 0 && near.Count > 0 ? near : others;
            return chosen[draws.Next(chosen.Count)];
        }
    }

    public void Count(Answer answer)
    {
        if (answer.Said is Said.Unknown) Interlocked.Increment(ref unknown);
    }

    public async Task<T> Counted<T>(Uri to, int commands, Func<Task<T>> send)
    {
        limit.ThrowIfCancellationRequested();
        outstanding.AddOrUpdate(to, commands, (_, before) => before + commands);
        try
        {
            return await send();
        }
        finally
        {
            outstanding.AddOrUpdate(to, 0, (_, before) => before - commands);
        }
    }

    /// <summary>Between two tries, so that a server that comes back is not stormed.</summary>
    public Task Pause(Random draws) => Task.Delay(draws.Next(20, 100), limit);
}
