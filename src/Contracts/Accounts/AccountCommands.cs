using System.Text.Json.Serialization;

namespace CrossMargin.Contracts.Accounts;

/// <summary>
/// What an account can be asked to do. Duplicates are answered by the runtime before the account sees them.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(Open), "open")]
[JsonDerivedType(typeof(Close), "close")]
[JsonDerivedType(typeof(Reopen), "reopen")]
[JsonDerivedType(typeof(Deposit), "deposit")]
[JsonDerivedType(typeof(FinalizeDeposit), "finalize-deposit")]
[JsonDerivedType(typeof(ReverseDeposit), "reverse-deposit")]
[JsonDerivedType(typeof(Withdraw), "withdraw")]
[JsonDerivedType(typeof(CancelWithdrawal), "cancel-withdrawal")]
[JsonDerivedType(typeof(PostWithdrawal), "post-withdrawal")]
[JsonDerivedType(typeof(VoidWithdrawal), "void-withdrawal")]
[JsonDerivedType(typeof(Transfer), "transfer")]
[JsonDerivedType(typeof(CancelTransfer), "cancel-transfer")]
[JsonDerivedType(typeof(IsolateSubAccount), "isolate-sub-account")]
[JsonDerivedType(typeof(AllocateCollateral), "allocate-collateral")]
[JsonDerivedType(typeof(ReleaseCollateral), "release-collateral")]
[JsonDerivedType(typeof(ReserveOrder), "reserve-order")]
[JsonDerivedType(typeof(RequestOrderEnd), "request-order-end")]
[JsonDerivedType(typeof(RequestAllOrderEnds), "request-all-order-ends")]
public abstract record AccountCommand
{
    private AccountCommand() { }

    public sealed record Open(PrincipalId Owner) : AccountCommand;

    /// <summary>By its owner, when nothing is held, owed or open in it.</summary>
    public sealed record Close : AccountCommand;

    /// <summary>By an officer, for what came to a closed account after all.</summary>
    public sealed record Reopen : AccountCommand;

    /// <summary>
    /// A deposit, by an operator or by a custody source. <paramref name="Reference"/> is the depositor's own text.
    /// </summary>
    public sealed record Deposit(AssetAmount Amount, string Reference) : AccountCommand
    {
        /// <summary>Null for one that is plain and final.</summary>
        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        public DepositOrigin? Origin { get; init; }
    }

    /// <summary>The custodian's word that a deposit cannot be taken back any more.</summary>
    public sealed record FinalizeDeposit(DepositId Id, SourceId By) : AccountCommand;

    /// <summary>The custodian's word that a deposit was taken back where it lay.</summary>
    public sealed record ReverseDeposit(DepositId Id, SourceId By) : AccountCommand;

    /// <summary>
    /// Sets the amount aside until it is cleared, and then until the custodian says that it was paid (post) or will not be
    /// (void).
    /// </summary>
    public sealed record Withdraw(AssetAmount Amount, string Destination) : AccountCommand;

    /// <summary>The owner takes it back, as long as it is not cleared.</summary>
    public sealed record CancelWithdrawal(WithdrawalId Withdrawal) : AccountCommand;

    public sealed record PostWithdrawal(WithdrawalId Withdrawal) : AccountCommand;

    public sealed record VoidWithdrawal(WithdrawalId Withdrawal) : AccountCommand;

    /// <summary>
    /// Sends an amount to another account. To one that may be anybody's, and from one with something at risk, it leaves only when it is
    /// cleared, as a withdrawal does.
    /// </summary>
    public sealed record Transfer(AccountId To, AssetAmount Amount) : AccountCommand
    {
        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
        public TransferReach Reach { get; init; }
    }

    /// <summary>The owner takes it back, as long as it is not cleared.</summary>
    public sealed record CancelTransfer(TransferId Id) : AccountCommand;

    /// <summary>Makes a sub-account stand by itself, as long as nothing is in it.</summary>
    public sealed record IsolateSubAccount(SubAccountId SubAccount) : AccountCommand;

    /// <summary>Moves collateral from the cross pool to an isolated sub-account.</summary>
    public sealed record AllocateCollateral(SubAccountId SubAccount, AssetAmount Amount) : AccountCommand;

    /// <summary>Moves collateral from an isolated sub-account back to the cross pool.</summary>
    public sealed record ReleaseCollateral(SubAccountId SubAccount, AssetAmount Amount) : AccountCommand;

    /// <summary>
    /// An order went to the matching engine: what is left of it counts until it is filled or its feed says that it ended.
    /// </summary>
    public sealed record ReserveOrder(
        OrderId Order, SubAccountId SubAccount, InstrumentId Instrument, Side Side, Quantity Quantity, Price Price) : AccountCommand;

    /// <summary>Somebody wants the order to end. The matching engine ends it, and says so in the sequence of its fills.</summary>
    public sealed record RequestOrderEnd(OrderId Order) : AccountCommand;

    /// <summary>The same for everything that is open.</summary>
    public sealed record RequestAllOrderEnds : AccountCommand;
}

public enum Side : byte
{
    Buy = 1,
    Sell = 2,
}

/// <summary>
/// Whose account a transfer goes to. No account knows another's owner, so the sender says it, and the receiver holds it to that.
/// </summary>
public enum TransferReach
{
    AnyOwner,

    /// <summary>It comes back from an account that is somebody else's, and goes at once where nothing is at risk.</summary>
    SameOwner,
}
