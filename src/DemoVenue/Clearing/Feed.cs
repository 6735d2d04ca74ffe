using System.Text.Json.Nodes;
using CrossMargin.DemoVenue.Books;

namespace CrossMargin.DemoVenue.Clearing;

/// <summary>
/// The numbered feed of fills and order ends. The clearinghouse says which number is next; what it did not take in is sent
/// again as it was. What an engine that died had matched and not reported has never happened: nobody has heard of it.
/// </summary>
public sealed class Feed
{
    public const string Source = "engine";

    private const int BatchSize = 1_000;
    private const decimal MakerFee = 0.0001m;
    private const decimal TakerFee = 0.0005m;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    private readonly ClearingApi api;
    private readonly Queue<JsonObject> waiting = [];
    private long next;

    private Feed(ClearingApi api, long next) => (this.api, this.next) = (api, next);

    /// <summary>The number of the next report.</summary>
    public long Next => next;

    /// <summary>Reports that the clearinghouse journaled as refused. There should be none.</summary>
    public long Refused { get; private set; }

    public static async Task<Feed> Resume(ClearingApi api, CancellationToken cancel)
    {
        var position = await api.Get(Credentials.Engine, $"/v1/ingest/{Source}?of=fills", cancel);
        return new Feed(api, (long)ClearingApi.Expect(position, "where the feed stands")["nextSourceSequence"]!);
    }

    public void Add(Report report)
    {
        var number = next++;
        waiting.Enqueue(report switch
        {
            Report.Fill fill => new JsonObject
            {
                ["sourceSequence"] = number, ["type"] = "fill", ["tradeId"] = $"t-{number}", ["instrument"] = fill.Instrument.Id,
                ["price"] = Decimals.Text(fill.Price), ["quantity"] = Decimals.Text(fill.Quantity),
                ["tradedAt"] = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds(),
                ["buyer"] = Party(fill.Buyer, fill.Buyer == fill.Resting ? MakerFee : TakerFee),
                ["seller"] = Party(fill.Seller, fill.Seller == fill.Resting ? MakerFee : TakerFee),
            },
            Report.Exchange exchange => new JsonObject
            {
                ["sourceSequence"] = number, ["type"] = "conversion", ["tradeId"] = $"t-{number}", ["orderId"] = exchange.Order,
                ["account"] = exchange.Account, ["counterparty"] = exchange.Dealer,
                ["sold"] = Amount(exchange.Sold), ["bought"] = Amount(exchange.Bought),
                ["tradedAt"] = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds(),
            },
            Report.Ended ended => End(number, ended.Order.Account, ended.Order.Id),
            _ => throw new InvalidOperationException(report.GetType().Name),
        });
    }

    /// <summary>The end of an order that an earlier run has left behind.</summary>
    public void AddEnd(string account, string order) => waiting.Enqueue(End(next++, account, order));

    /// <summary>Returns when all of it is taken in.</summary>
    public async Task Send(CancellationToken cancel)
    {
        while (waiting.Count > 0)
        {
            var items = new JsonArray([.. waiting.Take(BatchSize).Select(item => item.DeepClone())]);
            var answer = await api.Report(Credentials.Engine, $"/v1/fills?source={Source}", new JsonObject { ["items"] = items }, cancel);
            foreach (var result in ClearingApi.Expect(answer, "reporting fills")["results"]!.AsArray())
            {
                var status = (string?)result!["status"];
                if (status == "conflict")
                    throw new DemoFailed($"somebody else reports as {Source}: number {result["sourceSequence"]} is taken");
                if (status == "rejected" && result["sequence"] is null) break;   // not taken in; from here on again
                if (status == "rejected") Refused++;
                waiting.Dequeue();
            }

            if (waiting.Count > 0 && items.Count < BatchSize) await Task.Delay(Pause, cancel);
        }
    }

    private static JsonObject End(long number, string account, string order) => new()
    {
        ["sourceSequence"] = number, ["type"] = "order-end", ["account"] = account, ["orderId"] = order,
    };

    private static JsonObject Amount(Holding holding) =>
        new() { ["asset"] = holding.Asset, ["amount"] = Decimals.Text(holding.Amount) };

    private static JsonObject Party(Order order, decimal fee) => new()
    {
        ["account"] = order.Account, ["subAccount"] = order.SubAccount, ["orderId"] = order.Id, ["feeRate"] = Decimals.Text(fee),
    };
}
