using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Runtime.Shards;

/// <summary>
/// The keys of human-rate commands, each with the record that answers it. A key is accepted from <see cref="EarlyMicros"/> before its
/// issue time to <see cref="WindowMicros"/> after, and remembered for longer than it could be accepted: forgetting a key can never
/// execute a command twice.
/// </summary>
public sealed class KeyWindow
{
    public const long WindowMicros = 24 * Instant.MicrosPerHour;

    /// <summary>How far the issuer's clock may be ahead.</summary>
    public const long EarlyMicros = 60 * Instant.MicrosPerSecond;

    private readonly Dictionary<(GrainId Grain, CommandKey Key), Entry> entries = [];
    private readonly Queue<(Instant Time, GrainId Grain, CommandKey Key)> byAge = [];

    public readonly record struct Entry(Fingerprint Body, JournalRecord Record);

    public int Count => entries.Count;

    /// <summary>In the order of their records.</summary>
    public IEnumerable<(CommandKey Key, Entry Entry)> Entries =>
        byAge.Select(aged => (aged.Key, entries[(aged.Grain, aged.Key)]));

    public static bool Accepts(CommandKey key, Instant now) =>
        key.IssuedAt <= now.PlusMicros(EarlyMicros) && key.IssuedAt >= now.PlusMicros(-WindowMicros);

    public bool TryFind(GrainId grain, CommandKey key, out Entry entry) => entries.TryGetValue((grain, key), out entry);

    /// <summary>Remembers the first record of a command; its later records say nothing new.</summary>
    public void Add(CommandKey key, Fingerprint body, JournalRecord record)
    {
        if (entries.TryAdd((record.Grain, key), new Entry(body, record))) byAge.Enqueue((record.Time, record.Grain, key));
    }

    /// <summary>
    /// A key issued as late as it could be for a record of time t is refused from t + early + window on.
    /// </summary>
    public void Forget(Instant now)
    {
        while (byAge.TryPeek(out var oldest) && oldest.Time.PlusMicros(EarlyMicros + WindowMicros) < now)
        {
            entries.Remove((oldest.Grain, oldest.Key));
            byAge.Dequeue();
        }
    }
}
