using System.Diagnostics;
using System.Globalization;
using CrossMargin.Contracts;
using CrossMargin.Faults.Clients;

namespace CrossMargin.Cluster;

/// <summary>
/// ./bench cluster: how long shards are away when a silo dies, is frozen or leaves, and what it costs to divide them. On one machine,
/// so nothing here says that several silos are faster.
/// </summary>
internal static class Measure
{
    private const int Accounts = 10_000, Rounds = 4, AtOnce = 16;

    /// <summary>Between two deposits of one probe: all of them together stay far below what one principal may send.</summary>
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(60);

    private static readonly string Teller = Access.TokenOf(Access.Operator);

    /// <summary>Of the parts that are named, or of both.</summary>
    public static async Task<int> Run(string[] parts)
    {
        if (parts is [] or ["cost"])
            await MeasureCost.Run();
        if (parts is [] or ["away"]) await Away();
        return 0;
    }

    private static async Task Away() =>
        await Venue.Play(seed: 7, silos: 3, async venue =>
        {
            var accounts = await Open(venue, Accounts);
            Console.WriteLine($"{accounts.Count} accounts in 64 shards, three silos; one deposit after the other to each shard of the silo");
            await Away(venue, accounts, "killed (kill -9)", silo => silo.Host.Kill());
            await Away(venue, accounts, "frozen (SIGSTOP)", silo => silo.Host.Freeze());
            await Away(venue, accounts, "leaving (SIGTERM)", silo => silo.Host.AskToEnd());
        });

    /// <summary>From the blow until a deposit to the shard is accepted through another silo; when it leaves, the longest wait of one.</summary>
    private static async Task Away(Venue venue, List<AccountId> accounts, string how, Action<Silo> strike)
    {
        var waits = new List<double>();
        var refused = 0;
        for (var round = 0; round < Rounds; round++)
        {
            var victim = venue.Silos[1 + (round % (venue.Silos.Count - 1))];
            var owners = (await venue.OwnedBy(victim))!;
            var theirs = Enumerable.Range(0, owners.Count).Where(shard => owners[shard] == victim.Name)
                .Select(shard => accounts.Find(account => Venue.Shards.ShardOf(account.Grain).Number == shard)).ToList();
            using var ended = new CancellationTokenSource();
            var probes = theirs.ConvertAll(account => Probe(venue, account, ended.Token));
            await Task.Delay(1_000, venue.Limit);
            var struck = Stopwatch.GetTimestamp();
            strike(victim);
            await Task.Delay(7_000, venue.Limit);
            await ended.CancelAsync();
            foreach (var accepted in await Task.WhenAll(probes))
            {
                refused += accepted.Refused;
                waits.Add(how.StartsWith("leaving", StringComparison.Ordinal)
                    ? accepted.Took.Max()
                    : accepted.At.Where(at => at > struck + Stopwatch.Frequency / 100).Select(at => Stopwatch.GetElapsedTime(struck, at).TotalMilliseconds).Min());
            }

            if (how.StartsWith("frozen", StringComparison.Ordinal)) victim.Host.Thaw();
            else
            {
                await victim.Host.Exit(venue.Limit);
                victim.Start();
            }

            await venue.Divided(venue.Silos);
        }

        waits.Sort();
        Console.WriteLine($"{how,-18} {waits.Count} shards: p50 {At(0.5)} ms, p99 {At(0.99)} ms, longest {At(1)} ms; {refused} deposits refused or unknown");
        string At(double share) => waits[(int)Math.Min(waits.Count - 1, share * waits.Count)].ToString("0", CultureInfo.InvariantCulture);
    }

    private sealed record Accepted(List<long> At, List<double> Took, int Refused);

    /// <summary>Deposits to one account, each sent until it is known, through a silo that stays.</summary>
    private static async Task<Accepted> Probe(Venue venue, AccountId account, CancellationToken ended)
    {
        using var door = new Door();
        var accepted = new Accepted([], [], 0);
        var refused = 0;
        for (var number = 0; !ended.IsCancellationRequested; number++)
        {
            var intent = Deposit(account, number);
            var asked = Stopwatch.GetTimestamp();
            while ((await door.Send(venue.Silos[0].Host.Address, Teller, intent)).Said != Said.Applied && !ended.IsCancellationRequested) refused++;
            accepted.At.Add(Stopwatch.GetTimestamp());
            accepted.Took.Add(Stopwatch.GetElapsedTime(asked).TotalMilliseconds);
            await Task.Delay(Pace, CancellationToken.None);
        }

        return accepted with { Refused = refused };
    }

    /// <summary>Accounts of the town's clients.</summary>
    public static async Task<List<AccountId>> Open(Venue venue, int count)
    {
        var accounts = new List<AccountId>();
        await Task.WhenAll(Enumerable.Range(0, AtOnce).Select(async worker =>
        {
            using var door = new Door();
            var name = Access.Client(worker % Traffic.Clients);
            for (var number = worker; number < count; number += AtOnce)
            {
                var key = NewKey();
                var account = AccountId.For(new PrincipalId(name), key);
                var intent = new Intent(account.ToString(), $"key {key}", new Order.Open(name));
                while ((await door.Send(venue.Silos[0].Host.Address, Access.TokenOf(name), intent)).Said != Said.Applied)
                    await Task.Delay(20, venue.Limit);
                lock (accounts) accounts.Add(account);
            }
        }));
        return accounts;
    }

    private static Intent Deposit(AccountId account, int number) =>
        new(account.ToString(), $"key {NewKey()}", new Order.Deposit("1 USDC", $"measure {number}"));

    private static CommandKey NewKey() => CommandKey.Issue(
        Instant.From(DateTimeOffset.UtcNow), (ulong)Random.Shared.NextInt64(), (ulong)Random.Shared.NextInt64());
}
