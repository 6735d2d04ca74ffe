using System.Collections.Immutable;
using CrossMargin.Contracts;

namespace CrossMargin.Grains.Accounts;

/// <summary>
/// What stands and falls together: positions and orders, the balances that answer for them, and how they stand. Every account
/// has the cross pool, which its sub-accounts share. An isolated sub-account is a part by itself: nothing outside it answers
/// for what it loses.
/// </summary>
/// <param name="SubAccount">The isolated one; <see cref="SubAccountId.Main"/> is the cross pool with all others.</param>
public sealed record AccountPart(
    SubAccountId SubAccount, Balances Balances, Positions Positions, ImmutableArray<OrderReservation> Orders, MarginStatus Status)
{
    public static AccountPart Empty(SubAccountId subAccount) => new(subAccount, Balances.Empty, Positions.None, [], MarginStatus.Healthy);

    /// <summary>In order of asset; an asset that it never owed is not there.</summary>
    public ImmutableArray<InterestHour> InterestHours { get; init; } = [];

    public bool IsCross => SubAccount == SubAccountId.Main;

    /// <summary>
    /// Whether marks matter to it: something that can lose, or a debt. What it only owns is its own whatever it is worth.
    /// </summary>
    public bool IsAtRisk
    {
        get
        {
            if (!Positions.All.IsEmpty || !Orders.IsEmpty) return true;
            foreach (var balance in Balances.Amounts)
                if (balance.IsNegative) return true;
            return false;
        }
    }

    public bool IsEmpty => Balances.Amounts.IsEmpty && Positions.All.IsEmpty && Orders.IsEmpty;

    public AccountPart Add(AssetAmount amount) => this with { Balances = Balances.Add(amount) };

    public AccountPart Subtract(AssetAmount amount) => this with { Balances = Balances.Subtract(amount) };

    /// <summary>0 where interest was never charged.</summary>
    public long InterestHourOf(Asset asset)
    {
        foreach (var charged in InterestHours)
            if (charged.Asset == asset) return charged.Hour;
        return 0;
    }

    public AccountPart ChargedFor(Asset asset, long hour) => this with
    {
        InterestHours =
        [
            .. InterestHours.Where(charged => charged.Asset != asset).Append(new InterestHour(asset, hour))
                .OrderBy(charged => charged.Asset),
        ],
    };

    public OrderReservation? OrderOf(OrderId id)
    {
        foreach (var order in Orders)
            if (order.Id == id) return order;
        return null;
    }
}
