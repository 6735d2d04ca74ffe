using CrossMargin.Runtime.Records;

namespace CrossMargin.Journal;

/// <summary>A database of a venue: what its operators call it, and the shards whose heads and records it has.</summary>
public sealed record DatabaseShare(string Name, ShardSet Shards)
{
    /// <summary>The only one, as most venues have.</summary>
    public static DatabaseShare Whole(ShardMap map) => new("main", ShardSet.Of(map.Shards));
}

/// <summary>The same, and how to get there.</summary>
public sealed record DatabaseAddress(DatabaseShare Share, string ConnectionString);
