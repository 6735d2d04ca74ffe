using System.Text.Json.Nodes;

namespace CrossMargin.Clients;

public enum OrderSide
{
    Buy,
    Sell,
}

/// <summary>An order as an account is asked whether it can carry it.</summary>
public sealed record OrderTerms(string OrderId, string Account, int Instrument, OrderSide Side, decimal Quantity, decimal Price)
{
    /// <summary>The body of a reservation, and of a check of it.</summary>
    public JsonObject ToJson() => new()
    {
        ["instrument"] = Instrument, ["side"] = Side == OrderSide.Buy ? "buy" : "sell",
        ["quantity"] = Decimals.Text(Quantity), ["price"] = Decimals.Text(Price),
    };
}
