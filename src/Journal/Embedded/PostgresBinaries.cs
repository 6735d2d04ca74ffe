using System.Text.RegularExpressions;

namespace CrossMargin.Journal.Embedded;

/// <summary>The PostgreSQL that is installed on this machine.</summary>
internal sealed partial record PostgresBinaries(string Directory, int MajorVersion)
{
    private const int OldestMajorVersion = 15;

    public string Initdb => Path.Combine(Directory, "initdb");
    public string Postgres => Path.Combine(Directory, "postgres");
    public string PgCtl => Path.Combine(Directory, "pg_ctl");

    /// <summary>The PATH first, then where distributions put it, newest version first.</summary>
    public static IReadOnlyList<string> UsualPlaces =>
    [
        .. (Environment.GetEnvironmentVariable("PATH") ?? "")
            .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries),
        .. Versions("/usr/lib/postgresql", "*"),
        .. Versions("/usr", "pgsql-*"),
        "/usr/local/pgsql/bin",
    ];

    public static PostgresBinaries Find(IReadOnlyList<string> searchPath)
    {
        foreach (var directory in searchPath)
        {
            // A link on the path leads to the directory that holds all the others.
            var initdb = new FileInfo(Path.Combine(directory, "initdb"));
            if (!initdb.Exists) continue;
            var home = (initdb.ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? initdb).DirectoryName!;
            if (File.Exists(Path.Combine(home, "pg_ctl")) && File.Exists(Path.Combine(home, "postgres")))
                return new PostgresBinaries(home, ReadMajorVersion(home));
        }

        throw new JournalRefused("PostgreSQL is not installed, neither on the PATH nor in /usr/lib/postgresql: "
            + $"install version {OldestMajorVersion} or newer (Debian: apt-get install postgresql), or give a "
            + "connection string.");
    }

    private static IEnumerable<string> Versions(string parent, string pattern)
    {
        if (!System.IO.Directory.Exists(parent)) return [];
        return System.IO.Directory.GetDirectories(parent, pattern).OrderByDescending(VersionOf)
            .Select(home => Path.Combine(home, "bin"));

        static int VersionOf(string home) =>
            int.TryParse(home[(home.LastIndexOfAny(['/', '-']) + 1)..], out var version) ? version : 0;
    }

    private static int ReadMajorVersion(string home)
    {
        var said = Command.Run(Path.Combine(home, "postgres"), ["--version"]).Output;
        var match = VersionNumber().Match(said);
        if (!match.Success) throw new JournalRefused(
            $"{home}/postgres does not say its version: it said \"{said.Trim()}\".");
        var version = int.Parse(match.Value);
        return version >= OldestMajorVersion
            ? version
            : throw new JournalRefused($"PostgreSQL {version} in {home} is too old: install {OldestMajorVersion} or "
                + "newer.");
    }

    [GeneratedRegex(@"\d+")]
    private static partial Regex VersionNumber();
}
