using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using CrossMargin.Api.Bodies;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Grains.Accounts;

namespace CrossMargin.Api.Accounts;

[Description("A holding as exact sums. `entryPrice` is derived from them, for the eye only.")]
public sealed record PositionView(
    int Instrument, string Symbol, int SubAccount,
    [property: Description("long or short")] string Side,
    [property: Description("Contracts; negative when short."), RegularExpression(AmountText.Pattern)] string Quantity,
    string Settlement,
    [property: Description("What the open quantity was entered at, signed like it; an option has none, its premium was paid.")]
    [property: RegularExpression(AmountText.Pattern)] string Cost,
    [property: Description("Periods of funding that it is settled up to.")] long FundingPeriod)
{
    [Description("cost ÷ (quantity × multiplier), rounded down to 8 decimals. Options have none.")]
    public string? EntryPrice { get; init; }

    internal static PositionView Of(Position held, Listing listing) => new(
        held.Instrument.Number, listing.Symbol, held.SubAccount.Number, held.Quantity > Contracts.Quantity.Zero ? "long" : "short",
        held.Quantity.ToString(), listing.Settlement.ToString(), held.Cost.ToDecimal(), held.Funding.Period)
    {
        EntryPrice = listing.Kind == InstrumentKind.Option ? null : EntryPriceOf(held, listing)?.ToString(),
    };

    /// <summary>In 1e-8 of 1e-16; null when it does not fit, which no price of a trade can cause.</summary>
    private static Price? EntryPriceOf(Position held, Listing listing)
    {
        Int128 scale = 1;
        const int Wanted = Price.Scale + 2 * Contracts.Quantity.Scale;
        for (var decimals = listing.Settlement.Decimals!.Value; decimals < Wanted; decimals++) scale *= 10;
        var exact = (Int128)held.Quantity.E8 * listing.Multiplier.E8;
        if (Int128.Abs(held.Cost.Units) > Int128.MaxValue / scale) return null;
        var price = Rounding.Floor(held.Cost.Units * scale * Int128.Sign(exact), Int128.Abs(exact));
        return price <= long.MaxValue && price > long.MinValue ? new Price((long)price) : null;
    }
}

[Description("In order of sub-account and instrument.")]
public sealed record PositionsAnswer(
    string Account, IReadOnlyList<PositionView> Positions, long Sequence, string Address, string AsOf, long Frame);

[Description("What the matching engine may still fill of an order.")]
public sealed record OrderView(
    string OrderId, int SubAccount, int Instrument, string Symbol,
    [property: Description("buy or sell")] string Side,
    [property: RegularExpression(AmountText.Pattern)] string Remaining,
    [property: RegularExpression(AmountText.Pattern)] string Price)
{
    [Description("True once somebody asked for its end. It counts until its feed says that it has ended.")]
    public bool? EndRequested { get; init; }

    internal static OrderView Of(OrderReservation order, Listing? listing) => new(
        order.Id.Name, order.SubAccount.Number, order.Instrument.Number, listing?.Symbol ?? "",
        order.Side == Contracts.Accounts.Side.Buy ? "buy" : "sell", order.Remaining.ToString(), order.Price.ToString())
    {
        EndRequested = order.Phase == OrderPhase.Ending ? true : null,
    };
}

[Description("In the order in which they were reserved.")]
public sealed record OrdersAnswer(
    string Account, IReadOnlyList<OrderView> Orders, long Sequence, string Address, string AsOf, long Frame);

[Description("A deposit that is not final: it is in the quantity, cannot leave yet, and may be reversed.")]
public sealed record LotView(
    long DepositId, string Asset, [property: RegularExpression(AmountText.Pattern)] string Amount,
    [property: Description("plain, staked, interestBearing or liquidityShare")] string Form, string Location, string Reference)
{
    internal static LotView Of(CollateralLot lot) => new(
        lot.Id.Version, lot.Amount.Asset.ToString(), lot.Amount.ToDecimal(),
        System.Text.Json.JsonNamingPolicy.CamelCase.ConvertName(lot.Form.ToString()), lot.Location, lot.Reference);
}

public sealed record CollateralAnswer(
    string Account, IReadOnlyList<CollateralView> Collateral, IReadOnlyList<LotView> Lots,
    long Sequence, string Address, string AsOf, long Frame);
