using CrossMargin.Faults.Audit;
using CrossMargin.Faults.Processes;
using Shouldly;

namespace CrossMargin.Faults;

/// <summary>
/// Something that goes wrong under load. True when its effect was seen: a fault that hit nothing proves nothing.
/// </summary>
internal delegate Task<bool> Fault(Scene scene);

internal static class Faults
{
    /// <summary>
    /// kill -9 of the silo. Counts when a command lost its answer, and the next silo took the shards over.
    /// </summary>
    public static async Task<bool> KillSilo(Scene scene)
    {
        await scene.Busy();
        var (unknown, epochs) = (scene.Traffic.Unknown, await scene.Database.Epochs(scene.Limit));
        scene.Host.Kill();
        scene.Traffic.Aim((await scene.StartHost()).Address);
        await scene.Busy();
        return scene.Traffic.Unknown > unknown && await scene.Database.Epochs(scene.Limit) > epochs;
    }

    /// <summary>
    /// No fault but a planned stop, under load, and the next silo begins from the snapshots that it left: what is
    /// killed after it has those to begin from too. Counts when the stop was clean and the snapshots are there.
    /// </summary>
    public static async Task<bool> StopSilo(Scene scene)
    {
        await scene.Busy();
        var stopping = scene.Host;
        stopping.AskToEnd();
        await stopping.Exit(scene.Limit);
        scene.Traffic.Aim((await scene.StartHost()).Address);
        await scene.Busy();
        return stopping.ExitCode == 0 && await scene.Database.Snapshots(scene.Limit) > 0;
    }

    public static async Task<bool> StopThenKillSilo(Scene scene) => await StopSilo(scene) & await KillSilo(scene);

    /// <summary>
    /// kill -9 of the database's first process, and a restart. The silo lives: it counts when a commit was on its way
    /// and the silo had to raise an epoch to learn what became of it.
    /// </summary>
    public static async Task<bool> KillPostgres(Scene scene)
    {
        await scene.Busy();
        var epochs = await scene.Database.Epochs(scene.Limit);
        await scene.Database.CrashAndRestart(scene.Limit);
        await scene.Busy();
        return await scene.Database.Epochs(scene.Limit) > epochs;
    }

    /// <summary>
    /// kill -9 of one of two databases, which stays away until everybody who lives in the other has been answered several times. Counts
    /// when a commit was on its way to the dead one, and health named it meanwhile.
    /// </summary>
    public static async Task<bool> KillOneDatabase(Scene scene)
    {
        await scene.Busy();
        var dead = scene.Draws.Next(2);
        var (database, other) = (scene.Databases[dead], scene.Division[1 - dead]);
        var epochs = await database.Epochs(scene.Limit);
        await database.Crash(scene.Limit);
        for (var i = 0; i < 3; i++) await scene.Traffic.Flows(other);
        var named = (await scene.Health()).Contains($"\"away\":[\"database-{dead}\"]", StringComparison.Ordinal);
        await database.Restart(scene.Limit);
        await scene.Busy();
        return named && await database.Epochs(scene.Limit) > epochs;
    }

    /// <summary>
    /// kill -9 of one session: the server throws all sessions out and recovers. Counts as for the whole server.
    /// </summary>
    public static async Task<bool> KillSession(Scene scene)
    {
        await scene.Busy();
        var (epochs, recoveries) = (await scene.Database.Epochs(scene.Limit), scene.Database.Recoveries);
        if (!await scene.Database.KillOneSession(scene.Limit)) return false;
        await Wait.Until(
            () => scene.Database.Recoveries > recoveries, "the server has thrown its sessions out", scene.Limit);
        await scene.Busy();
        return await scene.Database.Epochs(scene.Limit) > epochs;
    }

    /// <summary>
    /// A silo is frozen, another takes its shards, and the first wakes up with commands waiting for it that it believes
    /// to be its own. Counts when it tried to write them and was fenced; it must end by itself.
    /// </summary>
    public static async Task<bool> WakeZombie(Scene scene)
    {
        await scene.Busy();
        var zombie = scene.Host;
        zombie.Freeze();
        var heir = await scene.StartHost();
        scene.Traffic.AimHalf(heir.Address);
        await scene.Busy();
        await Wait.Until(
            () => scene.Traffic.OutTo(zombie.Address) > 0, "a command waits for the frozen silo", scene.Limit);
        zombie.Thaw();
        await zombie.Exit(scene.Limit);
        scene.Traffic.Aim(heir.Address);
        await scene.Busy();
        return zombie.HasSaid("the shard has another owner") && zombie.ExitCode != 0;
    }

    /// <summary>A power cut that must lose nothing. Counts when commands were on their way in that instant.</summary>
    public static async Task<bool> SurvivePowerCut(Scene scene)
    {
        var join = await CutPower(scene);
        join.Contradictions.ShouldBeEmpty(join.ToString());
        return join.Unknown > 0;
    }

    /// <summary>
    /// The power goes: everything that has not reached the disk is gone. A server that starts on what is left must have
    /// every record that any client knows of. The venue itself goes on; it never learns that this future was looked at.
    /// </summary>
    public static async Task<Join> CutPower(Scene scene)
    {
        var disk = scene.Disk ?? throw new InvalidOperationException("this scene has no disk whose power can be cut");
        await scene.Busy();
        await Task.Delay(scene.Draws.Next(300), scene.Limit);   // anywhere between two commits or inside one

        scene.Database.Freeze();
        var left = disk.Cut(scene.PathOf("cut.img"));
        // Whatever clients have heard by now was durable before the freeze, for the database has said nothing since.
        var told = scene.Told.ToList();
        scene.Database.Thaw();

        Join join;
        using (var survivor = await Database.Recover(Path.Combine(left.Mount, "postgres"), scene.Limit))
            join = Join.Of(told, JournalAudit.Of(await StoredJournal.Read(survivor.Audit, scene.Limit)));
        left.Delete();
        return join;
    }
}
