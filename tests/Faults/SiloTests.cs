using Xunit;

namespace CrossMargin.Faults;

public sealed class SiloTests
{
    [Fact]
    public Task Every_acknowledged_command_is_there_exactly_once_after_the_silo_is_killed_under_load() =>
        Scene.Play(seed: 1, scene => Story.Under(scene, "silo killed", Faults.KillSilo, times: 4));

    [Fact]
    public Task A_planned_stop_under_load_is_clean_and_a_kill_after_it_recovers_from_its_snapshots() =>
        Scene.Play(seed: 8, scene => Story.Under(scene, "silo stopped and killed", Faults.StopThenKillSilo, times: 2));

    [Fact]
    public Task A_silo_that_wakes_up_after_another_took_its_shards_writes_nothing_and_ends() =>
        Scene.Play(seed: 2, scene => Story.Under(scene, "zombie woken", Faults.WakeZombie, times: 2));
}
