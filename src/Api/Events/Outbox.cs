using System.Buffers.Text;
using CrossMargin.Api.Bodies;
using CrossMargin.Api.Hosting;
using CrossMargin.Api.Problems;
using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Api.Events;

/// <summary>
/// What a system outside is to be told, read from the journal: records of a few types in the order of each shard, so that what
/// concerns one account comes in its order. There is no table of what was sent. The reader keeps the cursor; it stands for a
/// position in every shard, and reading it again gives the same records.
/// </summary>
internal static class Outbox
{
    /// <summary>How many records one request may walk over. A page then ends early, and the next one goes on.</summary>
    private const long MaxWalk = 200_000;

    /// <param name="CaughtUp">Nothing else was in the journal when it was read.</param>
    public sealed record Page(IReadOnlyList<JournalRecord> Records, string NextCursor, bool CaughtUp);

    public static async Task<(Page? Page, Refusal? Refusal)> Read(
        HttpContext http, Venue venue, string? limit, string? cursor, params string[] types)
    {
        if (Query.Limit(limit) is not { } size)
            return (null, Refusal.Of(EdgeCode.MalformedParameter, $"limit is 1 to {Query.MaxLimit}"));

        var heads = await venue.Journal.ReadHeads(http.RequestAborted);
        if (cursor is null) return (await Read(venue, heads, new long[heads.Count], size, types, http.RequestAborted), null);
        return Parse(cursor, heads) is { } after
            ? (await Read(venue, heads, after, size, types, http.RequestAborted), null)
            : (null, Refusal.Of(EdgeCode.MalformedCursor, ProblemTable.For(EdgeCode.MalformedCursor).Title));
    }

    private static async Task<Page> Read(
        Venue venue, IReadOnlyList<Head> heads, long[] after, int size, string[] types, CancellationToken cancel)
    {
        var found = new List<JournalRecord>();
        var walk = MaxWalk;
        for (var i = 0; i < heads.Count && found.Count < size && walk > 0; i++)
        {
            var through = Math.Min(heads[i].Position, after[i] + walk);
            if (through == after[i]) continue;
            var records = await venue.Journal.ReadTypes(heads[i].Shard, after[i], through, types, size - found.Count, cancel);
            found.AddRange(records);
            var reached = found.Count == size ? records[^1].Position : through;
            walk -= reached - after[i];
            after[i] = reached;
        }

        return new Page(found, Text(after), heads.Zip(after).All(shard => shard.First.Position == shard.Second));
    }

    private static string Text(long[] positions)
    {
        using var bytes = new MemoryStream();
        using var writer = new BinaryWriter(bytes);
        foreach (var position in positions) writer.Write7BitEncodedInt64(position);
        return Base64Url.EncodeToString(bytes.GetBuffer().AsSpan(0, (int)bytes.Length));
    }

    /// <summary>Null for what this route did not give out: it names a position in every shard, and none beyond its head.</summary>
    private static long[]? Parse(string cursor, IReadOnlyList<Head> heads)
    {
        if (!Base64Url.IsValid(cursor)) return null;
        using var bytes = new MemoryStream(Base64Url.DecodeFromChars(cursor));
        using var reader = new BinaryReader(bytes);
        var positions = new long[heads.Count];
        try
        {
            for (var i = 0; i < positions.Length; i++) positions[i] = reader.Read7BitEncodedInt64();
        }
        catch (Exception exception) when (exception is EndOfStreamException or FormatException)
        {
            return null;
        }

        return bytes.Position == bytes.Length && Text(positions) == cursor
            && heads.Zip(positions).All(shard => shard.Second >= 0 && shard.Second <= shard.First.Position)
            ? positions
            : null;
    }
}
