using System.Text;
using CrossMargin.Contracts;

namespace CrossMargin.Api.Problems;

/// <summary>Whether the same request, sent again, can end otherwise.</summary>
public enum Transience
{
    Lasting,
    Transient,
}

/// <summary>What a code means on the wire.</summary>
public sealed record ProblemKind(string Code, int Status, string Title, Transience Transience);

/// <summary>
/// The one table from codes to HTTP: every code of the venue and of the edge has its line here and in docs/api.md.
/// </summary>
public static class ProblemTable
{
    private static readonly Dictionary<Rejection, ProblemKind> Rejected = new (Rejection Code, int Status, string Title)[]
    {
        (Rejection.Overloaded, 503, "The venue has more waiting than it will hold; nothing was taken in."),
        (Rejection.ShardUnavailable, 503, "The account's shard cannot act now; nothing was taken in."),
        (Rejection.OutcomeUnknown, 503, "The outcome is not known; ask again with the same key or number."),
        (Rejection.GrainHalted, 409, "The account is halted until an officer has looked."),
        (Rejection.KeyExpired, 422, "The key is older than 24 hours or from the future; it was not executed."),
        (Rejection.KeyConflict, 422, "The key was used for a request with other content."),
        (Rejection.KeyWindowFull, 503, "More keys are in use than a shard remembers."),
        (Rejection.SequenceGap, 409, "The source skipped a number; send the missing one first."),
        (Rejection.SequenceConflict, 409, "The source sent this number before with other content."),
        (Rejection.SequenceDuplicate, 409, "The source sent this number before; nothing more was done."),
        (Rejection.NotParked, 404, "No such message is parked for this grain."),
        (Rejection.AccountNotFound, 404, "There is no such account."),
        (Rejection.AccountAlreadyOpen, 409, "The account is open already."),
        (Rejection.AccountNotEmpty, 409, "Something is held, owed, open or not final in the account."),
        (Rejection.AccountClosed, 409, "The account is closed."),
        (Rejection.UnknownAsset, 422, "The venue does not keep this asset."),
        (Rejection.AmountNotPositive, 422, "An amount is more than zero."),
        (Rejection.AmountTooLarge, 422, "The amount is more than one command may move."),
        (Rejection.TransferToSelf, 422, "Sender and receiver are the same account."),
        (Rejection.AlreadyIsolated, 409, "The sub-account is isolated, or it is the main one and cannot be."),
        (Rejection.SubAccountInUse, 409, "Only a sub-account that holds nothing can be isolated."),
        (Rejection.TooManySubAccounts, 422, "As many sub-accounts are isolated as an account may have."),
        (Rejection.NotIsolated, 422, "The sub-account is not isolated: it shares the pool."),
        (Rejection.OtherOwner, 422, "The receiver has another owner than the sender said."),
        (Rejection.UnknownTransfer, 422, "No such transfer waits: it was cleared or cancelled, or never was."),
        (Rejection.TooManyTransfers, 422, "As many transfers wait for clearance as an account may have."),
        (Rejection.UnknownWithdrawal, 422, "No such withdrawal is held."),
        (Rejection.TooManyWithdrawals, 422, "As many withdrawals are held as an account may have."),
        (Rejection.WithdrawalCleared, 409, "The withdrawal is cleared: only the custodian ends it now."),
        (Rejection.WithdrawalNotInstructed, 409, "The custodian was not told to pay this withdrawal: it is not cleared yet."),
        (Rejection.UnknownDeposit, 422, "There is no such deposit, or it is final."),
        (Rejection.TooManyPendingDeposits, 422, "As many deposits are not final as an account may have."),
        (Rejection.ExceedsBalance, 422, "The account does not have that much."),
        (Rejection.BalanceLimit, 422, "The account may not hold that much."),
        (Rejection.OrderIdInUse, 409, "The account has an open order with this id."),
        (Rejection.TooManyOrders, 422, "As many orders are open as an account may have."),
        (Rejection.PositionLimit, 422, "A position or balance would not fit into its integer."),
        (Rejection.UnknownOrder, 422, "No order with this id is open."),
        (Rejection.OutsidePriceBand, 422, "The order would buy too far above the mark, or sell too far below it."),
        (Rejection.ExceedsPositionLimit, 422, "Filled with the others of its side, the order would hold more than the rules allow."),
        (Rejection.InsufficientMargin, 422, "Margin equity would be below the initial margin, and the account not less at risk."),
        (Rejection.AccountFrozen, 422, "Something that the account holds has no price, so nobody can say whether it may."),
        (Rejection.BorrowLimit, 422, "Filled, the order would borrow more of an asset than its limit."),
        (Rejection.UnknownInstrument, 422, "The venue has not listed this instrument."),
        (Rejection.InstrumentExpired, 422, "The instrument had expired at the time of the trade."),
        (Rejection.QuantityNotPositive, 422, "A quantity is more than zero."),
        (Rejection.QuantityOffLot, 422, "The quantity is not a multiple of the lot."),
        (Rejection.PriceNotPositive, 422, "A price is more than zero."),
        (Rejection.PriceOffTick, 422, "The price is not a multiple of the tick."),
        (Rejection.FeeOutOfRange, 422, "A fee or rebate is at most a tenth of the amount."),
        (Rejection.NotionalTooLarge, 422, "The trade is for more than one command may move."),
        (Rejection.TradeIdReused, 422, "The feed reported another trade under this id."),
        (Rejection.UnknownTrade, 422, "The feed has not captured this trade, or too long ago."),
        (Rejection.TradeAlreadyBusted, 422, "The trade was busted before."),
        (Rejection.ConversionIntoItself, 422, "Both sides of the conversion are one account, or one asset."),
        (Rejection.FeedAlreadyAdmitted, 409, "The feed is admitted already."),
        (Rejection.TooManyFeeds, 422, "As many feeds are admitted as a market may have."),
        (Rejection.SourceAlreadyAdmitted, 409, "The price source is admitted already."),
        (Rejection.TooManySources, 422, "As many price sources are admitted as a market may have."),
        (Rejection.WeightOutOfRange, 422, "The weight of a price source is 1 to 1000."),
        (Rejection.InstrumentAlreadyListed, 409, "An instrument with this number is listed already."),
        (Rejection.TooManyInstruments, 422, "As many instruments are listed as a market may have."),
        (Rejection.TermsOutOfRange, 422, "The terms do not fit together, or a figure is outside its range."),
        (Rejection.NotAPerp, 422, "Only a perpetual has funding."),
        (Rejection.FundingNotDue, 422, "The period is not the one after the last that was fixed."),
        (Rejection.SettlementNotDue, 422, "The day is not the one after the last, or the expiry does not wait for a price."),
        (Rejection.NotAFuture, 422, "Only a dated future is settled by the day."),
        (Rejection.NotRetirable, 422, "The expiry is not settled, or less than a day ago."),
        (Rejection.UnknownSource, 422, "The price source is not admitted."),
        (Rejection.PriceFromTheFuture, 422, "A price is not from the future."),
        (Rejection.PriceNotNewer, 422, "The source gave a price of this time or later before."),
        (Rejection.TooManySmiles, 422, "A surface names 1 to 32 expiries, each once and in order."),
        (Rejection.UnknownExpiry, 422, "Nothing that is listed expires then, or it has expired."),
        (Rejection.NoPrice, 422, "There is no price that money may rest on: fewer than three sources are fresh and agree."),
        (Rejection.ForwardOutOfBand, 422, "The forward is further than half from the index."),
        (Rejection.SmileMalformed, 422, "The numbers are no smile."),
        (Rejection.SmileButterfly, 422, "A butterfly of options would cost less than nothing."),
        (Rejection.SmileCalendar, 422, "A later option would be worth less than an earlier one of the same moneyness."),
        (Rejection.PriceOutOfBand, 422, "The price is further than half from the index."),
        (Rejection.DepthNegative, 422, "A book has no depth or some, never less."),
        (Rejection.AccountInLiquidation, 422, "The account is in liquidation: nothing leaves, and no order is taken."),
        (Rejection.GainsLocked, 422, "A loss is being shared: what the account gained stays until its share is known."),
        (Rejection.UnknownLiquidationOrder, 404, "No such liquidation order is open."),
        (Rejection.UnknownShard, 422, "The venue has no such shard."),
        (Rejection.ExposureNegative, 422, "What a shard may owe is not negative."),
        (Rejection.ShardAlreadySetAside, 409, "The shard is set aside already."),
        (Rejection.ShardNotSetAside, 409, "The shard is not set aside."),
        (Rejection.TooManyBackstops, 422, "A pool has at most 256 quotas of backstop accounts."),
        (Rejection.QuotaOutOfRange, 422, "A quota is more than zero, and a market stands in a registration once."),
        (Rejection.DocumentTooLarge, 413, "A parameter set has at most 32,768 bytes."),
        (Rejection.DocumentRefused, 422, "The document is not a parameter set; errors says where."),
        (Rejection.VersionNotNext, 409, "The version is not the one after the last that was published."),
        (Rejection.EffectiveInThePast, 422, "A version does not take effect in the past."),
        (Rejection.EffectiveTooFarAhead, 422, "A version takes effect within 366 days of its publication."),
        (Rejection.EffectiveOutOfOrder, 422, "A version takes effect after the version before it."),
        (Rejection.TooManyWaiting, 422, "As many versions wait for their time as a venue may have."),
    }.ToDictionary(row => row.Code, row => new ProblemKind(
        row.Code.Code(), row.Status, row.Title, row.Code.IsTransient() ? Transience.Transient : Transience.Lasting));

    private static readonly Dictionary<EdgeCode, ProblemKind> Edge = new (EdgeCode Code, int Status, string Title)[]
    {
        (EdgeCode.MalformedBody, 400, "The body is not one JSON object in UTF-8."),
        (EdgeCode.UnknownField, 400, "The request has a field that this route does not know."),
        (EdgeCode.DuplicateField, 400, "A field stands in the request twice."),
        (EdgeCode.MissingField, 400, "A field that this route needs is missing."),
        (EdgeCode.WrongType, 400, "A field has another JSON type; amounts are strings."),
        (EdgeCode.TooLong, 400, "A text is longer than this field takes."),
        (EdgeCode.MalformedText, 400, "A text is empty or has control characters."),
        (EdgeCode.MalformedDecimal, 400, "A decimal is not in its canonical form."),
        (EdgeCode.ExtraPrecision, 400, "An amount has more decimals than its asset."),
        (EdgeCode.MalformedId, 400, "An id is not in its canonical form."),
        (EdgeCode.NumberOutOfRange, 400, "A number is outside the range of its field."),
        (EdgeCode.MalformedParameter, 400, "A query parameter cannot be read."),
        (EdgeCode.UnknownParameter, 400, "The query has a parameter that this route does not know."),
        (EdgeCode.MalformedCursor, 400, "The cursor was not given out by this route."),
        (EdgeCode.MalformedBook, 400, "The book cannot be read; errors says where."),
        (EdgeCode.BookRefused, 422, "The book can be read and not be margined; detail names the field."),
        (EdgeCode.Unpriced, 422, "Something that the account holds has no price; detail names it."),
        (EdgeCode.MissingKey, 400, "This route needs the header Idempotency-Key."),
        (EdgeCode.MalformedKey, 400, "The Idempotency-Key is not a version 7 UUID in lower case."),
        (EdgeCode.BodyTooLarge, 413, "The body is larger than this route takes."),
        (EdgeCode.TooManyItems, 413, "The batch has more items than this route takes."),
        (EdgeCode.UnsupportedMediaType, 415, "A body is application/json, not encoded further."),
        (EdgeCode.MissingCredentials, 401, "The request does not say who asks."),
        (EdgeCode.BadCredentials, 401, "The token is not known, or the signature does not fit the request."),
        (EdgeCode.StaleSignature, 401, "The signature is too old, from the future, or from before the last start."),
        (EdgeCode.ReusedNonce, 401, "The nonce was used before."),
        (EdgeCode.Forbidden, 403, "The one who asks may not do this."),
        (EdgeCode.NotFound, 404, "There is no such thing, or it is not yours."),
        (EdgeCode.NotReached, 404, "The account has not come to this sequence or instant yet."),
        (EdgeCode.MethodNotAllowed, 405, "The route does not know this method."),
        (EdgeCode.RateLimited, 429, "Too many requests with these credentials; nothing was taken in."),
        (EdgeCode.Behind, 503, "The account did not come to the asked sequence in time."),
        (EdgeCode.NotReady, 503, "The venue is starting or stopping; nothing was taken in."),
        (EdgeCode.VerificationRunning, 503, "A verification is running; one runs at a time."),
        (EdgeCode.DatabaseAway, 503, "The database does not answer; nothing was read."),
        (EdgeCode.Internal, 500, "Something broke; the outcome is not known."),
    }.ToDictionary(row => row.Code, row => new ProblemKind(
        KebabCase(row.Code.ToString()), row.Status, row.Title, row.Status is 429 or 503 ? Transience.Transient : Transience.Lasting));

    private static readonly Dictionary<string, ProblemKind> ByCode =
        Rejected.Values.Concat(Edge.Values).ToDictionary(kind => kind.Code, StringComparer.Ordinal);

    public static IEnumerable<ProblemKind> All => Rejected.Values.Concat(Edge.Values);

    public static ProblemKind For(Rejection rejection) => Rejected[rejection];

    public static ProblemKind For(EdgeCode code) => Edge[code];

    public static ProblemKind For(string code) => ByCode[code];

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
