using Xunit;

namespace CrossMargin.Faults;

public sealed class PostgresTests
{
    [Fact]
    public Task Every_acknowledged_command_is_there_exactly_once_after_postgres_is_killed_under_load() =>
        Scene.Play(seed: 3, scene => Story.Under(scene, "PostgreSQL killed", Faults.KillPostgres, times: 4));

    [Fact]
    public Task Every_acknowledged_command_is_there_exactly_once_after_one_session_is_killed_under_load() =>
        Scene.Play(seed: 4, scene => Story.Under(scene, "session killed", Faults.KillSession, times: 4));

    [Fact]
    public Task One_of_two_databases_is_killed_under_load_and_the_shards_of_the_other_go_on() =>
        Scene.Play(seed: 5, prepare: scene =>
        {
            scene.UseTwoDatabases();
            return Task.CompletedTask;
        }, story: scene => Story.Under(scene, "one of two databases killed", Faults.KillOneDatabase, times: 4));
}
