using CrossMargin.Faults.Processes;
using Npgsql;

namespace CrossMargin.Cluster;

/// <summary>What is done to silos under load. True when its effect was seen.</summary>
internal delegate Task<bool> ClusterFault(Venue venue);

internal static class ClusterFaults
{
    /// <summary>
    /// kill -9. Counts when the shards of the dead one were taken over and served by the others before it came back, and the balance
    /// returned after.
    /// </summary>
    public static async Task<bool> Kill(Venue venue)
    {
        var (victim, others) = await Choose(venue);
        var had = await venue.OwnedInTables(victim.Name);
        victim.Host.Kill();
        venue.Spread(others);
        await venue.Divided(others);
        await venue.Busy();
        await Return(venue, victim);
        return had > 0;
    }

    /// <summary>
    /// SIGSTOP until its shards have other owners, then SIGCONT: the zombie stays in the cluster and writes nothing. Counts when it
    /// noticed that shards of its own were gone.
    /// </summary>
    public static async Task<bool> WakeZombie(Venue venue)
    {
        var (zombie, others) = await Choose(venue);
        var had = await venue.OwnedInTables(zombie.Name);
        zombie.Host.Freeze();
        await Wait.Until(async () => await venue.OwnedInTables(zombie.Name) == 0, $"{zombie.Name} is taken for dead", venue.Limit);
        await Wait.Until(() => venue.Traffic.OutTo(zombie.Host.Address) > 0, "a command waits for the frozen silo", venue.Limit);
        zombie.Host.Thaw();
        await venue.Divided(venue.Silos);
        venue.Spread(venue.Silos);
        await venue.Busy();
        return had > 0 && zombie.IsUp && others.Length > 0;
    }

    /// <summary>
    /// SIGTERM: shards are handed over, and the process ends well. Counts when it owned some and none was left behind.
    /// </summary>
    public static async Task<bool> Leave(Venue venue)
    {
        var (leaving, others) = await Choose(venue);
        var had = await venue.OwnedInTables(leaving.Name);
        venue.Spread(others);
        leaving.Host.AskToEnd();
        await leaving.Host.Exit(venue.Limit);
        var wasClean = leaving.Host.ExitCode == 0;
        var left = await venue.OwnedInTables(leaving.Name);
        await venue.Divided(others);
        await venue.Busy();
        await Return(venue, leaving);
        return had > 0 && left == 0 && wasClean;
    }

    /// <summary>
    /// All silos are replaced by new processes, one after the other, under load. Counts when every one handed its shards over, ended well, and
    /// is another process after.
    /// </summary>
    public static async Task<bool> RestartAll(Venue venue)
    {
        var before = venue.Silos.Select(silo => silo.Host.Pid).ToList();
        var wereClean = true;
        foreach (var silo in venue.Silos)
        {
            Silo[] others = [.. venue.Silos.Where(other => other != silo)];
            await venue.Busy();
            venue.Spread(others);
            silo.Host.AskToEnd();
            await silo.Host.Exit(venue.Limit);
            wereClean &= silo.Host.ExitCode == 0 && await venue.OwnedInTables(silo.Name) == 0;
            await Return(venue, silo);
        }

        return wereClean && venue.Silos.Zip(before).All(pair => pair.First.Host.Pid != pair.Second);
    }

    /// <summary>
    /// A silo gets no processor for moments that are each shorter than a death. Counts when commands waited for it every time, and nobody
    /// took it for dead.
    /// </summary>
    public static async Task<bool> Starve(Venue venue)
    {
        var (starved, _) = await Choose(venue);
        var epochs = await venue.Database.Epochs(venue.Limit);
        var waited = true;
        for (var pulse = 0; pulse < 4; pulse++)
        {
            starved.Host.Freeze();
            await Task.Delay(venue.Draws.Next(200, 1_000), venue.Limit);
            waited &= venue.Traffic.OutTo(starved.Host.Address) > 0;
            starved.Host.Thaw();
            await venue.Busy();
        }

        await venue.Divided(venue.Silos);
        return waited && starved.IsUp && await venue.Database.Epochs(venue.Limit) == epochs;
    }

    /// <summary>kill -9 of the first process of PostgreSQL, and a restart. Counts when an epoch was raised to learn of a commit.</summary>
    public static async Task<bool> KillPostgres(Venue venue)
    {
        var epochs = await venue.Database.Epochs(venue.Limit);
        await venue.Database.CrashAndRestart(venue.Limit);
        await venue.Busy();
        await venue.Divided(venue.Silos);
        return await venue.Database.Epochs(venue.Limit) > epochs;
    }

    /// <summary>
    /// What the others send to one silo over their links does not arrive, and what it sends to them does. Counts when a link was given
    /// up for it; nobody may be taken for dead, because all of them still beat.
    /// </summary>
    public static async Task<bool> CutOneWay(Venue venue)
    {
        var (deaf, _) = await Choose(venue);
        deaf = venue.Silos[1 + venue.Draws.Next(venue.Silos.Count - 1)];   // the first one dials all others: nobody dials it
        var (epochs, given) = (await venue.Database.Epochs(venue.Limit), deaf.Wire.Broken);
        deaf.Wire.IsCut = true;
        await Wait.Until(() => deaf.Wire.Broken > given, $"a link to {deaf.Name} is given up", venue.Limit);
        await Task.Delay(venue.Draws.Next(500, 3_000), venue.Limit);
        deaf.Wire.IsCut = false;
        await venue.Busy();
        await venue.Divided(venue.Silos);
        return await venue.Database.Epochs(venue.Limit) == epochs;
    }

    /// <summary>
    /// Nothing gets to one silo over its links, and nothing from it to those that dial it. Counts when a link was given up, and nobody was
    /// taken for dead.
    /// </summary>
    public static async Task<bool> CutBothWays(Venue venue)
    {
        await venue.Busy();
        var alone = venue.Silos[1 + venue.Draws.Next(venue.Silos.Count - 1)];   // somebody dials it
        var (epochs, given) = (await venue.Database.Epochs(venue.Limit), alone.Wire.Broken);
        (alone.Wire.IsCut, alone.Wire.IsMute) = (true, true);
        await Wait.Until(() => alone.Wire.Broken > given, $"a link to {alone.Name} is given up", venue.Limit);
        await Task.Delay(venue.Draws.Next(500, 3_000), venue.Limit);
        (alone.Wire.IsCut, alone.Wire.IsMute) = (false, false);
        await venue.Busy();
        await venue.Divided(venue.Silos);
        return await venue.Database.Epochs(venue.Limit) == epochs;
    }

    /// <summary>
    /// Somebody locks the table of silos: nobody can beat. Counts when a silo lost its right to answer, and nobody was taken for dead.
    /// </summary>
    public static async Task<bool> LockMembership(Venue venue)
    {
        await venue.Busy();
        var epochs = await venue.Database.Epochs(venue.Limit);
        await using (var session = new NpgsqlConnection(venue.Database.Migrate))
        {
            await session.OpenAsync(venue.Limit);
            await using var held = await session.BeginTransactionAsync(venue.Limit);
            await using var locking = new NpgsqlCommand("LOCK TABLE silo IN ACCESS EXCLUSIVE MODE", session, held);
            await locking.ExecuteNonQueryAsync(venue.Limit);
            await Wait.Until(async () => !await venue.IsReady(venue.Silos[0]), "a silo has no right to answer", venue.Limit);
            await held.RollbackAsync(venue.Limit);
        }

        await venue.Busy();
        await venue.Divided(venue.Silos);
        return await venue.Database.Epochs(venue.Limit) == epochs;
    }

    /// <summary>
    /// PostgreSQL hears one silo and its answers do not arrive: what that silo commits is stored, and it cannot know. Counts when its
    /// shards were taken over for it, and came back.
    /// </summary>
    public static async Task<bool> MuteDatabase(Venue venue)
    {
        var (deaf, others) = await Choose(venue);
        var had = await venue.OwnedInTables(deaf.Name);
        deaf.ToDatabase.IsMute = true;
        await Wait.Until(async () => await venue.OwnedInTables(deaf.Name) == 0, $"{deaf.Name} is taken for dead", venue.Limit);
        venue.Spread(others);
        await venue.Busy();
        deaf.ToDatabase.IsMute = false;
        await venue.Divided(venue.Silos);
        venue.Spread(venue.Silos);
        await venue.Busy();
        return had > 0 && deaf.IsUp;
    }

    /// <summary>Everything between one silo and PostgreSQL is late. Counts when it was, and nobody was taken for dead because of it.</summary>
    public static async Task<bool> SlowDatabase(Venue venue)
    {
        var (slow, _) = await Choose(venue);
        var (had, delayed) = (await venue.OwnedInTables(slow.Name), slow.ToDatabase.Delayed);
        slow.ToDatabase.Delay = TimeSpan.FromMilliseconds(venue.Draws.Next(50, 200));
        await venue.Busy();
        await venue.Busy();
        var kept = await venue.OwnedInTables(slow.Name);
        slow.ToDatabase.Delay = TimeSpan.Zero;
        await venue.Busy();
        await venue.Divided(venue.Silos);
        return had == kept && slow.ToDatabase.Delayed > delayed;
    }

    /// <summary>
    /// kill -9 of one of two databases, which stays away until everybody who lives in the other has been answered several times. Counts
    /// when a commit was on its way to the dead one, every silo went on with the other, and no shard there changed its owner.
    /// </summary>
    public static async Task<bool> KillOneDatabase(Venue venue)
    {
        await venue.Busy();
        var dead = venue.Draws.Next(2);
        var (database, other) = (venue.Databases[dead], venue.Databases[1 - dead]);
        var (epochs, kept) = (await database.Epochs(venue.Limit), await other.Epochs(venue.Limit));
        await database.Crash(venue.Limit);
        for (var i = 0; i < 3; i++) await venue.Traffic.Flows(venue.Division[1 - dead]);
        var areReady = true;
        foreach (var silo in venue.Silos) areReady &= await venue.IsReady(silo);
        await database.Restart(venue.Limit);
        await venue.Busy();
        await venue.Divided(venue.Silos);
        return areReady && await database.Epochs(venue.Limit) > epochs && await other.Epochs(venue.Limit) == kept;
    }

    /// <summary>
    /// One silo hears nothing of one of two databases. Counts when its shards there, and only there, were taken over for it, and came back.
    /// </summary>
    public static async Task<bool> MuteOneDatabase(Venue venue)
    {
        var (deaf, _) = await Choose(venue);
        var away = venue.Draws.Next(2);
        var (database, other) = (venue.Databases[away], venue.Databases[1 - away]);
        var (had, keeps) = (await venue.OwnedIn(database, deaf.Name), await venue.OwnedIn(other, deaf.Name));
        var epochs = await other.Epochs(venue.Limit);
        deaf.WireTo(away).IsMute = true;
        await Wait.Until(async () => await venue.OwnedIn(database, deaf.Name) == 0, $"{deaf.Name} is taken for dead in one database", venue.Limit);
        await venue.Busy();   // whatever silo they ask, the deaf one too
        var kept = await venue.OwnedIn(other, deaf.Name);
        deaf.WireTo(away).IsMute = false;
        await venue.Divided(venue.Silos);
        await venue.Busy();
        return had > 0 && keeps > 0 && kept == keeps && await other.Epochs(venue.Limit) == epochs;
    }

    private static async Task<(Silo Victim, Silo[] Others)> Choose(Venue venue)
    {
        await venue.Busy();
        var victim = venue.Silos[venue.Draws.Next(venue.Silos.Count)];
        return (victim, [.. venue.Silos.Where(silo => silo != victim)]);
    }

    private static async Task Return(Venue venue, Silo silo)
    {
        silo.Start();
        await venue.Divided(venue.Silos);
        venue.Spread(venue.Silos);
        await venue.Busy();
    }
}
