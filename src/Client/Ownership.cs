using System.Collections.Concurrent;
using System.Text.Json.Nodes;

namespace CrossMargin.Clients;

/// <summary>A silo as a client knows it: where it is, and until when there is no use in asking it.</summary>
internal sealed class KnownSilo(Uri address)
{
    public Uri Address => address;

    /// <summary>As it calls itself; null until it was heard.</summary>
    public string? Name { get; set; }

    /// <summary>A timestamp of the client's clock.</summary>
    public long AwayUntil { get; set; }
}

/// <summary>
/// Which silo owns which shard, as silos say it. It may be out of date at any time and nothing but speed rests on it: every silo takes
/// every command, and passes on what is another's.
/// </summary>
internal sealed class Ownership(IReadOnlyList<Uri> addresses, TimeProvider clock)
{
    /// <summary>A silo that refuses connections is not asked for so long, unless there is no other.</summary>
    private static readonly TimeSpan Away = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<string, int> shardOfTarget = [];   // of sources, learned from the addresses of their records
    private volatile Known known = new(Version: -1, Owners: []);
    private long heard = -1;
    private int turn;

    /// <param name="Owners">By shard.</param>
    private sealed record Known(long Version, IReadOnlyList<string?> Owners);

    public IReadOnlyList<KnownSilo> Silos { get; } = [.. addresses.Select(address => new KnownSilo(address))];

    /// <summary>Where there is one silo, there is nothing to follow.</summary>
    public bool IsFollowed => Silos.Count > 1;

    /// <summary>Some silo has spoken of changes that are not known here.</summary>
    public bool IsOutdated => IsFollowed && (known.Version < 0 || Volatile.Read(ref heard) > known.Version);

    /// <summary>With any answer.</summary>
    public void Hear(long version)
    {
        long before;
        do before = Volatile.Read(ref heard);
        while (version > before && Interlocked.CompareExchange(ref heard, version, before) != before);
    }

    /// <summary>The answer of a silo to <c>GET /v1/cluster/owners</c>; one that is none teaches nothing.</summary>
    public void Learn(KnownSilo from, JsonObject owners)
    {
        if (owners.Text("silo") is not { } name || owners.Number("version") is not { } version || NamesIn(owners) is not { } names) return;
        from.Name = name;
        var learned = new Known(version, names);
        Hear(learned.Version);
        lock (Silos)
            if (learned.Version >= known.Version) known = learned;
    }

    /// <summary>A shard that nobody owns has no name.</summary>
    private static List<string?>? NamesIn(JsonObject owners)
    {
        if (owners["owners"] is not JsonArray { Count: > 0 } named) return null;
        var names = new List<string?>(named.Count);
        foreach (var one in named)
        {
            string? name = null;
            if (one is not null && !(one is JsonValue value && value.TryGetValue(out name))) return null;
            names.Add(name);
        }

        return names;
    }

    public int? ShardOf(string account) => known.Owners.Count == 0 ? null : Shards.Of(account, known.Owners.Count);

    /// <summary>Of the account that a target names, or of the source that was reported to it before.</summary>
    public int? ShardOfTarget(string target) =>
        AccountIn(target) is { } account ? ShardOf(account) : shardOfTarget.TryGetValue(target, out var shard) ? shard : null;

    /// <summary>A record that came of what was reported to this target.</summary>
    public void LearnTarget(string target, string? address)
    {
        if (Shards.OfAddress(address) is { } shard) shardOfTarget[target] = shard;
    }

    /// <summary>Null where that is not known, or nobody owns it.</summary>
    public KnownSilo? OwnerOf(int? shard)
    {
        var owners = known.Owners;
        var name = shard is { } number && number < owners.Count ? owners[number] : null;
        return name is null ? null : Silos.FirstOrDefault(silo => silo.Name == name);
    }

    /// <summary>The owner, if it is there; else the next one of those that are, or of all.</summary>
    public KnownSilo Choose(int? shard)
    {
        if (OwnerOf(shard) is { } owner && IsThere(owner)) return owner;
        var others = Silos.Where(IsThere).ToList();
        if (others.Count == 0) others = [.. Silos];
        return others[(int)((uint)Interlocked.Increment(ref turn) % (uint)others.Count)];
    }

    public void NoteAway(KnownSilo silo) => silo.AwayUntil = clock.GetTimestamp() + (long)(Away.TotalSeconds * clock.TimestampFrequency);

    private bool IsThere(KnownSilo silo) => silo.AwayUntil <= clock.GetTimestamp();

    /// <summary>In the path behind <c>/v1/accounts/</c>, or in the query as <c>account=</c>.</summary>
    private static string? AccountIn(string target)
    {
        const int Length = 36;
        foreach (var before in (IReadOnlyList<string>)["/v1/accounts/", "?account=", "&account="])
        {
            var at = target.IndexOf(before, StringComparison.Ordinal);
            if (at >= 0 && target.Length >= at + before.Length + Length) return target.Substring(at + before.Length, Length);
        }

        return null;
    }
}
