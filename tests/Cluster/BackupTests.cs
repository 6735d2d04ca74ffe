using CrossMargin.Faults.Audit;
using CrossMargin.Faults.Clients;
using CrossMargin.Faults.Processes;
using CrossMargin.Runtime.Records;
using Shouldly;
using Xunit;

namespace CrossMargin.Cluster;

/// <summary>
/// scripts/backup.sh and scripts/restore.sh as docs/operating.md has them used, on a venue over two databases that goes on meanwhile.
/// </summary>
public sealed class BackupTests : IDisposable
{
    private static readonly IReadOnlyList<ShardSet> Division =
        [ShardSet.Of(Venue.Shards.Shards.Take(ShardMap.MaxCount / 2)), ShardSet.Of(Venue.Shards.Shards.Skip(ShardMap.MaxCount / 2))];

    private readonly string directory = Directory.CreateTempSubdirectory("crossmargin-backup-").FullName;
    private readonly List<Database> databases = [];
    private readonly CancellationToken limit = TestContext.Current.CancellationToken;

    private string Anchor => Path.Combine(directory, "anchor");

    private string PathOf(string what, int database) => Path.Combine(directory, $"{what}-{database}");

    [Fact]
    public async Task Backups_are_restored_to_any_moment_of_all_databases_and_verified_and_an_anchor_notices_that_they_are_older()
    {
        File.SetUnixFileMode(directory, (UnixFileMode)0b111_111_111);   // the server's user makes its own in it
        var (moment, before) = await LiveAndBackUp();

        // The second one to its end is no cut of both: it has messages that the first has not sent.
        var first = await Restore(0, "restored", moment);
        var second = await Restore(1, "restored", moment);
        var later = await Restore(1, "later", moment: null);
        Contradictions(await StoredJournal.Read([first.Audit, second.Audit], limit)).ShouldBeEmpty();
        Contradictions(await StoredJournal.Read([first.Audit, later.Audit], limit)).ShouldNotBeEmpty();

        var there = await first.Records(limit) + await second.Records(limit);
        there.ShouldBeGreaterThanOrEqualTo(before, "everything that was committed before the moment is there");
        await IsRefused(Serve("older", [first, second]), "records that were acknowledged are missing");

        var heads = await Heads([first, second]);
        await File.WriteAllTextAsync(Anchor, heads[..^1] + (heads[^1] == '0' ? '1' : '0'), limit);
        await IsRefused(Serve("another", [first, second]), "this is another journal, or it was rewritten");

        await File.WriteAllTextAsync(Anchor, heads, limit);
        (await Verdict(Serve("again", [first, second]))).ShouldContain("\"verdict\":\"agrees\"");
        Console.WriteLine($"shown: two databases restored to a moment behind {before} records: {there} are there and agree; a later anchor refuses them");
    }

    /// <summary>A moment somewhere behind the backups, wherever the clients are by then, and what was durable before it.</summary>
    private async Task<(string Moment, long Records)> LiveAndBackUp()
    {
        var live = new List<Database>();
        for (var i = 0; i < Division.Count; i++)
        {
            Database.Ask("mkdir", PathOf("wal", i));
            live.Add(await Database.MakeArchiving(PathOf("postgres", i), PathOf("wal", i), limit));
            databases.Add(live[i]);
        }

        using var host = Serve("first", live);
        using var http = new HttpClient();
        await host.Ready(http, limit);
        await using var traffic = Traffic.Start(Path.Combine(directory, "clients"), seed: 5, host.Address, Venue.Shards, Division, limit);
        await traffic.Flows(host.Address);
        for (var i = 0; i < live.Count; i++) Database.Ask(Script("backup.sh"), live[i].Superuser, PathOf("base", i));
        for (var rounds = new Random().Next(1, 4); rounds > 0; rounds--) await traffic.Flows(host.Address);
        var before = 0L;
        foreach (var database in live) before += await database.Records(limit);
        var (moment, _) = await live[0].Moment(limit);
        await traffic.Flows(host.Address);
        await traffic.Flows(host.Address);
        await traffic.End();
        host.AskToEnd();
        await host.Exit(limit);
        (await File.ReadAllTextAsync(Anchor, limit)).TrimEnd().ShouldBe(await Heads(live), "the last thing it does is to write the anchor");
        foreach (var database in live)
        {
            await database.Archived(limit);
            database.Dispose();
        }

        return (moment, before);
    }

    private async Task<Database> Restore(int number, string name, string? moment)
    {
        var target = PathOf(name, number);
        Database.Ask("mkdir", target);
        Database.Ask("cp", Path.Combine(PathOf("postgres", number), "password"), target);
        string[] behind = moment is null ? [] : [moment];
        Database.Ask(Script("restore.sh"), [PathOf("base", number), PathOf("wal", number), Path.Combine(target, "cluster"), .. behind]);
        var copy = await Database.Make(target, limit);
        databases.Add(copy);
        await copy.Recovered(limit);
        return copy;
    }

    private static IReadOnlyList<string> Contradictions(StoredJournal journal) => JournalAudit.Of(journal).Contradictions;

    /// <summary>As a host keeps them in its anchor, in the order of the shards.</summary>
    private async Task<string> Heads(List<Database> all)
    {
        var lines = new List<string>();
        foreach (var database in all) lines.Add(await database.Heads(limit));
        return string.Join('\n', lines);
    }

    private async Task IsRefused(Host host, string because)
    {
        using (host)
        {
            await host.Exit(limit);
            host.ExitCode.ShouldBe(1);
            host.HasSaid(because).ShouldBeTrue(host.LogFile);
        }
    }

    private async Task<string> Verdict(Host host)
    {
        using (host)
        {
            using var http = new HttpClient();
            using var door = new Door();
            await host.Ready(http, limit);
            return (await door.Verify(host.Address, Access.TokenOf(Access.Auditor)))!.Value.ToString();
        }
    }

    private Host Serve(string name, List<Database> on)
    {
        var data = Path.Combine(directory, name);
        Access.Write(data, Traffic.Clients);
        var settings = new Dictionary<string, string>
        {
            ["CROSSMARGIN__DATADIRECTORY"] = data,
            ["CROSSMARGIN__ANCHOR"] = Anchor,
            ["CROSSMARGIN__CHECKSERVEREVERY"] = "00:00:00.2",
        };
        for (var i = 0; i < on.Count; i++)
        {
            var prefix = $"CROSSMARGIN__DATABASES__{i}__";
            settings[prefix + "NAME"] = $"database-{i}";
            settings[prefix + "SHARDS"] = Division[i].ToString();
            settings[prefix + "CONNECTIONSTRING"] = on[i].App;
            settings[prefix + "MIGRATIONCONNECTIONSTRING"] = on[i].Migrate;
        }

        return Host.Start(data + ".log", settings);
    }

    /// <summary>What a failure leaves behind stays where it says; what passed is thrown away.</summary>
    public void Dispose()
    {
        foreach (var database in databases) database.Dispose();
        if (TestContext.Current.TestState?.Result == TestResult.Passed) Directory.Delete(directory, recursive: true);
    }

    /// <summary>Of the repository that this was built in: its programs lie in artifacts/bin/project/configuration.</summary>
    private static string Script(string name) =>
        Path.Combine(new DirectoryInfo(AppContext.BaseDirectory).Parent!.Parent!.Parent!.Parent!.FullName, "scripts", name);
}
