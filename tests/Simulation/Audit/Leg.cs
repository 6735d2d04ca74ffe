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
        if (type == HandedOver) return [OfTransfer(trade, $"{trade.GetProperty("account")}/{trade.GetProperty("case")}", trade.GetProperty("to").GetString()!, subAccount: 0)];
        if (type == Deleveraged) return trade.TryGetProperty("transfer", out _) ? [OfDeleveraged(trade, trade.GetProperty("assigned"))] : [];
        if (type == ConversionBusted) return [OfConversion(trade, "account", "bought", "sold"), OfConversion(trade, "counterparty", "sold", "bought")];
        if (type == Converted) return [OfConversion(trade, "account", "sold", "bought"), OfConversion(trade, "counterparty", "bought", "sold")];
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

    private const string HandedOver = "account.handed-over.v1", Deleveraged = "account.deleveraged.v1";

    private static Leg OfDeleveraged(JsonElement given, JsonElement assigned) => OfTransfer(
        given, $"{given.GetProperty("account")}/{assigned.GetProperty("case")}/{given.GetProperty("round")}", assigned.GetProperty("account").GetString()!,
        assigned.GetProperty("subAccount").GetInt32());

    /// <summary>What a backstop account takes over, or a case is closed with, at nobody's fee.</summary>
    private static Leg OfTransfer(JsonElement handed, string name, string to, int subAccount)
    {
        var transfer = handed.GetProperty("transfer");
        var (asset, paid) = StoredFormat.Amount(transfer.GetProperty("paid").GetString()!);
        var quantity = StoredFormat.Units(transfer.GetProperty("quantity").GetString()!, 8);
        var instrument = transfer.GetProperty("instrument").GetInt32();
        var e20 = (quantity * StoredFormat.IndexE12(transfer.GetProperty("funding").GetString()!)) - (paid * StoredFormat.UnitE20(asset));
        return new Leg(
            name, to, subAccount, instrument, quantity,
            StoredFormat.Text(asset, paid), StoredFormat.Text(asset, 0), new Moved(asset) { LegsE20 = e20, Instrument = instrument, QuantityInFlight = quantity });
    }

    private const string Converted = "trade.converted.v1", ConversionBusted = "trade.conversion-busted.v1";

    /// <summary>What one side of a conversion gives and gets.</summary>
    private static Leg OfConversion(JsonElement trade, string owner, string given, string taken)
    {
        var (sold, bought) = (trade.GetProperty(given).GetString()!, trade.GetProperty(taken).GetString()!);
        var ((soldAsset, soldUnits), (boughtAsset, boughtUnits)) = (StoredFormat.Amount(sold), StoredFormat.Amount(bought));
        return new Leg(
            trade.GetProperty("trade").GetString()!, trade.GetProperty(owner).GetString()!, 0, 0, 0, Paid: sold, Fee: "",
            new Moved(soldAsset)
            {
                LegsE20 = -soldUnits * StoredFormat.UnitE20(soldAsset),
                Beside = new Moved(boughtAsset) { LegsE20 = boughtUnits * StoredFormat.UnitE20(boughtAsset) },
            })
        {
            Bought = bought,
        };
    }

    /// <summary>What is got for what is paid, where a leg exchanges one asset for another.</summary>
    private string? Bought { get; init; }

    public static bool IsTrade(string type) => type is "trade.captured.v1" or "trade.busted.v1" or HandedOver or Deleveraged or Converted or ConversionBusted;

    public static bool IsBooking(string type, JsonElement payload) =>
        type is "account.fill-applied.v1" or "account.fill-reversed.v1" or "account.taken-over.v1" or "account.converted.v1"
        || (type == "account.closed-out.v1" && payload.TryGetProperty("change", out _));

    /// <summary>Whether a record of the account books exactly this leg of exactly this trade.</summary>
    public bool IsBookedBy(JsonElement payload) => Bought is null ? IsFilledBy(payload)
        : payload.TryGetProperty("sold", out var sold) && sold.GetString() == Paid && payload.GetProperty("bought").GetString() == Bought
            && payload.GetProperty("trade").GetString() == Trade;

    private bool IsFilledBy(JsonElement payload) => payload.TryGetProperty("change", out var change) && NameIn(payload) == Trade
        && change.GetProperty("subAccount").GetInt32() == SubAccount && change.GetProperty("instrument").GetInt32() == Instrument
        && change.GetProperty("quantity").GetString() == StoredFormat.Decimal(Quantity, 8)
        && change.GetProperty("paid").GetString() == Paid && change.GetProperty("fee").GetString() == Fee;

    private static string NameIn(JsonElement payload) => payload.TryGetProperty("trade", out var trade) ? trade.GetString()!
        : payload.TryGetProperty("by", out var by) ? $"{by}/{payload.GetProperty("case")}/{payload.GetProperty("round")}"
        : $"{payload.GetProperty("from")}/{payload.GetProperty("case")}";

    /// <summary>It arrived.</summary>
    public Moved Landed => Arriving(InFlight);

    private static Moved Arriving(Moved sent) => sent with
    {
        LegsE20 = -sent.LegsE20, QuantityInFlight = -sent.QuantityInFlight, Beside = sent.Beside is { } other ? Arriving(other) : null,
    };

    /// <summary>It could not arrive before, and an officer had it taken in.</summary>
    public Moved TakenAfterAll => LeavingSuspense(InFlight);

    private static Moved LeavingSuspense(Moved sent) => sent with
    {
        LegsE20 = 0, QuantityInFlight = 0, SuspenseE20 = -sent.LegsE20, QuantityInSuspense = -sent.QuantityInFlight,
        Beside = sent.Beside is { } other ? LeavingSuspense(other) : null,
    };

    /// <summary>It could not arrive, and waits for an officer.</summary>
    public Moved Parked => Waiting(InFlight);

    private static Moved Waiting(Moved sent) => Arriving(sent) with
    {
        SuspenseE20 = sent.LegsE20, QuantityInSuspense = sent.QuantityInFlight, Beside = sent.Beside is { } other ? Waiting(other) : null,
    };
}
