using Shouldly;
using Xunit;

namespace CrossMargin.Simulation.Cluster;

/// <summary>The short form of the simulation of several silos.</summary>
public class ClusterTests(ITestOutputHelper output)
{
    private const int FixedSeeds = 400;

    [Fact]
    public void Silos_keep_every_promise_under_every_fault_and_every_path_is_walked()
    {
        var sights = new int[Enum.GetValues<ClusterSight>().Length];
        var failures = new List<string>();
        long steps = 0, writes = 0, reads = 0;
        for (ulong seed = 1; seed <= FixedSeeds; seed++)
        {
            var verdict = ClusterWorld.Run(seed);
            if (verdict.Failure is { } broken) failures.Add($"seed {seed}: {broken}");
            for (var i = 0; i < sights.Length; i++) sights[i] += verdict.Sights[i];
            (steps, writes, reads) = (steps + verdict.Steps, writes + verdict.Writes, reads + verdict.Reads);
        }

        output.WriteLine($"{FixedSeeds} seeds, {steps} steps, {writes} acknowledged writes, {reads} reads");
        foreach (var sight in Enum.GetValues<ClusterSight>()) output.WriteLine($"  {sight,-24} {sights[(int)sight]}");
        failures.ShouldBeEmpty();
        Enum.GetValues<ClusterSight>().Where(sight => sights[(int)sight] == 0).ShouldBeEmpty();
    }

    [Fact]
    public void One_seed_gives_one_trace() => ClusterWorld.Run(12).TraceHash.ShouldBe(ClusterWorld.Run(12).TraceHash);
}
