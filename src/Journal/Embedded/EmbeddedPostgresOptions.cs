namespace CrossMargin.Journal.Embedded;

/// <summary>Where the private server lives and what is different about it.</summary>
public sealed record EmbeddedPostgresOptions
{
    /// <summary>A directory of its own: cluster, password and log. Made at the first start.</summary>
    public required string Directory { get; init; }

    /// <summary>Null takes any free port; a server that is still running keeps its own.</summary>
    public int? Port { get; init; }

    /// <summary>Server settings over the default ones: tests turn fsync off to see that its loss is noticed.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();

    /// <summary>The directories in which initdb, pg_ctl and postgres are looked for.</summary>
    public IReadOnlyList<string> SearchPath { get; init; } = PostgresBinaries.UsualPlaces;
}
