using CrossMargin.Faults.Audit;
using Shouldly;

namespace CrossMargin.Faults;

/// <summary>
/// What every test here does: the same traffic first in peace and then under faults, and after each the whole truth.
/// </summary>
internal static class Story
{
    /// <summary>Strikes until the fault has shown its effect so many times.</summary>
    public static async Task Under(Scene scene, string happening, Fault fault, int times)
    {
        await InPeace(scene);

        scene.StartTraffic();
        var (struck, effective) = (0, 0);
        while (effective < times)
        {
            struck.ShouldBeLessThan(2 * times, $"{happening}: only {effective} of {struck} had an effect");
            struck++;
            if (await fault(scene)) effective++;
        }

        Tell($"{happening}, {effective} of {struck} times with effect: {await TheWholeTruth(scene)}");
    }

    /// <summary>The fault-free twin: a journal that is wrong without any fault must not be blamed on one.</summary>
    public static async Task InPeace(Scene scene)
    {
        scene.StartTraffic();
        await scene.Busy();
        await scene.Busy();
        await TheWholeTruth(scene);
    }

    /// <summary>
    /// Ends the traffic: clients and journal tell the same story, and so does the venue about itself.
    /// </summary>
    public static async Task<Join> TheWholeTruth(Scene scene)
    {
        var join = await scene.EndTraffic();
        join.Contradictions.ShouldBeEmpty(join.ToString());
        join.Unknown.ShouldBe(0, "a client that may ask again learns the outcome of everything it sent");
        var verdict = await scene.Verdict();
        verdict.ShouldContain("\"verdict\":\"agrees\"");
        return join;
    }

    /// <summary>One line for whoever runs the tests: what was shown, in numbers.</summary>
    public static void Tell(string line) => Console.WriteLine($"shown: {line}");
}
