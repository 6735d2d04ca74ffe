using System.Collections.Immutable;
using System.Diagnostics;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Links;
using CrossMargin.Contracts.Pools;
using CrossMargin.Contracts.Trades;
using CrossMargin.Grains.Liquidation;
using CrossMargin.Grains.Margin;
using CrossMargin.Runtime.Grains;

namespace CrossMargin.Grains.Accounts;

public enum AccountPhase
{
    Unopened,
    Open,

    /// <summary>Takes nothing in and does nothing, until an officer opens it again.</summary>
    Closed,
}

/// <summary>
/// One account: its money here, what it sends to others in Account.Transfers.cs, its parts in Account.Parts.cs, its positions and
/// orders in Account.Trading.cs, how it stands in Account.Margin.cs. Read Verify first: it is the specification, and the rest only
/// keeps it true.
/// </summary>
public sealed partial record Account(
    AccountId Id, long Version, AccountPhase Phase, PrincipalId Owner, AccountPart Cross, ImmutableArray<AccountPart> Isolated,
    ImmutableArray<WithdrawalHold> Holds, HouseRounding HouseRounding)
{
    /// <summary>The most of one asset that one command may move, in units; five of them fit into a long.</summary>
    public const long MaxAmountUnits = 1_000_000_000_000_000_000;

    /// <summary>The most of one asset that an account may hold after a deposit or a transfer, in units.</summary>
    public const long MaxBalanceUnits = 4 * MaxAmountUnits;

    public const int MaxHolds = 100;
    public const long OverdueAfterMicros = 24 * Instant.MicrosPerHour;

    public static Account Unopened(AccountId id) =>
        new(id, 0, AccountPhase.Unopened, default, AccountPart.Empty(SubAccountId.Main), [], [], HouseRounding.None);

    // Pure. Everything a decision may know is in these three arguments; duplicates were answered before it by the runtime.
    public static Decision<AccountEvent> Decide(Account account, object input, Context context)
    {
        var marks = context.Marks as MarginMarks;
        var heard = HeardOfConversion(account, input, Heard(account, input, Decide(account, input, context, marks)));
        var decided = WithJudgement(account, input, heard, context, marks);
        return decided.Events is [AccountEvent.CommandRefused refused] ? refused with { Asked = input as AccountCommand } : decided;
    }

    private static Decision<AccountEvent> Decide(Account account, object input, Context context, MarginMarks? marks) => input switch
    {
        AccountCommand.Open open => Open(account, open),
        AccountCommand.Close => Close(account),
        AccountCommand.Reopen => Reopen(account),
        AccountCommand.Deposit deposit => Deposit(account, deposit),
        AccountCommand.FinalizeDeposit finalize => FinalizeDeposit(account, finalize),
        AccountCommand.ReverseDeposit reverse => ReverseDeposit(account, reverse),
        AccountCommand.Withdraw withdraw => Withdraw(account, withdraw, context, marks),
        AccountCommand.CancelWithdrawal cancel => CancelWithdrawal(account, cancel),
        PoolEvent.Cleared cleared => TakeClearance(account, cleared),
        FundGranted granted => DrawFund(account, granted, marks),
        GainsAsked asked => LockGain(account, asked, marks),
        LossDivided divided => ShareLoss(account, divided),
        BackstopGranted granted => HandOver(account, granted, marks),
        AccountEvent.HandedOver handed => TakeOver(account, handed, marks),
        CloseOutAsked asked => OfferCloseOut(account, asked.Round, marks),
        CloseOutDivided divided => AssignCloseOut(account, divided, context.Now),
        DeleverageShare share => Deleverage(account, share, marks),
        AccountEvent.Deleveraged other => CloseOut(account, other, marks),
        SliceGranted or LinkEvent.OrderRejected or PoolEvent => Nothing,
        AccountCommand.PostWithdrawal post => PostWithdrawal(account, post),
        AccountCommand.VoidWithdrawal @void => VoidWithdrawal(account, @void),
        AccountCommand.Transfer transfer => Transfer(account, transfer, context, marks),
        AccountCommand.CancelTransfer cancel => CancelTransfer(account, cancel),
        AccountEvent.TransferSent sent => ReceiveTransfer(account, sent.From, sent.Amount, sent.Owner),
        AccountEvent.TransferCleared cleared => ReceiveTransfer(account, cleared.From, cleared.Amount, cleared.Owner),
        AccountEvent.TransferBounced bounced => TakeBack(account, bounced),
        AccountCommand.IsolateSubAccount isolate => Isolate(account, isolate),
        AccountCommand.AllocateCollateral allocate => Allocate(account, allocate, marks),
        AccountCommand.ReleaseCollateral release => Release(account, release, marks),
        AccountCommand.ReserveOrder reserve => ReserveOrder(account, reserve, context.Now, marks),
        AccountCommand.RequestOrderEnd request => RequestOrderEnd(account, request),
        AccountCommand.RequestAllOrderEnds => RequestAllOrderEnds(account),
        TradeEvent.Captured trade => ApplyFill(account, trade, marks),
        TradeEvent.Busted trade => ReverseFill(account, trade, marks),
        TradeEvent.Converted trade => Exchange(account, trade.Trade, trade.Account, trade.Sold, trade.Bought),
        TradeEvent.ConversionBusted trade => Exchange(account, trade.Trade, trade.Counterparty, trade.Sold, trade.Bought),
        TradeEvent.OrderEnded ended => ReleaseOrder(account, ended),
        FrameAdopted => TakeFrame(account, marks),
        TimerDue => ReportOverdue(account, context.Now),
        _ => throw new UnreachableException(input.GetType().Name),
    };

    private static Decision<AccountEvent> Open(Account account, AccountCommand.Open command)
    {
        if (account.Phase != AccountPhase.Unopened) return Rejection.AccountAlreadyOpen;
        return new AccountEvent.Opened(command.Owner);
    }

    /// <summary>One that holds, owes and expects nothing that it knows of; the house's parts of it stay.</summary>
    private static Decision<AccountEvent> Close(Account account)
    {
        if (account.Absence is var absent and not Rejection.None) return Refused("close", absent);
        return account.IsEmpty ? new AccountEvent.Closed() : Refused("close", Rejection.AccountNotEmpty);
    }

    private static Decision<AccountEvent> Reopen(Account account) => account.Phase switch
    {
        AccountPhase.Closed => new AccountEvent.Reopened(),
        AccountPhase.Open => Refused("reopen", Rejection.AccountAlreadyOpen),
        _ => Refused("reopen", Rejection.AccountNotFound),
    };

    /// <summary>Why an account that is not open does nothing.</summary>
    private Rejection Absence => Phase switch
    {
        AccountPhase.Open => Rejection.None,
        AccountPhase.Closed => Rejection.AccountClosed,
        _ => Rejection.AccountNotFound,
    };

    private bool IsEmpty =>
        Cross.IsEmpty && Isolated.All(part => part.IsEmpty) && Holds.IsEmpty && TransferHolds.IsEmpty && Lots.IsEmpty && Case is null;

    // Every ladder below is in the order of the published precedence, and a refused money command is journaled: the
    // same key or
    // number gets the same answer for ever.
    private static Decision<AccountEvent> Deposit(Account account, AccountCommand.Deposit command)
    {
        if (Unusable(account, command.Amount) is var unusable and not Rejection.None) return Refused("deposit", unusable);
        var isPending = command.Origin is { Finality: Finality.Pending };
        if (isPending && account.Lots.Length >= MaxLots) return Refused("deposit", Rejection.TooManyPendingDeposits);
        if (ExceedsLimit(account.Cross, command.Amount)) return Refused("deposit", Rejection.BalanceLimit);
        return new AccountEvent.Deposited(command.Amount, account.Balances[command.Amount.Asset] + command.Amount, command.Reference)
        {
            Origin = command.Origin,
        };
    }

    private static Decision<AccountEvent> Withdraw(
        Account account, AccountCommand.Withdraw command, Context context, MarginMarks? marks)
    {
        if (Unusable(account, command.Amount) is var unusable and not Rejection.None) return Refused("withdraw", unusable);
        if (account.Holds.Length >= MaxHolds) return Refused("withdraw", Rejection.TooManyWithdrawals);
        var (balance, free) = (account.Balances[command.Amount.Asset], account.FreeOf(account.Cross, command.Amount.Asset));
        if (command.Amount > free) return Short("withdraw", free);
        if (account.HeldOf(command.Amount.Asset) + command.Amount.Units > MaxBalanceUnits)
            return Refused("withdraw", Rejection.BalanceLimit);
        var verdict = MarginRule.Judge(account, account.Without(command.Amount, account.Cross), SubAccountId.Main, marks);
        if (verdict.Rejection != Rejection.None) return Refused("withdraw", verdict);

        return new AccountEvent.WithdrawalHeld(
            new WithdrawalId(account.Version + 1), command.Amount, balance - command.Amount, command.Destination,
            context.Now.PlusMicros(OverdueAfterMicros))
        {
            Frame = context.Frame,
            Margin = verdict.Figures,
        };
    }

    private static Decision<AccountEvent> CancelWithdrawal(Account account, AccountCommand.CancelWithdrawal command)
    {
        if (account.Absence is var absent and not Rejection.None) return Refused("cancel-withdrawal", absent);
        return account.HoldOf(command.Withdrawal) switch
        {
            null => Refused("cancel-withdrawal", Rejection.UnknownWithdrawal),
            WithdrawalHold.Held hold =>
                new AccountEvent.WithdrawalCancelled(hold.Id, hold.Amount, account.Balances[hold.Amount.Asset] + hold.Amount),
            _ => Refused("cancel-withdrawal", Rejection.WithdrawalCleared),
        };
    }

    /// <summary>What is cleared is instructed at once: nothing else has to agree.</summary>
    private static Decision<AccountEvent> TakeClearance(Account account, PoolEvent.Cleared cleared)
    {
        var events = ImmutableArray.CreateBuilder<AccountEvent>();
        foreach (var hold in account.Holds.OfType<WithdrawalHold.Held>())
        {
            if (hold.Frame > cleared.Frame) continue;
            events.Add(new AccountEvent.WithdrawalCleared(hold.Id, cleared.Frame));
            events.Add(new AccountEvent.WithdrawalInstructed(hold.Id, hold.Amount, hold.Destination));
        }

        foreach (var hold in account.TransferHolds)
        {
            if (hold.Frame > cleared.Frame) continue;
            events.Add(new AccountEvent.TransferCleared(hold.Id, cleared.Frame, account.Id, hold.To, hold.Amount) { Owner = hold.Owner });
        }

        return new Decision<AccountEvent>(events.ToImmutable(), Rejection.None);
    }

    private static Decision<AccountEvent> PostWithdrawal(Account account, AccountCommand.PostWithdrawal command)
    {
        if (account.Absence is var absent and not Rejection.None) return Refused("post-withdrawal", absent);
        if (account.HoldOf(command.Withdrawal) is not { } any) return Refused("post-withdrawal", Rejection.UnknownWithdrawal);
        if (any is not WithdrawalHold.Instructed hold) return Refused("post-withdrawal", Rejection.WithdrawalNotInstructed);
        return new AccountEvent.WithdrawalPosted(hold.Id, hold.Amount);
    }

    private static Decision<AccountEvent> VoidWithdrawal(Account account, AccountCommand.VoidWithdrawal command)
    {
        if (account.Absence is var absent and not Rejection.None) return Refused("void-withdrawal", absent);
        if (account.HoldOf(command.Withdrawal) is not { } any) return Refused("void-withdrawal", Rejection.UnknownWithdrawal);
        if (any is not WithdrawalHold.Instructed hold) return Refused("void-withdrawal", Rejection.WithdrawalNotInstructed);
        return new AccountEvent.WithdrawalVoided(hold.Id, hold.Amount, account.Balances[hold.Amount.Asset] + hold.Amount);
    }

    private static Decision<AccountEvent> ReportOverdue(Account account, Instant now) => new(
        [
            .. account.Holds.Where(hold => hold.Report == OverdueReport.Waiting && hold.OverdueAt <= now)
                .Select(hold => new AccountEvent.WithdrawalOverdue(hold.Id)),
            .. account.TransferHolds.Where(hold => hold.IsOverdue(now)).Select(hold => new AccountEvent.TransferOverdue(hold.Id)),
        ],
        Rejection.None);

    /// <summary>What every command with an amount is refused for.</summary>
    private static Rejection Unusable(Account account, AssetAmount amount)
    {
        if (account.Absence is var absent and not Rejection.None) return absent;
        if (amount.Asset.Decimals is null) return Rejection.UnknownAsset;
        if (!amount.IsPositive) return Rejection.AmountNotPositive;
        if (amount.Units > MaxAmountUnits) return Rejection.AmountTooLarge;
        return Rejection.None;
    }

    private static bool ExceedsLimit(AccountPart part, AssetAmount amount) =>
        part.Balances[amount.Asset].Units > MaxBalanceUnits - amount.Units;

    private static AccountEvent.CommandRefused Refused(string command, Rejection reason) => new(command, reason);

    private static AccountEvent.CommandRefused Refused(string command, in MarginVerdict verdict) =>
        new(command, verdict.Rejection) { Margin = verdict.Figures };

    private static AccountEvent.CommandRefused Short(string command, AssetAmount available) =>
        new(command, Rejection.ExceedsBalance) { Available = available };

    // Total, and arithmetic only: no clock, no refusal. What was journaled has happened.
    public static Account Evolve(Account account, AccountEvent @event)
    {
        account = account with { Version = account.Version + 1 };
        return @event switch
        {
            AccountEvent.Opened e => account with { Phase = AccountPhase.Open, Owner = e.Owner },
            AccountEvent.Closed => account with { Phase = AccountPhase.Closed },
            AccountEvent.Reopened => account with { Phase = AccountPhase.Open },
            AccountEvent.Deposited e => account.Credited(e),
            AccountEvent.DepositFinalized e => account with { Lots = account.LotsWithout(e.Deposit, e.Amount) },
            AccountEvent.DepositReversed e => account with
            {
                Cross = Promised(account.Cross.Subtract(e.Amount), e.BalanceAfter),
                Lots = account.LotsWithout(e.Deposit, e.Amount),
            },
            AccountEvent.WithdrawalHeld e => account with
            {
                Cross = account.Debited(e.Amount, e.BalanceAfter),
                Holds = account.Holds.Add(new WithdrawalHold.Held(
                    e.Withdrawal, e.Amount, e.Destination, e.OverdueAt, OverdueReport.Waiting, e.Frame)),
            },
            AccountEvent.WithdrawalCleared e => account with
            {
                Holds = account.HoldsWith(account.Hold<WithdrawalHold.Held>(e.Withdrawal).Clear()),
            },
            AccountEvent.WithdrawalInstructed e => account with
            {
                Holds = account.HoldsWith(account.Hold<WithdrawalHold.Cleared>(e.Withdrawal).Instruct()),
            },
            AccountEvent.WithdrawalCancelled e => account with
            {
                Cross = account.Credited(e.Amount, e.BalanceAfter),
                Holds = account.HoldsWithout<WithdrawalHold.Held>(e.Withdrawal, e.Amount),
            },
            AccountEvent.WithdrawalPosted e => account with
            {
                Holds = account.HoldsWithout<WithdrawalHold.Instructed>(e.Withdrawal, e.Amount),
            },
            AccountEvent.WithdrawalVoided e => account with
            {
                Cross = account.Credited(e.Amount, e.BalanceAfter),
                Holds = account.HoldsWithout<WithdrawalHold.Instructed>(e.Withdrawal, e.Amount),
            },
            AccountEvent.WithdrawalOverdue e => account with
            {
                Holds = account.HoldsWith(account.Hold<WithdrawalHold>(e.Withdrawal) with { Report = OverdueReport.Reported }),
            },
            AccountEvent.TransferHeld e => account.WithHeld(e),
            AccountEvent.TransferOverdue e => account.WithReported(e.Transfer),
            AccountEvent.TransferCancelled e => account.WithoutHeld(e.Transfer, e.Amount) with
            {
                Cross = account.Credited(e.Amount, e.BalanceAfter),
            },
            AccountEvent.TransferCleared e => account.WithoutHeld(e.Transfer, e.Amount),
            AccountEvent.TransferSent e => account with { Cross = account.Debited(e.Amount, e.BalanceAfter) },
            AccountEvent.TransferReceived e => account with { Cross = account.Credited(e.Amount, e.BalanceAfter) },
            AccountEvent.TransferReturned e => account with { Cross = account.Credited(e.Amount, e.BalanceAfter) },
            AccountEvent.MarginStatusChanged e => account.Standing(e),
            AccountEvent.CaseOpened e => account.WithOpened(e),
            AccountEvent.SliceOrdered e => account.WithOrdered(e),
            AccountEvent.SliceFilled e => account.WithFilled(e),
            AccountEvent.SliceCalledBack e => account.WithCalledBack(e),
            AccountEvent.SliceEnded e => account.WithEnded(e),
            AccountEvent.ConversionOrdered e => account.WithConversion(e),
            AccountEvent.Converted e => account.WithConverted(e),
            AccountEvent.ConversionFilled e => account.WithConversionFilled(e),
            AccountEvent.ConversionCalledBack e => account.WithConversionCalledBack(e),
            AccountEvent.ConversionEnded e => account.WithConversionEnded(e),
            AccountEvent.CollateralSurrendered e => account.WithSurrendered(e),
            AccountEvent.PositionsNetted e => account.WithNetted(e),
            AccountEvent.HandedOver e => account.WithHandedOver(e),
            AccountEvent.CloseOutOffered e => account.WithOffered(e),
            AccountEvent.CloseOutAssigned e => account.WithAssigned(e),
            AccountEvent.Deleveraged e => account.WithDeleveraged(e),
            AccountEvent.ClosedOut e => account.WithClosedOut(e),
            AccountEvent.CloseOutEnded e => account.WithoutCloseOut(e),
            AccountEvent.GainLocked e => account.WithLocked(e),
            AccountEvent.LossShared e => account.WithShared(e),
            AccountEvent.TakenOver e => account.Changed(e.Change),
            AccountEvent.FundDrawn e => account.WithDrawn(e),
            AccountEvent.CaseEnded e => account.WithClosed(e),
            AccountEvent.TransferBounced or AccountEvent.CommandRefused => account,
            AccountEvent.FillApplied e => account.Changed(e.Change),
            AccountEvent.FillReversed e => account.Changed(e.Change),
            AccountEvent.Settled e => account.Expired(e),
            AccountEvent.DaySettled e => account.Closed(e),
            AccountEvent.FundingApplied e => account.Funded(e),
            AccountEvent.OrderReserved e => account.Reserved(e),
            AccountEvent.OrderFilled e => account.Filled(e),
            AccountEvent.OrderEndsRequested e => account.Ending(e),
            AccountEvent.OrderReleased e => account.Released(e),
            AccountEvent.InterestCharged e => account.Charged(e),
            AccountEvent.SubAccountIsolated e => account with { Isolated = account.IsolatedWith(AccountPart.Empty(e.SubAccount)) },
            AccountEvent.CollateralAllocated e => account.Moved(e.SubAccount, e.Amount, e.BalanceAfter, e.AllocatedAfter),
            AccountEvent.CollateralReleased e => account.Moved(e.SubAccount, -e.Amount, e.BalanceAfter, e.AllocatedAfter),
            _ => throw new UnreachableException(@event.GetType().Name),
        };
    }

    public void Verify()
    {
        Invariant.Holds("A2", Phase == AccountPhase.Open || IsEmpty, "an account that is not open holds nothing");
        foreach (var hold in Holds)
            Invariant.Holds("A3", hold.Amount.IsPositive && hold.Id.Version <= Version, "a hold is of something, and in the past");
        foreach (var hold in TransferHolds)
            Invariant.Holds("A3", hold.Amount.IsPositive && hold.Id.Version <= Version, "a hold is of something, and in the past");
        VerifyParts();
    }

    public Instant? DueAt()
    {
        var first = Case?.Slice?.Deadline ?? Case?.Conversion?.Deadline ?? Case?.CloseOut?.Deadline;
        foreach (var hold in Holds)
            if (hold.Report == OverdueReport.Waiting && (first is null || hold.OverdueAt < first)) first = hold.OverdueAt;
        foreach (var hold in TransferHolds)
            if (hold is { Report: OverdueReport.Waiting, OverdueAt: { } due } && (first is null || due < first)) first = due;
        return first;
    }

    public long? WaitsSince()
    {
        long? first = null;
        foreach (var hold in Holds)
            if (hold is WithdrawalHold.Held { Frame: var frame } && (first is null || frame < first)) first = frame;
        foreach (var hold in TransferHolds)
            if (first is null || hold.Frame < first) first = hold.Frame;
        return first;
    }

    public WithdrawalHold? HoldOf(WithdrawalId withdrawal)
    {
        foreach (var hold in Holds)
            if (hold.Id == withdrawal) return hold;
        return null;
    }

    private AccountPart Credited(AssetAmount amount, AssetAmount promised) => Promised(Cross.Add(amount), promised);

    private AccountPart Debited(AssetAmount amount, AssetAmount promised)
    {
        Invariant.Holds("A1", !promised.IsNegative, "what an owner sends away takes no balance below zero");
        return Promised(Cross.Subtract(amount), promised);
    }

    private static AccountPart Promised(AccountPart part, AssetAmount promised)
    {
        Invariant.Same("A4", promised, part.Balances[promised.Asset]);
        return part;
    }

    private TPhase Hold<TPhase>(WithdrawalId withdrawal) where TPhase : WithdrawalHold => HoldOf(withdrawal) as TPhase
        ?? throw new InvariantViolation("A5", $"there is no withdrawal {withdrawal} that this may happen to");

    /// <summary>The same withdrawal in another phase, in its place.</summary>
    private ImmutableArray<WithdrawalHold> HoldsWith(WithdrawalHold changed) => Holds.Replace(Hold<WithdrawalHold>(changed.Id), changed);

    private ImmutableArray<WithdrawalHold> HoldsWithout<TPhase>(WithdrawalId withdrawal, AssetAmount amount) where TPhase : WithdrawalHold
    {
        var hold = Hold<TPhase>(withdrawal);
        Invariant.Same("A6", amount, hold.Amount);
        return Holds.Remove(hold);
    }
}
