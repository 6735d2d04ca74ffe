using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Grains.Margin;
using CrossMargin.Runtime.Grains;

namespace CrossMargin.Grains.Accounts;

/// <summary>
/// An account is one or several parts that are margined by themselves: the cross pool, and each isolated sub-account. What is
/// deposited, withdrawn and transferred is the cross pool's; an isolated part has what was allocated to it.
/// </summary>
public sealed partial record Account
{
    public const int MaxIsolated = 32;

    /// <summary>Those of the cross pool, as are positions, orders and status: for most accounts all there is.</summary>
    public Balances Balances => Cross.Balances;

    public Positions Positions => Cross.Positions;

    public ImmutableArray<OrderReservation> Orders => Cross.Orders;

    public MarginStatus Status => Cross.Status;

    /// <summary>The cross pool, then the isolated parts in order of sub-account.</summary>
    public ImmutableArray<AccountPart> Parts => Isolated.Insert(0, Cross);

    /// <summary>Of all parts.</summary>
    public IEnumerable<Position> AllPositions => Parts.SelectMany(part => part.Positions.All);

    /// <summary>Of all parts.</summary>
    public IEnumerable<OrderReservation> AllOrders => Parts.SelectMany(part => part.Orders);

    /// <summary>The part that answers for a sub-account.</summary>
    public AccountPart PartOf(SubAccountId subAccount)
    {
        foreach (var part in Isolated)
            if (part.SubAccount == subAccount) return part;
        return Cross;
    }

    public bool IsAtRisk => Parts.Any(part => part.IsAtRisk);

    /// <summary>The account with this part in place of the one it was.</summary>
    internal Account With(AccountPart part) =>
        part.IsCross ? this with { Cross = part } : this with { Isolated = Isolated.Replace(PartOf(part.SubAccount), part) };

    private static Decision<AccountEvent> Isolate(Account account, AccountCommand.IsolateSubAccount command)
    {
        const string Name = "isolate-sub-account";
        var subAccount = command.SubAccount;
        if (account.Absence is var absent and not Rejection.None) return Refused(Name, absent);
        if (subAccount == SubAccountId.Main || !account.PartOf(subAccount).IsCross) return Refused(Name, Rejection.AlreadyIsolated);
        var isUsed = account.Positions.All.Any(held => held.SubAccount == subAccount)
            || account.Orders.Any(order => order.SubAccount == subAccount);
        if (isUsed) return Refused(Name, Rejection.SubAccountInUse);
        if (account.Isolated.Length >= MaxIsolated) return Refused(Name, Rejection.TooManySubAccounts);
        return new AccountEvent.SubAccountIsolated(subAccount);
    }

    /// <summary>The pool gives under the one rule; the sub-account receives, which makes nothing riskier.</summary>
    private static Decision<AccountEvent> Allocate(Account account, AccountCommand.AllocateCollateral command, MarginMarks? marks)
    {
        const string Name = "allocate-collateral";
        var (amount, part) = (command.Amount, account.PartOf(command.SubAccount));
        if (Unusable(account, amount) is var unusable and not Rejection.None) return Refused(Name, unusable);
        if (part.IsCross) return Refused(Name, Rejection.NotIsolated);
        var (balance, allocated) = (account.Balances[amount.Asset], part.Balances[amount.Asset]);
        if (amount > account.FreeOf(account.Cross, amount.Asset)) return Short(Name, account.FreeOf(account.Cross, amount.Asset));
        if (ExceedsLimit(part, amount)) return Refused(Name, Rejection.BalanceLimit);
        var verdict = MarginRule.Judge(account, account.Without(amount, account.Cross), SubAccountId.Main, marks);
        if (verdict.Rejection != Rejection.None) return Refused(Name, verdict);

        return new AccountEvent.CollateralAllocated(command.SubAccount, amount, balance - amount, allocated + amount)
        {
            Margin = verdict.Figures,
        };
    }

    /// <summary>The sub-account gives under the one rule, by its own margin.</summary>
    private static Decision<AccountEvent> Release(Account account, AccountCommand.ReleaseCollateral command, MarginMarks? marks)
    {
        const string Name = "release-collateral";
        var (amount, part) = (command.Amount, account.PartOf(command.SubAccount));
        if (Unusable(account, amount) is var unusable and not Rejection.None) return Refused(Name, unusable);
        if (part.IsCross) return Refused(Name, Rejection.NotIsolated);
        var (balance, allocated) = (account.Balances[amount.Asset], part.Balances[amount.Asset]);
        if (amount > allocated) return Short(Name, allocated);
        if (ExceedsLimit(account.Cross, amount)) return Refused(Name, Rejection.BalanceLimit);
        var verdict = MarginRule.Judge(account, account.Without(amount, part), command.SubAccount, marks);
        if (verdict.Rejection != Rejection.None) return Refused(Name, verdict);

        return new AccountEvent.CollateralReleased(command.SubAccount, amount, balance + amount, allocated - amount)
        {
            Margin = verdict.Figures,
        };
    }

    /// <summary>
    /// Whether a balance fits into its integer, with everything held that may come back to it: no fact may take up
    /// the room of a withdrawal that the custodian may still void.
    /// </summary>
    private bool HasRoomFor(SubAccountId subAccount, Asset asset, Int128 balance) =>
        PositionMath.Fits(balance) && PositionMath.Fits(balance + (PartOf(subAccount).IsCross ? HeldOf(asset) : 0));

    private Int128 HeldOf(Asset asset)
    {
        Int128 held = 0;
        foreach (var hold in Holds)
            if (hold.Amount.Asset == asset) held += hold.Amount.Units;
        foreach (var hold in TransferHolds)
            if (hold.Amount.Asset == asset) held += hold.Amount.Units;
        return held;
    }

    private ImmutableArray<AccountPart> IsolatedWith(AccountPart part)
    {
        Invariant.Holds("A22", !part.IsCross && PartOf(part.SubAccount).IsCross, "a sub-account is isolated once");
        var at = 0;
        while (at < Isolated.Length && Isolated[at].SubAccount.CompareTo(part.SubAccount) < 0) at++;
        return Isolated.Insert(at, part);
    }

    /// <summary>From the cross pool to an isolated part; a negative amount goes the other way.</summary>
    private Account Moved(SubAccountId subAccount, AssetAmount amount, AssetAmount balanceAfter, AssetAmount allocatedAfter)
    {
        var part = PartOf(subAccount);
        Invariant.Holds("A22", !part.IsCross, "collateral is allocated to what is isolated");
        return With(Promised(part.Add(amount), allocatedAfter)).With(Promised(Cross.Subtract(amount), balanceAfter));
    }

    private void VerifyParts()
    {
        foreach (var part in Parts)
        {
            foreach (var amount in part.Balances.Amounts)
            {
                Invariant.Holds("A1", amount.Units != 0, "a balance of zero is not kept");
                Invariant.Holds("A23", HasRoomFor(part.SubAccount, amount.Asset, amount.Units), "what is held can come back");
            }

            foreach (var position in part.Positions.All)
            {
                Invariant.Holds("A14", position.Quantity != Quantity.Zero, "a flat position is removed, not kept at zero");
                Invariant.Same("A22", part.SubAccount, PartOf(position.SubAccount).SubAccount);
            }

            foreach (var order in part.Orders)
            {
                Invariant.Holds("A15", order.Remaining > Quantity.Zero, "a reservation is of something");
                Invariant.Same("A22", part.SubAccount, PartOf(order.SubAccount).SubAccount);
            }
        }

        foreach (var share in HouseRounding.Shares)
            Invariant.Holds("A16", share.E20 > 0, "funding is rounded against the account, never for it");
    }
}
