using System.Numerics;
using System.Text.Json;

namespace CrossMargin.Simulation.Audit;

/// <summary>
/// Collateral that pays a debt: one conversion at a time, of what is owned and final for what is owed, no more than pays the debt and at
/// the worst price of the rules; and what nobody exchanges goes to the fund at that price and not below it.
/// </summary>
internal sealed partial class AccountBook
{
    private sealed record Conversion(string Order, string Asset, BigInteger Quantity, BigInteger Remaining, string Deadline, string? CalledBack);

    private Conversion? conversion;
    private int fruitlessConversions;

    private Moved Convert(JsonElement payload, long version)
    {
        var ((sold, given), (bought, taken)) = (Amount(payload, "sold"), Amount(payload, "bought"));
        var (soldAfter, boughtAfter) = (Amount(payload, "soldAfter").Units, Amount(payload, "boughtAfter").Units);
        AuditFailure.Unless(
            sold != bought && soldAfter == Balance(sold) - given && boughtAfter == Balance(bought) + taken, "I1",
            $"account {id} exchanges {payload} at version {version}, beside {State()}");
        (balances[sold], balances[bought]) = (soldAfter, boughtAfter);
        return new Moved(sold, Balances: -given) { Beside = new Moved(bought, Balances: taken) };
    }

    private void FoldConversion(string type, JsonElement payload, long version, Marks marks)
    {
        if (type == "account.conversion-ordered.v1")
        {
            var margin = payload.GetProperty("margin");
            AuditFailure.Unless(
                Micros(margin, "marginEquity") < Micros(margin, "liquidationEnd"), "I7", $"account {id} is cured and sells at version {version}: {margin}");
            conversion = OrderConversion(payload.GetProperty("conversion"), version, marks);
            return;
        }

        AuditFailure.Unless(
            conversion is not null && payload.GetProperty("order").GetString() == conversion.Order, "I4",
            $"account {id} has {conversion?.Order ?? "no conversion"} under way and speaks of {payload} at version {version}");
        switch (type)
        {
            case "account.conversion-filled.v1":
                var sold = Amount(payload, "sold").Units;
                AuditFailure.Unless(
                    sold.Sign > 0 && sold <= conversion!.Remaining && Amount(payload, "remaining").Units == conversion.Remaining - sold, "I4",
                    $"account {id} has {conversion!.Remaining} of {conversion.Order} left and fills {sold} at version {version}");
                conversion = conversion with { Remaining = conversion.Remaining - sold };
                break;
            case "account.conversion-called-back.v1":
                AuditFailure.Unless(conversion!.CalledBack is null, "I4", $"account {id} calls {conversion.Order} back twice at version {version}");
                conversion = conversion with { CalledBack = payload.GetProperty("reason").GetString(), Deadline = payload.GetProperty("deadline").GetString()! };
                break;
            default:
                EndConversion(payload.GetProperty("ending").GetString()!, Amount(payload, "unfilled").Units, version);
                break;
        }
    }

    private void EndConversion(string ending, BigInteger unfilled, long version)
    {
        var isOverdue = conversion!.CalledBack is not null && string.CompareOrdinal(conversion.Deadline, StoredFormat.Time(At)) <= 0;
        AuditFailure.Unless(
            unfilled == conversion.Remaining && unfilled.IsZero == (ending == "Filled") && (ending != "GivenUp" || isOverdue), "I4",
            $"{conversion.Order} of account {id} has {conversion.Remaining} left and ends as {ending} at version {version}");
        var isFruitless = conversion.CalledBack != "Cured" && conversion.Remaining == conversion.Quantity;
        (conversion, fruitlessConversions) = (null, isFruitless ? fruitlessConversions + 1 : 0);
    }

    private Conversion OrderConversion(JsonElement order, long version, Marks marks)
    {
        var ((asset, sell), (owed, atMark), (_, atLeast)) = (Amount(order, "sell"), Amount(order, "atMark"), Amount(order, "atLeast"));
        var (worstMove, afterOrders) = RulesOfConversion(marks);
        AuditFailure.Unless(
            slice is null && conversion is null && fruitlessConversions < afterOrders, "I7", $"account {id} orders a second conversion, or one too many, at version {version}");
        AuditFailure.Unless(
            sell.Sign > 0 && sell <= FreeOf(asset) && Balance(owed).Sign < 0, "I7",
            $"account {id} sells {sell} {asset} for {owed} at version {version}, beside {State()}");
        AuditFailure.Unless(
            atMark == WorthOf(asset, sell, owed, marks) && atLeast == AtWorst(atMark, worstMove), "I7",
            $"account {id} sells {sell} {asset} for {atMark} {owed} at the marks and {atLeast} at least at version {version}");
        var oneLess = WorthOf(asset, sell - 1, owed, marks);
        AuditFailure.Unless(
            oneLess < -Balance(owed) && oneLess < atMark, "I7", $"account {id} sells more than pays its debt at version {version}: {order} beside {State()}");
        return new Conversion(order.GetProperty("order").GetString()!, asset, sell, sell, order.GetProperty("deadline").GetString()!, CalledBack: null);
    }

    private Moved Surrender(JsonElement payload, long version, Marks marks)
    {
        var ((asset, given), (owed, drawn)) = (Amount(payload, "collateral"), Amount(payload, "drawn"));
        var (worstMove, afterOrders) = RulesOfConversion(marks);
        var worth = WorthOf(asset, given, owed, marks);
        AuditFailure.Unless(
            slice is null && conversion is null && !HoldsIn(0) && (fruitlessConversions >= afterOrders || worth.IsZero), "I10",
            $"account {id} surrenders {payload} at version {version}, where it might be exchanged: {State()}");
        AuditFailure.Unless(
            given.Sign > 0 && given <= FreeOf(asset) && drawn <= -Balance(owed) && drawn <= AtWorst(worth, worstMove),
            "I10", $"account {id} surrenders {given} {asset}, which is worth {worth}, for {drawn} {owed} at version {version}");
        var oneLess = WorthOf(asset, given - 1, owed, marks);
        AuditFailure.Unless(
            worth.IsZero || (oneLess < worth && AtWorst(oneLess, worstMove) <= drawn), "I10",
            $"account {id} gives more than the fund pays for at version {version}: {payload}");
        var (paid, taken) = (fund.GetValueOrDefault(asset), fund.GetValueOrDefault(owed));
        fund[asset] = paid with { PaidIn = paid.PaidIn + given };
        fund[owed] = taken with { Drawn = taken.Drawn + drawn };
        (balances[asset], balances[owed]) = (Balance(asset) - given, Balance(owed) + drawn);
        AuditFailure.Unless(
            Amount(payload, "paidInAfter").Units == fund[asset].PaidIn && Amount(payload, "drawnAfter").Units == fund[owed].Drawn
                && Amount(payload, "collateralAfter").Units == Balance(asset) && Amount(payload, "balanceAfter").Units == Balance(owed), "I10",
            $"account {id} surrenders from nowhere at version {version}: {payload}");
        return new Moved(asset, Balances: -given, Fees: given) { Beside = new Moved(owed, Balances: drawn, Fees: -drawn) };
    }

    /// <summary>What it owns waits for its custodian, for a price or for a round of losses; null where all of it may be sold.</summary>
    private string? WhatMayNotBeSold(Marks marks) =>
        balances.Any(held => held.Value.Sign > 0 && (!PendingOf(held.Key).IsZero || !marks.Assets.ContainsKey(held.Key) || Lock?.Asset == held.Key))
            ? "something that it owns may not be sold" : null;

    private BigInteger FreeOf(string asset) => Balance(asset) - PendingOf(asset) - (Lock is { } gain && gain.Asset == asset ? gain.Units : 0);

    private static (BigInteger WorstMove, int AfterOrders) RulesOfConversion(Marks marks)
    {
        using var rules = JsonDocument.Parse(marks.Parameters);
        var conversion = rules.RootElement.GetProperty("liquidation").GetProperty("conversion");
        return (StoredFormat.Units(conversion.GetProperty("worstMove").GetString()!, 9), conversion.GetProperty("afterOrders").GetInt32());
    }

    private static BigInteger WorthOf(string asset, BigInteger units, string inAsset, Marks marks)
    {
        var value = units * PriceIn(asset) * StoredFormat.UnitE20(asset);
        return value / (PriceIn(inAsset) * StoredFormat.UnitE20(inAsset));

        BigInteger PriceIn(string of) => marks.Assets.TryGetValue(of, out var price) ? price : throw new AuditFailure("I7", $"{of} has no price, and is exchanged");
    }

    /// <summary>What is worth something is not given for nothing.</summary>
    private static BigInteger AtWorst(BigInteger atMark, BigInteger worstMove) =>
        BigInteger.Max(BigInteger.Min(1, atMark), atMark * (1_000_000_000 - worstMove) / 1_000_000_000);

    private static string ConversionLine(string order, BigInteger remaining, string deadline, string? calledBack) => $"{order}/{remaining}/{deadline}/{calledBack}";

    private static string ConversionLineOf(JsonElement selling) => ConversionLine(
        selling.GetProperty("order").GetProperty("order").GetString()!, Amount(selling, "remaining").Units, selling.GetProperty("deadline").GetString()!,
        selling.TryGetProperty("calledBack", out var reason) ? reason.ToString() : null);
}
