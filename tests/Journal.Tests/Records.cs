using System.Text;
using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Journal.Tests;

/// <summary>Sealed records for a head, as a shard would make them.</summary>
internal static class Records
{
    public static GrainId Account(int number) => GrainId.Derive(GrainKind.Account, BitConverter.GetBytes(number));

    public static Batch Batch(Head before, params GrainId[] grains) =>
        Batch(before, grains.Select((grain, i) => Record(before, i, grain, version: before.Position + 1 + i)));

    public static Batch Batch(Head before, IEnumerable<JournalRecord> records)
    {
        JournalRecord[] sealedRecords = [.. records];
        var end = EndAt(before);
        foreach (var record in sealedRecords) end = record.Seal(before.Epoch, end);
        return new Batch(before, sealedRecords);
    }

    /// <summary>The journal stores hashes and computes none, so an end without a past will do.</summary>
    public static ChainEnd EndAt(Head head) => new(head.Position, head.Chain, Jump: null);

    public static JournalRecord Record(
        Head before, int offset, GrainId grain, long version, string type = "account.deposited.v1",
            GrainId[]? addressees = null,
        Cause? cause = null)
    {
        var to = new ShardSet();
        foreach (var addressee in addressees ?? []) to = to.With(Server.Shards.ShardOf(addressee));
        return new JournalRecord
        {
            Shard = before.Shard,
            Position = before.Position + 1 + offset,
            Grain = grain,
            Version = version,
            Type = type,
            Time = new Instant(1_700_000_000_000_000 + before.Position + offset),
            Frame = 7,
            Cause = cause ?? Cause.Timer.Came,
            Addressees = [.. addressees ?? []],
            To = to,
            Payload = Encoding.UTF8.GetBytes($$"""{"amount":"{{version}}.5"}"""),
        };
    }
}
