using System.Numerics;
using System.Text.Json;

namespace CrossMargin.Simulation.Audit;

/// <summary>
/// One side of a captured or busted trade on its way to an account, or both sides as one where they meet in one sub-account.
/// Its money is what the account's books will move by: less what is paid and the fee, and the quantity at its funding point.
/// </summary>
internal sealed record Leg(string Trade, string Account, int SubAccount, int Instrument, BigInteger Quantity, string Paid, string Fee, Moved InFlight)
{
    /// <summary>The legs of a trade, in the order in which its account books them.</summary>
    public static IReadOnlyList<Leg> Of(string type, JsonElement trade)
    {
        if (type == HandedOver) return [OfHandOver(trade)];
        var sign = type == "trade.busted.v1" ? -1 : 1;
        var (asset, paid) = StoredFormat.Amount(trade.GetProperty("paid").GetString()!);
        var quantity = StoredFormat.Units(trade.GetProperty("quantity").GetString()!, 8);
        var (buyer, seller) = (trade.GetProperty("buyer"), trade.GetProperty("seller"));
        if (Owner(buyer) == Owner(seller)) return [Sided(buyer, 0, FeeOf(buyer) + FeeOf(seller))];
        return [Sided(buyer, sign, FeeOf(buyer)), Sided(seller, -sign, FeeOf(seller))];

        Leg Sided(JsonElement side, int direction, BigInteger feeOf)
        {
            var (signed, amount, fee) = (direction * quantity, direction * paid, sign * feeOf);
            var e20 = (signed * StoredFormat.IndexE12(trade.GetProperty("funding").GetString()!)) - ((amount + fee) * StoredFormat.UnitE20(asset));
            return new Leg(
                trade.GetProperty("trade").GetString()!, side.GetProperty("account").GetString()!, side.GetProperty("subAccount").GetInt32(),
                trade.GetProperty("instrument").GetInt32(), signed, StoredFormat.Text(asset, amount), StoredFormat.Text(asset, fee),
                new Moved(asset) { LegsE20 = e20, Instrument = trade.GetProperty("instrument").GetInt32(), QuantityInFlight = signed });
        }

        static (string, int) Owner(JsonElement side) => (side.GetProperty("account").GetString()!, side.GetProperty("subAccount").GetInt32());
        static BigInteger FeeOf(JsonElement side) => StoredFormat.Amount(side.GetProperty("fee").GetString()!).Units;
    }

    private const string HandedOver = "account.handed-over.v1";

    /// <summary>What a backstop account takes over, at nobody's fee.</summary>
    private static Leg OfHandOver(JsonElement handed)
    {
        var transfer = handed.GetProperty("transfer");
        var (asset, paid) = StoredFormat.Amount(transfer.GetProperty("paid").GetString()!);
        var quantity = StoredFormat.Units(transfer.GetProperty("quantity").GetString()!, 8);
        var instrument = transfer.GetProperty("instrument").GetInt32();
        var e20 = (quantity * StoredFormat.IndexE12(transfer.GetProperty("funding").GetString()!)) - (paid * StoredFormat.UnitE20(asset));
        return new Leg(
            $"{handed.GetProperty("account")}/{handed.GetProperty("case")}", handed.GetProperty("to").GetString()!, 0, instrument, quantity,
            StoredFormat.Text(asset, paid), StoredFormat.Text(asset, 0), new Moved(asset) { LegsE20 = e20, Instrument = instrument, QuantityInFlight = quantity });
    }

    public static bool IsTrade(string type) => type is "trade.captured.v1" or "trade.busted.v1" or HandedOver;

    public static bool IsBooking(string type) => type is "account.fill-applied.v1" or "account.fill-reversed.v1" or "account.taken-over.v1";

    /// <summary>Whether a record of the account books exactly this leg of exactly this trade.</summary>
    public bool IsBookedBy(JsonElement payload) =>
        (payload.TryGetProperty("trade", out var trade) ? trade.GetString() : $"{payload.GetProperty("from")}/{payload.GetProperty("case")}") == Trade
        && payload.GetProperty("change") is var change
        && change.GetProperty("subAccount").GetInt32() == SubAccount && change.GetProperty("instrument").GetInt32() == Instrument
        && change.GetProperty("quantity").GetString() == StoredFormat.Decimal(Quantity, 8)
        && change.GetProperty("paid").GetString() == Paid && change.GetProperty("fee").GetString() == Fee;

    /// <summary>It arrived.</summary>
    public Moved Landed => InFlight with { LegsE20 = -InFlight.LegsE20, QuantityInFlight = -InFlight.QuantityInFlight };

    /// <summary>It could not arrive, and waits for an officer.</summary>
    public Moved Parked => Landed with { SuspenseE20 = InFlight.LegsE20, QuantityInSuspense = InFlight.QuantityInFlight };
}
