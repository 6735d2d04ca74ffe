using CrossMargin.Simulation.Cluster;
using CrossMargin.Simulation.Mutants;
using CrossMargin.Simulation.World;
using CrossMargin.Simulation.Zoo;

namespace CrossMargin.Simulation;

/// <summary>The simulator's command line; anything that is not one of its commands is for the test runner.</summary>
internal static class Program
{
    public static async Task<int> Main(string[] args) => args switch
    {
        ["run", "--seed", var seed] => Swarm.RunOne(ulong.Parse(seed)),
        ["shrink", "--seed", var seed] => Shrinker.Run(ulong.Parse(seed)),
        ["swarm", "--seconds", var seconds] => Swarm.Run(TimeSpan.FromSeconds(int.Parse(seconds))),
        ["hunt", "--seeds", var seeds] => ZooHunt.Hunt(int.Parse(seeds)),
        ["hunt", "--seeds", var seeds, "--without-reference"] => ZooHunt.Hunt(int.Parse(seeds), Judges.WithoutReference),
        ["cluster", "--seed", var seed] => ClusterSwarm.RunOne(ulong.Parse(seed)),
        ["cluster", "--hunt", var seeds] => ZooHunt.HuntCluster(int.Parse(seeds)),
        ["cluster", "--seconds", var seconds] => ClusterSwarm.Run(TimeSpan.FromSeconds(int.Parse(seconds))),
        ["zoo"] => ZooHunt.Run(seeds: 2_000, []),
        ["zoo", "--only", .. var words] => ZooHunt.Run(seeds: 2_000, words),
        ["mutants"] => MutantHunt.Run("src/Runtime", "src/Grains/Accounts"),
        ["mutants", .. var folders] => MutantHunt.Run(folders),
        _ => await Xunit.Runner.InProc.SystemConsole.ConsoleRunner.Run(args),
    };
}
