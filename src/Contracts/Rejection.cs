using System.Collections.Frozen;
using System.Text;

namespace CrossMargin.Contracts;

/// <summary>
/// Why the venue said no. The numbers are public and never reused. Where several apply to one command, the lowest number inside the
/// command's area is the answer; docs/events.md prints the ladder and a table test walks it.
/// </summary>
public enum Rejection
{
    None = 0,

    // 1–99: the runtime, before any grain decides. Nothing was journaled unless the text says so.
    /// <summary>The silo has more waiting than it will hold. Nothing was taken in.</summary>
    Overloaded = 1,
    /// <summary>The shard has no owner that can act now. Nothing was taken in.</summary>
    ShardUnavailable = 2,
    /// <summary>The commit's outcome could not be learned. Ask again with the same key or sequence.</summary>
    OutcomeUnknown = 3,
    /// <summary>An invariant of this grain broke; an officer has to look.</summary>
    GrainHalted = 4,
    /// <summary>The key is older than the window or from the future.</summary>
    KeyExpired = 10,
    /// <summary>The key was used for a command with other content.</summary>
    KeyConflict = 11,
    /// <summary>More keys are in the window than a shard keeps.</summary>
    KeyWindowFull = 12,
    /// <summary>A source skipped a number; send the missing one first.</summary>
    SequenceGap = 20,
    /// <summary>A source sent a number again with other content.</summary>
    SequenceConflict = 21,
    /// <summary>A source sent again a number that was taken in before. Nothing more was done.</summary>
    SequenceDuplicate = 22,
    /// <summary>No such message is parked for this grain, or it was taken in since.</summary>
    NotParked = 30,

    // 100–199: accounts, in order of precedence.
    AccountNotFound = 100,
    AccountAlreadyOpen = 101,
    /// <summary>Something is held, owed or open in it, or not final.</summary>
    AccountNotEmpty = 102,
    AccountClosed = 103,
    UnknownAsset = 110,
    AmountNotPositive = 111,
    AmountTooLarge = 112,
    TransferToSelf = 120,
    /// <summary>The sub-account is isolated already, or it is the main one, which cannot be.</summary>
    AlreadyIsolated = 121,
    /// <summary>Only one that holds nothing and has no order can be isolated.</summary>
    SubAccountInUse = 122,
    TooManySubAccounts = 123,
    /// <summary>The sub-account shares the cross pool: nothing can be allocated to it.</summary>
    NotIsolated = 124,
    /// <summary>It was said to stay with its owner, and the receiver is somebody else's: the amount comes back.</summary>
    OtherOwner = 125,
    /// <summary>No such transfer waits: it was cleared or cancelled, or never was.</summary>
    UnknownTransfer = 126,
    TooManyTransfers = 127,
    UnknownWithdrawal = 130,
    TooManyWithdrawals = 131,
    /// <summary>It was cleared before: from then on only the custodian's word ends it.</summary>
    WithdrawalCleared = 132,
    /// <summary>The custodian speaks of a withdrawal that it was not told to pay.</summary>
    WithdrawalNotInstructed = 133,
    /// <summary>There is no such deposit, or it is final.</summary>
    UnknownDeposit = 134,
    TooManyPendingDeposits = 135,
    ExceedsBalance = 140,
    BalanceLimit = 141,
    OrderIdInUse = 150,
    TooManyOrders = 151,
    /// <summary>A position or a balance would not fit into its integer. A fill that this happens to is parked.</summary>
    PositionLimit = 152,
    /// <summary>No order with this id is open.</summary>
    UnknownOrder = 153,
    /// <summary>A bid so far above the mark, or an offer so far below, that it must be a mistake.</summary>
    OutsidePriceBand = 154,
    /// <summary>With all orders of its side filled, the account would hold more of the instrument than the rules allow anybody.</summary>
    ExceedsPositionLimit = 155,
    /// <summary>Afterwards margin equity would be below the initial margin, and the account would not be less at risk.</summary>
    InsufficientMargin = 160,
    /// <summary>Something that the account holds has no price: nobody can say whether it may.</summary>
    AccountFrozen = 161,
    /// <summary>Filled, the order would take a balance further below zero than the asset's borrow limit.</summary>
    BorrowLimit = 162,

    // 200–249: trades as a feed reports them, in order of precedence.
    UnknownInstrument = 200,
    InstrumentExpired = 201,
    QuantityNotPositive = 210,
    QuantityOffLot = 211,
    PriceNotPositive = 212,
    PriceOffTick = 213,
    FeeOutOfRange = 214,
    NotionalTooLarge = 215,
    TradeIdReused = 220,
    /// <summary>Not captured by this feed, or too long ago to be busted.</summary>
    UnknownTrade = 221,
    TradeAlreadyBusted = 222,
    /// <summary>A conversion between one account and itself, or of one asset into itself.</summary>
    ConversionIntoItself = 223,

    // 250–299: the market, in order of precedence.
    FeedAlreadyAdmitted = 250,
    TooManyFeeds = 251,
    SourceAlreadyAdmitted = 252,
    TooManySources = 253,
    WeightOutOfRange = 254,
    InstrumentAlreadyListed = 260,
    TooManyInstruments = 261,
    TermsOutOfRange = 262,
    NotAPerp = 263,
    /// <summary>The period is not the one after the last that was fixed.</summary>
    FundingNotDue = 264,
    /// <summary>The day is not the one after the last, or the expiry does not wait for an officer.</summary>
    SettlementNotDue = 265,
    NotAFuture = 266,
    /// <summary>Not settled, or less than a day ago.</summary>
    NotRetirable = 267,
    UnknownSource = 270,
    PriceFromTheFuture = 271,
    PriceNotNewer = 272,
    TooManySmiles = 273,
    /// <summary>No instrument of this underlying expires then, or it has expired.</summary>
    UnknownExpiry = 274,
    /// <summary>No price that money may rest on: fewer than three sources that are fresh and agree.</summary>
    NoPrice = 280,
    ForwardOutOfBand = 281,
    SmileMalformed = 282,
    SmileButterfly = 283,
    SmileCalendar = 284,
    PriceOutOfBand = 285,
    DepthNegative = 286,

    // 300–349: liquidation, in order of precedence.
    /// <summary>A case is open: only the case trades, and nothing leaves.</summary>
    AccountInLiquidation = 300,
    /// <summary>What the account gained may have to pay a share of a loss.</summary>
    GainsLocked = 301,
    /// <summary>The link sent no such order, or it has ended.</summary>
    UnknownLiquidationOrder = 310,

    // 400–449: what a risk pool shares, in order of precedence.
    UnknownShard = 400,
    ExposureNegative = 401,
    ShardAlreadySetAside = 410,
    ShardNotSetAside = 411,
    TooManyBackstops = 420,
    /// <summary>A quota is more than zero, and a market stands in a registration once.</summary>
    QuotaOutOfRange = 421,

    // 500–549: parameter sets, in order of precedence.
    DocumentTooLarge = 500,
    /// <summary>The document is not a parameter set; the refusal says where.</summary>
    DocumentRefused = 501,
    VersionNotNext = 502,
    EffectiveInThePast = 503,
    EffectiveTooFarAhead = 504,
    /// <summary>Not later than the version before.</summary>
    EffectiveOutOfOrder = 505,
    TooManyWaiting = 506,
}

public static class Rejections
{
    private static readonly FrozenDictionary<Rejection, string> Codes =
        Enum.GetValues<Rejection>().ToFrozenDictionary(rejection => rejection, rejection => KebabCase(rejection.ToString()));

    private static readonly FrozenDictionary<string, Rejection> ByCode =
        Codes.ToFrozenDictionary(entry => entry.Value, entry => entry.Key, StringComparer.Ordinal);

    /// <summary>
    /// The stable text of a rejection: <c>exceeds-balance</c>. It stands in the API and in journaled refusals.
    /// </summary>
    public static string Code(this Rejection rejection) => Codes[rejection];

    public static bool TryParse(string code, out Rejection rejection) => ByCode.TryGetValue(code, out rejection);

    /// <summary>True when the same command, sent again later, may be taken.</summary>
    public static bool IsTransient(this Rejection rejection) => rejection is
        Rejection.Overloaded or Rejection.ShardUnavailable or Rejection.OutcomeUnknown or Rejection.KeyWindowFull
        or Rejection.SequenceGap;

    private static string KebabCase(string name)
    {
        var text = new StringBuilder();
        foreach (var c in name)
        {
            if (char.IsAsciiLetterUpper(c) && text.Length > 0) text.Append('-');
            text.Append(char.ToLowerInvariant(c));
        }

        return text.ToString();
    }
}
