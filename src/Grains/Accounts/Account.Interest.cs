using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Grains.Margin;
using CrossMargin.Runtime.Grains;

namespace CrossMargin.Grains.Accounts;

/// <summary>The last hour that interest on an asset was charged for, as hours since 1970.</summary>
public readonly record struct InterestHour(Asset Asset, long Hour);

/// <summary>
/// A negative balance is a loan. Who owes at the first frame of an hour that the shard adopts, or begins to owe later in it,
/// pays for that hour, once an asset.
/// </summary>
public sealed partial record Account
{
    public const long HoursPerYear = 365 * 24;

    /// <summary>
    /// What this account has paid in interest: its part of the house's account. It is the house's and not the account's; it stands
    /// here because it must move in the same record.
    /// </summary>
    public Balances HouseInterest { get; init; } = Balances.Empty;

    /// <summary>Whether a part owes interest for the hour of the frame.</summary>
    internal static bool OwesInterest(AccountPart part, MarginMarks marks) =>
        part.Balances.Amounts.Any(balance => balance.IsNegative && IsDue(part, balance.Asset, marks));

    private static bool IsDue(AccountPart part, Asset asset, MarginMarks marks) =>
        marks.InterestOn(asset) is { E9: > 0 } && part.InterestHourOf(asset) < marks.Hour;

    /// <summary>A charge that would not fit into its integer is left out, and tried again at the next frame.</summary>
    private static Account ChargeInterest(Account account, MarginMarks marks, ImmutableArray<AccountEvent>.Builder events)
    {
        foreach (var (part, balance) in account.Parts.SelectMany(part => part.Balances.Amounts, (part, balance) => (part, balance)))
        {
            if (!balance.IsNegative || !IsDue(part, balance.Asset, marks)) continue;
            var rate = marks.InterestOn(balance.Asset)!.Value;
            var interest = InterestOn(-balance, rate);
            if (!account.HasRoomFor(part.SubAccount, balance.Asset, (Int128)balance.Units - interest)) continue;
            if (!PositionMath.Fits((Int128)account.HouseInterest[balance.Asset].Units + interest)) continue;
            var charged = new AssetAmount(balance.Asset, interest);
            account = Take(account, new AccountEvent.InterestCharged(-balance, rate, marks.Hour, charged, balance - charged)
            {
                SubAccount = part.SubAccount,
            }, events);
        }

        return account;
    }

    /// <summary>debt × annual rate ÷ hours of a year, rounded up to a unit.</summary>
    private static long InterestOn(AssetAmount debt, Rate rate) =>
        (long)Rounding.Ceiling((Int128)debt.Units * rate.E9, (Int128)Rate.One.E9 * HoursPerYear);

    private Account Charged(AccountEvent.InterestCharged e)
    {
        var part = PartOf(e.SubAccount);
        Invariant.Same("A22", e.SubAccount, part.SubAccount);
        Invariant.Same("A24", e.Debt, -part.Balances[e.Debt.Asset]);
        Invariant.Holds("A25", part.InterestHourOf(e.Debt.Asset) < e.Hour, "an hour is charged once");
        Invariant.Same("A26", e.Interest.Units, InterestOn(e.Debt, e.Rate));
        return With(Promised(part.Subtract(e.Interest), e.BalanceAfter).ChargedFor(e.Debt.Asset, e.Hour)) with
        {
            HouseInterest = HouseInterest.Add(e.Interest),
        };
    }
}
