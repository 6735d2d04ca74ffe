using System.Globalization;
using System.Text.Json;

namespace CrossMargin.Faults.Audit;

/// <summary>
/// Trades: each side of one arrives at its account once, and leaves it where the trade says. A position contributes its settled funding less
/// its cost; that and the cash move by exactly what the trade carried to this side, so the two sides together by the fees alone.
/// </summary>
internal sealed partial class JournalAudit
{
    private const string Captured = "trade.captured.v1";
    private const decimal E20 = 0.00000_00000_00000_00001m;

    private readonly HashSet<(string Trade, string Account)> sides = [];

    /// <param name="Index">The funding of one contract that it is settled up to.</param>
    private readonly record struct Position(decimal Quantity, decimal Cost, decimal Index)
    {
        public decimal Worth => (Quantity * Index) - Cost;
    }

    private int SidesInFlight(StoredRow message)
    {
        if (message.Type != Captured) return 0;
        using var document = JsonDocument.Parse(message.Payload);
        return Accounts(document.RootElement).Count(account => !sides.Contains((message.Address, account)));
    }

    private void Fill(string account, Purse purse, StoredRow row, JsonElement payload)
    {
        var address = Format.Cause(row.Cause) is { } cause && cause.StartsWith("message ", StringComparison.Ordinal) ? cause["message ".Length..] : "";
        if (!messages.TryGetValue(address, out var message) || message.Type != Captured)
        {
            contradictions.Add($"I4: {row.Address} is a fill of no trade");
            return;
        }

        using var document = JsonDocument.Parse(message.Payload);
        var (trade, change) = (document.RootElement, payload.GetProperty("change"));
        var sign = Accounts(trade)[0] == account ? 1 : -1;
        Require(Accounts(trade).Contains(account), "I4", $"{row.Address} is a fill of {account}, which did not trade");
        Require(sides.Add((address, account)), "I4", $"{row.Address} is a fill of {address} a second time");

        var quantity = sign * Number(trade, "quantity");
        var fee = Money(trade.GetProperty(sign > 0 ? "buyer" : "seller"), "fee").Number;
        var carried = (-sign * Money(trade, "paid").Number) - fee + (quantity * Index(trade, "funding"));
        var cash = Money(change, "realized").Number - Money(change, "fee").Number;
        var (before, after) = Move(purse, change, row, cash);
        Require(after.Quantity == before.Quantity + quantity, "I2", $"{row.Address} takes {before.Quantity} by {quantity} to {after.Quantity}");
        RequireExact(carried, before, after, change, cash, row);
    }

    private void Funding(string account, Purse purse, StoredRow row, JsonElement payload)
    {
        Require(purse.Positions.ContainsKey(payload.GetProperty("instrument").GetInt32()), "I2", $"{row.Address} settles what {account} does not hold");
        var (before, after) = Move(purse, payload, row, cash: 0);
        RequireExact(carried: 0, before, after, payload, cash: 0, row);
    }

    /// <summary>Cash without the funding, which is in the row by itself.</summary>
    private (Position Before, Position After) Move(Purse purse, JsonElement change, StoredRow row, decimal cash)
    {
        var instrument = change.GetProperty("instrument").GetInt32();
        var before = purse.Positions.GetValueOrDefault(instrument);
        var after = new Position(
            change.TryGetProperty("quantityAfter", out _) ? Number(change, "quantityAfter") : before.Quantity,
            change.TryGetProperty("costAfter", out _) ? Money(change, "costAfter").Number : before.Cost, Index(change, "fundingAfter"));
        purse.Positions[instrument] = after;

        var (balanceAfter, asset) = Money(change, "balanceAfter");
        var balance = purse.Balances.GetValueOrDefault(asset) + cash - Money(change, "funding").Number;
        Require(balance == balanceAfter, "I1", $"{row.Address} says {balanceAfter} {asset} and the records come to {balance}");
        purse.Balances[asset] = balance;
        return (before, after);
    }

    private void RequireExact(decimal carried, Position before, Position after, JsonElement change, decimal cash, StoredRow row)
    {
        var rounding = change.GetProperty("houseRoundingE20").GetDecimal() * E20;
        var moved = cash - Money(change, "funding").Number + after.Worth - before.Worth + rounding;
        Require(moved == carried, "I1", $"{row.Address} moves {moved:0.####################} where {carried:0.####################} was carried to it");
    }

    private static string[] Accounts(JsonElement trade) =>
        [trade.GetProperty("buyer").GetProperty("account").GetString()!, trade.GetProperty("seller").GetProperty("account").GetString()!];

    private static (decimal Number, string Asset) Money(JsonElement of, string field) => Format.Amount(of.GetProperty(field).GetString()!);

    private static decimal Number(JsonElement of, string field) =>
        decimal.Parse(of.GetProperty(field).GetString()!, NumberStyles.Number, CultureInfo.InvariantCulture);

    /// <summary>Of a point of funding, <c>number:index</c>.</summary>
    private static decimal Index(JsonElement of, string field)
    {
        var text = of.GetProperty(field).GetString()!;
        return decimal.Parse(text.AsSpan(text.IndexOf(':') + 1), NumberStyles.Number, CultureInfo.InvariantCulture);
    }
}
