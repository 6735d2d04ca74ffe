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
internal sealed class ReferenceModel
{
    private static readonly BigInteger MaxAmount = BigInteger.Pow(10, 18), MaxBalance = 4 * MaxAmount;
    private const long Second = 1_000_000, Day = 86_400 * Second;

    private readonly Dictionary<string, Account> accounts = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Feed> feeds = new(StringComparer.Ordinal);
    private readonly Market market = new();

    public Outcome Ask(string grain, Request request, long time, long frame) => request switch
    {
        Request.Capture or Request.EndOrder or Request.Bust => FeedOf(grain).Ask(request),
        Request.AdmitFeed or Request.AdmitSource or Request.List or Request.Quote or Request.FixFunding => market.Ask(request, time),
        _ => AccountOf(grain).Ask(request, time, frame),
    };

    public Outcome Tell(string grain, object message) =>
        IsAccount(grain) ? AccountOf(grain).Tell(message) : FeedOf(grain).Tell(message);

    public Outcome Wake(string grain, long time) => IsAccount(grain) ? AccountOf(grain).Wake(time) : market.Wake(time);

    /// <summary>Whether something was due that has not been done.</summary>
    public bool IsDue(long time) => market.DueAt <= time;

    public string StateOf(string account) => AccountOf(account).State();

    private Account AccountOf(string id) => accounts.TryGetValue(id, out var known) ? known : accounts[id] = new Account(id);
    private Feed FeedOf(string id) => feeds.TryGetValue(id, out var known) ? known : feeds[id] = new Feed();

    // ---- words --------------------------------------------------------------------------------------------------------

    /// <summary>How far the funding of a perpetual has come: so many periods, and what one long contract has paid since it was listed.</summary>
    private sealed record Point(long Period, BigInteger Index)
    {
        public static readonly Point Start = new(0, 0);
        public Ratio Value => Ratio.Of(Index, 12);
        public override string ToString() => $"{Period}:{Decimal(Index, 12)}";
    }

    private sealed record Listed(Terms Terms, Point Point);

    private sealed record TransferSent(string From, string To, string Asset, BigInteger Units);
    private sealed record TransferBounced(string To, string Asset, BigInteger Units, string Reason);
    private sealed record Leg(string Account, int SubAccount, BigInteger Fee, string? Order);
    private sealed record Trade(
        string Id, int Instrument, bool IsPremium, BigInteger Quantity, string Asset, BigInteger Paid, Point Point, Leg Buyer, Leg Seller);
    private sealed record Busted(Trade Trade);
    private sealed record OrderEnded(string Order);
    private sealed record InstrumentsTold(IReadOnlyList<Listed> Instruments);
    internal sealed record Clearance(long Frame);   // what was held under this frame or before may leave
    private sealed record FundingTold(int Instrument, Point Point);

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
    private sealed record Reservation(string Id, int SubAccount, int Instrument, string Side, BigInteger Remaining, BigInteger Price);
    private sealed record Position(BigInteger Quantity, string Asset, BigInteger Cost, Point Point);

    private sealed class Account(string id)
    {
        private long version;
        private string? owner;
        private SortedDictionary<string, BigInteger> balances = new(StringComparer.Ordinal);
        private SortedDictionary<(int SubAccount, int Instrument), Position> positions = [];
        private SortedDictionary<string, BigInteger> rounding = new(StringComparer.Ordinal);
        private readonly List<Hold> holds = [];
        private readonly List<Reservation> orders = [];

        public Outcome Ask(Request request, long time, long frame) => Counted(request switch
        {
            Request.Open open => Open(open),
            Request.Deposit deposit => Deposit(deposit),
            Request.Withdraw withdraw => Withdraw(withdraw, time, frame),
            Request.Cancel cancel => End("cancel-withdrawal", cancel.Withdrawal),
            Request.Post post => End("post-withdrawal", post.Withdrawal),
            Request.Void @void => End("void-withdrawal", @void.Withdrawal),
            Request.Transfer transfer => Send(transfer),
            Request.Reserve reserve => Reserve(reserve),
            _ => throw new AuditFailure("I3", $"account {id} was asked for a {request.GetType().Name}"),
        });

        public Outcome Tell(object message) => Counted(message switch
        {
            TransferSent sent => Receive(sent),
            TransferBounced bounced =>
                $"account.transfer-returned.v1 to={bounced.To} {Credit(bounced.Asset, bounced.Units)} reason={bounced.Reason}",
            Trade trade => Fill(trade, name: "fill-applied", sign: 1),
            Busted busted => Fill(busted.Trade, name: "fill-reversed", sign: -1),
            OrderEnded ended => Release(ended),
            FundingTold told => Settle(told),
            Clearance clearance => Clear(clearance.Frame),
            _ => throw new AuditFailure("I4", $"account {id} is told of a {message.GetType().Name}"),
        });

        public Outcome Wake(long time) => Counted(new Outcome(
        [
            .. holds.ToList().Where(hold => !hold.IsReported && hold.OverdueAt <= time).Select(hold =>
            {
                holds[holds.IndexOf(hold)] = hold with { IsReported = true };
                return new Fact($"account.withdrawal-overdue.v1 withdrawal={hold.Id}");
            }),
        ], Refused: null));

        public string State() => AccountBook.Line(
            owner, balances.Where(entry => !entry.Value.IsZero).Select(entry => Text(entry.Key, entry.Value)),
            holds.Select(hold => AccountBook.HoldLine(hold.Id, Text(hold.Asset, hold.Units), hold.Destination, Time(hold.OverdueAt), hold.IsReported, hold.Phase, hold.Frame)),
            positions.Select(entry => $"{entry.Key.SubAccount}/{entry.Key.Instrument}/{Price(entry.Value.Quantity)}/{Text(entry.Value.Asset, entry.Value.Cost)}/{entry.Value.Point}"),
            orders.Select(order => $"{order.Id}/{order.SubAccount}/{order.Instrument}/{order.Side}/{Price(order.Remaining)}/{Price(order.Price)}"),
            rounding.Where(entry => !entry.Value.IsZero).Select(entry => $"{entry.Key}/{entry.Value}"));

        private Outcome Counted(Outcome outcome)
        {
            version += outcome.Facts.Count;
            return outcome;
        }

        private BigInteger Balance(string asset) => balances.GetValueOrDefault(asset);

        private string Credit(string asset, BigInteger units, BigInteger? shown = null)
        {
            balances[asset] = Balance(asset) + units;
            return $"amount={Text(asset, shown ?? units)} balanceAfter={Text(asset, Balance(asset))}";
        }

        private string Debit(string asset, BigInteger units) => Credit(asset, -units, units);

        private static string Refused(string command, string reason) => ReferenceModel.Refused("account", command, reason);

        private string Short(string command, string asset) => $"{Refused(command, "exceeds-balance")} available={Text(asset, Balance(asset))}";

        /// <summary>Why no command can move this amount, whatever the account has.</summary>
        private string? Unusable(string asset, BigInteger units) =>
            owner is null ? "account-not-found"
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

        private Outcome Deposit(Request.Deposit deposit)
        {
            if (Unusable(deposit.Asset, deposit.Units) is { } no) return Refused("deposit", no);
            if (Balance(deposit.Asset) + deposit.Units > MaxBalance) return Refused("deposit", "balance-limit");
            return $"account.deposited.v1 {Credit(deposit.Asset, deposit.Units)} reference={deposit.Reference}";
        }

        private Outcome Withdraw(Request.Withdraw withdraw, long time, long frame)
        {
            if (Unusable(withdraw.Asset, withdraw.Units) is { } no) return Refused("withdraw", no);
            if (holds.Count >= 100) return Refused("withdraw", "too-many-withdrawals");
            if (withdraw.Units > Balance(withdraw.Asset)) return Short("withdraw", withdraw.Asset);
            var held = holds.Where(other => other.Asset == withdraw.Asset).Aggregate(withdraw.Units, (sum, other) => sum + other.Units);
            if (held > MaxBalance) return Refused("withdraw", "balance-limit");
            holds.Add(new Hold(version + 1, withdraw.Asset, withdraw.Units, withdraw.Destination, time + Day, IsReported: false, "held", frame));
            return $"account.withdrawal-held.v1 withdrawal={version + 1} {Debit(withdraw.Asset, withdraw.Units)} destination={withdraw.Destination} overdueAt={Time(time + Day)}"
                + (frame > 0 ? $" frame={frame}" : "");
        }

        private Outcome End(string command, long withdrawal)
        {
            if (owner is null) return Refused(command, "account-not-found");
            if (holds.Find(hold => hold.Id == withdrawal) is not { } hold) return Refused(command, "unknown-withdrawal");
            var (due, otherwise) = command == "cancel-withdrawal" ? ("held", "withdrawal-cleared") : ("instructed", "withdrawal-not-instructed");
            if (hold.Phase != due) return Refused(command, otherwise);
            holds.Remove(hold);
            return command == "post-withdrawal"
                ? $"account.withdrawal-posted.v1 withdrawal={hold.Id} amount={Text(hold.Asset, hold.Units)}"
                : $"account.withdrawal-{(hold.Phase == "held" ? "cancelled" : "voided")}.v1 withdrawal={hold.Id} {Credit(hold.Asset, hold.Units)}";
        }

        private Outcome Clear(long frame) => new([.. holds.ToList().Where(hold => hold.Phase == "held" && hold.Frame <= frame).SelectMany(hold =>
        {
            holds[holds.IndexOf(hold)] = hold with { Phase = "instructed" };
            return (Fact[])[new($"account.withdrawal-cleared.v1 withdrawal={hold.Id} frame={frame}"),
                new($"account.withdrawal-instructed.v1 withdrawal={hold.Id} amount={Text(hold.Asset, hold.Units)} destination={hold.Destination}")];
        })], Refused: null);

        private Outcome Send(Request.Transfer transfer)
        {
            if (Unusable(transfer.Asset, transfer.Units) is { } no) return Refused("transfer", no);
            if (transfer.To == id) return Refused("transfer", "transfer-to-self");
            if (transfer.Units > Balance(transfer.Asset)) return Short("transfer", transfer.Asset);
            return new Fact(
                $"account.transfer-sent.v1 from={id} to={transfer.To} {Debit(transfer.Asset, transfer.Units)}",
                new TransferSent(id, transfer.To, transfer.Asset, transfer.Units));
        }

        private Outcome Receive(TransferSent sent)
        {
            var refusal = owner is null ? "account-not-found" : Balance(sent.Asset) + sent.Units > MaxBalance ? "balance-limit" : null;
            if (refusal is null) return $"account.transfer-received.v1 from={sent.From} {Credit(sent.Asset, sent.Units)}";
            return new Fact(
                $"account.transfer-bounced.v1 from={sent.From} to={id} amount={Text(sent.Asset, sent.Units)} reason={refusal}",
                new TransferBounced(id, sent.Asset, sent.Units, refusal));
        }

        private Outcome Reserve(Request.Reserve order)
        {
            if (owner is null) return Refused("reserve-order", "account-not-found");
            if (orders.Exists(open => open.Id == order.Order)) return Refused("reserve-order", "order-id-in-use");
            if (orders.Count >= 1_000) return Refused("reserve-order", "too-many-orders");
            if (order.Quantity.Sign <= 0) return Refused("reserve-order", "quantity-not-positive");
            if (order.Price.Sign <= 0) return Refused("reserve-order", "price-not-positive");
            orders.Add(new Reservation(order.Order, order.SubAccount, order.Instrument, order.Side, order.Quantity, order.Price));
            return $"account.order-reserved.v1 order={order.Order} subAccount={order.SubAccount} instrument={order.Instrument}"
                + $" side={order.Side} quantity={Price(order.Quantity)} price={Price(order.Price)}";
        }

        private Outcome Release(OrderEnded ended)
        {
            if (orders.Find(open => open.Id == ended.Order) is not { } order) return Outcome.Nothing;
            orders.Remove(order);
            return $"account.order-released.v1 order={order.Id} quantity={Price(order.Remaining)}";
        }

        /// <summary>The sides of a trade that are ours: bought, sold, or both. In one sub-account both leave only their fees.</summary>
        private Outcome Fill(Trade trade, string name, int sign)
        {
            if (owner is null) return Outcome.No("account-not-found");
            var before = (new SortedDictionary<string, BigInteger>(balances, StringComparer.Ordinal),
                new SortedDictionary<(int, int), Position>(positions), new SortedDictionary<string, BigInteger>(rounding, StringComparer.Ordinal));
            var (buys, sells) = (trade.Buyer.Account == id, trade.Seller.Account == id);
            var facts = new List<Fact>();
            var fits = buys && sells && trade.Buyer.SubAccount == trade.Seller.SubAccount
                ? Take(trade.Buyer.SubAccount, quantity: 0, paid: 0, fee: sign * (trade.Buyer.Fee + trade.Seller.Fee))
                : (!buys || Take(trade.Buyer.SubAccount, sign * trade.Quantity, sign * trade.Paid, sign * trade.Buyer.Fee))
                    && (!sells || Take(trade.Seller.SubAccount, -sign * trade.Quantity, -sign * trade.Paid, sign * trade.Seller.Fee));
            if (!fits)
            {
                (balances, positions, rounding) = before;
                return Outcome.No("position-limit");
            }

            if (sign > 0)
            {
                if (buys) FillOrder(trade.Buyer.Order);
                if (sells) FillOrder(trade.Seller.Order);
            }

            return new Outcome(facts, Refused: null);

            bool Take(int subAccount, BigInteger quantity, BigInteger paid, BigInteger fee)
            {
                if (Change(trade, subAccount, quantity, paid, fee) is not { } change) return false;
                facts.Add(new Fact($"account.{name}.v1 trade={trade.Id} change={change}"));
                return true;
            }

            void FillOrder(string? name)
            {
                if (name is null || orders.Find(open => open.Id == name) is not { } order) return;
                var filled = BigInteger.Min(trade.Quantity, order.Remaining);
                var rest = order with { Remaining = order.Remaining - filled };
                if (rest.Remaining.IsZero) orders.Remove(order);
                else orders[orders.IndexOf(order)] = rest;
                facts.Add(new Fact($"account.order-filled.v1 order={order.Id} quantity={Price(filled)} remaining={Price(rest.Remaining)}"));
            }
        }

        /// <summary>
        /// What closes takes its share of the cost and of the amount paid, each rounded up, and minus their sum is cash; a premium is
        /// cash at once. Position and fill are brought to the later of their funding points, and what they owe is rounded up.
        /// </summary>
        private string? Change(Trade trade, int subAccount, BigInteger quantity, BigInteger paid, BigInteger fee)
        {
            var (asset, scale) = (trade.Asset, ScaleOf(trade.Asset));
            var key = (subAccount, trade.Instrument);
            var held = positions.GetValueOrDefault(key) ?? new Position(0, asset, 0, trade.Point);
            var point = held.Point.Period >= trade.Point.Period ? held.Point : trade.Point;
            var owed = (Ratio.Of(held.Quantity, 8) * (point.Value - held.Point.Value))
                + (Ratio.Of(quantity, 8) * (point.Value - trade.Point.Value));
            var funding = owed.Up(scale);
            var house = (Ratio.Of(funding, scale) - owed).Down(20);

            var realized = trade.IsPremium ? -paid : BigInteger.Zero;
            if (!trade.IsPremium && held.Quantity.Sign * quantity.Sign < 0)
            {
                var closes = Ratio.Of(BigInteger.Min(BigInteger.Abs(held.Quantity), BigInteger.Abs(quantity)), 0);
                var costShare = Ratio.Of(held.Cost, 0) * closes / Ratio.Of(BigInteger.Abs(held.Quantity), 0);
                var paidShare = Ratio.Of(paid, 0) * closes / Ratio.Of(BigInteger.Abs(quantity), 0);
                realized = -costShare.Up(0) - paidShare.Up(0);
            }

            var after = new Position(held.Quantity + quantity, asset, held.Cost + paid + realized, point);
            var balance = Balance(asset) + realized - fee - funding;
            foreach (var number in (BigInteger[])[after.Quantity, after.Cost, balance, realized, funding])
                if (BigInteger.Abs(number) > long.MaxValue) return null;

            balances[asset] = balance;
            if (after.Quantity.IsZero) positions.Remove(key);
            else positions[key] = after;
            rounding[asset] = rounding.GetValueOrDefault(asset) + house;
            return Json(
                ("subAccount", subAccount), ("instrument", trade.Instrument), ("quantity", Price(quantity)), ("paid", Text(asset, paid)),
                ("realized", Text(asset, realized)), ("fee", Text(asset, fee)), ("funding", Text(asset, funding)), ("houseRoundingE20", house),
                ("fundingAfter", point.ToString()), ("quantityAfter", Price(after.Quantity)), ("costAfter", Text(asset, after.Cost)),
                ("balanceAfter", Text(asset, balance)));
        }

        /// <summary>Every position in the perpetual comes to the fixed point; one that is there already stays.</summary>
        private Outcome Settle(FundingTold told)
        {
            var facts = new List<Fact>();
            foreach (var (key, held) in positions.Where(entry => entry.Key.Instrument == told.Instrument).ToList())
            {
                if (held.Point.Period >= told.Point.Period) continue;
                var (asset, scale) = (held.Asset, ScaleOf(held.Asset));
                var owed = Ratio.Of(held.Quantity, 8) * (told.Point.Value - held.Point.Value);
                var funding = owed.Up(scale);
                var house = (Ratio.Of(funding, scale) - owed).Down(20);
                balances[asset] = Balance(asset) - funding;
                rounding[asset] = rounding.GetValueOrDefault(asset) + house;
                positions[key] = held with { Point = told.Point };
                facts.Add(new Fact($"account.funding-applied.v1 subAccount={key.SubAccount} instrument={key.Instrument} funding={Text(asset, funding)}"
                    + $" houseRoundingE20={house} fundingAfter={told.Point} balanceAfter={Text(asset, Balance(asset))}"));
            }

            return new Outcome(facts, Refused: null);
        }
    }

    // ---- feeds ------------------------------------------------------------------------------------------------------------

    private sealed class Feed
    {
        private static readonly BigInteger MaxFeeRate = 100_000_000;   // a tenth

        private readonly SortedDictionary<int, Listed> instruments = [];
        private readonly SortedDictionary<string, BigInteger> fees = new(StringComparer.Ordinal);
        private readonly Dictionary<string, (Trade Trade, bool IsBusted)> trades = new(StringComparer.Ordinal);

        public Outcome Ask(Request request) => request switch
        {
            Request.Capture trade => Capture(trade),
            Request.Bust bust => Bust(bust),
            Request.EndOrder end => new Fact($"order.ended.v1 order={end.Order} account={end.Account}", new OrderEnded(end.Order)),
            _ => throw new AuditFailure("I3", $"a feed was asked for a {request.GetType().Name}"),
        };

        public Outcome Tell(object message)
        {
            if (message is InstrumentsTold told)
            {
                foreach (var listed in told.Instruments) instruments[listed.Terms.Id] = listed;
                return $"trade.instruments-learned.v1 instruments={string.Join(',', told.Instruments.Select(ReferenceModel.Json))}";
            }

            var funding = (FundingTold)message;
            instruments[funding.Instrument] = instruments[funding.Instrument] with { Point = funding.Point };
            return $"trade.funding-learned.v1 instrument={funding.Instrument} funding={funding.Point}";
        }

        private Outcome Capture(Request.Capture report)
        {
            if (!instruments.TryGetValue(report.Instrument, out var listed)) return Refused("unknown-instrument");
            var terms = listed.Terms;
            if (terms.Expiry is { } expiry && report.TradedAt >= expiry) return Refused("instrument-expired");
            if (report.Quantity.Sign <= 0) return Refused("quantity-not-positive");
            if (!(report.Quantity % terms.Lot).IsZero) return Refused("quantity-off-lot");
            if (report.Price.Sign <= 0) return Refused("price-not-positive");
            if (!(report.Price % terms.Tick).IsZero) return Refused("price-off-tick");
            if (BigInteger.Abs(report.Buyer.FeeRate) > MaxFeeRate || BigInteger.Abs(report.Seller.FeeRate) > MaxFeeRate)
                return Refused("fee-out-of-range");

            var (asset, scale) = (terms.Settlement, ScaleOf(terms.Settlement));
            var paid = (Ratio.Of(report.Price, 8) * Ratio.Of(report.Quantity, 8) * Ratio.Of(terms.Multiplier, 8)).Up(scale);
            if (paid > MaxAmount) return Refused("notional-too-large");
            if (trades.ContainsKey(report.Id)) return Refused("trade-id-reused");
            var (buyer, seller) = (LegOf(report.Buyer), LegOf(report.Seller));
            if (!Collect(asset, buyer.Fee + seller.Fee)) return Refused("notional-too-large");

            var isPremium = terms.Kind == "Option";
            var trade = new Trade(report.Id, terms.Id, isPremium, report.Quantity, asset, paid, listed.Point, buyer, seller);
            trades.Add(trade.Id, (trade, IsBusted: false));
            return new Fact(
                $"trade.captured.v1 trade={trade.Id} instrument={trade.Instrument} style={(isPremium ? "Premium" : "Variation")} price={Price(report.Price)}"
                + $" {Amounts(trade)} tradedAt={Time(report.TradedAt)}", trade);

            Leg LegOf(Party party) => new(
                party.Account, party.SubAccount, (Ratio.Of(paid, scale) * Ratio.Of(party.FeeRate, 9)).Up(scale), party.Order);

            static Outcome Refused(string reason) => ReferenceModel.Refused("trade", "capture", reason);
        }

        private Outcome Bust(Request.Bust bust)
        {
            if (!trades.TryGetValue(bust.Trade, out var known)) return Refused("trade", "bust", "unknown-trade");
            if (known.IsBusted) return Refused("trade", "bust", "trade-already-busted");
            var trade = known.Trade;
            if (!Collect(trade.Asset, -(trade.Buyer.Fee + trade.Seller.Fee))) return Refused("trade", "bust", "notional-too-large");
            trades[trade.Id] = (trade, IsBusted: true);
            return new Fact(
                $"trade.busted.v1 trade={trade.Id} instrument={trade.Instrument} style={(trade.IsPremium ? "Premium" : "Variation")} {Amounts(trade)}",
                new Busted(trade));
        }

        private bool Collect(string asset, BigInteger more)
        {
            var after = fees.GetValueOrDefault(asset) + more;
            if (BigInteger.Abs(after) > MaxBalance) return false;
            fees[asset] = after;
            return true;
        }

        private string Amounts(Trade trade) =>
            $"quantity={Price(trade.Quantity)} paid={Text(trade.Asset, trade.Paid)} funding={trade.Point}"
            + $" buyer={Json(trade.Buyer, trade.Asset)} seller={Json(trade.Seller, trade.Asset)} feesAfter={Text(trade.Asset, fees[trade.Asset])}";

        private static string Json(Leg leg, string asset) => ReferenceModel.Json(
            ("account", leg.Account), ("subAccount", leg.SubAccount), ("fee", Text(asset, leg.Fee)), ("order", leg.Order));
    }

    // ---- the market ---------------------------------------------------------------------------------------------------------

    private sealed record Source(string Name, int Weight)
    {
        public long SeenAt { get; set; }
        public SortedDictionary<string, (BigInteger Price, long At)> Latest { get; } = new(StringComparer.Ordinal);
    }

    private sealed record Index(string Underlying, BigInteger? Price, string Breaker);

    private sealed record Frame(long Number, long At, IReadOnlyList<Index> Indices);

    private sealed class Market
    {
        private const long Fresh = 5 * Second, Cadence = Second / 4;

        private readonly List<string> feeds = [];
        private readonly List<Source> sources = [];
        private readonly SortedDictionary<int, Listed> instruments = [];
        private readonly Dictionary<string, IndexBrake> brakes = new(StringComparer.Ordinal);
        private readonly ExpiryWatch expiries = new();
        private Frame? last;
        private bool hasNews;
        public Outcome Ask(Request request, long time) => request switch
        {
            Request.AdmitFeed admit => Admit(admit),
            Request.AdmitSource admit => Admit(admit),
            Request.List list => List(list.Terms, time),
            Request.Quote quote => Take(quote, time),
            Request.FixFunding fix => Fix(fix, time),
            _ => throw new AuditFailure("I3", $"the market was asked for a {request.GetType().Name}"),
        };

        public long? DueAt => FrameDueAt is { } frame && !(expiries.DueAt < frame) ? frame : expiries.DueAt;

        /// <summary>A cadence after the last frame, while something is new or some price may still go stale.</summary>
        private long? FrameDueAt => last is null ? hasNews ? long.MinValue : null
            : hasNews || last.Indices.Any(index => index.Price is not null) ? last.At + Cadence : null;

        public Outcome Wake(long time)
        {
            foreach (var index in last?.Indices.Where(index => index.Breaker == "Normal") ?? [])
                if (DueAt <= time) expiries.Observe(index.Underlying, last!.At, Math.Min(time, last.At + Fresh));
            var isFrameDue = FrameDueAt <= time;
            var facts = expiries.Pass(time).Select(expiry => new Fact(
                $"market.expiry-overdue.v1 underlying={expiry.Underlying} expiry={Time(expiry.At)} observedMs={expiry.ObservedMs}")).ToList();
            hasNews |= facts.Count > 0 && last is not null;
            if (!isFrameDue && !(facts.Count > 0 && last?.At < time)) return new Outcome(facts, Refused: null);
            var underlyings = sources.SelectMany(source => source.Latest.Keys).Distinct().Order(StringComparer.Ordinal);
            last = new Frame((last?.Number ?? 0) + 1, time, [.. underlyings.Select(underlying => IndexOf(underlying, time))]);
            hasNews = false;
            facts.Add(new Fact(FrameLine(last.Number, last.At, last.Indices.Select(index =>
                (index.Underlying, index.Price is { } price ? Price(price) : null, index.Breaker)))));
            return new Outcome(facts, Refused: null);
        }

        private static string Refused(string command, string reason) => ReferenceModel.Refused("market", command, reason);

        private Outcome Admit(Request.AdmitFeed admit)
        {
            if (feeds.Contains(admit.Feed)) return Refused("admit-feed", "feed-already-admitted");
            if (feeds.Count >= 16) return Refused("admit-feed", "too-many-feeds");
            feeds.Add(admit.Feed);
            return new Fact(
                $"market.feed-admitted.v1 feed={admit.Feed} instruments={string.Join(',', instruments.Values.Select(Json))}",
                new InstrumentsTold([.. instruments.Values]));
        }

        private Outcome Admit(Request.AdmitSource admit)
        {
            if (sources.Exists(source => source.Name == admit.Source)) return Refused("admit-source", "source-already-admitted");
            if (sources.Count >= 16) return Refused("admit-source", "too-many-sources");
            if (admit.Weight is < 1 or > 1_000) return Refused("admit-source", "weight-out-of-range");
            sources.Add(new Source(admit.Source, admit.Weight));
            return $"market.source-admitted.v1 source={admit.Source} weight={admit.Weight}";
        }

        private Outcome List(Terms terms, long time)
        {
            if (instruments.ContainsKey(terms.Id)) return Refused("list", "instrument-already-listed");
            if (instruments.Count >= 10_000) return Refused("list", "too-many-instruments");
            var isShaped = terms.Kind switch
            {
                "Perp" => terms is { Expiry: null, Strike: null, Right: null },
                "Future" => terms is { Expiry: not null, Strike: null, Right: null },
                _ => terms is { Expiry: not null, Strike: not null, Right: not null } && terms.Strike > 0,
            };
            var isSound = isShaped && terms.Id > 0 && terms.Multiplier > 0 && terms.Tick > 0 && terms.Lot > 0;
            if (!isSound || terms.Expiry <= time) return Refused("list", "terms-out-of-range");
            if (terms.Expiry is { } expiry) expiries.Add(terms.Underlying, expiry);
            var listed = new Listed(terms, Point.Start);
            instruments.Add(terms.Id, listed);
            return new Fact(
                $"market.instrument-listed.v1 listing={Json(terms)} feeds={string.Join(',', feeds)}", new InstrumentsTold([listed]));
        }

        private Outcome Take(Request.Quote quote, long time)
        {
            if (quote.Prices.Any(entry => entry.Price.Sign <= 0)) return Refused("quote", "price-not-positive");
            if (sources.Find(known => known.Name == quote.Source) is not { } source) return Refused("quote", "unknown-source");
            if (quote.At > time + Second) return Refused("quote", "price-from-the-future");
            if (quote.At <= source.SeenAt) return Refused("quote", "price-not-newer");
            source.SeenAt = quote.At;
            foreach (var (underlying, price) in quote.Prices) source.Latest[underlying] = (price, quote.At);
            hasNews = true;
            var prices = quote.Prices.Select(entry => Json(("underlying", entry.Underlying), ("price", Price(entry.Price))));
            return $"market.quoted.v1 source={quote.Source} at={Time(quote.At)} prices={string.Join(',', prices)}";
        }

        /// <summary>
        /// The weighted median of the fresh quotes; those more than a hundredth from it are set aside, and the weighted median of the
        /// rest is the index.
        /// </summary>
        private Index IndexOf(string underlying, long time)
        {
            var fresh = sources.Where(source => source.Latest.TryGetValue(underlying, out var quote) && time - quote.At <= Fresh)
                .Select(source => (source.Latest[underlying].Price, source.Weight)).ToList();
            var centre = IndexBrake.Median(fresh);
            var used = fresh.Where(quote => BigInteger.Abs(quote.Price - centre) * 100 <= centre).ToList();
            var agrees = 2 * used.Sum(quote => quote.Weight) >= fresh.Sum(quote => quote.Weight);
            if (!brakes.TryGetValue(underlying, out var brake)) brakes[underlying] = brake = new IndexBrake();
            var (price, breaker) = used.Count == 0 || !agrees
                ? brake.Take(null, "Halted", time)
                : brake.Take(IndexBrake.Median(used), used.Count >= 3 ? "Normal" : "Degraded", time);
            return new Index(underlying, price, breaker);
        }

        private Outcome Fix(Request.FixFunding fix, long time)
        {
            if (!instruments.TryGetValue(fix.Instrument, out var listed)) return Refused("fix-funding", "unknown-instrument");
            var one = BigInteger.Pow(10, 9);
            var isSound = fix.InnerClamp.Sign >= 0 && fix.Cap.Sign >= 0 && fix.Share.Sign > 0
                && new[] { fix.InnerClamp, fix.Cap, fix.Share, fix.Interest, fix.Premium }.All(rate => BigInteger.Abs(rate) <= one);
            if (!isSound) return Refused("fix-funding", "terms-out-of-range");
            if (listed.Terms.Kind != "Perp") return Refused("fix-funding", "not-a-perp");
            if (fix.Period != listed.Point.Period + 1) return Refused("fix-funding", "funding-not-due");
            if (last is null || last.At + Fresh < time) return Refused("fix-funding", "no-price");
            var mark = last.Indices.FirstOrDefault(index => index.Underlying == listed.Terms.Underlying);
            if (mark?.Breaker != "Normal") return Refused("fix-funding", "no-price");

            // clamp(premium + clamp(interest − premium, ±inner), ±cap) of price × multiplier, for the period's share, rounded down.
            Ratio R(BigInteger rate) => Ratio.Of(rate, 9);
            var rate = (R(fix.Premium) + (R(fix.Interest) - R(fix.Premium)).Clamp(-R(fix.InnerClamp), R(fix.InnerClamp))).Clamp(-R(fix.Cap), R(fix.Cap));
            var paid = Ratio.Of(mark.Price!.Value, 8) * Ratio.Of(listed.Terms.Multiplier, 8) * rate * R(fix.Share);
            var point = new Point(fix.Period, listed.Point.Index + paid.Down(12));
            instruments[fix.Instrument] = listed with { Point = point };
            var terms = Json(
                ("interest", Rate(fix.Interest)), ("innerClamp", Rate(fix.InnerClamp)), ("cap", Rate(fix.Cap)), ("periodShare", Rate(fix.Share)));
            return new Fact(
                $"market.funding-fixed.v1 instrument={fix.Instrument} frame={last.Number} index={Price(mark.Price.Value)} premium={Rate(fix.Premium)}"
                + $" rate={Rate(rate.Down(9))} terms={terms} funding={point} feeds={string.Join(',', feeds)}",
                new FundingTold(fix.Instrument, point));
        }
    }
}
