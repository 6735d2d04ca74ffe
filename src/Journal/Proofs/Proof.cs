using System.Buffers;
using System.Text;
using System.Text.Json;
using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Journal.Proofs;

/// <summary>The file is not what it says; the line is where that shows first.</summary>
public sealed class ProofBroken(long line, string what) : Exception($"line {line}: {what}")
{
    public long Line { get; } = line;
    public string What { get; } = what;
}

/// <summary>A head as somebody keeps it who wants to hold a proof against it: <c>shard:position:hash</c>.</summary>
public sealed record Anchor(ShardId Shard, long Position, Hash256 Chain)
{
    public static bool TryParse(string text, out Anchor? anchor)
    {
        anchor = null;
        var parts = text.Split(':');
        if (parts.Length != 3 || !int.TryParse(parts[0], out var shard) || !long.TryParse(parts[1], out var position)) return false;
        if (shard is < 0 or >= ShardMap.MaxCount || position < 1 || !Hash256.TryParse(parts[2], out var chain)) return false;
        anchor = new Anchor(new ShardId(shard), position, chain);
        return true;
    }

    public override string ToString() => $"{Shard}:{Position}:{Chain}";
}

/// <summary>
/// Reads a proof and believes nothing in it: every hash is computed again from the contents, up to the head. What it
/// cannot see is whether that head was ever the shard's; for that the reader needs one from elsewhere, see <see cref="Holds"/>.
/// </summary>
public sealed class Proof
{
    private readonly Dictionary<long, Hash256> chain = [];
    private long line;

    private RecordAddress? onlyRecord;

    /// <summary>The account whose whole history this is; null when it is one record of anybody.</summary>
    public GrainId? Account { get; private set; }
    public ShardId Shard { get; private set; }

    /// <summary>The head that the file speaks of.</summary>
    public Anchor Head { get; private set; } = null!;

    /// <summary>Records and bare links.</summary>
    public long Links { get; private set; }

    /// <summary>The records with their content, in order.</summary>
    public List<JournalRecord> Records { get; } = [];

    /// <summary>Throws <see cref="ProofBroken"/> at the first line that does not fit.</summary>
    public static Proof Read(TextReader file)
    {
        var proof = new Proof();
        proof.ReadAll(file);
        return proof;
    }

    /// <summary>Whether the chain leads through this head; null when the file has no link at its position.</summary>
    public bool? Holds(Anchor anchor)
    {
        if (anchor.Shard != Shard) return false;
        return chain.TryGetValue(anchor.Position, out var hash) ? hash == anchor.Chain : null;
    }

    private void ReadAll(TextReader file)
    {
        var records = Header(Next(file) ?? throw Broken("the file is empty"));
        chain[0] = Chain.Genesis(Shard);

        var last = 0L;
        while (true)
        {
            using var json = Next(file) ?? throw Broken("the file ends before its last line; it was cut off");
            if (json.RootElement.TryGetProperty("end", out _))
            {
                End(json.RootElement, records, last);
                break;
            }

            last = Link(json.RootElement, last);
        }

        if (Next(file) is not null) throw Broken("there is something behind the last line");
    }

    private JsonDocument? Next(TextReader file)
    {
        line++;
        if (file.ReadLine() is not { } text) return null;
        try
        {
            var json = JsonDocument.Parse(text);
            if (json.RootElement.ValueKind == JsonValueKind.Object) return json;
        }
        catch (JsonException)
        {
            // Said below, like any other line that is no object.
        }

        throw Broken("this is not a JSON object");
    }

    private long Header(JsonDocument json)
    {
        using (json)
        {
            var header = json.RootElement;
            switch (Text(header, "proof"))
            {
                case ProofWriter.AccountForm:
                    OnlyHas(header, "proof", "account", "shard", "records", "head");
                    Account = GrainId.TryParse(Text(header, "account"), out var account) ? account : throw Broken("account is not an id");
                    break;
                case ProofWriter.RecordForm:
                    OnlyHas(header, "proof", "record", "shard", "records", "head");
                    if (!RecordAddress.TryParse(Text(header, "record"), out var address)) throw Broken("record is not an address");
                    onlyRecord = address;
                    break;
                case var other:
                    throw Broken($"this is not a proof of a form that is known here, but {other}");
            }

            var head = Property(header, "head", JsonValueKind.Object);
            OnlyHas(head, "position", "chainHash");
            var shard = Integer(header, "shard", 0);
            if (shard >= ShardMap.MaxCount) throw Broken("there is no such shard");
            Shard = new ShardId((int)shard);
            Head = new Anchor(Shard, Integer(head, "position", 1), Hash(head, "chainHash"));
            return Integer(header, "records", 1);
        }
    }

    private long Link(JsonElement link, long last)
    {
        OnlyHas(link, "position", "record", "digest", "before", "jump", "chainHash");
        var position = Integer(link, "position", 1);
        if (position <= last) throw Broken($"position {position} does not come after {last}: lines were moved or repeated");
        if (position > Head.Position) throw Broken($"position {position} is behind the head");

        var isRecord = link.TryGetProperty("record", out var content);
        if (isRecord == link.TryGetProperty("digest", out _)) throw Broken("a line has either a record or a digest");
        var digest = isRecord ? Digest(content, position) : Hash(link, "digest");

        var jump = Chain.JumpFrom(position);
        var before = Named(link, "before", position - 1);
        var computed = Chain.Link(position, before, jump == position - 1 ? before : Named(link, "jump", jump), digest);
        if (computed != Hash(link, "chainHash"))
            throw Broken(isRecord
                ? $"the content of {Shard}:{position} is not what was hashed, or a line before it is missing"
                : $"the hashes of {Shard}:{position} do not fit together, or a line before it is missing");
        chain[position] = computed;
        Links++;
        return position;
    }

    /// <summary>A hash that the lines before give must not be given again: there is one way to write a proof.</summary>
    private Hash256 Named(JsonElement link, string name, long position)
    {
        var isGiven = link.TryGetProperty(name, out _);
        if (chain.TryGetValue(position, out var known) == isGiven)
            throw Broken(isGiven ? $"{name} is known from the lines before" : $"the link at {position} is missing: a line was taken out");
        return isGiven ? Hash(link, name) : known;
    }

    private Hash256 Digest(JsonElement content, long position)
    {
        OnlyHas(content, "epoch", "grain", "sequence", "type", "recordedAt", "frame", "cause", "addressees", "data");
        var sequence = Integer(content, "sequence", 1);
        if (!GrainId.TryParse(Text(content, "grain"), out var grain)) throw Broken("grain is not an id");
        if (Account is { } account)
        {
            if (grain != account) throw Broken($"a record of {grain} does not belong to this account");
            if (sequence != Records.Count + 1)
                throw Broken($"expected the account's record {Records.Count + 1}, found {sequence}: one was taken out");
        }
        else if (onlyRecord != new RecordAddress(Shard, position))
        {
            throw Broken($"the first line speaks of {onlyRecord}, this is {Shard}:{position}");
        }

        if (!Instant.TryParse(Text(content, "recordedAt"), out var time)) throw Broken("recordedAt is not a time");
        if (Records.Count > 0 && time < Records[^1].Time) throw Broken("recordedAt goes back");
        var epoch = Integer(content, "epoch", 0);
        if (epoch > int.MaxValue) throw Broken("epoch is not an integer in its range");

        var record = new JournalRecord
        {
            Shard = Shard, Position = position, Grain = grain, Version = sequence, Type = Text(content, "type"), Time = time,
            Frame = Integer(content, "frame", 0), Cause = CauseOf(Text(content, "cause")),
            Addressees = [.. Property(content, "addressees", JsonValueKind.Array).EnumerateArray().Select(AddresseeOf)],
            Payload = Encoding.UTF8.GetBytes(Property(content, "data", JsonValueKind.Object).GetRawText()),
        }.AsStored((int)epoch, chain: default);
        Records.Add(record);
        return Chain.Digest(record);
    }

    private void End(JsonElement end, long records, long last)
    {
        OnlyHas(end, "end");
        if (Integer(end, "end", 1) != Links) throw Broken($"{Integer(end, "end", 1)} lines were written, {Links} are here");
        if (Records.Count != records) throw Broken($"the first line speaks of {records} records, {Records.Count} are here");
        if (last != Head.Position) throw Broken($"the lines end at {last} and not at the head, {Head.Position}");
        if (chain[last] != Head.Chain) throw Broken("the lines lead to another hash than that of the head");
    }

    // ---- strict reading: one spelling for everything, so that no byte of the file is outside the proof ---------------

    private void OnlyHas(JsonElement element, params ReadOnlySpan<string> names)
    {
        if (element.ValueKind != JsonValueKind.Object) throw Broken("an object is missing");
        var at = 0;
        foreach (var property in element.EnumerateObject())
        {
            while (at < names.Length && property.Name != names[at]) at++;
            if (at++ == names.Length) throw Broken($"{property.Name} does not belong here, or stands in another order");
        }
    }

    private JsonElement Property(JsonElement element, string name, JsonValueKind kind) =>
        element.TryGetProperty(name, out var value) && value.ValueKind == kind
            ? value
            : throw Broken($"{name} is missing or of another type");

    private string Text(JsonElement element, string name) => Property(element, name, JsonValueKind.String).GetString()!;

    private long Integer(JsonElement element, string name, long min) =>
        Property(element, name, JsonValueKind.Number).TryGetInt64(out var value) && value >= min
            ? value
            : throw Broken($"{name} is not an integer in its range");

    private Hash256 Hash(JsonElement element, string name) =>
        Hash256.TryParse(Text(element, name), out var hash) ? hash : throw Broken($"{name} is not a hash");

    private Cause CauseOf(string hex)
    {
        try
        {
            var cause = Cause.Decode(Convert.FromHexString(hex));
            if (Convert.ToHexStringLower(cause.Encode()) == hex) return cause;
        }
        catch (FormatException)
        {
            // Said below.
        }

        throw Broken("cause is none of the known forms");
    }

    private GrainId AddresseeOf(JsonElement addressee) =>
        addressee.ValueKind == JsonValueKind.String && GrainId.TryParse(addressee.GetString(), out var id)
            ? id
            : throw Broken("an addressee is not an id");

    private ProofBroken Broken(string what) => new(line, what);
}
