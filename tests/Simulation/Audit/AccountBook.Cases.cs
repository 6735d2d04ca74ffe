using System.Numerics;
using System.Text.Json;

namespace CrossMargin.Simulation.Audit;

/// <summary>
/// The case of an account and its parts of fund and losses. One case at a time, one slice at a time, nobody whose own figures carry the
/// risk, nothing on a price in doubt; and what is paid into the fund or drawn from it is money that the house collected.
/// </summary>
internal sealed partial class AccountBook
{
    private sealed record Slice(
        string Order, int SubAccount, int Instrument, bool IsSale, BigInteger Quantity, BigInteger Remaining, BigInteger? Bankruptcy, BigInteger FeeRate,
        string Deadline, string? CalledBack);

    private readonly SortedDictionary<string, (BigInteger PaidIn, BigInteger Drawn)> fund = new(StringComparer.Ordinal);
    private long? openCase;
    private long openedUnder;
    private int fruitless;
    private Slice? slice;

    /// <summary>Who cannot carry the risk asks for a part of what the pool shares, and has a turn at every frame.</summary>
    public bool Asks => openCase is not null || Status is "Liquidatable" or "Bankrupt";

    /// <summary>What of its gains may have to pay a loss.</summary>
    public (long Round, string Asset, BigInteger Units)? Lock { get; private set; }

    public IReadOnlyDictionary<string, (BigInteger PaidIn, BigInteger Drawn)> Fund => fund;

    /// <summary>A slice under way, about which somebody says something.</summary>
    public bool MayHear(string order) => slice?.Order == order || conversion?.Order == order;

    /// <summary>A slice or a conversion whose deadline is over is called back, or given up.</summary>
    public bool HasOverdueOrder(long time) =>
        (slice?.Deadline ?? conversion?.Deadline) is { } deadline && string.CompareOrdinal(deadline, StoredFormat.Time(time)) <= 0;

    /// <summary>The line of the record that the timer must cause next.</summary>
    public string? ExpectedOfTimer(long time) =>
        holds.Find(hold => !hold.IsReported && hold.OverdueAt <= time) is { } due
            ? $"account.withdrawal-overdue.v1 withdrawal={due.Id}"
            : sendings.Find(sending => !sending.IsReported && sending.OverdueAt <= time) is { } late
                ? $"account.transfer-overdue.v1 transfer={late.Id}"
                : null;

    /// <summary>Why it need not come to an end as things stand, or nothing.</summary>
    public string? Excuse(Marks marks)
    {
        if (Status == "Frozen") return "something has no price";
        if (Doubt(marks) is { } doubt) return doubt;
        return Owes(0) && !HoldsIn(0) ? WhatMayNotBeSold(marks) : null;
    }

    public string WhatKeepsItsCaseOpen => $"{(openCase is null ? "no case" : $"case {openCase}")} of {id}, {slice?.Order ?? conversion?.Order ?? "nothing"} under way: {State()}";

    private string? Doubt(Marks marks)
    {
        using var rules = JsonDocument.Parse(marks.Parameters);
        var least = StoredFormat.Units(rules.RootElement.GetProperty("liquidation").GetProperty("minConfidence").GetString()!, 9);
        foreach (var (subAccount, instrument) in positions.Keys)
            if (PartOf(subAccount) == 0 && (!marks.Instruments.TryGetValue(instrument, out var terms) || !marks.Underlyings.TryGetValue(terms.Underlying, out var index) || index.Confidence < least))
                return $"instrument {instrument} is in doubt";
        foreach (var (asset, units) in balances)
            if (!units.IsZero && marks.AssetConfidence.TryGetValue(asset, out var confidence) && confidence < least) return $"{asset} is in doubt";
        return null;
    }

    private static bool IsCollateral(string asset, Marks marks)
    {
        using var rules = JsonDocument.Parse(marks.Parameters);
        return rules.RootElement.GetProperty("collateral").TryGetProperty(asset, out _);
    }

    private Moved FoldCase(string type, JsonElement payload, long version, Marks? marks)
    {
        if (type is "account.case-opened.v1" or "account.slice-ordered.v1" or "account.fund-drawn.v1" or "account.handed-over.v1"
            or "account.conversion-ordered.v1" or "account.collateral-surrendered.v1" or "account.positions-netted.v1")
            AuditFailure.Unless(marks is not null && Doubt(marks) is null, "I7", $"{type} of account {id} at version {version} rests on a price in doubt");
        if (type == "account.converted.v1") return Convert(payload, version);
        if (type == "account.case-opened.v1") return OpenCase(payload, version);

        AuditFailure.Unless(openCase is not null, "I7", $"account {id} has no case for {type} at version {version}");
        AuditFailure.Unless(closeOut is null, "I7", $"account {id} waits for round {closeOut?.Round} and has {type} at version {version}");
        switch (type)
        {
            case "account.case-ended.v1":
                AuditFailure.Unless(slice is null && conversion is null, "I13", $"the case of account {id} ends with {slice?.Order} under way at version {version}");
                var isCured = payload.TryGetProperty("margin", out var figures) && Micros(figures, "marginEquity") >= Micros(figures, "liquidationEnd");
                AuditFailure.Unless(isCured || !IsAtRiskIn(0), "I13", $"the case of account {id} ends uncured at version {version}");
                (openCase, fruitless, fruitlessConversions, isOfferedInVain) = (null, 0, 0, false);
                return Moved.Nothing;
            case "account.conversion-ordered.v1" or "account.conversion-filled.v1" or "account.conversion-called-back.v1" or "account.conversion-ended.v1":
                FoldConversion(type, payload, version, marks!);
                return Moved.Nothing;
            case "account.collateral-surrendered.v1":
                return Surrender(payload, version, marks!);
            case "account.positions-netted.v1":
                return Net(payload, version, marks!);
            case "account.slice-ordered.v1":
                return OrderSlice(payload, version, marks!);
            case "account.slice-called-back.v1":
                Mine(payload, version);
                AuditFailure.Unless(slice!.CalledBack is null, "I4", $"account {id} calls {slice.Order} back twice at version {version}");
                AuditFailure.Unless(
                    payload.GetProperty("reason").GetString() == "Cured" || HasOverdueOrder(At), "I4",
                    $"account {id} calls {slice.Order} back before its deadline at version {version}");
                slice = slice with { CalledBack = payload.GetProperty("reason").GetString(), Deadline = payload.GetProperty("deadline").GetString()! };
                return Moved.Nothing;
            case "account.slice-ended.v1":
                return EndSlice(payload, version);
            case "account.slice-filled.v1":
                return FillSlice(payload, version);
            case "account.handed-over.v1":
                AuditFailure.Unless(slice is null && conversion is null, "I7", $"account {id} hands over with {slice?.Order} under way at version {version}");
                var change = payload.GetProperty("change");
                var (gone, left) = (StoredFormat.Units(change.GetProperty("quantity").GetString()!, 8), StoredFormat.Units(change.GetProperty("quantityAfter").GetString()!, 8));
                AuditFailure.Unless(
                    left.IsZero && !gone.IsZero && PartOf(SubAccountIn(change)) == 0 && payload.GetProperty("transfer").GetProperty("quantity").GetString() == StoredFormat.Decimal(-gone, 8), "I7",
                    $"account {id} hands over {gone} and {left} stays at version {version}");
                fruitless = 0;
                return Change(change, version);
            default:
                var (owed, drawn) = Amount(payload, "amount");
                AuditFailure.Unless(
                    slice is null && conversion is null && drawn.Sign > 0 && drawn <= -Balance(owed)
                    && !balances.Any(held => held.Value.Sign > 0 && IsCollateral(held.Key, marks!)) && positions.Keys.All(held => PartOf(held.SubAccount) != 0), "I10",
                    $"account {id} owes {Balance(owed)} and draws {drawn} at version {version}, beside {State()}");
                var before = fund.GetValueOrDefault(owed);
                fund[owed] = before with { Drawn = before.Drawn + drawn };
                AuditFailure.Unless(Amount(payload, "drawnAfter").Units == fund[owed].Drawn, "I10", $"account {id} draws from nowhere at version {version}");
                return new Moved(owed, Balances: Credit(owed, payload), Fees: -drawn);
        }
    }

    private Moved OpenCase(JsonElement payload, long version)
    {
        var margin = payload.GetProperty("margin");
        var isBankrupt = payload.GetProperty("status").GetString() == "Bankrupt" && Micros(margin, "equity").Sign < 0;
        AuditFailure.Unless(
            openCase is null && payload.GetProperty("status").GetString() == Status
            && (isBankrupt || (Status == "Liquidatable" && Micros(margin, "maintenanceMargin") > Micros(margin, "marginEquity"))), "I7",
            $"account {id} is {Status}, and a case is opened at version {version}: {margin}");
        AuditFailure.Unless(!WaitsSince.Any(), "I7", $"a case of account {id} is opened at version {version}, and its own money waits: {State()}");
        openCase = payload.GetProperty("case").GetInt64();
        openedUnder = margin.GetProperty("frame").GetInt64();
        AuditFailure.Unless(openCase == version, "I4", $"account {id} calls a case {openCase} at version {version}");
        return Moved.Nothing;
    }

    /// <summary>It closes what is held, within the cap, at a limit that is not better than the mark and not beyond the worst move.</summary>
    private Moved OrderSlice(JsonElement payload, long version, Marks marks)
    {
        var (order, margin) = (payload.GetProperty("slice"), payload.GetProperty("margin"));
        AuditFailure.Unless(slice is null && conversion is null, "I7", $"account {id} orders a second slice at version {version}");
        AuditFailure.Unless(
            Micros(margin, "marginEquity") < Micros(margin, "liquidationEnd"), "I7", $"account {id} is cured and orders a slice at version {version}: {margin}");
        slice = new Slice(
            order.GetProperty("order").GetString()!, order.GetProperty("subAccount").GetInt32(), order.GetProperty("instrument").GetInt32(),
            order.GetProperty("side").GetString() == "Sell", At8(order, "quantity"), At8(order, "quantity"),
            order.TryGetProperty("bankruptcy", out _) ? At8(order, "bankruptcy") : null, StoredFormat.Units(order.GetProperty("feeRate").GetString()!, 9),
            order.GetProperty("deadline").GetString()!, CalledBack: null);
        var held = Quantity(slice.SubAccount, slice.Instrument);
        AuditFailure.Unless(
            PartOf(slice.SubAccount) == 0 && SubAccountsOf(slice.Instrument).All(other => PartOf(other) != 0 || Quantity(other, slice.Instrument).Sign == held.Sign), "I7",
            $"account {id} orders a slice of {slice.Instrument} at version {version}, of which it is long and short: {State()}");
        AuditFailure.Unless(
            held.Sign == (slice.IsSale ? 1 : -1) && slice.Quantity.Sign > 0 && slice.Quantity <= BigInteger.Abs(held), "I7",
            $"account {id} holds {held} and a slice of {slice.Quantity} is ordered at version {version}");
        using var rules = JsonDocument.Parse(marks.Parameters);
        var liquidation = rules.RootElement.GetProperty("liquidation");
        var (terms, limit) = (marks.Instruments[slice.Instrument], At8(order, "limit"));
        var mark = terms.Mark!.Value;
        var lot = marks.Lots[slice.Instrument];
        AuditFailure.Unless(
            (slice.Quantity % lot).IsZero || slice.Quantity < lot, "I7",
            $"account {id} orders {slice.Quantity} at version {version}, in lots of {lot}");
        AuditFailure.Unless(At8(order, "mark") == mark, "I7", $"account {id} sizes a slice at another mark than {mark} at version {version}");
        SliceNotional = NotionalOf(terms, slice.Quantity, mark, marks.Assets[terms.Settlement]);
        var move = StoredFormat.Units(liquidation.GetProperty("worstPriceMove").GetString()!, 9);
        var worst = WorstOf(SliceNotional, move, terms, slice.Quantity, marks.Assets[terms.Settlement]);
        var isWithin = slice.IsSale ? limit <= mark && limit >= mark - worst : limit >= mark && limit <= mark + worst;
        AuditFailure.Unless(
            mark.IsZero ? limit == marks.Ticks[slice.Instrument] : isWithin, "I7",
            $"account {id} limits a slice at {limit} beside a mark of {mark} at version {version}, and the worst move is {worst}");
        var cap = StoredFormat.Micros(liquidation.GetProperty("sliceCap").GetString()!);
        AuditFailure.Unless(SliceNotional <= cap, "I7", $"account {id} orders a slice of {SliceNotional} micros at version {version}, and the cap is {cap}");
        return Moved.Nothing;
    }

    /// <summary>What the last slice is worth at the mark, in micros, rounded up.</summary>
    public BigInteger SliceNotional { get; private set; }

    private static BigInteger NotionalOf(MarkedInstrument terms, BigInteger quantity, BigInteger mark, BigInteger assetPrice) =>
        Up(Up(quantity * terms.Multiplier * mark, 16) * assetPrice, 10);   // to 1e-8 of the settlement asset, and then to 1e-6 of the reference

    private static BigInteger Up(BigInteger value, int digits) => (value + BigInteger.Pow(10, digits) - 1) / BigInteger.Pow(10, digits);

    /// <summary>
    /// How far from the mark a slice may be limited: that share of its notional, in its settlement asset, over its contracts. Each is rounded
    /// down, and the notional up: of a slice that is worth a few micros a unit of them is a large part of the price.
    /// </summary>
    private static BigInteger WorstOf(BigInteger notional, BigInteger move, MarkedInstrument terms, BigInteger quantity, BigInteger assetPrice)
    {
        var inSettlement = notional * move / BigInteger.Pow(10, 9) * BigInteger.Pow(10, 8) / assetPrice;
        return inSettlement * BigInteger.Pow(10, 18) / (quantity * terms.Multiplier);
    }

    /// <summary>To the fund goes what is better than the bankruptcy price, and not more than the fee, of the fill before it.</summary>
    private Moved FillSlice(JsonElement payload, long version)
    {
        Mine(payload, version);
        var (filled, (asset, toFund)) = (At8(payload, "quantity"), Amount(payload, "toFund"));
        AuditFailure.Unless(
            filled.Sign > 0 && filled <= slice!.Remaining && At8(payload, "remaining") == slice.Remaining - filled, "I4",
            $"account {id} has {slice!.Remaining} of {slice.Order} left and fills {filled} at version {version}");
        var due = DueToFund(slice, filled);
        AuditFailure.Unless(toFund == due, "I10", $"account {id} gives {toFund} of {Traded} to the fund at version {version}, and owes it {due}");
        slice = slice with { Remaining = slice.Remaining - filled };
        PayIn(asset, toFund, payload, version);
        return new Moved(asset, Balances: Credit(asset, payload), Fees: toFund);
    }

    /// <summary>What the trade that is being taken in is for, and at what price.</summary>
    public (BigInteger Paid, BigInteger Price, BigInteger Quantity) Traded { private get; set; }

    /// <summary>When the record that is folded was written.</summary>
    public long At { private get; set; }

    /// <summary>Of what the slice was filled by: the trade may be larger.</summary>
    private BigInteger DueToFund(Slice of, BigInteger filled)
    {
        if (of.Bankruptcy is not { } bankruptcy) return 0;
        var better = of.IsSale ? Traded.Price - bankruptcy : bankruptcy - Traded.Price;
        if (better.Sign <= 0) return 0;
        var billion = BigInteger.Pow(10, 9);
        var paid = Traded.Paid * filled / Traded.Quantity;
        return BigInteger.Min(paid * better / Traded.Price, ((paid * of.FeeRate) + billion - 1) / billion);
    }

    private Moved EndSlice(JsonElement payload, long version)
    {
        Mine(payload, version);
        AuditFailure.Unless(
            At8(payload, "unfilled") == slice!.Remaining && slice.Remaining.IsZero == (payload.GetProperty("ending").GetString() == "Filled"), "I4",
            $"{slice.Order} of account {id} has {slice.Remaining} left and ends as {payload} at version {version}");
        AuditFailure.Unless(
            payload.GetProperty("ending").GetString() != "GivenUp" || (slice.CalledBack is not null && HasOverdueOrder(At)), "I4",
            $"{slice.Order} of account {id} is given up before its time at version {version}");
        fruitless = slice.CalledBack != "Cured" && slice.Remaining == slice.Quantity ? fruitless + 1 : 0;
        (slice, isOfferedInVain) = (null, false);
        return Moved.Nothing;
    }

    /// <summary>What is locked is there; a share is not more than what was locked, and paid once.</summary>
    private Moved FoldLoss(string type, JsonElement payload, long version)
    {
        var (round, (asset, units)) = (payload.GetProperty("round").GetInt64(), Amount(payload, "amount"));
        if (type == "account.gain-locked.v1")
        {
            AuditFailure.Unless(
                units.Sign >= 0 && units <= BigInteger.Max(0, Balance(asset) - PendingOf(asset)) && round > (Lock?.Round ?? 0), "I8",
                $"account {id} has {Balance(asset)} and locks {units} at version {version}");
            Lock = units.IsZero ? null : (round, asset, units);
            return Moved.Nothing;
        }

        AuditFailure.Unless(
            Lock is { } gain && gain.Round == round && gain.Asset == asset && units.Sign >= 0 && units <= gain.Units, "I8",
            $"account {id} has locked {Lock} and pays {units} in round {round} at version {version}");
        Lock = null;
        PayIn(asset, units, payload, version);
        var credited = Credit(asset, payload);
        AuditFailure.Unless(credited == -units, "I1", $"account {id} shares {units} and parts with {-credited} at version {version}");
        return new Moved(asset, Balances: credited, Fees: units);
    }

    private void PayIn(string asset, BigInteger units, JsonElement payload, long version)
    {
        var before = fund.GetValueOrDefault(asset);
        fund[asset] = before with { PaidIn = before.PaidIn + units };
        AuditFailure.Unless(Amount(payload, "paidInAfter").Units == fund[asset].PaidIn, "I10", $"account {id} pays into the fund from nowhere at version {version}");
    }

    private void Mine(JsonElement payload, long version) => AuditFailure.Unless(
        slice is not null && payload.GetProperty("order").GetString() == slice.Order, "I4",
        $"account {id} has {slice?.Order ?? "no slice"} under way and speaks of {payload} at version {version}");

    private static BigInteger At8(JsonElement of, string name) => StoredFormat.Units(of.GetProperty(name).GetString()!, 8);

    // ---- as one line ----------------------------------------------------------------------------------------------------

    private string CaseState() => CaseLine(
        openCase is { } number ? $"{number}/{openedUnder}/{fruitless}/{fruitlessConversions}" : "",
        conversion is not null ? ConversionLine(conversion.Order, conversion.Remaining, conversion.Deadline, conversion.CalledBack)
        : slice is null ? "" : $"{slice.Order}/{StoredFormat.Decimal(slice.Remaining, 8)}/{slice.Deadline}/{slice.CalledBack}",
        fund.Where(entry => !entry.Value.PaidIn.IsZero || !entry.Value.Drawn.IsZero)
            .Select(entry => $"{StoredFormat.Text(entry.Key, entry.Value.PaidIn)}/{StoredFormat.Text(entry.Key, entry.Value.Drawn)}"),
        Lock is { } gain ? $"{gain.Round}/{StoredFormat.Text(gain.Asset, gain.Units)}" : "", CloseOutState());

    private static string CaseStateOf(JsonElement state)
    {
        var (open, under, offered) = ("", "", "");
        if (state.TryGetProperty("case", out var known))
        {
            open = Slashed(known, "id", "frame", "fruitless") + $"/{(known.TryGetProperty("fruitlessConversions", out var unsold) ? unsold.GetInt32() : 0)}";
            offered = CloseOutStateOf(known);
            if (known.TryGetProperty("conversion", out var selling))
                under = ConversionLineOf(selling);
            if (known.TryGetProperty("slice", out var slice))
                under = $"{slice.GetProperty("order").GetProperty("order")}/{Slashed(slice, "remaining", "deadline")}/"
                    + (slice.TryGetProperty("calledBack", out var reason) ? reason.ToString() : "");
        }

        return CaseLine(
            open, under, Each(state, "fundShares", share => Slashed(share, "paidIn", "drawn")), state.TryGetProperty("lock", out var gain) ? Slashed(gain, "round", "amount") : "",
            offered);
    }

    public static string CaseLine(string open, string slice, IEnumerable<string> fund, string gain, string closeOut) =>
        $" case={open} slice={slice} fund={string.Join(',', fund)} lock={gain} closeOut={closeOut}";
}
