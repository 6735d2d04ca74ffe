using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using CrossMargin.Api.Problems;
using CrossMargin.Contracts;

namespace CrossMargin.Api.Bodies;

/// <summary>
/// One JSON object read field by field: every field known, none twice, none missing, each of its own type. It says what is wrong and
/// where instead of guessing, and what can be is left in the body's bytes, because a batch has many objects.
/// </summary>
internal ref partial struct StrictObject
{
    /// <summary>Enough to correct a request by; a body of nonsense must not make a long answer.</summary>
    public const int MaxErrors = 16;

    private const int MaxDepth = 8;

    /// <summary>The largest integer that every JSON reader keeps exactly.</summary>
    public const long MaxInteger = (1L << 53) - 1;

    private Utf8JsonReader json;
    private readonly List<RequestError> errors;
    private readonly Place[] places;   // what is being read, from the body inwards
    private int depth;
    private uint seen;

    private StrictObject(ReadOnlySpan<byte> body, List<RequestError> errors)
    {
        json = new Utf8JsonReader(body, new JsonReaderOptions { MaxDepth = MaxDepth });
        this.errors = errors;
        places = new Place[MaxDepth];
    }

    /// <summary>A field that holds objects, and which of them: none when it holds just one.</summary>
    private record struct Place(string Name, int? Index);

    public delegate T? Reader<T>(ref StrictObject body) where T : class;

    /// <summary>
    /// The one object in the body, or why there is none. <paramref name="read"/> may return null when it reported an
    /// error.
    /// </summary>
    public static T? Read<T>(ReadOnlySpan<byte> body, Reader<T> read, out Refusal? refusal) where T : class
    {
        var errors = new List<RequestError>();
        T? result = null;
        try
        {
            if (body.IsEmpty) body = "{}"u8;   // so that what is missing is named
            if (!Utf8.IsValid(body)) throw new JsonException("the body is not UTF-8");
            var reader = new StrictObject(body, errors);
            if (!reader.json.Read() || reader.json.TokenType != JsonTokenType.StartObject)
                throw new JsonException("the body is not a JSON object");
            result = read(ref reader);
            if (reader.json.Read()) throw new JsonException("something follows the object");
        }
        catch (Exception malformed) when (malformed is JsonException or InvalidOperationException)
        {
            errors.Clear();
            errors.Add(new RequestError("", Code(EdgeCode.MalformedBody), malformed switch
            {
                // The reader's own message may repeat what was sent.
                JsonException { LineNumber: { } line } json => $"not JSON at line {line + 1}, byte {json.BytePositionInLine + 1}",
                JsonException ours => ours.Message,
                _ => "a text is not Unicode",   // half a surrogate pair
            }));
        }

        refusal = errors.Count == 0 ? null : Refusal.Of(errors[0], [.. errors.Skip(1)]);
        return refusal is null ? result : null;
    }

    public readonly bool HasErrors => errors.Count > 0;

    /// <summary>Goes to the value of the next known field; false at the object's end.</summary>
    public bool NextField(ReadOnlySpan<string> known, out int field)
    {
        while (true)
        {
            json.Read();
            if (json.TokenType == JsonTokenType.EndObject)
            {
                field = -1;
                return false;
            }

            field = IndexOf(known);
            if (field >= 0 && (seen & (1u << field)) == 0)
            {
                seen |= 1u << field;
                json.Read();
                return true;
            }

            // A name is repeated back only as far as a known name could reach.
            var name = json.GetString()!;
            if (field >= 0) Report(name, EdgeCode.DuplicateField, $"{name} stands twice");
            else Report(name.Length <= 40 ? name : name[..40], EdgeCode.UnknownField, "no such field");
            json.Read();
            json.Skip();
        }
    }

    /// <summary>
    /// For an object whose fields depend on its type: those of <paramref name="needed"/> have to be there, those of
    /// <paramref name="optional"/> may be, and no others.
    /// </summary>
    public readonly void RequireOnly(ReadOnlySpan<string> known, ReadOnlySpan<int> needed, ReadOnlySpan<int> optional = default)
    {
        for (var field = 0; field < known.Length; field++)
        {
            var isThere = (seen & (1u << field)) != 0;
            if (needed.Contains(field) && !isThere) Report(known[field], EdgeCode.MissingField, $"{known[field]} is missing");
            if (!needed.Contains(field) && !optional.Contains(field) && isThere)
                Report(known[field], EdgeCode.UnknownField, "no such field in one of this type");
        }
    }

    /// <summary>
    /// Reports every known field that did not come. Call it at the object's end, with the fields that may not be left out;
    /// they stand first.
    /// </summary>
    public readonly void RequireAll(ReadOnlySpan<string> known)
    {
        for (var field = 0; field < known.Length; field++)
            if ((seen & (1u << field)) == 0) Report(known[field], EdgeCode.MissingField, $"{known[field]} is missing");
    }

    /// <summary>The objects of an array, each read with its own set of fields.</summary>
    public List<T>? Items<T>(string name, int maxItems, Reader<T> read) where T : class
    {
        if (json.TokenType != JsonTokenType.StartArray)
        {
            WrongType(name, "an array");
            return null;
        }

        var items = new List<T>();
        var (arrayDepth, outerSeen) = (json.CurrentDepth, seen);
        depth++;
        while (json.Read() && json.TokenType != JsonTokenType.EndArray)
        {
            places[depth - 1] = new Place(name, items.Count);
            seen = 0;
            if (items.Count == maxItems) Report("", EdgeCode.TooManyItems, $"at most {maxItems} items");
            else if (json.TokenType != JsonTokenType.StartObject) WrongType("", "an object");
            var item = HasErrors ? null : read(ref this);
            if (item is null || HasErrors)
            {
                // One bad item is enough to correct a batch by; the reader goes on behind the array.
                while (json.TokenType != JsonTokenType.EndArray || json.CurrentDepth != arrayDepth) json.Read();
                items = null;
                break;
            }

            items.Add(item);
        }

        depth--;
        seen = outerSeen;
        return items;
    }

    /// <summary>One object inside another, with its own set of fields.</summary>
    public T? Object<T>(string name, Reader<T> read) where T : class
    {
        if (json.TokenType != JsonTokenType.StartObject)
        {
            WrongType(name, "an object");
            return null;
        }

        var outerSeen = seen;
        places[depth++] = new Place(name, Index: null);
        seen = 0;
        var value = read(ref this);
        depth--;
        seen = outerSeen;
        return value;
    }

    public readonly void Report(string name, EdgeCode code, string detail) => Report(name, ProblemTable.For(code).Code, detail);

    public readonly void Report(string name, string code, string detail)
    {
        if (errors.Count < MaxErrors) errors.Add(new RequestError(Pointer(name), code, detail));
    }

    /// <summary>An empty name is the object itself.</summary>
    private readonly string Pointer(string name)
    {
        var pointer = new StringBuilder();
        foreach (var place in places.AsSpan(0, depth))
        {
            pointer.Append('/').Append(place.Name);
            if (place.Index is { } index) pointer.Append('/').Append(index);
        }

        if (name.Length > 0 || depth == 0) pointer.Append('/').Append(name);
        return pointer.ToString();
    }

    private void WrongType(string name, string wanted)
    {
        Report(name, EdgeCode.WrongType, $"{wanted} is expected, not {Described(json.TokenType)}");
        json.Skip();
    }

    private readonly int IndexOf(ReadOnlySpan<string> known)
    {
        for (var field = 0; field < known.Length; field++)
            if (json.ValueTextEquals(known[field])) return field;
        return -1;
    }

    private static string Code(EdgeCode code) => ProblemTable.For(code).Code;

    private static string Described(JsonTokenType token) => token switch
    {
        JsonTokenType.String => "a string",
        JsonTokenType.Number => "a number",
        JsonTokenType.True or JsonTokenType.False => "a boolean",
        JsonTokenType.Null => "null",
        JsonTokenType.StartObject => "an object",
        JsonTokenType.StartArray => "an array",
        var other => other.ToString(),
    };
}
