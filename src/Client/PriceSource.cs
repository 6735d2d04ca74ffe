using System.Text.Json.Nodes;

namespace CrossMargin.Clients;

public sealed record IndexPrice(string Underlying, decimal Price);

public sealed record BookPrice(int Instrument, decimal Price);

public sealed record SmilePoint(decimal Strike, decimal Volatility);

/// <summary>The volatilities of one expiry.</summary>
public sealed record ExpirySmile(DateTimeOffset ExpiryAt, decimal Forward, IReadOnlyList<SmilePoint> Points);

/// <summary>Something that a price source says.</summary>
public abstract record Quote
{
    private Quote() { }

    internal abstract JsonObject ToJson();

    /// <summary>What underlyings are worth.</summary>
    public sealed record Prices(IReadOnlyList<IndexPrice> Of) : Quote
    {
        internal override JsonObject ToJson() => new()
        {
            ["prices"] = new JsonArray([.. Of.Select(price => new JsonObject
            {
                ["underlying"] = price.Underlying, ["price"] = Decimals.Text(price.Price),
            })]),
        };
    }

    /// <summary>What the venue's own books are at.</summary>
    public sealed record Books(IReadOnlyList<BookPrice> Of) : Quote
    {
        internal override JsonObject ToJson() => new()
        {
            ["books"] = new JsonArray([.. Of.Select(book => new JsonObject
            {
                ["instrument"] = book.Instrument, ["price"] = Decimals.Text(book.Price),
            })]),
        };
    }

    /// <summary>The volatilities of an underlying's options.</summary>
    public sealed record Surface(string Underlying, IReadOnlyList<ExpirySmile> Smiles) : Quote
    {
        internal override JsonObject ToJson() => new()
        {
            ["surface"] = new JsonObject
            {
                ["underlying"] = Underlying, ["smiles"] = new JsonArray([.. Smiles.Select(smile => new JsonObject
                {
                    ["expiryAt"] = smile.ExpiryAt.ToString("yyyy-MM-ddTHH:mm:ssZ", null), ["forward"] = Decimals.Text(smile.Forward),
                    ["points"] = new JsonArray([.. smile.Points.Select(point => new JsonObject
                    {
                        ["strike"] = Decimals.Text(point.Strike), ["volatility"] = Decimals.Text(point.Volatility),
                    })]),
                })]),
            },
        };
    }
}

/// <summary>
/// A numbered source of prices. A quote is of its moment: one that was not taken in is not sent again, and its number goes to the next one.
/// </summary>
public sealed class PriceSource
{
    private readonly ClearingClient client;
    private readonly string source;
    private long? next;   // null: what became of the last ones is not known
    private long lastAtMs, unheardOf;   // the highest number of which that was ever so

    private PriceSource(ClearingClient client, string source, long next) => (this.client, this.source, this.next) = (client, source, next);

    public static async Task<PriceSource> Resume(ClearingClient client, string source, CancellationToken cancel) =>
        new(client.Once, source, await Ingest.NextOf(client, source, of: "prices", cancel));

    /// <summary>In order, each a little later than the one before it: a source's clock moves on.</summary>
    /// <returns>Whether all of them were taken in, as far as that is known.</returns>
    public async Task<bool> Send(DateTimeOffset at, IReadOnlyList<Quote> quotes, CancellationToken cancel)
    {
        try
        {
            var first = next ?? await Ingest.NextOf(client, source, of: "prices", cancel);
            var items = Numbered(first, at, quotes);
            var before = unheardOf;
            (next, unheardOf) = (null, Math.Max(before, first + items.Count - 1));
            var answer = await client.Report($"/v1/prices?source={source}", new JsonObject { ["items"] = items }, cancel);
            var results = ItemResult.ReadAll(answer, "quoting", items.Count);
            unheardOf = before;
            var stopped = results.FirstOrDefault(result => !result.IsTakenIn);
            next = NextBehind(stopped, first + items.Count);
            return stopped is null;
        }
        catch (NoAnswer)
        {
            return false;
        }
    }

    private JsonArray Numbered(long first, DateTimeOffset at, IReadOnlyList<Quote> quotes)
    {
        var items = new JsonArray();
        foreach (var quote in quotes)
        {
            var item = quote.ToJson();
            (item["sourceSequence"], item["at"]) = (first++, lastAtMs = Math.Max(lastAtMs + 1, at.ToUnixTimeMilliseconds()));
            items.Add(item);
        }

        return items;
    }

    private long? NextBehind(ItemResult? stopped, long afterAll)
    {
        if (stopped is null) return afterAll;
        if (stopped.Code == "outcome-unknown") return null;
        if (stopped.Status != "conflict") return stopped.ExpectedSequence ?? stopped.SourceSequence;
        return stopped.SourceSequence <= unheardOf
            ? null   // a quote of ours that was long on its way has the number
            : throw new ClearingFailed($"somebody else quotes as {source}: number {stopped.SourceSequence} is taken");
    }
}
