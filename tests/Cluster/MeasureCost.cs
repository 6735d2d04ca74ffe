using System.Diagnostics;
using CrossMargin.Contracts;
using CrossMargin.Faults.Clients;

namespace CrossMargin.Cluster;

/// <summary>
/// What it costs to divide the shards: processor time of the silos a deposit, over one, two and four of them. The three venues stand beside
/// each other and take turns, so that what else the machine does falls on each of them, and compile once and for all, so that no
/// process is colder than another.
/// <para>Each silo has as many clients as the only one: a venue has several silos because there is more to do. With no more clients than
/// one silo had, each of four commits a quarter as much at a time; that is measured too. Where clients follow ownership nothing is
/// forwarded, so the rest is what forwarding costs.</para>
/// </summary>
internal sealed class MeasureCost
{
    private const int ClientsOfOne = 16, BatchItems = 20, BatchesToWarmUp = 30, Turns = 5, BatchesOfATurn = 20;

    private static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(700);

    private readonly Venue venue;
    private readonly List<AccountId> accounts;
    private readonly ILookup<string, AccountId> byOwner;
    private readonly Dictionary<AccountId, int> numbers;
    private readonly Dictionary<string, Spent> spent = [];
    private Spent atRest;

    private MeasureCost(Venue venue, List<AccountId> accounts, IReadOnlyList<string> owners)
    {
        (this.venue, this.accounts) = (venue, accounts);
        byOwner = accounts.ToLookup(account => owners[Venue.Shards.ShardOf(account.Grain).Number]);
        numbers = accounts.ToDictionary(account => account, _ => 0);
    }

    /// <summary>A batch of one worker, of accounts that are no other worker's.</summary>
    private delegate (Uri To, List<AccountId> Of) Choice(int worker, int batch);

    private readonly record struct Spent(TimeSpan Cpu, long Forwarded, long Commits, TimeSpan Time, long Deposits)
    {
        public static Spent operator +(Spent a, Spent b) => new(a.Cpu + b.Cpu, a.Forwarded + b.Forwarded, a.Commits + b.Commits, a.Time + b.Time, a.Deposits + b.Deposits);
        public static Spent operator -(Spent a, Spent b) => new(a.Cpu - b.Cpu, a.Forwarded - b.Forwarded, a.Commits - b.Commits, a.Time - b.Time, a.Deposits - b.Deposits);
    }

    private static readonly Dictionary<string, string> CompiledOnce = new() { ["DOTNET_TieredCompilation"] = "0" };

    public static Task Run() => Venue.Play(seed: 12, silos: 1, CompiledOnce, one => Venue.Play(seed: 13, silos: 2, CompiledOnce, two =>
        Venue.Play(seed: 15, silos: 4, CompiledOnce, async four =>
        {
            MeasureCost[] all = [await Open(one), await Open(two), await Open(four)];
            for (var turn = 0; turn < Turns; turn++)
                foreach (var measured in all) await measured.Turn();
            foreach (var measured in all) measured.Tell(all[0]);
        })));

    private static async Task<MeasureCost> Open(Venue venue)
    {
        var accounts = await Measure.Open(venue, 2 * venue.Silos.Count * ClientsOfOne * BatchItems);
        var cost = new MeasureCost(venue, accounts, (await venue.OwnedBy(venue.Silos[0]))!);
        await cost.Load(cost.Clients, BatchesToWarmUp, cost.Any);
        return cost;
    }

    private int Clients => venue.Silos.Count * ClientsOfOne;

    private async Task Turn()
    {
        await Measured("ask any silo", Clients, Any);
        if (venue.Silos.Count > 1)
        {
            await Measured("ask the owner", Clients, Owner);
            await Measured("ask any silo, as few as of one", ClientsOfOne, Any);
        }

        var before = await SpentSoFar();
        await Task.Delay(Rest, venue.Limit);
        atRest += await SpentSoFar() - before;
    }

    private void Tell(MeasureCost ofOne)
    {
        Console.WriteLine($"{venue.Silos.Count} silo(s) at rest: {AtRest.TotalMilliseconds:0} ms of processor a second");
        foreach (var (how, all) in spent)
        {
            var one = ofOne.spent["ask any silo"];
            var (ratio, work) = (all.Cpu / all.Deposits / (one.Cpu / one.Deposits), Work(all) / ofOne.Work(one));
            Console.WriteLine($"{venue.Silos.Count} silo(s), clients {how,-31}: {all.Cpu.TotalMicroseconds / all.Deposits,4:0.0} µs of processor a deposit in the silos, "
                + $"{100 * ratio,3:0} % of one silo; without what they take at rest {Work(all),4:0.0} µs, {100 * work,3:0} %; {100.0 * all.Forwarded / all.Deposits,2:0} of a hundred forwarded, "
                + $"{(double)all.Deposits / all.Commits:0} deposits a transaction, {all.Deposits / all.Time.TotalSeconds:0} a second");
        }
    }

    /// <summary>In a second, of all silos.</summary>
    private TimeSpan AtRest => atRest.Cpu / atRest.Time.TotalSeconds;

    /// <summary>Microseconds a deposit beyond those that would have passed anyway: the slower the machine, the more of these there are.</summary>
    private double Work(Spent all) => (all.Cpu - (AtRest * all.Time.TotalSeconds)).TotalMicroseconds / all.Deposits;

    private (Uri To, List<AccountId> Of) Any(int worker, int batch) =>
        (venue.Silos[(worker + batch) % venue.Silos.Count].Host.Address, accounts.GetRange(worker * BatchItems, BatchItems));

    private (Uri To, List<AccountId> Of) Owner(int worker, int batch)
    {
        var silo = venue.Silos[worker % venue.Silos.Count];
        return (silo.Host.Address, [.. byOwner[silo.Name].Skip(worker / venue.Silos.Count * BatchItems).Take(BatchItems)]);
    }

    /// <summary>A retry would change what is measured, so there must be none.</summary>
    private Task Load(int clients, int batches, Choice choose) => Task.WhenAll(Enumerable.Range(0, clients).Select(async worker =>
    {
        using var door = new Door();
        for (var number = 0; number < batches; number++)
        {
            var (to, of) = choose(worker, number);
            var batch = of.ConvertAll(account => new Intent(
                account.ToString(), $"source {Door.Source} #{Next(account)}", new Order.Deposit("1 USDC", $"measure {number}")));
            var answers = await door.SendBatch(to, Access.TokenOf(Access.Custodian), batch);
            if (answers.Any(answer => answer.Said != Said.Applied)) throw new InvalidOperationException($"not applied: {answers[0]}");
        }
    }));

    private int Next(AccountId account)
    {
        lock (numbers) return ++numbers[account];
    }

    private async Task Measured(string how, int clients, Choice choose)
    {
        var before = await SpentSoFar();
        await Load(clients, BatchesOfATurn, choose);
        var since = await SpentSoFar() - before;
        spent[how] = spent.GetValueOrDefault(how) + since with { Deposits = clients * BatchesOfATurn * BatchItems };
    }

    private async Task<Spent> SpentSoFar()
    {
        var (cpu, forwarded) = (TimeSpan.Zero, 0L);
        foreach (var silo in venue.Silos)
        {
            foreach (var view in (await venue.View(silo)).GetProperty("silos").EnumerateArray())
                if (view.TryGetProperty("forwarded", out var calls)) forwarded += calls.GetInt64();
            using var process = Process.GetProcessById(silo.Host.Pid);
            cpu += process.TotalProcessorTime;
        }

        return new Spent(cpu, forwarded, await venue.Database.Commits(venue.Limit), Stopwatch.GetElapsedTime(0), Deposits: 0);
    }
}
