using System.Buffers.Binary;
using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Security.Cryptography;
using System.Text.Json;
using CrossMargin.Api.Bodies;
using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Api.Audit;

public sealed record HeadView(int Shard, long Position, int Epoch, [property: Description("SHA-256 in hex.")] string ChainHash);

[Description("A cut: the heads of all shards in one snapshot. Keep `hash` elsewhere, and nothing before the cut can be changed unseen.")]
public sealed record AuditHead(
    IReadOnlyList<HeadView> Heads,
    [property: Description("SHA-256 over shard u16, position i64 and chain hash of every head, big-endian, in order of shard.")]
    string Hash,
    string AsOf)
{
    internal static AuditHead Of(IReadOnlyList<Head> heads, DateTimeOffset now) => new(
        [.. heads.Select(head => new HeadView(head.Shard.Number, head.Position, head.Epoch, head.Chain.ToString()))],
        HashOf(heads), Instant.From(now).ToString());

    /// <summary>The epoch is left out: a restart raises it and changes nothing that happened.</summary>
    internal static string HashOf(IReadOnlyList<Head> heads)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> bytes = stackalloc byte[2 + 8 + Hash256.Size];
        foreach (var head in heads)
        {
            BinaryPrimitives.WriteUInt16BigEndian(bytes, (ushort)head.Shard.Number);
            BinaryPrimitives.WriteInt64BigEndian(bytes[2..], head.Position);
            head.Chain.Write(bytes[10..]);
            hash.AppendData(bytes);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}

[Description("Nothing: the whole journal. Or a range of one shard, whose chain alone is checked.")]
public sealed record VerifyRequest(int? Shard = null, long? From = null, long? To = null)
{
    internal static readonly string[] Fields = ["shard", "from", "to"];

    internal static VerifyRequest? Read(ref StrictObject body)
    {
        long? shard = null, from = null, to = null;
        while (body.NextField(Fields, out var field))
        {
            switch (field)
            {
                case 0: shard = body.Integer("shard", min: 0); break;
                case 1: from = body.Integer("from", min: 1); break;
                default: to = body.Integer("to", min: 1); break;
            }
        }

        if (shard is null && from is null && to is null) return new VerifyRequest();
        body.RequireAll(Fields);
        if (!body.HasErrors && shard >= ShardMap.MaxCount) body.Report("shard", Problems.EdgeCode.NumberOutOfRange, "no such shard");
        if (!body.HasErrors && to < from) body.Report("to", Problems.EdgeCode.NumberOutOfRange, "not before from");
        return body.HasErrors ? null : new VerifyRequest((int)shard!, from, to);
    }
}

[Description(
    "Per asset: accounts + held + inFlight + suspense + fees + fund − cost + funding = deposited − paid, exactly, or `difference` says "
    + "by how much not.")]
public sealed record ConservationView(
    string Asset,
    [property: RegularExpression(AmountText.Pattern)] string Accounts,
    [property: RegularExpression(AmountText.Pattern)] string Held,
    [property: RegularExpression(AmountText.Pattern), Description("A leg of a trade counts as its account will book it.")]
    string InFlight,
    [property: RegularExpression(AmountText.Pattern), Description("What messages carry whose receiver could not take them.")]
    string Suspense,
    [property: RegularExpression(AmountText.Pattern), Description("Collected by the feeds.")] string Fees,
    [property: RegularExpression(AmountText.Pattern), Description("Paid on negative balances.")] string Interest,
    [property: RegularExpression(AmountText.Pattern), Description("The insurance fund's.")] string Fund,
    [property: RegularExpression(AmountText.Pattern), Description("Of all positions.")] string Cost,
    [property: RegularExpression(AmountText.Pattern), Description("Quantity × index settled of all positions, and the house's rounding.")]
    string Funding,
    [property: RegularExpression(AmountText.Pattern)] string Deposited,
    [property: RegularExpression(AmountText.Pattern)] string Paid,
    [property: RegularExpression(AmountText.Pattern)] string Difference);

[Description("Something that does not agree.")]
public sealed record Finding(
    [property: Description(
        "chain-broken, unreadable, fold-broken, message-missing, decision-differs, snapshot-differs, state-differs, not-conserved or "
        + "not-compared")]
    string Code,
    [property: Description("A record's address, a shard, a grain or an asset.")] string Where,
    string Detail);

public sealed record VerifyAnswer(
    [property: Description("agrees or differs")] string Verdict,
    [property: Description("Records read and hashed.")] long Records,
    [property: Description("Grains folded from nothing and compared with the live state, byte for byte.")] long Grains,
    IReadOnlyList<ConservationView> Conservation,
    [property: Description("At most 100.")] IReadOnlyList<Finding> Findings,
    [property: Description("The hash of the cut that was verified, as GET /v1/audit/head gives it; null for a range.")] string? Hash,
    string AsOf);

[Description("The canonical state of an account. Two that have the same hash are the same to the byte.")]
public sealed record StateView(
    string Account, long Sequence, string Address, string RecordedAt, long Frame,
    [property: Description("SHA-256 in hex over `state` as it stands here.")] string StateHash, JsonElement State)
{
    internal static StateView Of(byte[] state, JournalRecord last)
    {
        using var json = JsonDocument.Parse(state);
        return new StateView(
            last.Grain.ToString(), last.Version, last.Address.ToString(), last.Time.ToString(), last.Frame,
            Hash256.Of(state).ToString(), json.RootElement.Clone());
    }
}
