namespace CrossMargin.Journal.Embedded;

/// <summary>
/// PostgreSQL refuses to run as root. When this process is root, the server and everything that touches its files runs
/// as another user; otherwise it runs as we do.
/// </summary>
internal sealed class UnprivilegedUser
{
    private static readonly string[] ProgramDirectories = ["/usr/bin", "/usr/sbin", "/bin", "/sbin"];

    private readonly string[] prefix;

    private UnprivilegedUser(string? name, string[] prefix)
    {
        Name = name;
        this.prefix = prefix;
    }

    /// <summary>Null when we are not root and nothing has to change.</summary>
    public string? Name { get; }

    public static UnprivilegedUser Choose()
    {
        if (!Environment.IsPrivilegedProcess) return new UnprivilegedUser(null, []);

        var users = File.ReadLines("/etc/passwd").Select(line => line.Split(':')[0]).ToHashSet();
        var name = users.Contains("postgres") ? "postgres"
            : users.Contains("nobody") ? "nobody"
            : throw new JournalRefused("PostgreSQL does not run as root and there is no user postgres or nobody: start "
                + "as another user.");
        if (Which("setpriv") is { } setpriv)
        {
            var group = Command.Run("id", ["-gn", name]).Output.Trim();
            return new UnprivilegedUser(name, [setpriv, $"--reuid={name}", $"--regid={group}", "--init-groups", "--"]);
        }

        return Which("runuser") is { } runuser
            ? new UnprivilegedUser(name, [runuser, "-u", name, "--"])
            : throw new JournalRefused("PostgreSQL does not run as root and neither setpriv nor runuser is installed: "
                + "start as another user.");
    }

    public Command Run(string program, IEnumerable<string> arguments, string? input = null)
    {
        string[] line = [.. prefix, program, .. arguments];
        return Command.Run(line[0], line[1..], input);
    }

    /// <summary>Makes a directory that only this user (and root) can enter.</summary>
    public void OwnDirectory(string directory)
    {
        System.IO.Directory.CreateDirectory(directory);
        if (Name is not null && !Command.Run("chown", [Name, directory]).Succeeded)
            throw new JournalRefused($"The directory {directory} cannot be given to the user {Name}: choose another "
                + "one.");
        if (!Run("test", ["-w", directory]).Succeeded)
        {
            throw new JournalRefused($"The user {Name ?? Environment.UserName} cannot write to {directory}: choose a "
                + "data directory that it can reach, such as one below /var/lib.");
        }

        Run("chmod", ["700", directory]);
    }

    /// <summary>Writes a file that only this user (and root) can read.</summary>
    public void WriteSecret(string path, string content)
    {
        var write = Run("sh", ["-c", "umask 077 && cat > \"$1.new\" && mv \"$1.new\" \"$1\"", "sh", path], content);
        if (!write.Succeeded) throw new JournalRefused($"The file {path} cannot be written: {write.Output.Trim()}");
    }

    private static string? Which(string program) =>
        ProgramDirectories.Select(directory => Path.Combine(directory, program)).FirstOrDefault(File.Exists);
}
