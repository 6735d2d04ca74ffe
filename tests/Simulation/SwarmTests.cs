using System.Diagnostics;
using CrossMargin.Simulation.World;
using Shouldly;
using Xunit;

namespace CrossMargin.Simulation;

/// <summary>
/// The short form of the simulator. Every failure names its seed and the command that shows it again.
/// </summary>
public class SwarmTests(ITestOutputHelper output)
{
    private const int FixedSeeds = 800;
    private const long FreshSteps = 600_000;

    [Fact]
    public void The_fixed_seeds_keep_every_promise_and_walk_every_path()
    {
        var tally = new Tally();
        for (ulong seed = 1; seed <= FixedSeeds; seed++) tally.Add(Venue.Run(seed, Tracing.HashOnly));
        output.WriteLine(tally.Report());
        tally.Failures.Select(Swarm.Describe).ShouldBeEmpty();
        tally.NeverSeen().ShouldBeEmpty();
    }

    [Fact]
    public void Fresh_seeds_keep_every_promise()
    {
        var tally = new Tally();
        foreach (var seed in Swarm.Fresh())
        {
            if (tally.Steps >= FreshSteps) break;
            tally.Add(Venue.Run(seed, Tracing.HashOnly));
        }

        output.WriteLine(tally.Report());
        tally.Failures.Select(Swarm.Describe).ShouldBeEmpty();
    }

    [Fact]
    public void One_seed_gives_one_trace_in_two_processes()
    {
        foreach (var seed in (ulong[])[7, 4711, 88_172_645])
        {
            var first = Traced(seed);
            first.ShouldContain("trace ");
            Traced(seed).ShouldBe(first);
        }
    }

    [Fact]
    public void Two_seeds_give_two_traces() =>
        Venue.Run(1, Tracing.HashOnly).TraceHash.ShouldNotBe(Venue.Run(2, Tracing.HashOnly).TraceHash);

    private static string Traced(ulong seed)
    {
        using var process = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, ["run", "--seed", seed.ToString()])
        {
            RedirectStandardOutput = true,
        })!;
        var printed = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return printed;
    }
}
