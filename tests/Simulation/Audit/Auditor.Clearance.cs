using System.Security.Cryptography;
using System.Text.Json;

namespace CrossMargin.Simulation.Audit;

/// <summary>
/// Clearance (I16): nothing is cleared that a shard was not beyond, nothing while something is missing, everything that can
/// be, and every grant once. What every shard has adopted is read from its own rows and not from what the coordinator says.
/// </summary>
internal sealed partial class Auditor
{
    /// <summary>Accounts of a shard that wait, and the lowest frame under which one began to.</summary>
    private sealed record Waiters(int Count, long Since);

    private Waiters WaitersOf(int shard)
    {
        var since = WaitingIn(shard).ConvertAll(account => GrainOf(account).Account.WaitsSince.Min());
        return new Waiters(since.Count, since.DefaultIfEmpty().Min());
    }

    /// <summary>Those that wait for the coordinator, in the order in which its word reaches them: the longest first.</summary>
    private List<string> WaitingIn(int shard) =>
    [
        .. grains
            .Where(grain => StoredFormat.IsAccount(grain.Key) && StoredFormat.ShardOf(StoredFormat.Bytes(grain.Key), shards) == shard)
            .Where(grain => grain.Value.Account.WaitsSince.Any())
            .OrderBy(grain => grain.Value.Account.WaitsSince.Min()).ThenBy(grain => grain.Key, StringComparer.Ordinal)
            .Select(grain => grain.Key),
    ];

    /// <summary>A shard that no frame ever reached may say that somebody waits, and nothing else.</summary>
    private string ExpectedBeforeAnyFrame(ShardBook book, StoredRow row, string id)
    {
        var waiters = WaitersOf(row.Shard);
        AuditFailure.Unless(
            StoredFormat.IsShardGrain(id) && row.Frame == 0 && waiters.Count > 0, "I15", $"{row.Address} has frame 0 for its cause, and nobody waits");
        book.HasAdopted = true;
        return AdoptionLine(
            row.Shard, frame: 0, changed: 0, new Results(0, 0, Convert.ToHexStringLower(SHA256.HashData([]))), waiters);
    }

    /// <summary>What the coordinator may not say, whatever it was told.</summary>
    private void CheckClearance(StoredRow row, JsonElement clearance, PoolBook pool)
    {
        AuditFailure.Unless(pool.Missing.IsZero, "I16", $"{row.Address} clears while {StoredFormat.Money(pool.Missing)} are missing");
        foreach (var (asset, units) in fund)
            AuditFailure.Unless(units.Sign >= 0, "I16", $"{row.Address} clears while {-units} {asset} were drawn that nobody paid in");
        var upTo = FrameOf(clearance);
        var isBeforeAnyPrice = upTo == 0 && row.Frame == 0 && pool.Heard == 0;
        for (var shard = 0; shard < shards; shard++)
            AuditFailure.Unless(
                books[shard].Adopted > upTo || pool.IsSetAside(shard) || isBeforeAnyPrice, "I16",
                $"{row.Address} clears up to frame {upTo}, and shard {shard} has adopted {books[shard].Adopted}");
    }

    private static long FrameOf(JsonElement clearance) => clearance.GetProperty("frame").GetInt64();
}
