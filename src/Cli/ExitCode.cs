namespace CrossMargin.Cli;

/// <summary>What a command ends with. Scripts rely on the numbers; docs/cli.md states them.</summary>
internal static class ExitCode
{
    public const int Ok = 0;

    /// <summary>It could not be done: bad arguments, no server, no file, not allowed.</summary>
    public const int Error = 1;
    public const int NotFound = 3;

    /// <summary>It was done, and what was compared is not the same.</summary>
    public const int Mismatch = 4;
}

/// <summary>A command cannot go on: what is wrong, and what to do about it.</summary>
internal sealed class CommandFailed(string what, string? remedy = null, int code = ExitCode.Error) : Exception(what)
{
    public string? Remedy { get; } = remedy;
    public int Code { get; } = code;
}
