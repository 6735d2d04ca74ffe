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
        var since = AccountsOf(shard).Select(account => account.WaitsSince.DefaultIfEmpty(long.MaxValue).Min())
            .Where(frame => frame < long.MaxValue).ToList();
        return new Waiters(since.Count, since.DefaultIfEmpty().Min());
    }

    private IEnumerable<AccountBook> AccountsOf(int shard) => grains
        .Where(grain => StoredFormat.IsAccount(grain.Key) && StoredFormat.ShardOf(StoredFormat.Bytes(grain.Key), shards) == shard)
        .Select(grain => grain.Value.Account);

    /// <summary>A shard that no frame ever reached may say that somebody waits, and nothing else.</summary>
    private string ExpectedBeforeAnyFrame(ShardBook book, StoredRow row, string id)
    {
        var waiters = WaitersOf(row.Shard);
        AuditFailure.Unless(
            StoredFormat.IsShardGrain(id) && row.Frame == 0 && waiters.Count > 0, "I15", $"{row.Address} has frame 0 for its cause, and nobody waits");
        book.HasAdopted = true;
        return AdoptionLine(row.Shard, frame: 0, changed: 0, new Results(0, 0, Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData([]))), waiters);
    }

    /// <summary>What a row of the coordinator obliges it to, and what it may not say.</summary>
    private void FollowPool(ShardBook book, StoredRow row, PoolBook pool)
    {
        if (row.Type == "pool.cleared.v1")
        {
            using var payload = Parse(row);
            var upTo = payload.RootElement.GetProperty("frame").GetInt64();
            AuditFailure.Unless(pool.Missing.IsZero, "I16", $"{row.Address} clears while {StoredFormat.Money(pool.Missing)} are missing");
            for (var shard = 0; shard < shards; shard++)
            {
                var isBehind = books[shard].Adopted <= upTo && !pool.IsSetAside(shard);
                AuditFailure.Unless(
                    !isBehind || (upTo == 0 && row.Frame == 0 && pool.Heard == 0), "I16",
                    $"{row.Address} clears up to frame {upTo}, and shard {shard} has adopted {books[shard].Adopted}");
            }

            return;
        }

        if (pool.ExpectedClearance(row.Frame) is { } owed) book.Owed.Enqueue((StoredFormat.Uuid(row.Grain), owed));
    }

    /// <summary>One unit: every account here that waits, the longest first, with all that is cleared of it.</summary>
    private string ExpectedOfClearance(StoredRow row, string id, Unit unit, JsonElement clearance)
    {
        AuditFailure.Unless(unit.Next == 0, "I16", $"{row.Address} goes on with {unit.Message.Address}, which is used up");
        unit.Next = unit.Addressees.Count;
        var upTo = clearance.GetProperty("frame").GetInt64();
        var waiting = grains
            .Where(grain => StoredFormat.IsAccount(grain.Key) && StoredFormat.ShardOf(StoredFormat.Bytes(grain.Key), shards) == row.Shard)
            .Where(grain => grain.Value.Account.WaitsSince.Any())
            .OrderBy(grain => grain.Value.Account.WaitsSince.Min()).ThenBy(grain => grain.Key, StringComparer.Ordinal);
        var owed = waiting.SelectMany(grain => grain.Value.Account.ExpectedOfClearance(upTo).Select(line => (grain.Key, line))).ToList();
        if (owed.Count == 0) return "shard.consumed.v1";

        foreach (var one in owed.Skip(1)) books[row.Shard].Owed.Enqueue(one);
        return owed[0].Key == id ? owed[0].line : $"{owed[0].line} of {owed[0].Key}";
    }

    private static void CheckNothingOwed(ShardBook book) => AuditFailure.Unless(
        book.Owed.Count == 0, "I16", $"{(book.Rows.Count > 0 ? book.Rows[^1].Address : "")} is the last of its commit, and this was to follow: {book.Owed.FirstOrDefault()}");
}
