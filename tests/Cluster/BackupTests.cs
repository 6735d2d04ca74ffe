using CrossMargin.Faults.Audit;
using CrossMargin.Faults.Clients;
using CrossMargin.Faults.Processes;
using Shouldly;
using Xunit;

namespace CrossMargin.Cluster;

/// <summary>scripts/backup.sh and scripts/restore.sh as docs/operating.md has them used, on a venue that goes on meanwhile.</summary>
public sealed class BackupTests
{
    [Fact]
    public async Task A_backup_is_restored_to_any_moment_and_verified_and_an_anchor_notices_that_it_is_older()
    {
        var limit = TestContext.Current.CancellationToken;
        var directory = Directory.CreateTempSubdirectory("crossmargin-backup-").FullName;
        File.SetUnixFileMode(directory, (UnixFileMode)0b111_111_111);   // the server's user makes its own in it
        var (archive, backup, restored) = (Path.Combine(directory, "wal"), Path.Combine(directory, "base"), Path.Combine(directory, "restored"));
        var anchor = Path.Combine(directory, "anchor");
        Database.Ask("mkdir", archive);
        string moment;
        long before;
        using (var database = await Database.MakeArchiving(Path.Combine(directory, "postgres"), archive, limit))
        {
            using var host = Serve(directory, "first", database, anchor);
            using var http = new HttpClient();
            await host.Ready(http, limit);
            await using var traffic = Traffic.Start(Path.Combine(directory, "clients"), seed: 5, host.Address, Venue.Shards, limit);
            await traffic.Flows(host.Address);
            Database.Ask(Script("backup.sh"), database.Superuser, backup);

            // Somewhere in what comes behind the backup: wherever the clients are by then.
            for (var rounds = new Random().Next(1, 4); rounds > 0; rounds--) await traffic.Flows(host.Address);
            (moment, before) = await database.Moment(limit);
            await traffic.Flows(host.Address);
            await traffic.Flows(host.Address);
            await traffic.End();
            host.AskToEnd();
            await host.Exit(limit);
            (await Anchored(anchor, limit)).ShouldBe(await database.Heads(limit), "the last thing it does is to write the anchor");
            await database.Archived(limit);
        }

        Database.Ask("mkdir", restored);
        Database.Ask("cp", Path.Combine(directory, "postgres", "password"), restored);
        Database.Ask(Script("restore.sh"), backup, archive, Path.Combine(restored, "cluster"), moment);
        using (var copy = await Database.Make(restored, limit))
        {
            await copy.Recovered(limit);
            JournalAudit.Of(await StoredJournal.Read(copy.Audit, limit)).Contradictions.ShouldBeEmpty();
            var there = await copy.Records(limit);
            there.ShouldBeGreaterThanOrEqualTo(before, "everything that was committed before the moment is there");
            await IsRefused(Serve(directory, "older", copy, anchor), "records that were acknowledged are missing", limit);

            var heads = await copy.Heads(limit);
            await File.WriteAllTextAsync(anchor, heads[..^1] + (heads[^1] == '0' ? '1' : '0'), limit);
            await IsRefused(Serve(directory, "another", copy, anchor), "this is another journal, or it was rewritten", limit);

            await File.WriteAllTextAsync(anchor, heads, limit);
            await Agrees(Serve(directory, "again", copy, anchor), limit);
            Console.WriteLine($"shown: restored to a moment behind {before} records: {there} are there and agree; a later anchor refuses them");
        }

        Directory.Delete(directory, recursive: true);
    }

    private static async Task<string> Anchored(string anchor, CancellationToken limit) => (await File.ReadAllTextAsync(anchor, limit)).TrimEnd();

    private static async Task IsRefused(Host host, string because, CancellationToken limit)
    {
        using (host)
        {
            await host.Exit(limit);
            host.ExitCode.ShouldBe(1);
            host.HasSaid(because).ShouldBeTrue(host.LogFile);
        }
    }

    private static async Task Agrees(Host host, CancellationToken limit)
    {
        using (host)
        {
            using var http = new HttpClient();
            using var door = new Door();
            await host.Ready(http, limit);
            (await door.Verify(host.Address, Access.TokenOf(Access.Auditor)))!.Value.ToString().ShouldContain("\"verdict\":\"agrees\"");
        }
    }

    private static Host Serve(string directory, string name, Database database, string anchor)
    {
        var data = Path.Combine(directory, name);
        Access.Write(data, Traffic.Clients);
        return Host.Start(data + ".log", new Dictionary<string, string>
        {
            ["CROSSMARGIN__DATADIRECTORY"] = data,
            ["CROSSMARGIN__CONNECTIONSTRING"] = database.App,
            ["CROSSMARGIN__MIGRATIONCONNECTIONSTRING"] = database.Migrate,
            ["CROSSMARGIN__ANCHOR"] = anchor,
            ["CROSSMARGIN__CHECKSERVEREVERY"] = "00:00:00.2",
        });
    }

    /// <summary>Of the repository that this was built in: its programs lie in artifacts/bin/project/configuration.</summary>
    private static string Script(string name) =>
        Path.Combine(new DirectoryInfo(AppContext.BaseDirectory).Parent!.Parent!.Parent!.Parent!.FullName, "scripts", name);
}
