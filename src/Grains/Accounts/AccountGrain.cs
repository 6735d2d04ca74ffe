using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Json;
using CrossMargin.Contracts.Links;
using CrossMargin.Contracts.Pools;
using CrossMargin.Grains.Liquidation;
using CrossMargin.Grains.Margin;
using CrossMargin.Runtime.Grains;

namespace CrossMargin.Grains.Accounts;

/// <summary>The account as a kind of grain: its decider, its event names and its bytes.</summary>
public sealed class AccountGrain() : JsonGrainType<Account, AccountEvent>(
    AccountJson.Default,
    (AccountEventNames.Opened, typeof(AccountEvent.Opened)),
    (AccountEventNames.Closed, typeof(AccountEvent.Closed)),
    (AccountEventNames.Reopened, typeof(AccountEvent.Reopened)),
    (AccountEventNames.Deposited, typeof(AccountEvent.Deposited)),
    (AccountEventNames.DepositFinalized, typeof(AccountEvent.DepositFinalized)),
    (AccountEventNames.DepositReversed, typeof(AccountEvent.DepositReversed)),
    (AccountEventNames.WithdrawalHeld, typeof(AccountEvent.WithdrawalHeld)),
    (AccountEventNames.WithdrawalCleared, typeof(AccountEvent.WithdrawalCleared)),
    (AccountEventNames.WithdrawalInstructed, typeof(AccountEvent.WithdrawalInstructed)),
    (AccountEventNames.WithdrawalCancelled, typeof(AccountEvent.WithdrawalCancelled)),
    (AccountEventNames.WithdrawalPosted, typeof(AccountEvent.WithdrawalPosted)),
    (AccountEventNames.WithdrawalVoided, typeof(AccountEvent.WithdrawalVoided)),
    (AccountEventNames.WithdrawalOverdue, typeof(AccountEvent.WithdrawalOverdue)),
    (AccountEventNames.TransferHeld, typeof(AccountEvent.TransferHeld)),
    (AccountEventNames.TransferOverdue, typeof(AccountEvent.TransferOverdue)),
    (AccountEventNames.TransferCancelled, typeof(AccountEvent.TransferCancelled)),
    (AccountEventNames.TransferCleared, typeof(AccountEvent.TransferCleared)),
    (AccountEventNames.TransferSent, typeof(AccountEvent.TransferSent)),
    (AccountEventNames.TransferReceived, typeof(AccountEvent.TransferReceived)),
    (AccountEventNames.TransferBounced, typeof(AccountEvent.TransferBounced)),
    (AccountEventNames.TransferReturned, typeof(AccountEvent.TransferReturned)),
    (AccountEventNames.FillApplied, typeof(AccountEvent.FillApplied)),
    (AccountEventNames.FillReversed, typeof(AccountEvent.FillReversed)),
    (AccountEventNames.FundingApplied, typeof(AccountEvent.FundingApplied)),
    (AccountEventNames.Settled, typeof(AccountEvent.Settled)),
    (AccountEventNames.DaySettled, typeof(AccountEvent.DaySettled)),
    (AccountEventNames.OrderReserved, typeof(AccountEvent.OrderReserved)),
    (AccountEventNames.OrderFilled, typeof(AccountEvent.OrderFilled)),
    (AccountEventNames.OrderReleased, typeof(AccountEvent.OrderReleased)),
    (AccountEventNames.InterestCharged, typeof(AccountEvent.InterestCharged)),
    (AccountEventNames.SubAccountIsolated, typeof(AccountEvent.SubAccountIsolated)),
    (AccountEventNames.CollateralAllocated, typeof(AccountEvent.CollateralAllocated)),
    (AccountEventNames.CollateralReleased, typeof(AccountEvent.CollateralReleased)),
    (AccountEventNames.OrderEndsRequested, typeof(AccountEvent.OrderEndsRequested)),
    (AccountEventNames.MarginStatusChanged, typeof(AccountEvent.MarginStatusChanged)),
    (AccountEventNames.CaseOpened, typeof(AccountEvent.CaseOpened)),
    (AccountEventNames.SliceOrdered, typeof(AccountEvent.SliceOrdered)),
    (AccountEventNames.SliceFilled, typeof(AccountEvent.SliceFilled)),
    (AccountEventNames.SliceCalledBack, typeof(AccountEvent.SliceCalledBack)),
    (AccountEventNames.SliceEnded, typeof(AccountEvent.SliceEnded)),
    (AccountEventNames.ConversionOrdered, typeof(AccountEvent.ConversionOrdered)),
    (AccountEventNames.Converted, typeof(AccountEvent.Converted)),
    (AccountEventNames.ConversionFilled, typeof(AccountEvent.ConversionFilled)),
    (AccountEventNames.ConversionCalledBack, typeof(AccountEvent.ConversionCalledBack)),
    (AccountEventNames.ConversionEnded, typeof(AccountEvent.ConversionEnded)),
    (AccountEventNames.CollateralSurrendered, typeof(AccountEvent.CollateralSurrendered)),
    (AccountEventNames.HandedOver, typeof(AccountEvent.HandedOver)),
    (AccountEventNames.TakenOver, typeof(AccountEvent.TakenOver)),
    (AccountEventNames.CloseOutOffered, typeof(AccountEvent.CloseOutOffered)),
    (AccountEventNames.CloseOutAssigned, typeof(AccountEvent.CloseOutAssigned)),
    (AccountEventNames.Deleveraged, typeof(AccountEvent.Deleveraged)),
    (AccountEventNames.ClosedOut, typeof(AccountEvent.ClosedOut)),
    (AccountEventNames.PositionsNetted, typeof(AccountEvent.PositionsNetted)),
    (AccountEventNames.CloseOutEnded, typeof(AccountEvent.CloseOutEnded)),
    (AccountEventNames.FundDrawn, typeof(AccountEvent.FundDrawn)),
    (AccountEventNames.GainLocked, typeof(AccountEvent.GainLocked)),
    (AccountEventNames.LossShared, typeof(AccountEvent.LossShared)),
    (AccountEventNames.CaseEnded, typeof(AccountEvent.CaseEnded)),
    (AccountEventNames.CommandRefused, typeof(AccountEvent.CommandRefused)))
{
    public override GrainKind Kind => GrainKind.Account;
    public override int SnapshotSchema => 8;

    protected override Type Commands => typeof(AccountCommand);

    protected override Account Empty(GrainId id) => Account.Unopened(new AccountId(id));
    protected override Decision<AccountEvent> Decide(Account state, object input, Context context) => Account.Decide(state, input, context);
    protected override Account Evolve(Account state, AccountEvent @event) => Account.Evolve(state, @event);
    protected override void Verify(Account state) => state.Verify();
    protected override Instant? DueAt(Account state) => state.DueAt();
    public override long? WaitsSince(object state) => ((Account)state).WaitsSince();
    public override long? AsksSince(object state) => ((Account)state).AsksSince();
    public override ImmutableArray<FundShare> FundSharesOf(object state) => ((Account)state).FundShares;

    protected override ImmutableArray<GrainId> AddresseesOf(AccountEvent @event) => @event switch
    {
        AccountEvent.TransferSent sent => [sent.To.Grain],
        AccountEvent.TransferCleared cleared => [cleared.To.Grain],
        AccountEvent.TransferBounced bounced => [bounced.From.Grain],
        AccountEvent.HandedOver handed => [handed.To.Grain],
        AccountEvent.Deleveraged closed => [closed.Assigned.Account.Grain],
        AccountEvent.SliceOrdered or AccountEvent.SliceCalledBack or AccountEvent.SliceEnded
            or AccountEvent.ConversionOrdered or AccountEvent.ConversionCalledBack or AccountEvent.ConversionEnded => [LinkId.Main.Grain],
        _ => [],
    };

    protected override Rejection RefusalIn(AccountEvent @event) =>
        @event is AccountEvent.CommandRefused refused ? refused.Reason : Rejection.None;

    protected override byte[] Save(Account state) => JsonSerializer.SerializeToUtf8Bytes(
        new AccountSnapshot(state.Version, state.Phase, state.Owner.Name, state.Balances.Amounts, state.Holds,
            state.Positions.All, state.Orders, state.HouseRounding.Shares, state.Status, [.. state.Isolated.Select(PartSnapshot.Of)],
            state.FundShares)
        {
            Case = state.Case,
            InterestHours = state.Cross.InterestHours,
            HouseInterest = state.HouseInterest.Amounts,
            Lots = state.Lots,
            TransferHolds = state.TransferHolds,
            Lock = state.Lock,
        },
        AccountJson.Default.AccountSnapshot);

    public override object Restore(GrainId id, ReadOnlySpan<byte> snapshot)
    {
        var saved = JsonSerializer.Deserialize(snapshot, AccountJson.Default.AccountSnapshot)!;
        return new Account(
            new AccountId(id), saved.Version, saved.Phase, saved.Owner is null ? default : new PrincipalId(saved.Owner),
            new AccountPart(
                SubAccountId.Main, Balances.From(saved.Balances), Positions.From(saved.Positions), saved.Orders, saved.Status)
            {
                InterestHours = saved.InterestHours,
            },
            [.. saved.Isolated.Select(part => part.Restored())], saved.Holds, HouseRounding.From(saved.HouseRounding))
        {
            HouseInterest = Balances.From(saved.HouseInterest),
            Lots = saved.Lots,
            TransferHolds = saved.TransferHolds,
            Case = saved.Case,
            Lock = saved.Lock,
            FundShares = saved.FundShares,
        };
    }
}

/// <summary>
/// An account as a snapshot keeps it: the cross pool, and then the isolated parts. Its bytes are canonical: equal states have
/// equal bytes.
/// </summary>
internal sealed record AccountSnapshot(
    long Version, AccountPhase Phase, string? Owner, ImmutableArray<AssetAmount> Balances, ImmutableArray<WithdrawalHold> Holds,
    ImmutableArray<Position> Positions, ImmutableArray<OrderReservation> Orders, ImmutableArray<RoundingShare> HouseRounding,
    MarginStatus Status, ImmutableArray<PartSnapshot> Isolated, ImmutableArray<FundShare> FundShares)
{
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public LiquidationCase? Case { get; init; }
    public ImmutableArray<InterestHour> InterestHours { get; init; } = [];
    public ImmutableArray<AssetAmount> HouseInterest { get; init; } = [];
    public ImmutableArray<CollateralLot> Lots { get; init; } = [];
    public ImmutableArray<TransferHold> TransferHolds { get; init; } = [];

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public GainLock? Lock { get; init; }
}

internal sealed record PartSnapshot(
    SubAccountId SubAccount, ImmutableArray<AssetAmount> Balances, ImmutableArray<Position> Positions,
    ImmutableArray<OrderReservation> Orders, MarginStatus Status, ImmutableArray<InterestHour> InterestHours)
{
    public static PartSnapshot Of(AccountPart part) =>
        new(part.SubAccount, part.Balances.Amounts, part.Positions.All, part.Orders, part.Status, part.InterestHours);

    public AccountPart Restored() =>
        new(SubAccount, Accounts.Balances.From(Balances), Accounts.Positions.From(Positions), Orders, Status)
        {
            InterestHours = InterestHours,
        };
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    UseStringEnumConverter = true,
    Converters =
    [
        typeof(EventJson.AmountConverter), typeof(EventJson.AccountConverter), typeof(EventJson.PrincipalConverter),
        typeof(EventJson.WithdrawalConverter), typeof(EventJson.TransferConverter), typeof(EventJson.DepositConverter),
        typeof(EventJson.InstantConverter),
        typeof(EventJson.RejectionConverter),
        typeof(ClearingJson.AssetConverter), typeof(ClearingJson.PriceConverter), typeof(ClearingJson.QuantityConverter),
        typeof(ClearingJson.TradeConverter), typeof(ClearingJson.OrderConverter), typeof(ClearingJson.SubAccountConverter),
        typeof(ClearingJson.InstrumentConverter), typeof(ClearingJson.FundingPointConverter), typeof(ClearingJson.IntegerConverter),
        typeof(ClearingJson.MoneyConverter), typeof(ClearingJson.RateConverter), typeof(EventJson.CaseConverter),
        typeof(ClearingJson.SourceConverter),
    ])]
[JsonSerializable(typeof(AccountEvent.Opened))]
[JsonSerializable(typeof(AccountEvent.Closed))]
[JsonSerializable(typeof(AccountEvent.Reopened))]
[JsonSerializable(typeof(AccountEvent.Deposited))]
[JsonSerializable(typeof(AccountEvent.DepositFinalized))]
[JsonSerializable(typeof(AccountEvent.DepositReversed))]
[JsonSerializable(typeof(AccountEvent.WithdrawalHeld))]
[JsonSerializable(typeof(AccountEvent.WithdrawalCleared))]
[JsonSerializable(typeof(AccountEvent.WithdrawalInstructed))]
[JsonSerializable(typeof(AccountEvent.WithdrawalCancelled))]
[JsonSerializable(typeof(AccountEvent.WithdrawalPosted))]
[JsonSerializable(typeof(AccountEvent.WithdrawalVoided))]
[JsonSerializable(typeof(AccountEvent.WithdrawalOverdue))]
[JsonSerializable(typeof(AccountEvent.TransferHeld))]
[JsonSerializable(typeof(AccountEvent.TransferOverdue))]
[JsonSerializable(typeof(AccountEvent.TransferCancelled))]
[JsonSerializable(typeof(AccountEvent.TransferCleared))]
[JsonSerializable(typeof(AccountEvent.TransferSent))]
[JsonSerializable(typeof(AccountEvent.TransferReceived))]
[JsonSerializable(typeof(AccountEvent.TransferBounced))]
[JsonSerializable(typeof(AccountEvent.TransferReturned))]
[JsonSerializable(typeof(AccountEvent.FillApplied))]
[JsonSerializable(typeof(AccountEvent.FillReversed))]
[JsonSerializable(typeof(AccountEvent.FundingApplied))]
[JsonSerializable(typeof(AccountEvent.Settled))]
[JsonSerializable(typeof(AccountEvent.DaySettled))]
[JsonSerializable(typeof(AccountEvent.OrderReserved))]
[JsonSerializable(typeof(AccountEvent.OrderFilled))]
[JsonSerializable(typeof(AccountEvent.OrderReleased))]
[JsonSerializable(typeof(AccountEvent.InterestCharged))]
[JsonSerializable(typeof(AccountEvent.SubAccountIsolated))]
[JsonSerializable(typeof(AccountEvent.CollateralAllocated))]
[JsonSerializable(typeof(AccountEvent.CollateralReleased))]
[JsonSerializable(typeof(AccountEvent.OrderEndsRequested))]
[JsonSerializable(typeof(AccountEvent.MarginStatusChanged))]
[JsonSerializable(typeof(AccountEvent.CaseOpened))]
[JsonSerializable(typeof(AccountEvent.SliceOrdered))]
[JsonSerializable(typeof(AccountEvent.SliceFilled))]
[JsonSerializable(typeof(AccountEvent.SliceCalledBack))]
[JsonSerializable(typeof(AccountEvent.SliceEnded))]
[JsonSerializable(typeof(AccountEvent.ConversionOrdered))]
[JsonSerializable(typeof(AccountEvent.Converted))]
[JsonSerializable(typeof(AccountEvent.ConversionFilled))]
[JsonSerializable(typeof(AccountEvent.ConversionCalledBack))]
[JsonSerializable(typeof(AccountEvent.ConversionEnded))]
[JsonSerializable(typeof(AccountEvent.CollateralSurrendered))]
[JsonSerializable(typeof(AccountEvent.HandedOver))]
[JsonSerializable(typeof(AccountEvent.TakenOver))]
[JsonSerializable(typeof(AccountEvent.CloseOutOffered))]
[JsonSerializable(typeof(AccountEvent.CloseOutAssigned))]
[JsonSerializable(typeof(AccountEvent.Deleveraged))]
[JsonSerializable(typeof(AccountEvent.ClosedOut))]
[JsonSerializable(typeof(AccountEvent.PositionsNetted))]
[JsonSerializable(typeof(AccountEvent.CloseOutEnded))]
[JsonSerializable(typeof(AccountEvent.FundDrawn))]
[JsonSerializable(typeof(AccountEvent.GainLocked))]
[JsonSerializable(typeof(AccountEvent.LossShared))]
[JsonSerializable(typeof(AccountEvent.CaseEnded))]
[JsonSerializable(typeof(AccountEvent.CommandRefused))]
[JsonSerializable(typeof(AccountCommand))]
[JsonSerializable(typeof(AccountCommand.Open))]
[JsonSerializable(typeof(AccountCommand.Close))]
[JsonSerializable(typeof(AccountCommand.Reopen))]
[JsonSerializable(typeof(AccountCommand.Deposit))]
[JsonSerializable(typeof(AccountCommand.FinalizeDeposit))]
[JsonSerializable(typeof(AccountCommand.ReverseDeposit))]
[JsonSerializable(typeof(AccountCommand.Withdraw))]
[JsonSerializable(typeof(AccountCommand.CancelWithdrawal))]
[JsonSerializable(typeof(AccountCommand.PostWithdrawal))]
[JsonSerializable(typeof(AccountCommand.VoidWithdrawal))]
[JsonSerializable(typeof(AccountCommand.Transfer))]
[JsonSerializable(typeof(AccountCommand.CancelTransfer))]
[JsonSerializable(typeof(AccountCommand.IsolateSubAccount))]
[JsonSerializable(typeof(AccountCommand.AllocateCollateral))]
[JsonSerializable(typeof(AccountCommand.ReleaseCollateral))]
[JsonSerializable(typeof(AccountCommand.ReserveOrder))]
[JsonSerializable(typeof(AccountCommand.RequestOrderEnd))]
[JsonSerializable(typeof(AccountCommand.RequestAllOrderEnds))]
[JsonSerializable(typeof(AccountSnapshot))]
internal sealed partial class AccountJson : JsonSerializerContext;
