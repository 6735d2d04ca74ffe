using System.Numerics;
using System.Text.Json;

namespace CrossMargin.Simulation.Audit;

/// <summary>
/// Deleveraging as one account has it. A case offers what it holds, to one round at a time, and hears of all of it; a holder gives up no
/// more than was assigned to it, nothing that is promised to somebody else, and pays beyond the mark out of what it has gained.
/// </summary>
internal sealed partial class AccountBook
{
    private sealed record CloseOut(
        long Round, int Instrument, int SubAccount, string Offer, BigInteger Offered, int PatienceMs, BigInteger Answered, BigInteger? Assigned, string Deadline);

    private CloseOut? closeOut;
    private bool isOfferedInVain;

    /// <summary>Its offer to this round as it said it, while its part in the round is not over.</summary>
    public string? OfferTo(long round) => closeOut?.Round == round ? closeOut.Offer : null;

    /// <summary>Whether somebody who answers to this round is still waited for.</summary>
    public bool Awaits(long ofCase, long round) => openCase == ofCase && closeOut?.Round == round;

    /// <summary>Why nothing of a sub-account may be closed for somebody else now, or null. Nothing in the pool promises what is isolated.</summary>
    public string? PromisedIn(int subAccount) => PartOf(subAccount) == 0 ? Promised : null;

    private string? Promised => slice is not null ? $"its slice {slice.Order}" : conversion is not null ? $"its conversion {conversion.Order}"
        : closeOut is not null ? $"its offer to round {closeOut.Round}"
        : Lock is { } gain ? $"its lock of round {gain.Round}" : null;

    /// <summary>That it is closed against comes last, because it is liquidated itself.</summary>
    public bool IsLiquidated(int subAccount) => openCase is not null && PartOf(subAccount) == 0;

    public bool IsFrozen(int subAccount) => statuses[PartOf(subAccount)] == "Frozen";

    private Moved FoldCloseOut(string type, JsonElement payload, long version, Marks? marks)
    {
        switch (type)
        {
            case "account.close-out-offered.v1":
                Offer(payload, version, marks);
                return Moved.Nothing;
            case "account.close-out-assigned.v1":
                var (open, quantity) = (Awaited(payload, version), At8(payload, "quantity"));
                AuditFailure.Unless(
                    open.Assigned is null && IsPart(quantity, open.Offered) && !quantity.IsZero && IsPart(open.Answered, quantity), "close-outs",
                    $"account {id} offered {open.Offered}, has {open.Answered} answered and is assigned {quantity} at version {version}");
                var deadline = payload.GetProperty("deadline").GetString()!;
                AuditFailure.Unless(
                    deadline == StoredFormat.Time(At + (1_000L * open.PatienceMs)), "close-outs",
                    $"account {id} waits until {deadline} at version {version}, and said {open.PatienceMs} ms");
                closeOut = open with { Assigned = quantity, Deadline = deadline };
                return Moved.Nothing;
            case "account.closed-out.v1":
                var moved = payload.TryGetProperty("change", out var change) ? Change(change, version) : Moved.Nothing;
                if (!Awaits(payload.GetProperty("case").GetInt64(), payload.GetProperty("round").GetInt64())) return moved;
                var answered = closeOut!.Answered + At8(payload, "assigned");
                AuditFailure.Unless(
                    IsPart(answered, closeOut.Assigned ?? closeOut.Offered), "close-outs", $"account {id} is answered {answered} of {closeOut} at version {version}");
                closeOut = closeOut with { Answered = answered };
                return moved;
            default:
                EndCloseOut(payload, version);
                return Moved.Nothing;
        }
    }

    private void Offer(JsonElement payload, long version, Marks? marks)
    {
        AuditFailure.Unless(
            openCase is not null && slice is null && conversion is null && closeOut is null && marks is not null && Doubt(marks) is null, "I7",
            $"account {id} offers at version {version} with {Promised ?? "no case, or a price in doubt"}");
        var (offer, margin) = (payload.GetProperty("offer"), payload.GetProperty("margin"));
        var (subAccount, instrument) = (offer.GetProperty("subAccount").GetInt32(), payload.GetProperty("instrument").GetInt32());
        var (quantity, price) = (At8(offer, "quantity"), At8(offer, "price"));
        AuditFailure.Unless(
            offer.GetProperty("account").GetString() == id && offer.GetProperty("case").GetInt64() == openCase
            && quantity == Quantity(subAccount, instrument) && !quantity.IsZero && PartOf(subAccount) == 0, "close-outs",
            $"account {id} holds {Quantity(subAccount, instrument)} and offers {offer} at version {version}");
        using var rules = JsonDocument.Parse(marks!.Parameters);
        var liquidation = rules.RootElement.GetProperty("liquidation");
        var deleveraging = liquidation.GetProperty("deleveraging");
        var (equity, maintenance) = (Micros(margin, "marginEquity"), Micros(margin, "maintenanceMargin"));
        var isStranded = payload.GetProperty("because").GetString() == "Unfilled"
            ? fruitless >= deleveraging.GetProperty("afterSlices").GetInt32()
            : equity < FloorOf(maintenance * StoredFormat.Units(deleveraging.GetProperty("below").GetString()!, 9), BigInteger.Pow(10, 9));
        AuditFailure.Unless(
            isStranded && !isOfferedInVain && equity < Micros(margin, "liquidationEnd"), "I7",
            $"account {id} is not stranded at version {version}: {fruitless} slices, in vain {isOfferedInVain}, {payload}");
        var (mark, worst) = (marks.Instruments[instrument].Mark!.Value, BigInteger.Zero);
        worst = mark * StoredFormat.Units(liquidation.GetProperty("worstPriceMove").GetString()!, 9) / BigInteger.Pow(10, 9);
        AuditFailure.Unless(
            price.Sign >= 0 && (quantity.Sign > 0 ? price >= mark - worst : price <= mark + worst), "I7",
            $"account {id} offers at {price} beside a mark of {mark} at version {version}");
        var patience = payload.GetProperty("patienceMs").GetInt32();
        AuditFailure.Unless(
            patience == liquidation.GetProperty("slicePatienceMs").GetInt32(), "close-outs", $"account {id} gives {patience} ms at version {version}");
        closeOut = new CloseOut(
            payload.GetProperty("round").GetInt64(), instrument, subAccount, offer.GetRawText(), quantity, patience, 0, Assigned: null, Deadline: "");
    }

    private void EndCloseOut(JsonElement payload, long version)
    {
        var (open, ending) = (Awaited(payload, version), payload.GetProperty("ending").GetString());
        var isRight = ending switch
        {
            "Answered" => open.Assigned == open.Answered,
            "NotAssigned" => open.Assigned is null,
            _ => open.Assigned is not null && string.CompareOrdinal(open.Deadline, StoredFormat.Time(At)) <= 0,
        };
        AuditFailure.Unless(isRight, "close-outs", $"what account {id} offered ends as {ending} at version {version}: {open}");
        if (Quantity(open.SubAccount, open.Instrument).IsZero) fruitless = 0;
        (closeOut, isOfferedInVain) = (null, ending == "NotAssigned");
    }

    /// <summary>As a holder on the other side. Without a transfer it had nothing that it could give.</summary>
    private Moved GiveUp(JsonElement payload, long version, Marks? marks)
    {
        var assigned = payload.GetProperty("assigned");
        var (wanted, offered) = (At8(assigned, "quantity"), At8(assigned, "price"));
        if (!payload.TryGetProperty("transfer", out var transfer)) return Moved.Nothing;
        var change = payload.GetProperty("change");
        AuditFailure.Unless(
            PromisedIn(SubAccountIn(change)) is null, "I8", $"account {id} gives up at version {version} what is promised to {Promised}");
        var (instrument, traded) = (change.GetProperty("instrument").GetInt32(), At8(change, "quantity"));
        var held = Quantity(change.GetProperty("subAccount").GetInt32(), instrument);
        AuditFailure.Unless(
            IsPart(-traded, held) && !traded.IsZero && IsPart(traded, wanted) && At8(transfer, "quantity") == -traded, "close-outs",
            $"account {id} holds {held}, is assigned {wanted} and gives up {traded} at version {version}");

        var terms = marks!.Instruments[instrument];
        var (mark, price) = (terms.Mark!.Value, At8(transfer, "price"));
        var isWorse = wanted.Sign > 0 ? offered > mark : offered < mark;
        AuditFailure.Unless(
            isWorse ? (wanted.Sign > 0 ? price >= mark && price <= offered : price <= mark && price >= offered) : price == offered, "I8",
            $"account {id} is closed at {price} beside a mark of {mark} and an offer of {offered} at version {version}");
        var (asset, paid) = Amount(transfer, "paid");
        var unit = StoredFormat.UnitE20(asset) * 10_000;
        var due = ((price * BigInteger.Abs(traded) * terms.Multiplier) + unit - 1) / unit;
        AuditFailure.Unless(paid == (traded.Sign < 0 ? due : -due), "I4", $"account {id} pays {paid} for {traded} at {price} at version {version}");
        var pending = PartOf(SubAccountIn(change)) == 0 ? PendingOf(asset) : BigInteger.Zero;
        AuditFailure.Unless(
            !isWorse || price == mark || (Amount(change, "realized").Units.Sign >= 0 && Amount(change, "balanceAfter").Units >= pending), "I8",
            $"account {id} pays beyond the mark what it has not gained at version {version}: {change}");
        return Change(change, version);
    }

    private CloseOut Awaited(JsonElement payload, long version)
    {
        AuditFailure.Unless(
            Awaits(payload.GetProperty("case").GetInt64(), payload.GetProperty("round").GetInt64()), "close-outs",
            $"account {id} has {closeOut} and hears of {payload} at version {version}");
        return closeOut!;
    }

    /// <summary>Of the same sign, and not more.</summary>
    private static bool IsPart(BigInteger part, BigInteger whole) =>
        part.IsZero || (part.Sign == whole.Sign && BigInteger.Abs(part) <= BigInteger.Abs(whole));

    private static BigInteger FloorOf(BigInteger number, BigInteger by) =>
        BigInteger.DivRem(number, by, out var rest) is var whole && rest.Sign < 0 ? whole - 1 : whole;

    // ---- as one line ----------------------------------------------------------------------------------------------------

    private string CloseOutState() => closeOut is not { } open ? isOfferedInVain ? "in vain" : ""
        : $"{open.Round}/{open.Offer}/{StoredFormat.Decimal(open.Answered, 8)}/"
            + $"{(open.Assigned is { } assigned ? StoredFormat.Decimal(assigned, 8) : "")}/{open.Deadline}{(isOfferedInVain ? "/in vain" : "")}";

    private static string CloseOutStateOf(JsonElement open)
    {
        var isInVain = open.TryGetProperty("isOfferedInVain", out _);
        if (!open.TryGetProperty("closeOut", out var closeOut)) return isInVain ? "in vain" : "";
        return $"{Slashed(closeOut, "round", "offer", "answered")}/"
            + $"{(closeOut.TryGetProperty("assigned", out var assigned) ? assigned : "")}/{(closeOut.TryGetProperty("deadline", out var deadline) ? deadline : "")}"
            + (isInVain ? "/in vain" : "");
    }
}
