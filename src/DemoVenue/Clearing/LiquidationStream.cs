using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using CrossMargin.DemoVenue.Books;

namespace CrossMargin.DemoVenue.Clearing;

/// <summary>
/// What the clearinghouse asks to be traded for accounts in liquidation, in order. An order takes what its book has within its
/// limit and rests with what is left, until it is filled or called back. One that finds nobody on the other side is rejected.
/// </summary>
public sealed class LiquidationStream
{
    private const string Target = "/v1/liquidation-orders";

    private readonly ClearingApi api;
    private readonly Dictionary<string, Order> open = [];
    private long after;

    private LiquidationStream(ClearingApi api) => this.api = api;

    /// <summary>
    /// What an earlier run was asked and has not finished may have been filled in part: it is rejected, and the clearinghouse
    /// orders anew what it still needs.
    /// </summary>
    public static async Task<LiquidationStream> Resume(ClearingApi api, CancellationToken cancel)
    {
        var stream = new LiquidationStream(api);
        await foreach (var view in stream.Read(cancel))
            if (IsAhead(view["deadline"])) await stream.Reject(view, "the engine has started again", cancel);
        return stream;

        static bool IsAhead(JsonNode? time) =>
            time is not null && DateTimeOffset.Parse((string)time!, CultureInfo.InvariantCulture) > DateTimeOffset.UtcNow;
    }

    public async Task TakeInto(Market market, CancellationToken cancel)
    {
        foreach (var filled in open.Where(order => !order.Value.IsOpen).ToList()) open.Remove(filled.Key);
        await foreach (var view in Read(cancel))
        {
            if ((string?)view["kind"] == "call-back") CallBack(market, (string)view["orderId"]!);
            else await Take(market, view, cancel);
        }
    }

    private Task Take(Market market, JsonNode view, CancellationToken cancel) =>
        (string?)view["kind"] == "conversion" ? Exchange(market, view, cancel) : TakeOrder(market, view, cancel);

    /// <summary>A dealer takes all of it at his price, or nobody does.</summary>
    private async Task Exchange(Market market, JsonNode view, CancellationToken cancel)
    {
        var (sell, atLeast) = (Read(view["sell"]!), Read(view["atLeast"]!));
        var (id, account) = ((string)view["orderId"]!, (string)view["account"]!);
        if (market.Deal(account, sell, atLeast) is not { } deal)
        {
            await Reject(view, "no dealer pays that much", cancel);
            return;
        }

        if (!(await api.Post(Credentials.Engine, $"{Target}/{id}/ack", [], cancel)).IsGood) return;
        market.Exchange(new Report.Exchange(id, account, deal.Dealer, sell, atLeast with { Amount = deal.Pays }));

        static Holding Read(JsonNode amount) => new((string)amount["asset"]!, Decimals.Read(amount["amount"]));
    }

    private async Task TakeOrder(Market market, JsonNode view, CancellationToken cancel)
    {
        if (market.Instruments.FirstOrDefault(instrument => instrument.Id == (int)view["instrument"]!) is not { } instrument)
        {
            await Reject(view, "there is no book", cancel);
            return;
        }

        var order = new Order(
            (string)view["orderId"]!, (string)view["account"]!, instrument, (string?)view["side"] == "buy" ? Side.Buy : Side.Sell,
            Decimals.Read(view["quantity"]), Decimals.Read(view["price"]), OrderLife.Rests)
        {
            SubAccount = (int)view["subAccount"]!, IsLiquidation = true,
        };
        market.RemoveOwnOrdersOf(order.Account);
        var book = market.BookOf(instrument);
        if ((order.Side == Side.Buy ? book.BestAsk : book.BestBid) is null)
        {
            await Reject(view, "the book is empty", cancel);
            return;
        }

        // Whose order is not open any more at the clearinghouse is not traded for.
        if (!(await api.Post(Credentials.Engine, $"{Target}/{order.Id}/ack", [], cancel)).IsGood) return;
        market.Place(order);
        open[order.Id] = order;
    }

    private void CallBack(Market market, string id)
    {
        if (open.Remove(id, out var order)) market.Remove(order);
    }

    private async IAsyncEnumerable<JsonNode> Read([EnumeratorCancellation] CancellationToken cancel)
    {
        while (true)
        {
            var answer = await api.Get(Credentials.Engine, $"{Target}?after={after}&limit=1000", cancel);
            var page = ClearingApi.Expect(answer, "reading liquidation orders");
            foreach (var view in page["data"]!.AsArray()) yield return view!;
            if (after == (long)page["next"]!) yield break;
            after = (long)page["next"]!;
        }
    }

    /// <summary>Refused when the clearinghouse has closed it meanwhile; then there is nothing to reject.</summary>
    private async Task Reject(JsonNode order, string reason, CancellationToken cancel) =>
        await api.Post(Credentials.Engine, $"{Target}/{(string)order["orderId"]!}/reject", new JsonObject { ["reason"] = reason }, cancel);
}
