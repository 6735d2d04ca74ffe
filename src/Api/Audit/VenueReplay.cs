using System.ComponentModel;
using System.Security.Cryptography;
using CrossMargin.Api.Bodies;
using CrossMargin.Api.Hosting;
using CrossMargin.Contracts;
using CrossMargin.Journal;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;

namespace CrossMargin.Api.Audit;

[Description("To an instant of record time, or to a mark frame; without either to the heads.")]
public sealed record ReplayRequest(string? AsOf = null, long? Frame = null)
{
    internal static readonly string[] Fields = ["asOf", "frame"];

    internal static Moment? Read(ref StrictObject body)
    {
        Instant? asOf = null;
        long? frame = null;
        while (body.NextField(Fields, out var field))
        {
            if (field == 0) asOf = body.Time("asOf");
            else frame = body.Integer("frame", min: 0);
        }

        if (asOf is not null && frame is not null)
            body.Report("frame", Problems.EdgeCode.NumberOutOfRange, "asOf and frame exclude each other");
        return body.HasErrors ? null : new Moment(asOf, frame);
    }

    /// <summary>Time and frame never go back in a shard, so what belongs to a moment is a beginning of each.</summary>
    internal sealed record Moment(Instant? AsOf, long? Frame)
    {
        public bool Has(JournalRecord record) => !(record.Time > AsOf) && !(record.Frame > Frame);
    }
}

public sealed record ReplayedShard(
    int Shard, [property: Description("The last record that belongs to the moment.")] long Position, string ChainHash, long Grains);

public sealed record ReplayAnswer(
    [property: Description("agrees, or differs: then the journal cannot be folded, see findings.")] string Verdict,
    long Records, long Grains,
    [property: Description("SHA-256 in hex over (grain id, SHA-256 of its canonical state) of every grain in order of id.")]
    string StateHash,
    IReadOnlyList<ReplayedShard> Shards, IReadOnlyList<Finding> Findings);

/// <summary>
/// The whole venue as of a moment, from the journal alone: neither the live state nor a snapshot is looked at. One shard's state is in
/// memory at a time, and 48 bytes a grain.
/// </summary>
internal sealed class VenueReplay(Venue venue, CancellationToken cancel)
{
    private readonly SortedDictionary<GrainId, Hash256> states = [];
    private readonly List<ReplayedShard> shards = [];
    private readonly List<Finding> findings = [];
    private long records;

    public async Task<ReplayAnswer> To(ReplayRequest.Moment moment)
    {
        foreach (var head in await venue.Journal.ReadHeads(cancel)) await Fold(head, moment);
        return new ReplayAnswer(findings.Count == 0 ? "agrees" : "differs", records, states.Count, HashOfAll(), shards, findings);
    }

    private async Task Fold(Head head, ReplayRequest.Moment moment)
    {
        var state = new ShardState(head.Shard, venue.Map, venue.Catalog);
        var end = ChainEnd.Genesis(head.Shard);
        var isReached = false;
        await foreach (var page in venue.Journal.ReadPages(head.Shard, after: 0, head.Position, cancel))
        {
            var belonging = page.TakeWhile(moment.Has).ToList();
            foreach (var record in belonging)
            {
                end = end.Next(record);
                if (Problem(state, end, record) is not { } problem) continue;
                findings.Add(new Finding("fold-broken", record.Address.ToString(), problem));
                return;
            }

            records += belonging.Count;
            isReached = belonging.Count < page.Count;
            if (isReached) break;
        }

        if (!isReached && end.Position < head.Position)
        {
            var missing = $"{head.Shard}:{end.Position + 1}";
            findings.Add(new Finding("chain-broken", missing, $"there is no such record; the head is at {head.Position}"));
        }

        foreach (var slot in state.Slots) states[slot.Id] = Hash256.Of(slot.Type.Save(slot.State));
        shards.Add(new ReplayedShard(head.Shard.Number, end.Position, end.Hash.ToString(), state.Slots.Count));
    }

    private string? Problem(ShardState state, ChainEnd end, JournalRecord record)
    {
        if (end.Hash != record.Chain) return "its hash is not that of its content and the hashes before it";
        if (venue.Catalog.Decode(record) is not { } @event) return $"this build cannot read a {record.Type}";
        try
        {
            var slot = state.Find(record.Grain);
            var next = slot.Type.Evolve(slot.State, @event);
            slot.Type.Verify(next);
            state.Apply(record, slot, next, slot.Type.RefusalIn(@event));
            return null;
        }
        catch (Exception broken) when (broken is not OutOfMemoryException)
        {
            return broken.Message;
        }
    }

    private string HashOfAll()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> bytes = stackalloc byte[GrainId.Size + Hash256.Size];
        foreach (var (grain, state) in states)
        {
            grain.Write(bytes);
            state.Write(bytes[GrainId.Size..]);
            hash.AppendData(bytes);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
