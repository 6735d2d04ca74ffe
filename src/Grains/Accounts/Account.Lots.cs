using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Runtime.Grains;

namespace CrossMargin.Grains.Accounts;

/// <summary>
/// Deposits that are not final where they lie. They count in margin by the rules' weight, they stay in the pool until they are
/// final, and a reversal takes them back whatever became of them: what is missing then is a loan.
/// </summary>
public sealed partial record Account
{
    public const int MaxLots = 100;

    /// <summary>In the order in which they came.</summary>
    public ImmutableArray<CollateralLot> Lots { get; init; } = [];

    public Int128 PendingOf(Asset asset)
    {
        Int128 pending = 0;
        foreach (var lot in Lots)
            if (lot.Amount.Asset == asset) pending += lot.Amount.Units;
        return pending;
    }

    /// <summary>What may leave a part at all: of the pool, only what is final.</summary>
    public AssetAmount FreeOf(AccountPart part, Asset asset)
    {
        var balance = part.Balances[asset];
        return part.IsCross && PendingOf(asset) is var pending && pending > 0
            ? balance with { Units = (long)Int128.Max(balance.Units - pending, Math.Min(balance.Units, 0)) }
            : balance;
    }

    private static Decision<AccountEvent> FinalizeDeposit(Account account, AccountCommand.FinalizeDeposit command)
    {
        if (account.Absence is var absent and not Rejection.None) return Refused("finalize-deposit", absent);
        return account.LotOf(command.Id, command.By) is { } lot
            ? new AccountEvent.DepositFinalized(lot.Id, lot.Amount)
            : Refused("finalize-deposit", Rejection.UnknownDeposit);
    }

    private static Decision<AccountEvent> ReverseDeposit(Account account, AccountCommand.ReverseDeposit command)
    {
        if (account.Absence is var absent and not Rejection.None) return Refused("reverse-deposit", absent);
        if (account.LotOf(command.Id, command.By) is not { } lot) return Refused("reverse-deposit", Rejection.UnknownDeposit);
        var balance = (Int128)account.Balances[lot.Amount.Asset].Units - lot.Amount.Units;
        if (!account.HasRoomFor(SubAccountId.Main, lot.Amount.Asset, balance)) return Refused("reverse-deposit", Rejection.PositionLimit);
        return new AccountEvent.DepositReversed(lot.Id, lot.Amount, lot.Amount with { Units = (long)balance });
    }

    /// <summary>To a source that did not report it there is no such deposit.</summary>
    private CollateralLot? LotOf(DepositId deposit, SourceId by) =>
        LotOf(deposit) is { } lot && (lot.Source ?? by) == by ? lot : null;

    private CollateralLot? LotOf(DepositId deposit)
    {
        foreach (var lot in Lots)
            if (lot.Id == deposit) return lot;
        return null;
    }

    private Account Credited(AccountEvent.Deposited e)
    {
        var after = this with { Cross = Credited(e.Amount, e.BalanceAfter) };
        return e.Origin is { Finality: Finality.Pending } origin
            ? after with
            {
                Lots = Lots.Add(new CollateralLot(new DepositId(Version), e.Amount, origin.Form, origin.Location, e.Reference)
                {
                    Source = origin.Source,
                }),
            }
            : after;
    }

    private ImmutableArray<CollateralLot> LotsWithout(DepositId deposit, AssetAmount amount)
    {
        var lot = LotOf(deposit) ?? throw new InvariantViolation("A27", $"deposit {deposit.Version} is final, or was never made");
        Invariant.Same("A27", amount, lot.Amount);
        return Lots.Remove(lot);
    }
}
