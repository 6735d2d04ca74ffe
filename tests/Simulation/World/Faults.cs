namespace CrossMargin.Simulation.World;

/// <summary>What can go wrong. Each seed turns about half of them off, because faults hide each other.</summary>
internal enum Fault
{
    Crash,
    Zombie,
    LateCommit,
    SlowJournal,
    RollBackAlone,
    RollBackGroup,
    CommitAnswerLost,
    CommitNeverArrived,
    LimboWithLocks,
    LimboOnTheWay,
    TakeOverAnswerLost,
    TakeOverNeverArrived,
    StolenShard,
    ParcelLost,
    ParcelDoubled,
    ParcelLate,
    RequestLost,
    ReplyLost,
    ClockJump,
    SnapshotNotSaved,
    SnapshotLost,
    SnapshotStale,
    SnapshotTorn,
    SnapshotFlipped,
    SnapshotOfFutureSchema,
    SnapshotOfOtherHistory,
    GrainBug,
    FrameLost,
    FrameLate,
    LaneRestarts,
    LaneRepeats,
    LaneContradicts,
    LaneSkips,
    LateFill,
}

/// <summary>
/// Which faults a seed has, how often they strike, and how often one was not only injected but had an effect.
/// </summary>
internal sealed class Faults
{
    public static readonly int Kinds = Enum.GetValues<Fault>().Length;

    private readonly Script script;
    private readonly Draws[] occasions = new Draws[Kinds];
    private readonly long[] asked = new long[Kinds];
    private readonly int[] perMille = new int[Kinds];
    private readonly long[] struck = new long[Kinds];
    private readonly long[] effective = new long[Kinds];

    public Faults(Draws draws, Script script)
    {
        this.script = script;
        var isCalm = draws.OneIn(12);   // a system is also wrong without faults
        for (var kind = 0; kind < Kinds; kind++)
        {
            var isOn = draws.OneIn(2) && !isCalm;
            perMille[kind] = isOn ? draws.Pick([5, 20, 60, 150]) : 0;
            occasions[kind] = draws.Fork(((Fault)kind).ToString());
        }
    }

    public IReadOnlyList<long> Struck => struck;
    public IReadOnlyList<long> Effective => effective;

    public bool IsOn(Fault kind) => perMille[(int)kind] > 0;

    public bool Strikes(Fault kind)
    {
        if (perMille[(int)kind] == 0) return false;
        var occasion = ++asked[(int)kind];
        if (!occasions[(int)kind].At(occasion).PerMille(perMille[(int)kind]) || !script.Allows(kind.ToString(), occasion)) return false;
        struck[(int)kind]++;
        return true;
    }

    /// <summary>Like <see cref="Strikes"/>, for what comes at times of its own: true whenever the kind is on.</summary>
    public bool Comes(Fault kind)
    {
        if (perMille[(int)kind] == 0 || !script.Allows(kind.ToString(), ++asked[(int)kind])) return false;
        struck[(int)kind]++;
        return true;
    }

    /// <summary>A fault counts only when its effect was seen.</summary>
    public void Took(Fault kind) => effective[(int)kind]++;

    public void Stop() => Array.Clear(perMille);
}

/// <summary>Paths that have to be walked now and then, or the simulator proves less than it seems to.</summary>
internal enum Sight
{
    GroupCommit,
    LoneCommit,
    BatchOfSeveral,
    FencedOwner,
    FencedZombie,
    RetriedAlone,
    ResolvedAsCommitted,
    ResolvedAsNotCommitted,
    ResolveLost,
    LimboWaitedOut,
    LimboKilled,
    LimboOutlastedTheWait,
    TakeOverAskedAgain,
    FoldedFromZero,
    FoldedFromSnapshots,
    SnapshotsIgnored,
    PullServedFromRing,
    PullServedFromJournal,
    Gap,
    DuplicateDelivery,
    SeveralAddresseesInOneShard,
    Consumed,
    Parked,
    GrainHalted,
    Bounced,
    Returned,
    TransferAcrossShards,
    TransferInsideShard,
    TransferHeld,
    TransferClearedAcrossShards,
    TransferCancelled,
    TransferToAnotherOwnerReturned,
    Overdue,
    TransferOverdue,
    Posted,
    Voided,
    Cancelled,
    ClearedUnderAFrame,
    ClearedBeforeAnyFrame,
    ShardSetAside,
    ShardBroughtBack,
    RefusedInJournal,
    AnswerHeld,
    AnswerReplayed,
    JoinedInFlight,
    ReadHeld,
    ReadAtOnce,
    KeyConflict,
    KeyExpired,
    KeyWindowFull,
    SequenceGap,
    SequenceConflict,
    SequenceDuplicate,
    Overloaded,
    ShardUnavailable,
    OutcomeUnknown,
    AccountAlreadyOpen,
    LateAnswer,
    ReplayedFromZero,
    ReplayedFromSnapshots,
    FrameAdopted,
    AdoptionConflated,
    FrameOvertaken,
    FrameAwaited,
    FrameFromBroadcast,
    FrameFromJournal,
    TradeBetweenShards,
    TradeInsideShard,
    TradeWithOneself,
    PositionOpened,
    PositionClosedInPart,
    PositionClosed,
    PositionThroughZero,
    TradeRefused,
    TradeParked,
    ParkedTradeTakenIn,
    ParkedGivenUp,
    ParkedStays,
    NotParkedAnyMore,
    AccountClosed,
    AccountReopened,
    BouncedByAClosedAccount,
    TradeBusted,
    BustRefused,
    FundingFixed,
    FundingRefused,
    FundingPaid,
    OrderReserved,
    OrderFilledInPart,
    OrderFilled,
    OrderReleased,
    NegativeBalance,
    DepositFinalized,
    DepositReversed,
    ReversedBelowZero,
    RefusedAsNotFinal,
    LeftWhatIsNotFinal,
    WordOfAnotherCustodian,
    InterestCharged,
    InterestChargedAgain,
    IndexNormal,
    IndexDegraded,
    IndexHalted,
    Allocated,
    AllocatedByMargin,
    AllocationRefusedByMargin,
    Released,
    ReleasedByMargin,
    ReleaseRefusedByMargin,
    SubAccountInUse,
    InterestChargedToAPart,
    PartBecameHealthy,
    PartBecameWarning,
    PartBecameReduceOnly,
    PartBecameMarginCall,
    PartBecameLiquidatable,
    PartBecameBankrupt,
    PartBecameFrozen,
    BecameHealthy,
    BecameWarning,
    BecameReduceOnly,
    BecameMarginCall,
    BecameLiquidatable,
    BecameBankrupt,
    BecameFrozen,
    JudgedAtAFrame,
    OrderRefusedByMargin,
    OrderRefusedUnpriced,
    OrderRefusedByItsLimit,
    OrderUpToItsLimit,
    OrderFromBeyondItsLimit,
    WithdrawalRefusedByMargin,
    WithdrawalGrantedByMargin,
    TransferRefusedByMargin,
    FundingPaidAtAFrame,
    DaySettled,
    BooksClosedForADay,
    ExpiryOverdue,
    ExpirySettled,
    ExpiryRetired,
    FutureClosed,
    OptionExercised,
    OptionExpired,
    TotalsMeasured,
    TotalsRefused,
    SurfaceAccepted,
    SurfaceRefused,
    CaseOpened,
    CaseCured,
    CaseWithNothingLeft,
    SliceOrdered,
    SliceFilledInPart,
    SliceFilled,
    SliceEndedByItsEngine,
    SliceRejected,
    SliceGivenUp,
    SliceCalledBackAsCured,
    SliceCalledBackAsOverdue,
    FundPaidInto,
    FundToppedUp,
    ConversionOrdered,
    ConversionFilled,
    ConversionBusted,
    CollateralSurrendered,
    FundDrawn,
    HandedOver,
    TakenOver,
    LossAsked,
    GainLocked,
    LossShared,
    LossCarried,
    CloseOutOffered,
    CloseOutNotAssigned,
    Deleveraged,
    DeleveragedNothing,
    ClosedOut,
    OrderAcknowledged,
    LinkCommandRefused,
    RefusedInLiquidation,
    ParametersWaited,
    ParametersTaken,
    ParametersRefused,
}

internal sealed class Sights
{
    public static readonly int Kinds = Enum.GetValues<Sight>().Length;

    private readonly long[] counts = new long[Kinds];

    public IReadOnlyList<long> Counts => counts;

    public void Saw(Sight sight) => counts[(int)sight]++;
}
