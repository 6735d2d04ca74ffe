using Shouldly;
using Xunit;

namespace CrossMargin.Faults;

public sealed class SiloKillTests
{
    [Fact]
    public Task Every_acknowledged_command_is_in_the_journal_exactly_once_after_the_silo_is_killed_under_load() =>
        Scene.Play(seed: 1, async scene =>
        {
            scene.StartTraffic();
            var effective = 0;
            for (var i = 0; i < 3; i++) if (await Faults.KillSilo(scene)) effective++;
            var join = await scene.EndTraffic();
            Console.WriteLine($"{effective} {join} {await scene.Verdict()}");
            join.Contradictions.ShouldBeEmpty();
        });
}
