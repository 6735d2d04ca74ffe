namespace CrossMargin.Journal.Embedded;

/// <summary>
/// Who runs a cluster. The pid file alone does not tell: after a reboot its number may be anybody's. A server process
/// works inside its data directory, which no other process does.
/// </summary>
internal sealed record Postmaster(int Pid, int Port)
{
    /// <summary>The server of this cluster that is running, or null.</summary>
    public static Postmaster? Find(string cluster)
    {
        var file = PidFile(cluster);
        if (!File.Exists(file)) return null;
        var lines = File.ReadAllLines(file);
        return lines.Length >= 4 && int.TryParse(lines[0], out var pid) && int.TryParse(lines[3], out var port)
            && WorksIn(pid, cluster)
            ? new Postmaster(pid, port)
            : null;
    }

    /// <summary>
    /// Processes of a server that died without them. They end by themselves; a new server must not start before.
    /// </summary>
    public static bool HasSurvivors(string cluster) => Directory.GetDirectories("/proc")
        .Select(Path.GetFileName)
        .Any(name => int.TryParse(name, out var pid) && WorksIn(pid, cluster));

    /// <summary>
    /// Removes a pid file whose number now belongs to a stranger, which PostgreSQL would take for a running server. Any
    /// other stale file is left to PostgreSQL, which knows more about it.
    /// </summary>
    public static void ForgetStranger(string cluster)
    {
        var file = PidFile(cluster);
        if (!File.Exists(file) || !int.TryParse(File.ReadLines(file).FirstOrDefault(), out var pid)) return;
        if (Directory.Exists($"/proc/{pid}") && !HasSurvivors(cluster)) File.Delete(file);
    }

    private static string PidFile(string cluster) => Path.Combine(cluster, "postmaster.pid");

    private static bool WorksIn(int pid, string cluster)
    {
        try
        {
            return new FileInfo($"/proc/{pid}/cwd").LinkTarget == cluster;
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
