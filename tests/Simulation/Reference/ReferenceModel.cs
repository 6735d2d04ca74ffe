using System.Globalization;
using System.Numerics;
using CrossMargin.Simulation.Audit;
using static CrossMargin.Simulation.Audit.StoredFormat;

namespace CrossMargin.Simulation.Reference;

/// <summary>
/// The rules of the venue once more, written from docs/clearing.md and docs/events.md in exact arithmetic and without shards,
/// journal or snapshots. It is told what the engine was told, in the order in which the journal has it, keeps its own state
/// from its own results, and says of every turn which records it must have left.
/// </summary>
internal sealed partial class ReferenceModel
{
    private static readonly BigInteger MaxAmount = BigInteger.Pow(10, 18), MaxBalance = 4 * MaxAmount;
    private const long Second = 1_000_000, Day = 86_400 * Second;

    private readonly Dictionary<string, Account> accounts = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Feed> feeds = new(StringComparer.Ordinal);
    private readonly Market market = new();
    private readonly ParameterBook book = new();
    private readonly HashSet<string> forgotten = [];

    /// <param name="seen">The record that the engine left; it decides where these rules cannot.</param>
    public Outcome Ask(string grain, Request request, long time, Marks? marks, string seen) => request switch
    {
        Request.Capture or Request.Convert or Request.EndOrder or Request.Bust => FeedOf(grain).Ask(request),
        Request.Publish publish => book.Ask(publish, time),
        Request.AdmitFeed or Request.AdmitSource or Request.List or Request.Quote or Request.QuoteBooks or Request.FixFunding or Request.QuoteSurface
            or Request.SettleDay or Request.SettleExpiry or Request.RetireExpiry or Request.Measure => market.Ask(request, time),
        _ => AccountOf(grain).Ask(request, time, marks, seen),
    };

    public Outcome Tell(string grain, object message, Marks? marks) =>
        IsAccount(grain) ? AccountOf(grain).Tell(message, marks) : IsMarket(grain) ? market.Tell(message) : FeedOf(grain).Tell(message);

    public Outcome Wake(string grain, long time, Marks? marks) =>
        IsAccount(grain) ? AccountOf(grain).Wake(time, marks) : IsMarket(grain) ? market.Wake(time) : book.Wake(time);

    /// <summary>What an account does at a frame that its shard adopts; nothing where it needs no turn.</summary>
    public Outcome Adopt(string account, Marks marks) => AccountOf(account).Adopt(marks);

    /// <summary>How a part of an account stands, as it is.</summary>
    public Standing Value(string account, int subAccount, Marks marks) => AccountOf(account).Value(subAccount, marks);

    /// <summary>How each part of an account stands that has something at risk.</summary>
    public IEnumerable<(int SubAccount, Standing Standing)> Values(string account, Marks marks) => AccountOf(account).Values(marks);

    /// <summary>A part stands as the engine says, where these rules could not tell; what is wrong with that, or null.</summary>
    public string? Stand(string account, int subAccount, string status, System.Text.Json.JsonElement? margin, Marks marks) =>
        AccountOf(account).Stand(subAccount, status, margin, marks);

    /// <summary>What waited comes back: when that is called for, the auditor's books know.</summary>
    public void Return(string account, System.Text.Json.JsonElement returned) => AccountOf(account).Return(returned);

    /// <summary>A case was opened for it: how cases are worked is not among these rules, and nothing is said of it from here on.</summary>
    public void Forget(string account) => forgotten.Add(account);

    public bool IsForgotten(string account) => forgotten.Contains(account);

    /// <summary>Whether something was due that has not been done.</summary>
    public bool IsDue(long time) => market.DueAt <= time || book.DueAt <= time;

    public string StateOf(string account) => AccountOf(account).State();

    private Account AccountOf(string id) => accounts.TryGetValue(id, out var known) ? known : accounts[id] = new Account(id);
    private Feed FeedOf(string id) => feeds.TryGetValue(id, out var known) ? known : feeds[id] = new Feed();

    // ---- words --------------------------------------------------------------------------------------------------------

    /// <summary>How far the funding of a perpetual has come: so many periods, and what one long contract has paid since it was listed.</summary>
    private sealed record Point(long Period, BigInteger Index)
    {
        public static readonly Point Start = new(0, 0);
        public Ratio Value => Ratio.Of(Index, 12);
        public static Point Read(string text) => new(long.Parse(text.Split(':')[0], CultureInfo.InvariantCulture), IndexE12(text));
        public override string ToString() => $"{Period}:{Decimal(Index, 12)}";
    }

    private sealed record Listed(Terms Terms, Point Point);

    internal sealed record TransferSent(string From, string To, string Asset, BigInteger Units, string? Owner);
    internal sealed record TransferBounced(string To, string Asset, BigInteger Units, string Reason);
    private sealed record Leg(string Account, int SubAccount, BigInteger Fee, string? Order);
    private sealed record Trade(
        string Id, int Instrument, bool IsPremium, BigInteger Quantity, string Asset, BigInteger Paid, Point Point, Leg Buyer, Leg Seller);
    private sealed record Busted(Trade Trade);
    private sealed record OrderEnded(string Order);
    private sealed record InstrumentsTold(IReadOnlyList<Listed> Instruments);
    internal sealed record Clearance(long Frame);   // what was held under this frame or before may leave
    private sealed record FundingTold(int Instrument, Point Point);

    /// <summary>A position that comes at a price that its owner agreed to beforehand.</summary>
    internal sealed record HandedOver(string From, string Case, int Instrument, bool IsPremium, BigInteger Quantity, string Asset, BigInteger Paid, string Point)
    {
        public static HandedOver Read(System.Text.Json.JsonElement handed)
        {
            var transfer = handed.GetProperty("transfer");
            var (asset, paid) = Amount(transfer.GetProperty("paid").GetString()!);
            return new HandedOver(
                handed.GetProperty("account").GetString()!, handed.GetProperty("case").ToString(), transfer.GetProperty("instrument").GetInt32(),
                transfer.GetProperty("style").GetString() == "Premium", Units(transfer.GetProperty("quantity").GetString()!, 8), asset, paid,
                transfer.GetProperty("funding").GetString()!);
        }
    }

    /// <summary>What its holder says that it could give up of what was assigned to it.</summary>
    internal sealed record GivenUp(string Round, string Assigned, int SubAccount, HandedOver? Transfer, string Text)
    {
        public static GivenUp Read(System.Text.Json.JsonElement given)
        {
            var (round, assigned) = (given.GetProperty("round").ToString(), given.GetProperty("assigned").ToString());
            if (!given.TryGetProperty("transfer", out var transfer)) return new GivenUp(round, assigned, 0, Transfer: null, "");
            var (asset, paid) = Amount(transfer.GetProperty("paid").GetString()!);
            return new GivenUp(
                round, assigned, given.GetProperty("change").GetProperty("subAccount").GetInt32(),
                new HandedOver(
                    "", "", transfer.GetProperty("instrument").GetInt32(), transfer.GetProperty("style").GetString() == "Premium",
                    Units(transfer.GetProperty("quantity").GetString()!, 8), asset, paid, transfer.GetProperty("funding").GetString()!),
                transfer.ToString());
        }
    }

    private sealed record InstrumentsForgotten(IReadOnlyList<int> Instruments);
    private sealed record RulesEffective(int Version, string Document, long At);

    private static string Price(BigInteger price) => Decimal(price, 8);
    private static string Rate(BigInteger rate) => Decimal(rate, 9);
    private static string Refused(string area, string command, string reason) => $"{area}.command-refused.v1 command={command} reason={reason}";

    private static string Json(params (string Name, object? Value)[] fields) => "{" + string.Join(',', fields.Where(field => field.Value is not null)
        .Select(field => $"\"{field.Name}\":{(field.Value is string text ? $"\"{text}\"" : field.Value)}")) + "}";

    private static string Json(Listed listed) => $$"""{"listing":{{Json(listed.Terms)}},"funding":"{{listed.Point}}"}""";

    private static string Json(Terms terms) => Json(
        ("id", terms.Id), ("kind", terms.Kind), ("symbol", terms.Symbol), ("underlying", terms.Underlying), ("settlement", terms.Settlement),
        ("multiplier", Price(terms.Multiplier)), ("tick", Price(terms.Tick)), ("lot", Price(terms.Lot)),
        ("expiry", terms.Expiry is { } expiry ? Time(expiry) : null), ("strike", terms.Strike is { } strike ? Price(strike) : null),
        ("right", terms.Right));

    // ---- accounts -------------------------------------------------------------------------------------------------------

    private sealed record Hold(long Id, string Asset, BigInteger Units, string Destination, long OverdueAt, bool IsReported, string Phase, long Frame);
    private sealed record Sending(long Id, string To, string Asset, BigInteger Units, long Frame, long OverdueAt, bool IsReported, string? Owner);
    private sealed record Reservation(string Id, int SubAccount, int Instrument, string Side, BigInteger Remaining, BigInteger Price);
    private sealed record Position(BigInteger Quantity, string Asset, BigInteger Cost, Point Point);

    private sealed partial class Account(string id)
    {
        private long version;
        private string? owner;
        private bool isClosed;
        private SortedDictionary<(int SubAccount, int Instrument), Position> positions = [];
        private SortedDictionary<string, BigInteger> rounding = new(StringComparer.Ordinal);
        private readonly List<Hold> holds = [];
        private readonly List<Sending> sendings = [];
        private readonly List<Reservation> orders = [];

        public Outcome Ask(Request request, long time, Marks? marks, string seen) => Judged(marks, request switch
        {
            Request.Open open => Open(open),
            Request.Close => Close(),
            Request.Reopen => Reopen(),
            Request.Deposit deposit => Deposit(deposit),
            Request.Finalize finalize => Finalize(finalize),
            Request.Reverse reverse => Reverse(reverse),
            Request.Withdraw withdraw => Withdraw(withdraw, time, marks, seen),
            Request.Cancel cancel => End("cancel-withdrawal", cancel.Withdrawal),
            Request.Post post => End("post-withdrawal", post.Withdrawal),
            Request.Void @void => End("void-withdrawal", @void.Withdrawal),
            Request.Transfer transfer => Send(transfer, time, marks, seen),
            Request.CancelTransfer cancel => CancelTransfer(cancel.Id),
            Request.Reserve reserve => Reserve(reserve, time, marks, seen),
            Request.Isolate isolate => Isolate(isolate.SubAccount),
            Request.Allocate allocate => Allocate(allocate, marks, seen),
            Request.Release release => Release(release, marks, seen),
            _ => throw new AuditFailure("I3", $"account {id} was asked for a {request.GetType().Name}"),
        });

        public Outcome Tell(object message, Marks? marks) => Judged(marks, message switch
        {
            TransferSent sent => Receive(sent),
            TransferBounced bounced => TakeBack(bounced),
            Trade trade => Fill(trade, name: "fill-applied", sign: 1, marks),
            Busted busted => Fill(busted.Trade, name: "fill-reversed", sign: -1, marks),
            OrderEnded ended => Release(ended),
            Conversion conversion => Convert(conversion),
            Clearance clearance => Clear(clearance.Frame),
            HandedOver handed => TakeOver(handed, marks),
            GivenUp given => GiveUp(given),
            GainTaken gain => Lock(gain),
            LossTaken loss => Share(loss),
            _ => throw new AuditFailure("I4", $"account {id} is told of a {message.GetType().Name}"),
        });

        public Outcome Adopt(Marks marks) => Judged(marks, TakeFrame(marks));

        // ---- margin ---------------------------------------------------------------------------------------------------

        private sealed record Holdings(
            SortedDictionary<string, BigInteger> Balances, SortedDictionary<(int SubAccount, int Instrument), Position> Positions,
            IReadOnlyList<Reservation> Orders, bool IsIsolated)
        {
            /// <summary>Of the balances, what is not final.</summary>
            public IReadOnlyList<Lot> Pending { get; init; } = [];

            public bool IsAtRisk => Positions.Count > 0 || Orders.Count > 0 || Balances.Values.Any(units => units.Sign < 0);
        }

        private static Standing Value(Holdings held, Marks marks)
        {
            if (!held.IsAtRisk) return Standing.NothingAtRisk;
            var book = BookOf(held, marks);
            var standing = Evaluate(book, marks);
            return !book.LeavesOut || standing.Status is "Healthy" or "Warning" or "Frozen" ? standing
                : standing.Status is null ? standing with { MayBeFrozen = true } : Standing.Frozen;
        }

        /// <summary>Funding that stands in the frame counts as it will be booked; collateral without a price counts nothing.</summary>
        private static Book BookOf(Holdings held, Marks marks)
        {
            var (balances, leavesOut) = (new SortedDictionary<string, BigInteger>(StringComparer.Ordinal), false);
            foreach (var (asset, balance) in held.Balances)
                if (Counted(asset, balance, held.Pending, marks) is var units && (units.Sign < 0 || marks.Assets.ContainsKey(asset))) balances[asset] = units;
                else leavesOut |= !units.IsZero && RulesIn(marks).Lists(asset);
            var merged = new SortedDictionary<int, (BigInteger Quantity, string Asset, BigInteger Cost)>();
            foreach (var ((_, instrument), position) in held.Positions)
            {
                var sum = merged.GetValueOrDefault(instrument, (0, position.Asset, 0));
                merged[instrument] = (sum.Quantity + position.Quantity, position.Asset, sum.Cost + position.Cost);
                if (PointIn(marks, instrument) is not { } point || point.Period <= position.Point.Period) continue;
                var owed = (Ratio.Of(position.Quantity, 8) * (point.Value - position.Point.Value)).Up(ScaleOf(position.Asset));
                if (BigInteger.Abs(owed) <= long.MaxValue) balances[position.Asset] = balances.GetValueOrDefault(position.Asset) - owed;
            }

            return new Book(balances, merged, held.Orders, leavesOut, held.IsIsolated);
        }

        private static Point? PointIn(Marks marks, int instrument) => marks.Points.TryGetValue(instrument, out var text) ? Point.Read(text) : null;

        private sealed record Verdict(string? Reason, Standing? Figures);

        /// <summary>Afterwards it may open, or it is no riskier than before. What cannot be valued may do nothing.</summary>
        private static Verdict Judge(Holdings before, Holdings after, Marks? marks, Func<Standing, Standing, bool?> isNoRiskier, string seen)
        {
            if (marks is null) return new Verdict("no-price", null);
            var (now, then) = (Value(before, marks), Value(after, marks));
            if (now.Status == "Frozen") return new Verdict("account-frozen", null);
            if (then.Status == "Frozen") return new Verdict(now.MayBeFrozen && seen.EndsWith("reason=account-frozen", StringComparison.Ordinal) ? "account-frozen" : "no-price", null);
            if (!then.IsPriced) return new Verdict(null, null);
            bool? mayOpen = then.Requirement is { } required ? !required.Initial.IsAbove(then.MarginEquity) : null;
            bool? isHarmless = mayOpen == true ? true : now.IsPriced ? isNoRiskier(now, then) : false;
            var reason = mayOpen == true || isHarmless == true ? null
                : mayOpen is not null && isHarmless is not null ? "insufficient-margin"
                : ((string[])["insufficient-margin", "account-frozen", "no-price"]).FirstOrDefault(reason => seen.EndsWith($"reason={reason}", StringComparison.Ordinal));
            return new Verdict(reason, reason is null or "insufficient-margin" ? then : null);
        }

        /// <summary>What leaves a part without risk puts nothing at risk.</summary>
        private Verdict JudgeLeaving(Part part, string asset, BigInteger units, Marks? marks, string seen)
        {
            if (part == Pool && gain is { } locked && locked.Asset == asset && Balance(asset) - units < locked.Units) return new Verdict("gains-locked", null);
            var held = HeldIn(part);
            if (!held.IsAtRisk) return new Verdict(null, null);
            return Judge(held, held with { Balances = part.Less(asset, units) }, marks, (now, then) => IsNoRiskier(then, now, RulesIn(marks!)), seen);
        }

        /// <summary>An order is harmless when all of its side in its instrument may be filled.</summary>
        private Verdict JudgeOrder(Reservation order, Marks? marks, string seen)
        {
            if (marks is not null && !marks.Instruments.ContainsKey(order.Instrument)) return new Verdict("unknown-instrument", null);
            if (marks is null) return new Verdict("no-price", null);
            var (part, held) = (PartOf(order.SubAccount), HeldIn(PartOf(order.SubAccount)));
            var after = held with { Orders = [.. held.Orders, order] };
            var (rules, unfilled) = (RulesIn(marks), BookOf(after, marks));
            var filled = (Book?)unfilled;
            foreach (var other in after.Orders.Where(other => other.Instrument == order.Instrument && other.Side == order.Side))
                filled = filled?.After(marks.Instruments[order.Instrument], other.Side, other.Remaining, other.Price, rules.OrderFee);
            var verdict = Judge(held, after, marks, (now, _) =>
                filled is null || Evaluate(filled, marks) is not { IsPriced: true } then ? false : IsNoRiskier(then, now, rules), seen);
            if (verdict.Reason is not null || filled is null) return verdict;

            // An owner borrows up to the limit, and who is beyond it no more than that.
            foreach (var (asset, units) in filled.Balances)
            {
                var spent = units - unfilled.Balances.GetValueOrDefault(asset);
                var limit = rules.Borrow(asset) is { } borrow ? Rules.Number(borrow, "limit") : None;
                if (spent.Sign < 0 && -Ratio.Of(part.Balance(asset) + spent, ScaleOf(asset)) > limit) return new Verdict("borrow-limit", null);
            }

            return verdict;
        }

        private static Outcome Refused(string command, Verdict verdict) =>
            new Fact(Refused(command, verdict.Reason!), Margin: verdict.Figures);

        public string State() => AccountBook.Line(
            AccountBook.PhaseOf(owner, isClosed), AccountBook.StatusLine(parts.Values.Select(part => (part.SubAccount, part.Status))),
            parts.Values.SelectMany(part => part.Balances.Where(entry => !entry.Value.IsZero).Select(entry => AccountBook.OfPart(part.SubAccount, Text(entry.Key, entry.Value)))),
            holds.Select(hold => AccountBook.HoldLine(hold.Id, Text(hold.Asset, hold.Units), hold.Destination, Time(hold.OverdueAt), hold.IsReported, hold.Phase, hold.Frame)),
            PositionsByPart.Select(entry => $"{entry.Key.SubAccount}/{entry.Key.Instrument}/{Price(entry.Value.Quantity)}/{Text(entry.Value.Asset, entry.Value.Cost)}/{entry.Value.Point}"),
            OrdersByPart.Select(order => $"{order.Id}/{order.SubAccount}/{order.Instrument}/{order.Side}/{Price(order.Remaining)}/{Price(order.Price)}"),
            rounding.Where(entry => !entry.Value.IsZero).Select(entry => $"{entry.Key}/{entry.Value}")) + LotState() + LoanState() + CaseState();

        private BigInteger Balance(string asset) => Pool.Balance(asset);

        private string Credit(string asset, BigInteger units, BigInteger? shown = null)
        {
            Pool.Balances[asset] = Balance(asset) + units;
            return $"amount={Text(asset, shown ?? units)} balanceAfter={Text(asset, Balance(asset))}";
        }

        private string Debit(string asset, BigInteger units) => Credit(asset, -units, units);

        private static string Refused(string command, string reason) => ReferenceModel.Refused("account", command, reason);

        private string Short(string command, string asset) => $"{Refused(command, "exceeds-balance")} available={Text(asset, Final(asset))}";

        /// <summary>Why it does nothing at all.</summary>
        private string? Absence => owner is null ? "account-not-found" : isClosed ? "account-closed" : null;

        /// <summary>Why no command can move this amount, whatever the account has.</summary>
        private string? Unusable(string asset, BigInteger units) =>
            Absence is { } absent ? absent
            : !IsListed(asset) ? "unknown-asset"
            : units.Sign <= 0 ? "amount-not-positive"
            : units > MaxAmount ? "amount-too-large"
            : null;

        private Outcome Open(Request.Open open)
        {
            if (owner is not null) return Outcome.No("account-already-open");
            owner = open.Owner;
            return $"account.opened.v1 owner={owner}";
        }

        /// <summary>One that holds, owes and expects nothing.</summary>
        private Outcome Close()
        {
            if (Absence is { } absent) return Refused("close", absent);
            var isEmpty = parts.Values.All(part => part.Balances.Values.All(units => units.IsZero)) && positions.Count + orders.Count + holds.Count + sendings.Count + lots.Count == 0;
            if (!isEmpty) return Refused("close", "account-not-empty");
            isClosed = true;
            return "account.closed.v1";
        }

        private Outcome Reopen()
        {
            if (!isClosed) return Refused("reopen", owner is null ? "account-not-found" : "account-already-open");
            isClosed = false;
            return "account.reopened.v1";
        }

        private Outcome Deposit(Request.Deposit deposit)
        {
            if (Unusable(deposit.Asset, deposit.Units) is { } no) return Refused("deposit", no);
            if (deposit.Origin is { Finality: "Pending" } && lots.Count >= 100) return Refused("deposit", "too-many-pending-deposits");
            if (Balance(deposit.Asset) + deposit.Units > MaxBalance) return Refused("deposit", "balance-limit");
            return $"account.deposited.v1 {Credit(deposit.Asset, deposit.Units)} reference={deposit.Reference}{Report(deposit)}";
        }

        private Outcome Withdraw(Request.Withdraw withdraw, long time, Marks? marks, string seen)
        {
            if (Unusable(withdraw.Asset, withdraw.Units) is { } no) return Refused("withdraw", no);
            if (holds.Count >= 100) return Refused("withdraw", "too-many-withdrawals");
            if (withdraw.Units > Final(withdraw.Asset)) return Short("withdraw", withdraw.Asset);
            var already = HeldOf(withdraw.Asset) + withdraw.Units;
            if (already > MaxBalance) return Refused("withdraw", "balance-limit");
            var verdict = JudgeLeaving(Pool, withdraw.Asset, withdraw.Units, marks, seen);
            if (verdict.Reason is not null) return Refused("withdraw", verdict);
            var frame = marks?.Number ?? 0;
            var hold = new Hold(version + 1, withdraw.Asset, withdraw.Units, withdraw.Destination, time + Day, IsReported: false, "held", frame);
            holds.Add(hold);
            return new Fact($"account.withdrawal-held.v1 withdrawal={hold.Id} {Debit(hold.Asset, hold.Units)} destination={hold.Destination} overdueAt={Time(hold.OverdueAt)}"
                + (frame > 0 ? $" frame={frame}" : ""), Margin: verdict.Figures);
        }

        private Outcome End(string command, long withdrawal)
        {
            if (Absence is { } absent) return Refused(command, absent);
            if (holds.Find(hold => hold.Id == withdrawal) is not { } hold) return Refused(command, "unknown-withdrawal");
            var (due, otherwise) = command == "cancel-withdrawal" ? ("held", "withdrawal-cleared") : ("instructed", "withdrawal-not-instructed");
            if (hold.Phase != due) return Refused(command, otherwise);
            holds.Remove(hold);
            return command == "post-withdrawal"
                ? $"account.withdrawal-posted.v1 withdrawal={hold.Id} amount={Text(hold.Asset, hold.Units)}"
                : $"account.withdrawal-{(hold.Phase == "held" ? "cancelled" : "voided")}.v1 withdrawal={hold.Id} {Credit(hold.Asset, hold.Units)}";
        }

        private BigInteger HeldOf(string asset) => holds.Select(hold => (hold.Asset, hold.Units)).Concat(sendings.Select(sent => (sent.Asset, sent.Units)))
            .Where(held => held.Asset == asset).Aggregate(BigInteger.Zero, (sum, held) => sum + held.Units);

        private Outcome Clear(long frame) => new([.. ClearWithdrawals(frame), .. sendings.Where(sent => sent.Frame <= frame).ToList().Select(sent =>
        {
            sendings.Remove(sent);
            return new Fact($"account.transfer-cleared.v1 transfer={sent.Id} frame={frame} from={id} to={sent.To} amount={Text(sent.Asset, sent.Units)}{Said(sent.Owner)}",
                new TransferSent(id, sent.To, sent.Asset, sent.Units, sent.Owner));
        })], Refused: null);

        private List<Fact> ClearWithdrawals(long frame) => [.. holds.ToList().Where(hold => hold.Phase == "held" && hold.Frame <= frame).SelectMany(hold =>
        {
            holds[holds.IndexOf(hold)] = hold with { Phase = "instructed" };
            return (Fact[])[new($"account.withdrawal-cleared.v1 withdrawal={hold.Id} frame={frame}"),
                new($"account.withdrawal-instructed.v1 withdrawal={hold.Id} amount={Text(hold.Asset, hold.Units)} destination={hold.Destination}")];
        })];

        private Outcome Send(Request.Transfer transfer, long time, Marks? marks, string seen)
        {
            if (Unusable(transfer.Asset, transfer.Units) is { } no) return Refused("transfer", no);
            if (transfer.To == id) return Refused("transfer", "transfer-to-self");
            var goesAtOnce = transfer.IsWithin && !HeldIn(Pool).IsAtRisk;
            if (!goesAtOnce && sendings.Count >= 100) return Refused("transfer", "too-many-transfers");
            if (transfer.Units > Final(transfer.Asset)) return Short("transfer", transfer.Asset);
            if (!goesAtOnce && HeldOf(transfer.Asset) + transfer.Units > MaxBalance) return Refused("transfer", "balance-limit");
            var verdict = JudgeLeaving(Pool, transfer.Asset, transfer.Units, marks, seen);
            if (verdict.Reason is not null) return Refused("transfer", verdict);
            if (goesAtOnce)
                return new Fact(
                    $"account.transfer-sent.v1 from={id} to={transfer.To} {Debit(transfer.Asset, transfer.Units)} owner={owner}",
                    new TransferSent(id, transfer.To, transfer.Asset, transfer.Units, owner), verdict.Figures);
            var sent = new Sending(version + 1, transfer.To, transfer.Asset, transfer.Units, marks?.Number ?? 0, time + Day, IsReported: false, transfer.IsWithin ? owner : null);
            sendings.Add(sent);
            return new Fact(
                $"account.transfer-held.v1 transfer={sent.Id} to={sent.To} {Debit(sent.Asset, sent.Units)} overdueAt={Time(sent.OverdueAt)}" + (sent.Frame > 0 ? $" frame={sent.Frame}" : "")
                + Said(sent.Owner), Margin: verdict.Figures);
        }

        private static string Said(string? owner) => owner is null ? "" : $" owner={owner}";

        private Outcome CancelTransfer(long transfer)
        {
            if (Absence is { } absent) return Refused("cancel-transfer", absent);
            if (sendings.Find(waiting => waiting.Id == transfer) is not { } sent) return Refused("cancel-transfer", "unknown-transfer");
            sendings.Remove(sent);
            return $"account.transfer-cancelled.v1 transfer={sent.Id} {Credit(sent.Asset, sent.Units)}";
        }

        private Outcome TakeBack(TransferBounced bounced)
        {
            if (Absence is { } absent) return Outcome.No(absent);
            if (!HasRoom(Pool, bounced.Asset, Balance(bounced.Asset) + bounced.Units)) return Outcome.No("balance-limit");
            return $"account.transfer-returned.v1 to={bounced.To} {Credit(bounced.Asset, bounced.Units)} reason={bounced.Reason}";
        }

        private Outcome Receive(TransferSent sent)
        {
            var isAnothers = sent.Owner is { } sender && sender != owner;
            var refusal = Absence is { } absent ? absent : isAnothers ? "other-owner" : Balance(sent.Asset) + sent.Units > MaxBalance ? "balance-limit" : null;
            if (refusal is null) return $"account.transfer-received.v1 from={sent.From} {Credit(sent.Asset, sent.Units)}";
            return new Fact(
                $"account.transfer-bounced.v1 from={sent.From} to={id} amount={Text(sent.Asset, sent.Units)} reason={refusal}",
                new TransferBounced(id, sent.Asset, sent.Units, refusal));
        }
    }
}
