using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Grains.Margin;
using CrossMargin.Runtime.Grains;

namespace CrossMargin.Grains.Accounts;

/// <summary>
/// What an account sends to others. Money that another owner gets may be somebody's unsettled gain, and so may what leaves an account
/// with something at risk for another of its owner: it waits for the clearance that a withdrawal waits for. All else goes at once.
/// </summary>
public sealed partial record Account
{
    public const int MaxTransferHolds = 100;

    /// <summary>What waits for clearance on its way to another account, in the order in which it was asked for.</summary>
    public ImmutableArray<TransferHold> TransferHolds { get; init; } = [];

    private static Decision<AccountEvent> Transfer(
        Account account, AccountCommand.Transfer command, Context context, MarginMarks? marks)
    {
        if (Unusable(account, command.Amount) is var unusable and not Rejection.None) return Refused("transfer", unusable);
        if (command.To == account.Id) return Refused("transfer", Rejection.TransferToSelf);
        var staysWithOwner = command.Reach == TransferReach.SameOwner;
        var waits = !staysWithOwner || account.Cross.IsAtRisk;
        if (waits && account.TransferHolds.Length >= MaxTransferHolds) return Refused("transfer", Rejection.TooManyTransfers);
        var (balance, free) = (account.Balances[command.Amount.Asset], account.FreeOf(account.Cross, command.Amount.Asset));
        if (command.Amount > free) return Short("transfer", free);
        if (waits && account.HeldOf(command.Amount.Asset) + command.Amount.Units > MaxBalanceUnits)
            return Refused("transfer", Rejection.BalanceLimit);
        var verdict = MarginRule.Judge(account, account.Without(command.Amount, account.Cross), SubAccountId.Main, marks);
        if (verdict.Rejection != Rejection.None) return Refused("transfer", verdict);

        if (!waits)
        {
            return new AccountEvent.TransferSent(account.Id, command.To, command.Amount, balance - command.Amount)
            {
                Owner = account.Owner,
                Margin = verdict.Figures,
            };
        }

        return new AccountEvent.TransferHeld(
            new TransferId(account.Version + 1), command.To, command.Amount, balance - command.Amount)
        {
            OverdueAt = context.Now.PlusMicros(OverdueAfterMicros),
            Frame = context.Frame,
            Owner = staysWithOwner ? account.Owner : default,
            Margin = verdict.Figures,
        };
    }

    private static Decision<AccountEvent> CancelTransfer(Account account, AccountCommand.CancelTransfer command)
    {
        if (account.Absence is var absent and not Rejection.None) return Refused("cancel-transfer", absent);
        if (account.TransferHoldOf(command.Id) is not { } hold) return Refused("cancel-transfer", Rejection.UnknownTransfer);
        return new AccountEvent.TransferCancelled(hold.Id, hold.Amount, account.Balances[hold.Amount.Asset] + hold.Amount);
    }

    /// <summary>The sender has already parted with it: it is taken in, or it goes back.</summary>
    /// <param name="owner">As the sender said; nobody in particular where it said nothing.</param>
    private static Decision<AccountEvent> ReceiveTransfer(Account account, AccountId from, AssetAmount amount, PrincipalId owner)
    {
        if (account.Absence is var absent and not Rejection.None) return Bounce(absent);
        if (owner != default && owner != account.Owner) return Bounce(Rejection.OtherOwner);
        if (ExceedsLimit(account.Cross, amount)) return Bounce(Rejection.BalanceLimit);
        return new AccountEvent.TransferReceived(from, amount, account.Balances[amount.Asset] + amount);

        AccountEvent.TransferBounced Bounce(Rejection reason) => new(from, account.Id, amount, reason);
    }

    /// <summary>It is the sender's own money. Where it does not fit into the balance any more, it is parked.</summary>
    private static Decision<AccountEvent> TakeBack(Account account, AccountEvent.TransferBounced bounced)
    {
        if (account.Absence is var absent and not Rejection.None) return absent;
        var (asset, units) = (bounced.Amount.Asset, bounced.Amount.Units);
        if (!account.HasRoomFor(SubAccountId.Main, asset, (Int128)account.Balances[asset].Units + units)) return Rejection.BalanceLimit;
        return new AccountEvent.TransferReturned(bounced.To, bounced.Amount, account.Balances[asset] + bounced.Amount, bounced.Reason);
    }

    public TransferHold? TransferHoldOf(TransferId transfer)
    {
        foreach (var hold in TransferHolds)
            if (hold.Id == transfer) return hold;
        return null;
    }

    private Account WithHeld(AccountEvent.TransferHeld e) => this with
    {
        Cross = Debited(e.Amount, e.BalanceAfter),
        TransferHolds = TransferHolds.Add(new TransferHold(e.Transfer, e.To, e.Amount, e.Frame)
        {
            OverdueAt = e.OverdueAt,
            Owner = e.Owner,
        }),
    };

    private Account WithReported(TransferId transfer)
    {
        var hold = TransferHoldOf(transfer) ?? throw new InvariantViolation("A5", $"no transfer {transfer.Version} waits");
        return this with { TransferHolds = TransferHolds.Replace(hold, hold with { Report = OverdueReport.Reported }) };
    }

    private Account WithoutHeld(TransferId transfer, AssetAmount amount)
    {
        var hold = TransferHoldOf(transfer) ?? throw new InvariantViolation("A5", $"no transfer {transfer.Version} waits");
        Invariant.Same("A6", amount, hold.Amount);
        return this with { TransferHolds = TransferHolds.Remove(hold) };
    }
}
