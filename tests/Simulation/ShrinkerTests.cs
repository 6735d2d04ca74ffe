using CrossMargin.Simulation.World;
using Shouldly;
using Xunit;

namespace CrossMargin.Simulation;

/// <summary>A bug is planted in a grain of the simulator's own: what it has read is lost with a snapshot.</summary>
public class ShrinkerTests
{
    private static readonly Lazy<(ulong Seed, Shrunk Shrunk)> Failing = new(() =>
    {
        ulong seed = 1;
        while (!IsShort(seed) || Venue.Run(seed, Tracing.HashOnly, flaw: Flaw.ForgetsWhatItRead) is not { Failure: not null, Deeds.Count: > 150 }) seed++;
        return (seed, Shrinker.Shrink(seed, Flaw.ForgetsWhatItRead)!);
    });

    /// <summary>Many runs are made of it.</summary>
    private static bool IsShort(ulong seed) => new Plan(new Draws(seed).Fork("plan")).Steps < 1_500;

    [Fact]
    public void A_failing_seed_shrinks_to_far_fewer_deeds_and_breaks_the_same()
    {
        var (seed, shrunk) = Failing.Value;
        shrunk.Before.ShouldBeGreaterThan(150);
        shrunk.Deeds.Count.ShouldBeLessThan(shrunk.Before / 10);
        Again(seed, shrunk.Deeds).ShouldBe(shrunk.Invariant);
    }

    [Fact]
    public void No_deed_of_a_script_can_be_left_out()
    {
        var (seed, shrunk) = Failing.Value;
        foreach (var deed in shrunk.Deeds) Again(seed, shrunk.Deeds.Where(other => other != deed)).ShouldNotBe(shrunk.Invariant);
    }

    [Fact]
    public void The_same_seed_shrinks_to_the_same_script()
    {
        var (seed, shrunk) = Failing.Value;
        Shrinker.Shrink(seed, Flaw.ForgetsWhatItRead)!.Deeds.ShouldBe(shrunk.Deeds);
    }

    [Fact]
    public void Without_the_bug_the_script_breaks_nothing()
    {
        var (seed, shrunk) = Failing.Value;
        Venue.Run(seed, Tracing.HashOnly, script: new Script(shrunk.Deeds.ToHashSet())).Failure.ShouldBeNull();
    }

    private static string? Again(ulong seed, IEnumerable<Deed> deeds) =>
        Venue.Run(seed, Tracing.HashOnly, script: new Script(deeds.ToHashSet()), flaw: Flaw.ForgetsWhatItRead).Failure?.Invariant;
}
