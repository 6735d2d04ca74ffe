using System.Text.RegularExpressions;

namespace CrossMargin.Journal.Embedded;

/// <summary>The PostgreSQL that is installed on this machine.</summary>
internal sealed partial record PostgresBinaries(string Directory, int MajorVersion)
{
    private const int OldestMajorVersion = 15;

    public string Initdb => Path.Combine(Directory, "initdb");
    public string PgCtl => Path.Combine(Directory, "pg_ctl");

    /// <summary>The search path first, then where distributions put it; the newest wins among the latter.</summary>
    public static PostgresBinaries Find(string searchPath)
    {
        var onPath = searchPath.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        foreach (var directory in onPath.Concat(UsualPlaces()))
        {
            // A link on the path leads to the directory that holds all the others.
            var initdb = new FileInfo(Path.Combine(directory, "initdb"));
            if (!initdb.Exists) continue;
            var home = (initdb.ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? initdb).DirectoryName!;
            if (File.Exists(Path.Combine(home, "pg_ctl")) && File.Exists(Path.Combine(home, "postgres")))
                return new PostgresBinaries(home, ReadMajorVersion(home));
        }

        throw new JournalRefused("PostgreSQL is not installed, neither on the PATH nor in /usr/lib/postgresql: install it "
            + $"(Debian: apt-get install postgresql), version {OldestMajorVersion} or newer, or give a connection string.");
    }

    private static IEnumerable<string> UsualPlaces()
    {
        var debian = System.IO.Directory.Exists("/usr/lib/postgresql")
            ? System.IO.Directory.GetDirectories("/usr/lib/postgresql").OrderByDescending(VersionOf)
            : Enumerable.Empty<string>();
        var redHat = System.IO.Directory.GetDirectories("/usr", "pgsql-*").OrderByDescending(VersionOf);
        return [.. debian.Concat(redHat).Select(home => Path.Combine(home, "bin")), "/usr/local/pgsql/bin", "/opt/homebrew/bin"];

        static int VersionOf(string home) => int.TryParse(home[(home.LastIndexOfAny(['/', '-']) + 1)..], out var version) ? version : 0;
    }

    private static int ReadMajorVersion(string home)
    {
        var said = Command.Run(Path.Combine(home, "postgres"), ["--version"]).Output;
        var match = VersionNumber().Match(said);
        if (!match.Success) throw new JournalRefused($"{home}/postgres does not say its version: it said \"{said.Trim()}\".");
        var version = int.Parse(match.Value);
        return version >= OldestMajorVersion
            ? version
            : throw new JournalRefused($"PostgreSQL {version} in {home} is too old: install {OldestMajorVersion} or newer.");
    }

    [GeneratedRegex(@"\d+")]
    private static partial Regex VersionNumber();
}
