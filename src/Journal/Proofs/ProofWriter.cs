using System.Buffers;
using System.Text.Json;
using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Journal.Proofs;

/// <summary>What a proof is about to show, so that a caller can refuse before the first byte is written.</summary>
public abstract record ProofPlan(Head Head, long Records, List<long> Links)
{
    /// <summary>Everything that happened to one account.</summary>
    public sealed record OfAccount(GrainId Account, Head Head, long Records, List<long> Links) : ProofPlan(Head, Records, Links);

    /// <summary>That one record is in the journal.</summary>
    public sealed record OfRecord(RecordAddress Record, Head Head, List<long> Links) : ProofPlan(Head, Records: 1, Links);
}

/// <summary>
/// Writes records as NDJSON that proves itself: the records with their content, of the others of their shard only the hashes that
/// lead up to its head. docs/proofs.md has the lines. Only positions are kept in memory, so an account of any length can be written.
/// </summary>
public sealed class ProofWriter(IJournal journal, ShardMap map)
{
    internal const string AccountForm = "crossmargin.account.v1";
    internal const string RecordForm = "crossmargin.record.v1";

    private const int PageSize = 1_000;

    // A link is read with the two that it names.
    private const int LinksAtOnce = 300;

    /// <summary>
    /// Up to the head that the shard has now. <paramref name="through"/> is a position of the shard that the proof leads through as
    /// well, so that a head which the reader has kept can be held against it. Null when the account has no record, or the head is
    /// not that far.
    /// </summary>
    public async ValueTask<ProofPlan?> PlanAccount(GrainId account, long? through, CancellationToken cancel)
    {
        var head = await HeadOf(map.ShardOf(account), cancel);
        if (through > head.Position) return null;

        var positions = new List<long>();
        while (true)
        {
            var page = await journal.ReadGrain(account, positions.Count, PageSize, cancel);
            positions.AddRange(page.Select(record => record.Position).Where(position => position <= head.Position));
            if (page.Count < PageSize || page[^1].Position > head.Position) break;
        }

        if (positions.Count == 0) return null;
        var links = ChainPath.Between(through is { } also ? [.. positions, also] : positions, head.Position);
        return new ProofPlan.OfAccount(account, head, positions.Count, links);
    }

    /// <summary>Null when the journal has no such record.</summary>
    public async ValueTask<ProofPlan?> PlanRecord(RecordAddress record, CancellationToken cancel)
    {
        var head = await HeadOf(record.Shard, cancel);
        return record.Position > head.Position
            ? null
            : new ProofPlan.OfRecord(record, head, ChainPath.Between([record.Position], head.Position));
    }

    private async ValueTask<Head> HeadOf(ShardId shard, CancellationToken cancel) => (await journal.ReadHeads(cancel))[shard.Number];

    public async Task Write(ProofPlan plan, Stream destination, CancellationToken cancel)
    {
        var line = new ArrayBufferWriter<byte>(4_096);
        using var json = new Utf8JsonWriter(line);

        json.WriteStartObject();
        switch (plan)
        {
            case ProofPlan.OfAccount proof:
                json.WriteString("proof", AccountForm);
                json.WriteString("account", proof.Account.ToString());
                break;
            case ProofPlan.OfRecord proof:
                json.WriteString("proof", RecordForm);
                json.WriteString("record", proof.Record.ToString());
                break;
        }

        json.WriteNumber("shard", plan.Head.Shard.Number);
        json.WriteNumber("records", plan.Records);
        json.WriteStartObject("head");
        json.WriteNumber("position", plan.Head.Position);
        json.WriteString("chainHash", plan.Head.Chain.ToString());
        json.WriteEndObject();
        await End();

        foreach (var some in plan.Links.Chunk(LinksAtOnce))
        {
            var stored = await Stored(plan.Head.Shard, some, cancel);
            foreach (var position in some)
            {
                WriteLink(json, plan, stored, position);
                await End();
            }
        }

        json.WriteStartObject();
        json.WriteNumber("end", plan.Links.Count);
        await End();
        await destination.FlushAsync(cancel);

        async ValueTask End()
        {
            json.WriteEndObject();
            json.Flush();
            line.Write("\n"u8);
            await destination.WriteAsync(line.WrittenMemory, cancel);
            line.ResetWrittenCount();
            json.Reset();
        }
    }

    private async ValueTask<Dictionary<long, JournalRecord>> Stored(ShardId shard, long[] positions, CancellationToken cancel)
    {
        var wanted = positions.SelectMany(position => (long[])[position, position - 1, Chain.JumpFrom(position)]);
        var records = await journal.ReadPositions(shard, [.. wanted.Where(position => position > 0).Distinct()], cancel);
        return records.ToDictionary(record => record.Position);
    }

    private static void WriteLink(Utf8JsonWriter json, ProofPlan plan, Dictionary<long, JournalRecord> stored, long position)
    {
        var record = stored[position];
        json.WriteStartObject();
        json.WriteNumber("position", position);
        if (IsShown(plan, record)) WriteContent(json, record);
        else json.WriteString("digest", Chain.Digest(record).ToString());

        var jump = Chain.JumpFrom(position);
        if (!IsKnown(plan, position - 1)) json.WriteString("before", stored[position - 1].Chain.ToString());
        if (jump != position - 1 && !IsKnown(plan, jump)) json.WriteString("jump", stored[jump].Chain.ToString());
        json.WriteString("chainHash", record.Chain.ToString());
    }

    /// <summary>The reader has it from an earlier line, or from the shard's number.</summary>
    private static bool IsKnown(ProofPlan plan, long position) => position == 0 || plan.Links.BinarySearch(position) >= 0;

    private static bool IsShown(ProofPlan plan, JournalRecord record) => plan switch
    {
        ProofPlan.OfAccount proof => record.Grain == proof.Account,
        ProofPlan.OfRecord proof => record.Address == proof.Record,
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private static void WriteContent(Utf8JsonWriter json, JournalRecord record)
    {
        json.WriteStartObject("record");
        json.WriteNumber("epoch", record.Epoch);
        json.WriteString("grain", record.Grain.ToString());
        json.WriteNumber("sequence", record.Version);
        json.WriteString("type", record.Type);
        json.WriteString("recordedAt", record.Time.ToString());
        json.WriteNumber("frame", record.Frame);
        json.WriteString("cause", Convert.ToHexStringLower(record.CauseBytes));
        json.WriteStartArray("addressees");
        foreach (var addressee in record.Addressees) json.WriteStringValue(addressee.ToString());
        json.WriteEndArray();
        json.WritePropertyName("data");
        json.WriteRawValue(record.Payload.Span);
        json.WriteEndObject();
    }
}
