using System.Buffers.Text;
using System.Buffers.Binary;
using System.ComponentModel;
using System.Text.Json;
using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Api.Events;

[Description("Why a record exists: by a command's key, a source's number, another record's message, or a timer.")]
public sealed record EventCause(string Kind)
{
    public string? Key { get; init; }
    public string? Source { get; init; }
    public long? SourceSequence { get; init; }
    public string? Message { get; init; }
}

[Description("A record of the journal. `data` is the payload exactly as it was hashed; amounts in it read \"12.5 USDC\".")]
public sealed record EventView(
    string Grain,
    [property: Description("The grain's stream version at this record.")] long Sequence,
    string Address, string Type, string RecordedAt, long Frame, int Epoch, EventCause Cause,
    [property: Description("The grains that this record is a message to.")] IReadOnlyList<string> Addressees,
    JsonElement Data,
    [property: Description("SHA-256 in hex over the hash before it, one further back, and the digest of this record.")] string ChainHash);

[Description("`nextCursor` is null when nothing follows yet.")]
public sealed record EventPage(string Account, IReadOnlyList<EventView> Data, string? NextCursor);

/// <summary>
/// Records as JSON, written straight from the journal: the payload is copied, not read and written anew.
/// </summary>
internal static class EventJsonWriter
{
    public static void Write(Utf8JsonWriter json, JournalRecord record)
    {
        json.WriteStartObject();
        json.WriteString("grain", record.Grain.ToString());
        json.WriteNumber("sequence", record.Version);
        json.WriteString("address", record.Address.ToString());
        json.WriteString("type", record.Type);
        json.WriteString("recordedAt", record.Time.ToString());
        json.WriteNumber("frame", record.Frame);
        json.WriteNumber("epoch", record.Epoch);
        json.WriteStartObject("cause");
        switch (record.Cause)
        {
            case Cause.Key key:
                json.WriteString("kind", "key");
                json.WriteString("key", key.Command.ToString());
                break;
            case Cause.Source source:
                json.WriteString("kind", "source");
                json.WriteString("source", source.Name.Name);
                json.WriteNumber("sourceSequence", source.Sequence);
                break;
            case Cause.Message message:
                json.WriteString("kind", "message");
                json.WriteString("message", message.Address.ToString());
                break;
            default:
                json.WriteString("kind", "timer");
                break;
        }

        json.WriteEndObject();
        json.WriteStartArray("addressees");
        foreach (var addressee in record.Addressees) json.WriteStringValue(addressee.ToString());
        json.WriteEndArray();
        json.WritePropertyName("data");
        json.WriteRawValue(record.Payload.Span);
        json.WriteString("chainHash", record.Chain.ToString());
        json.WriteEndObject();
    }
}

/// <summary>Where the next page begins, as an opaque text that fits only the account it was made for.</summary>
internal static class EventCursor
{
    private const int Size = GrainId.Size + sizeof(long);

    public static string Of(GrainId grain, long after)
    {
        Span<byte> bytes = stackalloc byte[Size];
        grain.Write(bytes);
        BinaryPrimitives.WriteInt64BigEndian(bytes[GrainId.Size..], after);
        return Base64Url.EncodeToString(bytes);
    }

    public static bool TryParse(string text, GrainId grain, out long after)
    {
        after = 0;
        Span<byte> bytes = stackalloc byte[Size];
        if (text.Length > 2 * Size || !Base64Url.IsValid(text, out var length) || length != Size) return false;
        Base64Url.DecodeFromChars(text, bytes);
        after = BinaryPrimitives.ReadInt64BigEndian(bytes[GrainId.Size..]);
        return GrainId.Read(bytes) == grain && after > 0;
    }
}

internal sealed class EventPageResult(GrainId account, IReadOnlyList<JournalRecord> records, string? nextCursor) : IResult
{
    public async Task ExecuteAsync(HttpContext httpContext)
    {
        httpContext.Response.ContentType = "application/json; charset=utf-8";
        await using var json = new Utf8JsonWriter(httpContext.Response.BodyWriter);
        json.WriteStartObject();
        json.WriteString("account", account.ToString());
        json.WriteStartArray("data");
        foreach (var record in records) EventJsonWriter.Write(json, record);
        json.WriteEndArray();
        json.WriteString("nextCursor", nextCursor);
        json.WriteEndObject();
    }
}

internal sealed class EventResult(JournalRecord record) : IResult
{
    public async Task ExecuteAsync(HttpContext httpContext)
    {
        httpContext.Response.ContentType = "application/json; charset=utf-8";
        await using var json = new Utf8JsonWriter(httpContext.Response.BodyWriter);
        EventJsonWriter.Write(json, record);
    }
}
