using System.Text.Json.Nodes;

namespace CrossMargin.Clients;

/// <summary>One side of a trade.</summary>
/// <param name="FeeRate">Of the notional; below zero it is a rebate.</param>
public sealed record TradeParty(string Account, int SubAccount, string OrderId, decimal FeeRate);

/// <summary>Two orders met.</summary>
public sealed record Fill(
    string TradeId, int Instrument, decimal Price, decimal Quantity, DateTimeOffset TradedAt, TradeParty Buyer, TradeParty Seller);

/// <summary>So much of an asset.</summary>
public sealed record AssetQuantity(string Asset, decimal Amount)
{
    internal static AssetQuantity Read(JsonNode amount) => new((string)amount["asset"]!, Decimals.Read(amount["amount"]));

    internal JsonObject ToJson() => new() { ["asset"] = Asset, ["amount"] = Decimals.Text(Amount) };
}

/// <summary>A counterparty exchanged collateral of an account in liquidation for what the account owes.</summary>
public sealed record ConversionFill(
    string TradeId, string OrderId, string Account, string Counterparty, AssetQuantity Sold, AssetQuantity Bought, DateTimeOffset TradedAt);

/// <summary>
/// The numbered feed of a matching engine's fills and order ends. What was added is sent in its order, each under its number; what was not
/// taken in is sent again as it was. What an engine had matched and not added when it died has never happened: nobody has heard of it.
/// </summary>
public sealed class FillFeed
{
    private const int BatchSize = 1_000;

    private readonly ClearingClient client;
    private readonly string source;
    private readonly Queue<JsonObject> waiting = [];
    private readonly List<ItemResult> results = [];

    private FillFeed(ClearingClient client, string source, long next) => (this.client, this.source, Next) = (client, source, next);

    /// <summary>The number of what is added next.</summary>
    public long Next { get; private set; }

    /// <summary>Reports that the clearinghouse journaled as refused.</summary>
    public long Refused { get; private set; }

    /// <summary>Behind what an earlier process has sent.</summary>
    public static async Task<FillFeed> Resume(ClearingClient client, string source, CancellationToken cancel) =>
        new(client, source, await Ingest.NextOf(client, source, of: "fills", cancel));

    public void Add(Fill fill) => waiting.Enqueue(new JsonObject
    {
        ["sourceSequence"] = Next++, ["type"] = "fill", ["tradeId"] = fill.TradeId, ["instrument"] = fill.Instrument,
        ["price"] = Decimals.Text(fill.Price), ["quantity"] = Decimals.Text(fill.Quantity),
        ["tradedAt"] = fill.TradedAt.ToUnixTimeMilliseconds(), ["buyer"] = Party(fill.Buyer), ["seller"] = Party(fill.Seller),
    });

    public void Add(ConversionFill fill) => waiting.Enqueue(new JsonObject
    {
        ["sourceSequence"] = Next++, ["type"] = "conversion", ["tradeId"] = fill.TradeId, ["orderId"] = fill.OrderId,
        ["account"] = fill.Account, ["counterparty"] = fill.Counterparty, ["sold"] = fill.Sold.ToJson(), ["bought"] = fill.Bought.ToJson(),
        ["tradedAt"] = fill.TradedAt.ToUnixTimeMilliseconds(),
    });

    /// <summary>Nothing more of the order will be filled.</summary>
    public void AddEnd(string account, string orderId) => waiting.Enqueue(new JsonObject
    {
        ["sourceSequence"] = Next++, ["type"] = "order-end", ["account"] = account, ["orderId"] = orderId,
    });

    /// <summary>
    /// Until all of it is taken in. Where it throws, nothing is lost: called again it goes on, and returns what came of the others too.
    /// </summary>
    /// <returns>What became of each, in order.</returns>
    public async Task<IReadOnlyList<ItemResult>> Send(CancellationToken cancel)
    {
        while (waiting.Count > 0)
        {
            var items = new JsonArray([.. waiting.Take(BatchSize).Select(item => item.DeepClone())]);
            var answer = await client.Report($"/v1/fills?source={source}", new JsonObject { ["items"] = items }, cancel);
            var said = ItemResult.ReadAll(answer, "reporting fills", items.Count);
            foreach (var result in said.TakeWhile(result => result.IsTakenIn))
            {
                if (result.Status == "rejected") Refused++;
                results.Add(result);
                waiting.Dequeue();
            }

            if (said.FirstOrDefault(result => !result.IsTakenIn) is not { } stopped) continue;
            if (!stopped.MayPass && !stopped.HasOvertaken(said[0].SourceSequence)) throw new ClearingFailed(WhyNever(stopped));
            await client.Pause(answer.RetryAfter, cancel);   // and from there on again
        }

        return TakeResults();
    }

    /// <summary>What became of those that were taken in, and was not returned yet: <see cref="Send"/> ends with it.</summary>
    public IReadOnlyList<ItemResult> TakeResults()
    {
        IReadOnlyList<ItemResult> taken = [.. results];
        results.Clear();
        return taken;
    }

    private string WhyNever(ItemResult stopped) => stopped.Status == "conflict"
        ? $"somebody else reports as {source}: number {stopped.SourceSequence} is taken"
        : $"number {stopped.SourceSequence} of {source} was not taken in: {stopped.Code}"
            + (stopped.ExpectedSequence is { } expected ? $", {expected} is expected" : "");

    private static JsonObject Party(TradeParty party) => new()
    {
        ["account"] = party.Account, ["subAccount"] = party.SubAccount, ["orderId"] = party.OrderId,
        ["feeRate"] = Decimals.Text(party.FeeRate),
    };
}
