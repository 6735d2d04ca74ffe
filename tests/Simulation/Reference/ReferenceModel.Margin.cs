using System.Numerics;
using System.Text.Json;
using CrossMargin.Simulation.Audit;
using static CrossMargin.Simulation.Audit.StoredFormat;

namespace CrossMargin.Simulation.Reference;

/// <summary>Margin by the rule models, from docs/risk-model.md. Of a scenario model only equity is known here.</summary>
internal sealed partial class ReferenceModel
{
    private static readonly Ratio One = Ratio.Of(1, 0), None = Ratio.Of(0, 0);
    private static readonly BigInteger MaxMoney = long.MaxValue;

    [ThreadStatic] private static Dictionary<string, Rules>? rulesByText;

    private static Rules RulesIn(Marks marks)
    {
        rulesByText ??= new Dictionary<string, Rules>(StringComparer.Ordinal);
        if (rulesByText.Count > 50) rulesByText.Clear();
        return rulesByText.TryGetValue(marks.Parameters, out var known) ? known : rulesByText[marks.Parameters] = new Rules(marks.Parameters);
    }

    private sealed record Levels(Ratio Maintenance, Ratio Initial)
    {
        public static readonly Levels Nothing = new(None, None);
        public static Levels operator +(Levels a, Levels b) => new(a.Maintenance + b.Maintenance, a.Initial + b.Initial);
        public static Levels operator *(Levels a, Ratio by) => new(a.Maintenance * by, a.Initial * by);
        public static Levels Min(Levels a, Levels b) => new(Least(a.Maintenance, b.Maintenance), Least(a.Initial, b.Initial));
    }

    private static Ratio Least(Ratio a, Ratio b) => a < b ? a : b;
    private static Ratio Most(Ratio a, Ratio b) => a > b ? a : b;

    /// <summary>A parameter set as its document says it.</summary>
    private sealed class Rules(string json, string model = "model")
    {
        private readonly JsonElement root = JsonDocument.Parse(json).RootElement;

        /// <summary>What isolated sub-accounts are margined by: all else is the same.</summary>
        public Rules OfIsolated => field ??= root.TryGetProperty("isolatedModel", out _) ? new Rules(json, "isolatedModel") : this;

        public string Kind => root.GetProperty(model).GetProperty("kind").GetString()!;
        public bool CountsOptionsInEquity => root.GetProperty("optionValue").GetString() == "equity";
        public bool TakesRatioOnly => root.GetProperty("acceptance").GetString() == "ratio-only";
        public Ratio LiquidationEnd => Number(root, "liquidationEnd");
        public Ratio OrderFee => Number(root.GetProperty("orders"), "feeRate");
        public Ratio? WarnBelow => root.TryGetProperty("warnBelow", out var share) ? Number(share) : null;
        public Ratio ProfitWeight(string asset) => root.GetProperty("profitWeights").TryGetProperty(asset, out var weight) ? Number(weight) : One;
        public Dictionary<string, BigInteger?> StatedPrices => root.TryGetProperty("statedPrices", out var stated)
            ? stated.EnumerateObject().ToDictionary(price => price.Name, price => (BigInteger?)Number(price.Value).Down(8)) : [];

        /// <summary>A bound of prices, where the rules say one.</summary>
        public Ratio? Oracle(string name) => !root.TryGetProperty("oracle", out var oracle) ? null
            : oracle.GetProperty(name) is { ValueKind: JsonValueKind.Number } whole ? Ratio.Of(whole.GetInt64(), 0) : Number(oracle, name);

        public Ratio? PositionLimit(string underlying) => root.GetProperty("orders").TryGetProperty("positionLimits", out var limits)
            && (limits.TryGetProperty(underlying, out var limit) || limits.TryGetProperty("default", out limit)) ? Number(limit) : null;

        /// <summary>What a loan of the asset costs a year, in 1e-9.</summary>
        public BigInteger Interest(string asset) => Borrow(asset) is { } loan && loan.TryGetProperty("interest", out var rate) ? Units(rate.GetString()!, 9) : 0;

        public Ratio PendingWeight(string asset) =>
            root.GetProperty("collateral").TryGetProperty(asset, out var own) && own.TryGetProperty("pending", out var weight) ? Number(weight) : One;

        public bool UsesSlowPrices => root.GetProperty("softPenalties").GetProperty("slowPrice").GetString() == "used";
        public bool Lists(string asset) => root.GetProperty("collateral").TryGetProperty(asset, out _);

        public JsonElement? Borrow(string asset) =>
            root.GetProperty("collateral").TryGetProperty(asset, out var own) && own.TryGetProperty("borrow", out var borrow) ? borrow : null;

        /// <summary>The rules of an underlying, its own or everybody's; null where the model is none of the simple ones.</summary>
        public JsonElement? Of(string underlying)
        {
            if (Kind == "scenario") return null;
            var all = root.GetProperty(model).GetProperty("underlyings");
            if (!all.TryGetProperty(underlying, out var own) && !all.TryGetProperty("default", out own)) return null;
            return own.TryGetProperty("linear", out var linear) && linear.TryGetProperty("schedule", out var schedule) && schedule.GetString() != "tiers"
                ? null : own;
        }

        /// <summary>
        /// What a positive amount counts: each tier rounded down to 1e-16 of the asset, nothing above the cap; and in the initial margin less as the
        /// venue has more of the asset in all than the rules say.
        /// </summary>
        public Levels Weigh(string asset, Ratio amount, Marks marks)
        {
            if (amount.Sign <= 0 || !root.GetProperty("collateral").TryGetProperty(asset, out var own)) return Levels.Nothing;
            if (own.TryGetProperty("cap", out var cap)) amount = Least(amount, Number(cap));
            var (weighed, from) = (Levels.Nothing, None);
            foreach (var tier in own.GetProperty("tiers").EnumerateArray())
            {
                var upTo = tier.TryGetProperty("upTo", out var edge) ? Least(amount, Number(edge)) : amount;
                weighed += new Levels(
                    Ratio.Of(((upTo - from) * Number(tier, "maintenance")).Down(16), 16), Ratio.Of(((upTo - from) * Number(tier, "initial")).Down(16), 16));
                from = upTo;
            }

            if (!own.TryGetProperty("venueScaleFrom", out var least) || Ratio.Of(marks.Totals[asset], ScaleOf(asset)) is var total && total <= Number(least)) return weighed;
            return weighed with { Initial = Ratio.Of((weighed.Initial * Ratio.Of((Number(least) / total).Down(9), 9)).Down(16), 16) };
        }

        /// <summary>Below its confidence (1 − confidence) × rate of the gross notional.</summary>
        public Ratio Doubt(Ratio confidence) =>
            root.GetProperty("softPenalties").TryGetProperty("oracleDoubt", out var doubt) && confidence < Number(doubt, "below")
                ? (One - confidence) * Number(doubt, "chargeRate") : None;

        public bool MayBePegged(string asset, Ratio price) => root.GetProperty("softPenalties").GetProperty("depegs").EnumerateArray()
            .All(depeg => depeg.GetProperty("asset").GetString() != asset || price >= Number(depeg, "threshold"));

        public static Ratio Number(JsonElement of, string name) => Number(of.GetProperty(name));

        public static Ratio Number(JsonElement text)
        {
            var parts = text.GetString()!.Split('.');
            return parts.Length == 1 ? Ratio.Of(BigInteger.Parse(parts[0]), 0) : Ratio.Of(BigInteger.Parse(parts[0] + parts[1]), parts[1].Length);
        }

        public static Levels Rates(JsonElement of) => new(Number(of, "maintenance"), Number(of, "initial"));
    }

    /// <summary>What margin is computed of: sub-accounts as one, and only what has a price or is owed.</summary>
    private sealed record Book(
        SortedDictionary<string, BigInteger> Balances, SortedDictionary<int, (BigInteger Quantity, string Asset, BigInteger Cost)> Positions,
        IReadOnlyList<Reservation> Orders, bool LeavesOut, bool IsIsolated)
    {
        public bool IsSound =>
            Balances.Values.Concat(Positions.Values.SelectMany(held => (BigInteger[])[held.Quantity, held.Cost])).All(n => BigInteger.Abs(n) <= long.MaxValue);

        /// <summary>This book after a fill at a price with a fee, or null where it is too much.</summary>
        public Book? After(MarkedInstrument terms, string side, BigInteger quantity, BigInteger price, Ratio feeRate)
        {
            var scale = ScaleOf(terms.Settlement);
            var paid = (Ratio.Of(price, 8) * Ratio.Of(quantity, 8) * Ratio.Of(terms.Multiplier, 8)).Up(scale);
            if (paid > MaxAmount) return null;
            var fee = (Ratio.Of(paid, 0) * feeRate).Up(0);
            if (side == "Sell") (quantity, paid) = (-quantity, -paid);
            var held = Positions.GetValueOrDefault(terms.Id, (0, terms.Settlement, 0));
            var realized = terms.Right is null ? RealizedBy(held.Quantity, held.Cost, quantity, paid) : -paid;
            var after = this with { Balances = new(Balances, StringComparer.Ordinal), Positions = new(Positions) };
            after.Positions[terms.Id] = (held.Quantity + quantity, terms.Settlement, terms.Right is null ? held.Cost + paid + realized : held.Cost);
            after.Balances[terms.Settlement] = after.Balances.GetValueOrDefault(terms.Settlement) + realized - fee;
            return after.IsSound ? after : null;
        }
    }

    /// <summary>What closes takes its share of the cost and of the amount paid, each rounded up, and minus their sum is cash.</summary>
    private static BigInteger RealizedBy(BigInteger held, BigInteger cost, BigInteger quantity, BigInteger paid)
    {
        if (held.Sign * quantity.Sign >= 0) return 0;
        var closes = Ratio.Of(BigInteger.Min(BigInteger.Abs(held), BigInteger.Abs(quantity)), 0);
        return -(Ratio.Of(cost, 0) * closes / Ratio.Of(BigInteger.Abs(held), 0)).Up(0) - (Ratio.Of(paid, 0) * closes / Ratio.Of(BigInteger.Abs(quantity), 0)).Up(0);
    }

    private sealed class Worth
    {
        public Ratio Balance = None, Unrealized = None, Options = None;
    }

    /// <summary>One instrument of a group: what is held, and the sides of its open orders with what their fills would lose at once.</summary>
    private sealed record Line(MarkedInstrument Instrument, Ratio Size)
    {
        public Ratio Quantity = None, Bids = None, Asks = None, BidLoss = None, AskLoss = None;
        public Ratio Mark => Ratio.Of(Instrument.Mark!.Value, 8);
        public Ratio Multiplier => Ratio.Of(Instrument.Multiplier, 8);
        public Ratio Strike => Ratio.Of(Instrument.Strike ?? 0, 8);
        public bool IsOption => Instrument.Right is not null;
    }

    /// <summary>A scenario model has nothing to say where no underlying has a price.</summary>
    private static bool CanOpen(Rules rules, int underlyings) => rules.Kind != "scenario" || underlyings > 0;

    private static bool IsUsable(Marks marks) => CanOpen(RulesIn(marks), marks.Underlyings.Count);

    private static Standing Evaluate(Book book, Marks marks)
    {
        var rules = book.IsIsolated ? RulesIn(marks).OfIsolated : RulesIn(marks);
        var worths = new SortedDictionary<string, Worth>(StringComparer.Ordinal);
        var groups = new SortedDictionary<string, SortedDictionary<int, Line>>(StringComparer.Ordinal);
        if (!IsUsable(marks) || !CanOpen(rules, marks.Underlyings.Count) || !book.IsSound || book.Balances.Any(balance => !balance.Value.IsZero && !marks.Assets.ContainsKey(balance.Key))) return Standing.Frozen;
        foreach (var (asset, units) in book.Balances) WorthOf(asset).Balance += Ratio.Of(units, ScaleOf(asset));
        foreach (var (id, held) in book.Positions)
        {
            if (held.Quantity.IsZero && held.Cost.IsZero) continue;
            if (LineOf(id) is not { } line) return Standing.Frozen;
            line.Quantity = Ratio.Of(held.Quantity, 8);
            var value = line.Quantity * Ratio.Of((line.Mark * line.Multiplier).Down(8), 8);
            var worth = WorthOf(held.Asset);
            if (line.IsOption) worth.Options += value;
            else worth.Unrealized += value - Ratio.Of(held.Cost, ScaleOf(held.Asset));
        }

        foreach (var order in book.Orders)
        {
            if (LineOf(order.Instrument) is not { } line) return Standing.Frozen;
            var (quantity, price) = (Ratio.Of(order.Remaining, 8), Ratio.Of(order.Price, 8));
            var worse = order.Side == "Buy" ? price - line.Mark : line.Mark - price;
            var loss = quantity * line.Size * (Most(None, worse) + (rules.OrderFee * price));
            if (order.Side == "Buy") (line.Bids, line.BidLoss) = (line.Bids + quantity, line.BidLoss + loss);
            else (line.Asks, line.AskLoss) = (line.Asks + quantity, line.AskLoss + loss);
        }

        var (equity, marginEquity, required) = (None, None, (Requirement?)null);
        foreach (var (asset, worth) in worths)
        {
            var price = Ratio.Of(marks.Assets[asset], 8);
            var net = NetOf(rules, asset, worth);
            equity += (worth.Balance + worth.Unrealized + worth.Options) * price;
            marginEquity += ((net.Sign < 0 ? net : rules.Weigh(asset, net, marks).Maintenance) + (rules.CountsOptionsInEquity ? worth.Options : None)) * price;
        }

        var (nlv, counted) = (equity.Down(6), marginEquity.Down(6));
        if (BigInteger.Abs(nlv) > MaxMoney || BigInteger.Abs(counted) > MaxMoney) return Standing.Frozen;
        required = Require(rules, marks, worths, groups);
        if (required is not null && required.Initial.High > MaxMoney) return Standing.Frozen;
        var takeable = book.Positions.Values.Any(held => !held.Quantity.IsZero)
            || (worths.Values.Any(worth => worth.Balance.Sign < 0) && worths.Values.Any(worth => worth.Balance.Sign > 0));
        return new Standing(StatusOf(rules, nlv, counted, required, takeable), nlv, counted, required, IsPriced: true);

        Worth WorthOf(string asset) => worths.TryGetValue(asset, out var known) ? known : worths[asset] = new Worth();

        Line? LineOf(int id)
        {
            if (!marks.Instruments.TryGetValue(id, out var terms) || terms.Mark is not { } mark || (mark.IsZero && terms.Right is null)) return null;
            if (!marks.Underlyings.ContainsKey(terms.Underlying) || !marks.Assets.TryGetValue(terms.Settlement, out var price)) return null;
            if (terms.Expiry is { } expiry && (expiry <= marks.At || !marks.Expiries.ContainsKey((terms.Underlying, expiry)))) return null;
            if (!groups.TryGetValue(terms.Underlying, out var group)) groups.Add(terms.Underlying, group = []);
            if (!group.TryGetValue(id, out var line)) group.Add(id, line = new Line(terms, Ratio.Of(terms.Multiplier, 8) * Ratio.Of(price, 8)));
            return line;
        }
    }

    /// <summary>Balance and unrealized profit of an asset; a gain counts at its weight, to 1e-16 of the asset.</summary>
    private static Ratio NetOf(Rules rules, string asset, Worth worth) => worth.Balance
        + (worth.Unrealized.Sign > 0 ? Ratio.Of((worth.Unrealized * rules.ProfitWeight(asset)).Down(16), 16) : worth.Unrealized);

    /// <summary>Null where it rests on an unknown requirement.</summary>
    private static string? StatusOf(Rules rules, BigInteger equity, BigInteger marginEquity, Requirement? required, bool isTakeable)
    {
        if (equity.Sign < 0 && !isTakeable) return "Bankrupt";
        if (required is null) return null;
        bool?[] below =
        [
            isTakeable ? required.Maintenance.IsAbove(marginEquity) : false, required.Hard.IsAbove(marginEquity), required.Initial.IsAbove(marginEquity),
            rules.WarnBelow is { } share ? required.Initial.Times(share).IsAbove(marginEquity) : false,
        ];
        for (var band = 0; band < below.Length; band++)
        {
            if (below[band] is null) return null;
            if (below[band] == true) return ((string[])["Liquidatable", "MarginCall", "ReduceOnly", "Warning"])[band];
        }

        return "Healthy";
    }

    private static Requirement? Require(
        Rules rules, Marks marks, SortedDictionary<string, Worth> worths, SortedDictionary<string, SortedDictionary<int, Line>> groups)
    {
        var (maintenance, initial, orders, soft) = (Figure.Zero, Figure.Zero, Figure.Zero, Figure.Zero);
        foreach (var (underlying, group) in groups)
        {
            if (rules.Of(underlying) is not { } own) return null;
            var (index, confidence) = marks.Underlyings[underlying];
            var lines = group.Values.ToList();
            if (Model(rules.Kind, own, marks, lines, null, None) is not { } now) return null;
            var (value, gross, scale) = (None, None, None);
            foreach (var line in lines)
            {
                if (line.IsOption) value += line.Quantity * line.Size * line.Mark;
                gross += line.Quantity.Abs() * line.Multiplier * Ratio.Of(index, 8);
                scale += (line.Quantity.Abs() + line.Bids + line.Asks) * line.Size * (line.Mark + line.Strike + Ratio.Of(index, 8));
            }

            // The value of options stands in equity or in the requirement, and each model supposes one of the two.
            var supposesEquity = rules.Kind == "delta-netting";
            var moved = supposesEquity == rules.CountsOptionsInEquity ? None : supposesEquity ? -value : value;
            var held = Most(None, now.Maintenance + moved);
            maintenance += Figure.Ceiling(held, scale);
            initial += Figure.Ceiling(Most(held, now.Initial + moved), scale);
            var all = None;
            foreach (var line in lines.Where(line => line.Bids.Sign > 0 || line.Asks.Sign > 0))
            {
                var premium = line.IsOption && !supposesEquity ? line.Mark * line.Size : None;
                if (Model(rules.Kind, own, marks, lines, line, line.Quantity + line.Bids) is not { } bought) return null;
                if (Model(rules.Kind, own, marks, lines, line, line.Quantity - line.Asks) is not { } sold) return null;
                var bids = line.BidLoss + (premium * line.Bids) + bought.Initial - now.Initial;
                var asks = line.AskLoss - (premium * line.Asks) + sold.Initial - now.Initial;
                all += Most(None, Most(line.Bids.Sign > 0 ? bids : None, line.Asks.Sign > 0 ? asks : None));
            }

            if (all.Sign > 0) orders += Figure.Ceiling(all, scale);
            var doubt = rules.Doubt(Ratio.Of(confidence, 9));
            if (doubt.Sign > 0) soft += Figure.Ceiling(doubt * gross, doubt * gross);
        }

        foreach (var (asset, worth) in worths)
        {
            var price = Ratio.Of(marks.Assets[asset], 8);
            if (!rules.MayBePegged(asset, price)) return null;
            var net = NetOf(rules, asset, worth);
            var weighed = rules.Weigh(asset, net, marks);
            initial += Figure.Exact(((weighed.Maintenance - weighed.Initial) * price).Up(6));
            if (rules.UsesSlowPrices)
            {
                var above = price - Ratio.Of(marks.SlowPrices[asset], 8);
                soft += Figure.Exact((weighed.Initial * Most(None, above)).Up(6)) + Figure.Exact((Most(None, -net) * Most(None, -above)).Up(6));
            }

            if (net.Sign >= 0) continue;
            var debt = Ratio.Of((-net * price).Up(6), 6);
            var borrow = rules.Borrow(asset);
            var rates = borrow is { } own ? Rules.Rates(own) : new Levels(One, One);
            maintenance += Figure.Exact((debt * rates.Maintenance).Up(6));
            initial += Figure.Exact((debt * rates.Initial).Up(6));
            if (borrow is { } limited) soft += Figure.Exact((Most(None, -net - Rules.Number(limited, "limit")) * price).Up(6));
        }

        var end = maintenance + (initial - maintenance).Times(rules.LiquidationEnd);
        return new Requirement(initial + soft + orders, initial, end, maintenance);
    }

    /// <summary>What a rule model asks for a group, with one line's quantity imagined otherwise; null where it takes a delta of an option.</summary>
    private static Levels? Model(string kind, JsonElement own, Marks marks, List<Line> lines, Line? changed, Ratio quantity)
    {
        Ratio Q(Line line) => ReferenceEquals(line, changed) ? quantity : line.Quantity;
        if (kind == "delta-netting")
        {
            if (lines.Exists(line => line.IsOption)) return null;
            var index = Ratio.Of(marks.Underlyings[lines[0].Instrument.Underlying].Index, 8);
            var (net, gross) = (None, None);
            foreach (var line in lines)
            {
                var open = line.Instrument.Expiry is { } at ? One - Ratio.Of(marks.Expiries[(line.Instrument.Underlying, at)].SettledShare, 9) : One;
                var delta = Q(line) * line.Multiplier * open;
                (net, gross) = (net + delta, gross + delta.Abs());
            }

            return (Rules.Rates(own.GetProperty("net")) * (net.Abs() * index)) + (Rules.Rates(own.GetProperty("gross")) * (gross * index));
        }

        var total = Levels.Nothing;
        foreach (var line in lines.Where(line => !line.IsOption))
            total += Linear(own.GetProperty("linear"), Q(line).Abs() * line.Size * line.Mark);
        foreach (var expiry in lines.Where(line => line.IsOption).GroupBy(line => line.Instrument.Expiry))
            total += Options(own, marks, [.. expiry.Select(line => (line, Q(line)))], kind == "standard");
        return total;
    }

    /// <summary>A flat rate, or tiers of which each slice of the notional pays its own.</summary>
    private static Levels Linear(JsonElement own, Ratio notional)
    {
        if (!own.TryGetProperty("tiers", out var tiers)) return Rules.Rates(own) * notional;
        var (required, from) = (Levels.Nothing, None);
        foreach (var tier in tiers.EnumerateArray())
        {
            var upTo = tier.TryGetProperty("upTo", out var edge) ? Least(notional, Rules.Number(edge)) : notional;
            required += Rules.Rates(tier) * (upTo - from);
            from = upTo;
        }

        return required;
    }

    /// <summary>Shorts by rule; in the standard model the maximum loss at settlement with the unpaired calls, if that is less.</summary>
    private static Levels Options(JsonElement own, Marks marks, List<(Line Line, Ratio Quantity)> chain, bool isStandard)
    {
        var (rules, short0) = (own.GetProperty("options"), Levels.Nothing);
        Ratio R(string name) => Rules.Number(rules, name);
        foreach (var (line, quantity) in chain.Where(held => held.Quantity.Sign < 0))
        {
            var spot = Ratio.Of(marks.Underlyings[line.Instrument.Underlying].Index, 8) * line.Multiplier;
            var (strike, mark, isCall) = (line.Strike * line.Size, line.Mark * line.Size, line.Instrument.Right == "Call");
            var outOfTheMoney = Most(None, isCall ? strike - spot : spot - strike) / spot;
            var maintenance = (R("maintenance") * (isCall ? spot : Most(spot, mark))) + mark;
            var initial = (Most(R("initialA") - outOfTheMoney, R("initialB")) * spot) + mark;
            short0 += new Levels(maintenance, Most(initial, R("initialOverMaintenance") * maintenance)) * -quantity;
        }

        if (!isStandard) return short0;
        var worst = None;
        foreach (var at in chain.Select(held => held.Line.Strike).Append(None))
        {
            var payoff = None;
            foreach (var (line, quantity) in chain)
                payoff += quantity * line.Size * Most(None, line.Instrument.Right == "Call" ? at - line.Strike : line.Strike - at);
            worst = Least(worst, payoff);
        }

        var expiry = marks.Expiries[(chain[0].Line.Instrument.Underlying, chain[0].Line.Instrument.Expiry!.Value)];
        var settled = Ratio.Of(expiry.SettledShare, 9);
        var settles = (settled * Ratio.Of(expiry.SettledAverage, 8)) + ((One - settled) * Ratio.Of(expiry.Forward, 8));
        var calls = None;
        foreach (var (line, quantity) in chain) calls += line.Instrument.Right == "Call" ? quantity * line.Size : None;
        var unpaired = Rules.Rates(own.GetProperty("unpairedCalls")) * (Most(None, -calls) * settles);
        return Levels.Min(short0, new Levels(-worst, -worst) + unpaired);
    }

    /// <summary>MM' ≤ MM, and the surplus no less or the ratio no worse; null where a figure in doubt decides.</summary>
    private static bool? IsNoRiskier(Standing after, Standing before, Rules rules)
    {
        if (after.Requirement is not { } then || before.Requirement is not { } was) return null;
        if (then.Maintenance.Low > was.Maintenance.High) return false;
        if (!then.Maintenance.IsExact || !was.Maintenance.IsExact) return null;
        var (mm, mmBefore) = (then.Maintenance.Low, was.Maintenance.Low);
        if (!rules.TakesRatioOnly && after.MarginEquity - mm >= before.MarginEquity - mmBefore) return true;
        return mmBefore.IsZero ? after.MarginEquity >= before.MarginEquity : after.MarginEquity * mmBefore >= before.MarginEquity * mm;
    }
}
