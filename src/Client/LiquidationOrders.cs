using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;

namespace CrossMargin.Clients;

/// <summary>What the clearinghouse asks a matching engine for, on behalf of an account in liquidation.</summary>
/// <param name="Sequence">Its place in the stream.</param>
public abstract record LiquidationOrder(long Sequence, string OrderId)
{
    /// <summary>To be traded at this price or a better one.</summary>
    public sealed record Take(
        long Sequence, string OrderId, string Account, int SubAccount, int Instrument, OrderSide Side, decimal Quantity, decimal Price,
        DateTimeOffset Deadline) : LiquidationOrder(Sequence, OrderId);

    /// <summary>Collateral to be exchanged for what the account owes: for this much at least, or for a part of it its share.</summary>
    public sealed record Convert(
        long Sequence, string OrderId, string Account, AssetQuantity Sell, AssetQuantity AtLeast, DateTimeOffset Deadline)
        : LiquidationOrder(Sequence, OrderId);

    /// <summary>What is left of it is not to be traded any more; its end is reported like any other.</summary>
    public sealed record CallBack(long Sequence, string OrderId) : LiquidationOrder(Sequence, OrderId);

    internal static LiquidationOrder Read(JsonNode view)
    {
        var (sequence, id) = ((long)view["sequence"]!, (string)view["orderId"]!);
        if ((string?)view["kind"] == "call-back") return new CallBack(sequence, id);
        var (account, deadline) = (
            (string)view["account"]!, DateTimeOffset.Parse((string)view["deadline"]!, CultureInfo.InvariantCulture));
        if ((string?)view["kind"] == "conversion")
            return new Convert(sequence, id, account, AssetQuantity.Read(view["sell"]!), AssetQuantity.Read(view["atLeast"]!), deadline);
        var side = (string?)view["side"] == "buy" ? OrderSide.Buy : OrderSide.Sell;
        return new Take(
            sequence, id, account, (int)view["subAccount"]!, (int)view["instrument"]!, side,
            Decimals.Read(view["quantity"]), Decimals.Read(view["price"]), deadline);
    }
}

/// <summary>All liquidation orders in their one order, read as far as there are any; read again, it goes on.</summary>
public sealed class LiquidationOrderStream
{
    internal const string Target = "/v1/liquidation-orders";

    private readonly ClearingClient client;

    internal LiquidationOrderStream(ClearingClient client, long after) => (this.client, After) = (client, after);

    /// <summary>What lies before has been read: whoever keeps it, goes on there after a crash.</summary>
    public long After { get; private set; }

    /// <summary>Ends with the last one that there is. What the caller has not come to is read again.</summary>
    public async IAsyncEnumerable<LiquidationOrder> Read([EnumeratorCancellation] CancellationToken cancel)
    {
        while (true)
        {
            var from = After;
            var page = (await client.Get($"{Target}?after={from}&limit=1000", cancel)).Expect("reading liquidation orders");
            foreach (var view in page["data"]!.AsArray())
            {
                var order = LiquidationOrder.Read(view!);
                yield return order;
                After = order.Sequence;
            }

            After = (long)page["next"]!;
            if (After == from) yield break;
        }
    }
}
