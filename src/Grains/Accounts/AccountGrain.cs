using System.Buffers;
using System.Collections.Immutable;
using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Grains.Margin;
using CrossMargin.Runtime.Grains;

namespace CrossMargin.Grains.Accounts;

/// <summary>The account as a kind of grain: its decider, its event names and its bytes.</summary>
public sealed class AccountGrain : GrainType<Account, AccountEvent>
{
    private bool isMargined = true;

    /// <summary>Accounts of a build whose frames are not the market's: the ledger alone, where any order is taken.</summary>
    public static AccountGrain Unmargined { get; } = new() { isMargined = false };

    public override GrainKind Kind => GrainKind.Account;
    public override int SnapshotSchema => 3;

    public override IReadOnlyList<string> EventNames { get; } =
    [
        AccountEventNames.Opened, AccountEventNames.Deposited, AccountEventNames.WithdrawalHeld,
        AccountEventNames.WithdrawalCleared, AccountEventNames.WithdrawalInstructed,
        AccountEventNames.WithdrawalCancelled, AccountEventNames.WithdrawalPosted, AccountEventNames.WithdrawalVoided,
        AccountEventNames.WithdrawalOverdue, AccountEventNames.TransferSent, AccountEventNames.TransferReceived,
        AccountEventNames.TransferBounced, AccountEventNames.TransferReturned, AccountEventNames.FillApplied,
        AccountEventNames.FillReversed, AccountEventNames.FundingApplied, AccountEventNames.Settled,
        AccountEventNames.DaySettled, AccountEventNames.OrderReserved, AccountEventNames.OrderFilled,
        AccountEventNames.OrderReleased, AccountEventNames.MarginStatusChanged, AccountEventNames.CommandRefused,
    ];

    protected override Account Empty(GrainId id) => Account.Unopened(new AccountId(id));
    protected override Decision<AccountEvent> Decide(Account state, object input, Context context) => 
        Account.Decide(state, input, isMargined ? context : context with { Marks = MarginMarks.OfNobody });
    protected override Account Evolve(Account state, AccountEvent @event) => Account.Evolve(state, @event);
    protected override void Verify(Account state) => state.Verify();
    protected override Instant? DueAt(Account state) => state.DueAt();
    public override long? WaitsSince(object state) => ((Account)state).WaitsSince();

    protected override ImmutableArray<GrainId> AddresseesOf(AccountEvent @event) => @event switch
    {
        AccountEvent.TransferSent sent => [sent.To.Grain],
        AccountEvent.TransferBounced bounced => [bounced.From.Grain],
        _ => [],
    };

    protected override Rejection RefusalIn(AccountEvent @event) =>
        @event is AccountEvent.CommandRefused refused ? refused.Reason : Rejection.None;

    public override byte[] CanonicalBytes(object command)
    {
        var body = command switch
        {
            AccountCommand.Open c => JsonSerializer.SerializeToUtf8Bytes(c, AccountJson.Default.Open),
            AccountCommand.Deposit c => JsonSerializer.SerializeToUtf8Bytes(c, AccountJson.Default.Deposit),
            AccountCommand.Withdraw c => JsonSerializer.SerializeToUtf8Bytes(c, AccountJson.Default.Withdraw),
            AccountCommand.CancelWithdrawal c => JsonSerializer.SerializeToUtf8Bytes(c, AccountJson.Default.CancelWithdrawal),
            AccountCommand.PostWithdrawal c => JsonSerializer.SerializeToUtf8Bytes(c, AccountJson.Default.PostWithdrawal),
            AccountCommand.VoidWithdrawal c => JsonSerializer.SerializeToUtf8Bytes(c, AccountJson.Default.VoidWithdrawal),
            AccountCommand.Transfer c => JsonSerializer.SerializeToUtf8Bytes(c, AccountJson.Default.Transfer),
            AccountCommand.ReserveOrder c => JsonSerializer.SerializeToUtf8Bytes(c, AccountJson.Default.ReserveOrder),
            _ => throw new UnreachableException(command.GetType().Name),
        };
        return [.. System.Text.Encoding.ASCII.GetBytes(command.GetType().Name), .. body];
    }

    protected override string NameOf(AccountEvent @event) => @event switch
    {
        AccountEvent.Opened => AccountEventNames.Opened,
        AccountEvent.Deposited => AccountEventNames.Deposited,
        AccountEvent.WithdrawalHeld => AccountEventNames.WithdrawalHeld,
        AccountEvent.WithdrawalCleared => AccountEventNames.WithdrawalCleared,
        AccountEvent.WithdrawalInstructed => AccountEventNames.WithdrawalInstructed,
        AccountEvent.WithdrawalCancelled => AccountEventNames.WithdrawalCancelled,
        AccountEvent.WithdrawalPosted => AccountEventNames.WithdrawalPosted,
        AccountEvent.WithdrawalVoided => AccountEventNames.WithdrawalVoided,
        AccountEvent.WithdrawalOverdue => AccountEventNames.WithdrawalOverdue,
        AccountEvent.TransferSent => AccountEventNames.TransferSent,
        AccountEvent.TransferReceived => AccountEventNames.TransferReceived,
        AccountEvent.TransferBounced => AccountEventNames.TransferBounced,
        AccountEvent.TransferReturned => AccountEventNames.TransferReturned,
        AccountEvent.FillApplied => AccountEventNames.FillApplied,
        AccountEvent.FillReversed => AccountEventNames.FillReversed,
        AccountEvent.FundingApplied => AccountEventNames.FundingApplied,
        AccountEvent.Settled => AccountEventNames.Settled,
        AccountEvent.DaySettled => AccountEventNames.DaySettled,
        AccountEvent.OrderReserved => AccountEventNames.OrderReserved,
        AccountEvent.OrderFilled => AccountEventNames.OrderFilled,
        AccountEvent.OrderReleased => AccountEventNames.OrderReleased,
        AccountEvent.MarginStatusChanged => AccountEventNames.MarginStatusChanged,
        AccountEvent.CommandRefused => AccountEventNames.CommandRefused,
        _ => throw new UnreachableException(@event.GetType().Name),
    };

    protected override void Encode(AccountEvent @event, IBufferWriter<byte> destination)
    {
        using var writer = new Utf8JsonWriter(destination);
        JsonSerializer.Serialize(writer, @event, AccountJson.Default.GetTypeInfo(@event.GetType())!);
    }

    public override object Decode(string name, ReadOnlySpan<byte> payload) =>
        JsonSerializer.Deserialize(payload, Shape(name)) ?? throw new JsonException("an event is an object");

    private static JsonTypeInfo Shape(string name) => name switch
    {
        AccountEventNames.Opened => AccountJson.Default.Opened,
        AccountEventNames.Deposited => AccountJson.Default.Deposited,
        AccountEventNames.WithdrawalHeld => AccountJson.Default.WithdrawalHeld,
        AccountEventNames.WithdrawalCleared => AccountJson.Default.WithdrawalCleared,
        AccountEventNames.WithdrawalInstructed => AccountJson.Default.WithdrawalInstructed,
        AccountEventNames.WithdrawalCancelled => AccountJson.Default.WithdrawalCancelled,
        AccountEventNames.WithdrawalPosted => AccountJson.Default.WithdrawalPosted,
        AccountEventNames.WithdrawalVoided => AccountJson.Default.WithdrawalVoided,
        AccountEventNames.WithdrawalOverdue => AccountJson.Default.WithdrawalOverdue,
        AccountEventNames.TransferSent => AccountJson.Default.TransferSent,
        AccountEventNames.TransferReceived => AccountJson.Default.TransferReceived,
        AccountEventNames.TransferBounced => AccountJson.Default.TransferBounced,
        AccountEventNames.TransferReturned => AccountJson.Default.TransferReturned,
        AccountEventNames.FillApplied => AccountJson.Default.FillApplied,
        AccountEventNames.FillReversed => AccountJson.Default.FillReversed,
        AccountEventNames.FundingApplied => AccountJson.Default.FundingApplied,
        AccountEventNames.Settled => AccountJson.Default.Settled,
        AccountEventNames.DaySettled => AccountJson.Default.DaySettled,
        AccountEventNames.OrderReserved => AccountJson.Default.OrderReserved,
        AccountEventNames.OrderFilled => AccountJson.Default.OrderFilled,
        AccountEventNames.OrderReleased => AccountJson.Default.OrderReleased,
        AccountEventNames.MarginStatusChanged => AccountJson.Default.MarginStatusChanged,
        AccountEventNames.CommandRefused => AccountJson.Default.CommandRefused,
        _ => throw new UnreachableException(name),
    };

    protected override byte[] Save(Account state) => JsonSerializer.SerializeToUtf8Bytes(
        new AccountSnapshot(state.Version, state.Phase, state.Owner.Name, state.Balances.Amounts, state.Holds,
            state.Positions.All, state.Orders, state.HouseRounding.Shares, state.Status),
        AccountJson.Default.AccountSnapshot);

    public override object Restore(GrainId id, ReadOnlySpan<byte> snapshot)
    {
        var saved = JsonSerializer.Deserialize(snapshot, AccountJson.Default.AccountSnapshot)!;
        return new Account(
            new AccountId(id), saved.Version, saved.Phase, saved.Owner is null ? default : new PrincipalId(saved.Owner),
            Balances.From(saved.Balances), saved.Holds, Positions.From(saved.Positions), saved.Orders,
            HouseRounding.From(saved.HouseRounding), saved.Status);
    }
}

/// <summary>An account as a snapshot keeps it. Its bytes are canonical: equal states have equal bytes.</summary>
internal sealed record AccountSnapshot(
    long Version, AccountPhase Phase, string? Owner, ImmutableArray<AssetAmount> Balances, ImmutableArray<WithdrawalHold> Holds,
    ImmutableArray<Position> Positions, ImmutableArray<OrderReservation> Orders, ImmutableArray<RoundingShare> HouseRounding,
    MarginStatus Status);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    UseStringEnumConverter = true,
    Converters =
    [
        typeof(EventJson.AmountConverter), typeof(EventJson.AccountConverter), typeof(EventJson.PrincipalConverter),
        typeof(EventJson.WithdrawalConverter), typeof(EventJson.InstantConverter), typeof(EventJson.RejectionConverter),
        typeof(ClearingJson.AssetConverter), typeof(ClearingJson.PriceConverter), typeof(ClearingJson.QuantityConverter),
        typeof(ClearingJson.TradeConverter), typeof(ClearingJson.OrderConverter), typeof(ClearingJson.SubAccountConverter),
        typeof(ClearingJson.InstrumentConverter), typeof(ClearingJson.FundingPointConverter), typeof(ClearingJson.IntegerConverter),
        typeof(ClearingJson.MoneyConverter),
    ])]
[JsonSerializable(typeof(AccountEvent.Opened))]
[JsonSerializable(typeof(AccountEvent.Deposited))]
[JsonSerializable(typeof(AccountEvent.WithdrawalHeld))]
[JsonSerializable(typeof(AccountEvent.WithdrawalCleared))]
[JsonSerializable(typeof(AccountEvent.WithdrawalInstructed))]
[JsonSerializable(typeof(AccountEvent.WithdrawalCancelled))]
[JsonSerializable(typeof(AccountEvent.WithdrawalPosted))]
[JsonSerializable(typeof(AccountEvent.WithdrawalVoided))]
[JsonSerializable(typeof(AccountEvent.WithdrawalOverdue))]
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
[JsonSerializable(typeof(AccountEvent.MarginStatusChanged))]
[JsonSerializable(typeof(AccountEvent.CommandRefused))]
[JsonSerializable(typeof(AccountCommand.Open))]
[JsonSerializable(typeof(AccountCommand.Deposit))]
[JsonSerializable(typeof(AccountCommand.Withdraw))]
[JsonSerializable(typeof(AccountCommand.CancelWithdrawal))]
[JsonSerializable(typeof(AccountCommand.PostWithdrawal))]
[JsonSerializable(typeof(AccountCommand.VoidWithdrawal))]
[JsonSerializable(typeof(AccountCommand.Transfer))]
[JsonSerializable(typeof(AccountCommand.ReserveOrder))]
[JsonSerializable(typeof(AccountSnapshot))]
internal sealed partial class AccountJson : JsonSerializerContext;
