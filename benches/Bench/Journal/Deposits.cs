using System.Diagnostics;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;
using CrossMargin.Silos;

namespace CrossMargin.Bench.Journal;

/// <summary>
/// Durable deposits from a custody source: clients that each wait for their answer before they send the next deposit, to accounts of
/// their own, so that every account's numbers are contiguous.
/// </summary>
internal sealed class Deposits(Silo silo, GrainCatalog catalog, AccountId[] accounts)
{
    private readonly SourceId source = new("custody");
    private readonly long[] sequences = new long[accounts.Length];

    /// <summary>Opens the accounts that the clients pay into.</summary>
    public static Deposits Open(Silo silo, GrainCatalog catalog, int accounts)
    {
        var ids = new AccountId[accounts];
        var now = Instant.From(DateTimeOffset.UtcNow);
        using var opened = new CountdownEvent(accounts);
        for (var i = 0; i < accounts; i++)
        {
            var owner = new PrincipalId($"holder-{i}");
            var key = CommandKey.Issue(now, entropyHigh: 0, entropyLow: (ulong)i);
            ids[i] = AccountId.For(owner, key);
            var open = new AccountCommand.Open(owner);
            silo.Submit(
                new Command(ids[i].Grain, open, new Cause.Key(key, catalog.FingerprintOf(ids[i].Grain, open))), new Opening(opened));
        }

        opened.Wait();
        return new Deposits(silo, catalog, ids);
    }

    /// <summary>So many deposits by so many clients; the latencies in milliseconds, one a deposit.</summary>
    public double[] Run(int clients, int deposits)
    {
        using var done = new CountdownEvent(clients);
        var all = new Client[clients];
        for (var i = 0; i < clients; i++) all[i] = new Client(this, first: i, step: clients, deposits / clients, done);
        foreach (var client in all) client.Next();
        done.Wait();
        return [.. all.SelectMany(client => client.Latencies)];
    }

    private void Submit(int account, ICaller caller)
    {
        var sequence = ++sequences[account];
        var body = new AccountCommand.Deposit(new AssetAmount(Asset.Of("USDC"), 1_000_000 + sequence), "batch 7");
        var to = accounts[account].Grain;
        silo.Submit(new Command(to, body, new Cause.Source(source, sequence, catalog.FingerprintOf(to, body))), caller);
    }

    private sealed class Client(Deposits deposits, int first, int step, int count, CountdownEvent done) : ICaller
    {
        private readonly double[] latencies = new double[count];
        private int answered;
        private int account = first;
        private long sent;   // timestamp

        public IReadOnlyList<double> Latencies => latencies;

        public void Next()
        {
            sent = Stopwatch.GetTimestamp();
            deposits.Submit(account, this);
            account += step;
            if (account >= deposits.sequences.Length) account %= step;
        }

        public void Answer(in Reply reply)
        {
            if (reply.Rejection != Rejection.None) throw new InvalidOperationException($"a deposit was refused: {reply.Rejection.Code()}");
            latencies[answered++] = Stopwatch.GetElapsedTime(sent).TotalMilliseconds;
            if (answered < latencies.Length) Next();
            else done.Signal();
        }
    }

    private sealed class Opening(CountdownEvent opened) : ICaller
    {
        public void Answer(in Reply reply)
        {
            if (reply.Rejection != Rejection.None) throw new InvalidOperationException($"an account was not opened: {reply.Rejection.Code()}");
            opened.Signal();
        }
    }
}
