using CrossMargin.Faults.Processes;
using Shouldly;
using Xunit;

namespace CrossMargin.Faults;

/// <summary>
/// The disk is an ext4 image on a loop device; where that is not permitted these tests are skipped and say so.
/// </summary>
public sealed class PowerCutTests
{
    private const int Cuts = 5, MostCutsForALoss = 5;

    private static readonly Lazy<string?> NotHere = new(Disk.WhyNot);

    [Fact]
    public Task What_was_acknowledged_is_there_exactly_once_after_a_power_cut() =>
        OnDisk(seed: 5, scene => Story.Under(scene, "power cut", Faults.SurvivePowerCut, Cuts));

    /// <summary>The control: were this not to lose anything, the test above would show nothing.</summary>
    [Fact]
    public Task With_fsync_off_a_power_cut_loses_what_was_acknowledged_and_the_join_says_so() =>
        OnDisk(seed: 6, scene => LosesSomething(scene, "fsync"));

    /// <summary>The other control.</summary>
    [Fact]
    public Task With_synchronous_commit_off_a_power_cut_loses_what_was_acknowledged_and_the_join_says_so() =>
        OnDisk(seed: 7, scene => LosesSomething(scene, "synchronous_commit"));

    /// <summary>The silo refuses to start on such a server, so the server is weakened behind its back.</summary>
    private static async Task LosesSomething(Scene scene, string setting)
    {
        scene.StartTraffic();
        await scene.Busy();
        await scene.Database.Weaken(setting, scene.Limit);
        for (var cut = 1; cut <= MostCutsForALoss; cut++)
        {
            var join = await Faults.CutPower(scene);
            if (join.Lost == 0) continue;
            Story.Tell($"{setting} off, power cut {cut}: it was seen that {join.Lost} of {join.Acknowledged} acknowledged are lost");
            return;
        }

        Assert.Fail($"with {setting} off {MostCutsForALoss} power cuts lost nothing: either the disk here does not forget, or "
            + "the join is blind");
    }

    private static Task OnDisk(int seed, Func<Scene, Task> story)
    {
        Assert.SkipWhen(NotHere.Value is not null, $"not shown here, loop mounts are not permitted: {NotHere.Value}");
        return Scene.Play(seed, story, prepare: scene =>
        {
            scene.UseDisk();
            return Task.CompletedTask;
        });
    }
}
