using CrossMargin.Journal;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Api.Hosting;

/// <summary>One of several databases that divide the shards of the venue (docs/journal.md).</summary>
public sealed class DatabaseOptions
{
    /// <summary>What logs, metrics and health call it.</summary>
    public string Name { get; set; } = "";

    /// <summary>Those that it has, for ever: numbers and ranges, as in 0-31,40.</summary>
    public string Shards { get; set; } = "";

    /// <summary>As the role crossmargin_app.</summary>
    public string ConnectionString { get; set; } = "";

    /// <summary>As the role crossmargin_migrate; all of the databases have one, or none has.</summary>
    public string? MigrationConnectionString { get; set; }

    /// <summary>Null where the shards cannot be read.</summary>
    internal DatabaseShare? Share => ShardSet.TryParse(Shards, out var shards) ? new DatabaseShare(Name, shards) : null;
}
