using System.Globalization;
using System.Numerics;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Pools;
using CrossMargin.Contracts.Trades;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Pools;
using CrossMargin.Grains.Trades;

namespace CrossMargin.Api.Audit;

/// <summary>
/// What a venue holds on a cut, per asset and per instrument, in numbers that do not overflow. Per asset
/// accounts + held + in flight + suspense + fees + interest + fund − cost + funding = deposited − paid, exactly: a leg counts as its
/// account will book it, and funding is quantity × index settled, with what rounding gave the house. Per instrument, everything
/// that is held or on its way sums to zero.
/// </summary>
internal sealed class Conservation
{
    private readonly SortedDictionary<Asset, Sums> byAsset = [];
    private readonly SortedDictionary<InstrumentId, BigInteger> contracts = [];

    private sealed class Sums(Asset asset)
    {
        public BigInteger Accounts, Held, InFlight, Suspense, Fees, Interest, Fund, Cost, Deposited, Paid, FundingE20;

        public BigInteger UnitE20 { get; } = BigInteger.Pow(10, FundingPoint.OwedScale - asset.Decimals!.Value);
        public BigInteger DifferenceE20 =>
            ((Accounts + Held + InFlight + Suspense + Fees + Interest + Fund - Cost - Deposited + Paid) * UnitE20) + FundingE20;
    }

    /// <param name="times">−1 takes back what was added.</param>
    public void Add(Account account, int times = 1)
    {
        foreach (var amount in account.Parts.SelectMany(part => part.Balances.Amounts))
            Of(amount).Accounts += times * (BigInteger)amount.Units;
        foreach (var hold in account.Holds) Of(hold.Amount).Held += times * (BigInteger)hold.Amount.Units;
        foreach (var hold in account.TransferHolds) Of(hold.Amount).Held += times * (BigInteger)hold.Amount.Units;
        foreach (var paid in account.HouseInterest.Amounts) Of(paid).Interest += times * (BigInteger)paid.Units;
        foreach (var share in account.FundShares)
            Of(share.PaidIn).Fund += times * ((BigInteger)share.PaidIn.Units - share.Drawn.Units);
        foreach (var share in account.HouseRounding.Shares) Of(share.Asset).FundingE20 += times * (BigInteger)share.E20;
        foreach (var position in account.AllPositions)
        {
            Of(position.Cost).Cost += times * (BigInteger)position.Cost.Units;
            Of(position.Cost).FundingE20 += times * Settled(position.Quantity, position.Funding);
            Count(position.Instrument, times * (BigInteger)position.Quantity.E8);
        }
    }

    /// <summary>What a feed's grain has collected.</summary>
    public void Add(TradeCapture feed, int times = 1)
    {
        foreach (var fees in feed.Fees.Amounts) Of(fees).Fees += times * (BigInteger)fees.Units;
    }

    /// <summary>What officers put into the fund of a pool; what accounts did stands in them.</summary>
    public void Add(Coordinator pool, int times = 1)
    {
        foreach (var amount in pool.Deposited.Amounts) Of(amount).Fund += times * (BigInteger)amount.Units;
    }

    public void Add(PoolEvent @event)
    {
        if (@event is PoolEvent.FundDeposited deposited) Of(deposited.Amount).Deposited += deposited.Amount.Units;
    }

    /// <summary>What crosses the venue's border, and what left the positions at an expiry while others may still hold theirs.</summary>
    public void Add(AccountEvent @event)
    {
        if (@event is AccountEvent.Settled settled)
        {
            Count(settled.Instrument, settled.Quantity.E8);
            Of(settled.Value).FundingE20 -= (settled.Value.Units * Of(settled.Value).UnitE20) + settled.HouseRoundingE20;
        }

        if (@event is AccountEvent.Deposited deposited) Of(deposited.Amount).Deposited += deposited.Amount.Units;
        if (@event is AccountEvent.DepositReversed reversed) Of(reversed.Amount).Deposited -= reversed.Amount.Units;
        if (@event is AccountEvent.WithdrawalPosted posted) Of(posted.Amount).Paid += posted.Amount.Units;
    }

    /// <summary>What a message carries to one of its addressees who has not taken it in.</summary>
    public void AddInFlight(object message, GrainId to, int times = 1)
    {
        foreach (var leg in Carried(message, to))
        {
            Of(leg.Amount).InFlight += times * (BigInteger)leg.Amount.Units;
            Add(leg, times);
        }
    }

    /// <summary>What a message carries to an addressee who could not take it in.</summary>
    public void AddSuspense(object message, GrainId to, int times = 1)
    {
        foreach (var leg in Carried(message, to))
        {
            Of(leg.Amount).Suspense += times * (BigInteger)leg.Amount.Units;
            Add(leg, times);
        }
    }

    private void Add(in Load leg, int times)
    {
        Of(leg.Amount).FundingE20 += times * leg.FundingE20;
        if (leg.QuantityE8 != 0) Count(leg.Instrument, times * leg.QuantityE8);
    }

    public IReadOnlyList<ConservationView> Views() =>
    [
        .. byAsset.Select(entry => new ConservationView(
            entry.Key.ToString(), Text(entry, s => s.Accounts), Text(entry, s => s.Held), Text(entry, s => s.InFlight),
            Text(entry, s => s.Suspense), Text(entry, s => s.Fees), Text(entry, s => s.Interest), Text(entry, s => s.Fund),
            Text(entry, s => s.Cost),
            Decimal(entry.Value.FundingE20, FundingPoint.OwedScale), Text(entry, s => s.Deposited), Text(entry, s => s.Paid),
            Decimal(entry.Value.DifferenceE20, FundingPoint.OwedScale))),
    ];

    /// <summary>The instruments whose contracts do not sum to zero, and to what they do.</summary>
    public IReadOnlyList<(InstrumentId Instrument, string Sum)> Uneven() =>
    [
        .. contracts.Where(entry => !entry.Value.IsZero).Select(entry => (entry.Key, Decimal(entry.Value, Quantity.Scale))),
    ];

    /// <summary>What is on its way to one account.</summary>
    private readonly record struct Load(AssetAmount Amount, BigInteger FundingE20, InstrumentId Instrument, BigInteger QuantityE8);

    private static IEnumerable<Load> Carried(object message, GrainId to) => message switch
    {
        AccountEvent.TransferSent sent => [new Load(sent.Amount, 0, default, 0)],
        AccountEvent.TransferCleared cleared => [new Load(cleared.Amount, 0, default, 0)],
        AccountEvent.TransferBounced bounced => [new Load(bounced.Amount, 0, default, 0)],
        AccountEvent.HandedOver { Transfer: var e } => [new Load(-e.Paid, Settled(e.Quantity, e.Funding), e.Instrument, e.Quantity.E8)],
        AccountEvent.Deleveraged { Transfer: { } e } => [new Load(-e.Paid, Settled(e.Quantity, e.Funding), e.Instrument, e.Quantity.E8)],
        TradeEvent.Converted e when e.Account.Grain == to => [new Load(-e.Sold, 0, default, 0), new Load(e.Bought, 0, default, 0)],
        TradeEvent.Converted e => [new Load(e.Sold, 0, default, 0), new Load(-e.Bought, 0, default, 0)],
        TradeEvent.ConversionBusted e when e.Account.Grain == to => [new Load(e.Sold, 0, default, 0), new Load(-e.Bought, 0, default, 0)],
        TradeEvent.ConversionBusted e => [new Load(-e.Sold, 0, default, 0), new Load(e.Bought, 0, default, 0)],
        TradeEvent.Captured e => Legs(to, e.Instrument, e.Buyer, e.Seller, e.Quantity, e.Paid, e.Funding, sign: 1),
        TradeEvent.Busted e => Legs(to, e.Instrument, e.Buyer, e.Seller, e.Quantity, e.Paid, e.Funding, sign: -1),
        _ => [],
    };

    /// <summary>The buyer will pay the amount and a fee for the quantity, the seller is paid it; a bust is the opposite.</summary>
    private static IEnumerable<Load> Legs(
        GrainId to, InstrumentId instrument, TradeLeg buyer, TradeLeg seller, Quantity quantity, AssetAmount paid, FundingPoint point,
        int sign)
    {
        foreach (var (leg, side) in ((TradeLeg, int)[])[(buyer, sign), (seller, -sign)])
        {
            if (leg.Account.Grain != to) continue;
            var signed = new Quantity(side * quantity.E8);
            yield return new Load(
                paid with { Units = (-side * paid.Units) - (sign * leg.Fee.Units) }, Settled(signed, point), instrument, signed.E8);
        }
    }

    private static BigInteger Settled(Quantity quantity, FundingPoint point) => (BigInteger)quantity.E8 * point.IndexE12;

    private void Count(InstrumentId instrument, BigInteger quantityE8) =>
        contracts[instrument] = contracts.GetValueOrDefault(instrument) + quantityE8;

    private static string Text(KeyValuePair<Asset, Sums> entry, Func<Sums, BigInteger> part) =>
        Decimal(part(entry.Value), entry.Key.Decimals!.Value);

    /// <summary>A venue's sum may be more than one account can hold.</summary>
    private static string Decimal(BigInteger units, int decimals)
    {
        var digits = BigInteger.Abs(units).ToString(CultureInfo.InvariantCulture).PadLeft(decimals + 1, '0');
        var fraction = digits[^decimals..].TrimEnd('0');
        return $"{(units.Sign < 0 ? "-" : "")}{digits[..^decimals]}{(fraction.Length == 0 ? "" : ".")}{fraction}";
    }

    private Sums Of(AssetAmount amount) => Of(amount.Asset);

    private Sums Of(Asset asset)
    {
        if (!byAsset.TryGetValue(asset, out var sums)) byAsset.Add(asset, sums = new Sums(asset));
        return sums;
    }
}
