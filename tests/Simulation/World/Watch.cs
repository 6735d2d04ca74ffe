using System.Text.Json;
using CrossMargin.Simulation.Audit;

namespace CrossMargin.Simulation.World;

/// <summary>Sees in a stored row which paths of the venue were walked.</summary>
internal static class Watch
{
    public static void Count(Venue venue, StoredRow row)
    {
        var sights = venue.Sights;
        switch (row.Type)
        {
            case "shard.consumed.v1": sights.Saw(Sight.Consumed); break;
            case "shard.frame-adopted.v1": sights.Saw(Sight.FrameAdopted); break;
            case "account.transfer-bounced.v1":
                sights.Saw(Sight.Bounced);
                if (row.Payload.AsSpan().IndexOf("\"account-closed\""u8) >= 0) sights.Saw(Sight.BouncedByAClosedAccount);
                break;
            case "account.closed.v1": sights.Saw(Sight.AccountClosed); break;
            case "account.reopened.v1": sights.Saw(Sight.AccountReopened); break;
            case "shard.parked-set-aside.v1": sights.Saw(Sight.ParkedGivenUp); break;
            case "shard.unparked.v1":
                if (row.Payload.AsSpan().IndexOf("\"trade.captured.v1\""u8) >= 0) sights.Saw(Sight.ParkedTradeTakenIn);
                break;
            case "account.transfer-returned.v1":
                sights.Saw(Sight.Returned);
                if (row.Payload.AsSpan().IndexOf("\"other-owner\""u8) >= 0) sights.Saw(Sight.TransferToAnotherOwnerReturned);
                break;
            case "account.transfer-held.v1": sights.Saw(Sight.TransferHeld); break;
            case "account.transfer-cancelled.v1": sights.Saw(Sight.TransferCancelled); break;
            case "account.transfer-cleared.v1" when StoredFormat.ShardOf(row.Addressees, venue.Plan.Shards) != row.Shard:
                sights.Saw(Sight.TransferClearedAcrossShards);
                break;
            case "account.deposit-finalized.v1": sights.Saw(Sight.DepositFinalized); break;
            case "account.withdrawal-overdue.v1": sights.Saw(Sight.Overdue); break;
            case "account.transfer-overdue.v1": sights.Saw(Sight.TransferOverdue); break;
            case "account.withdrawal-posted.v1": sights.Saw(Sight.Posted); break;
            case "account.withdrawal-cancelled.v1": sights.Saw(Sight.Cancelled); break;
            case "pool.cleared.v1": sights.Saw(row.Frame > 0 ? Sight.ClearedUnderAFrame : Sight.ClearedBeforeAnyFrame); break;
            case "pool.shard-set-aside.v1": sights.Saw(Sight.ShardSetAside); break;
            case "pool.shard-brought-back.v1": sights.Saw(Sight.ShardBroughtBack); break;
            case "account.withdrawal-voided.v1": sights.Saw(Sight.Voided); break;
            case "account.command-refused.v1":
                sights.Saw(Sight.RefusedInJournal);
                LookAtRefusal(venue, row);
                break;
            case "account.day-settled.v1": sights.Saw(Sight.BooksClosedForADay); break;
            case "market.day-settled.v1": sights.Saw(Sight.DaySettled); break;
            case "market.expiry-overdue.v1": sights.Saw(Sight.ExpiryOverdue); break;
            case "market.expiry-settled.v1": sights.Saw(Sight.ExpirySettled); break;
            case "market.expiry-retired.v1": sights.Saw(Sight.ExpiryRetired); break;
            case "market.totals-measured.v1": sights.Saw(Sight.TotalsMeasured); break;
            case "market.surface-accepted.v1": sights.Saw(Sight.SurfaceAccepted); break;
            case "market.surface-refused.v1": sights.Saw(Sight.SurfaceRefused); break;
            case "market.parameters-taken.v1": sights.Saw(Sight.ParametersTaken); break;
            case "parameters.command-refused.v1": sights.Saw(Sight.ParametersRefused); break;
            case "parameters.effective.v1" when StoredCause.Read(row.Cause) is StoredCause.Timer: sights.Saw(Sight.ParametersWaited); break;
            case "account.transfer-sent.v1":
                var receiver = StoredFormat.ShardOf(row.Addressees, venue.Plan.Shards);
                sights.Saw(receiver == row.Shard ? Sight.TransferInsideShard : Sight.TransferAcrossShards);
                break;
            case "circular.sent.v1":
                var shards = ShardsOf(venue, row);
                if (shards.Distinct().Count() < shards.Count) sights.Saw(Sight.SeveralAddresseesInOneShard);
                break;
            case "account.case-opened.v1": sights.Saw(Sight.CaseOpened); break;
            case "account.slice-ordered.v1": sights.Saw(Sight.SliceOrdered); break;
            case "account.conversion-ordered.v1": sights.Saw(Sight.ConversionOrdered); break;
            case "account.conversion-filled.v1": sights.Saw(Sight.ConversionFilled); break;
            case "trade.conversion-busted.v1": sights.Saw(Sight.ConversionBusted); break;
            case "account.collateral-surrendered.v1": sights.Saw(Sight.CollateralSurrendered); break;
            case "account.fund-drawn.v1": sights.Saw(Sight.FundDrawn); break;
            case "account.handed-over.v1": sights.Saw(Sight.HandedOver); break;
            case "account.taken-over.v1": sights.Saw(Sight.TakenOver); break;
            case "account.close-out-offered.v1": sights.Saw(Sight.CloseOutOffered); break;
            case "account.deleveraged.v1": sights.Saw(row.Payload.AsSpan().IndexOf("\"transfer\""u8) >= 0 ? Sight.Deleveraged : Sight.DeleveragedNothing); break;
            case "account.closed-out.v1": sights.Saw(Sight.ClosedOut); break;
            case "account.close-out-ended.v1" when row.Payload.AsSpan().IndexOf("NotAssigned"u8) >= 0: sights.Saw(Sight.CloseOutNotAssigned); break;
            case "account.gain-locked.v1": sights.Saw(Sight.GainLocked); break;
            case "account.loss-shared.v1": sights.Saw(Sight.LossShared); break;
            case "pool.fund-deposited.v1": sights.Saw(Sight.FundToppedUp); break;
            case "pool.loss-asked.v1": sights.Saw(Sight.LossAsked); break;
            case "link.order-acknowledged.v1": sights.Saw(Sight.OrderAcknowledged); break;
            case "link.command-refused.v1": sights.Saw(Sight.LinkCommandRefused); break;
            case "account.order-released.v1": sights.Saw(Sight.OrderReleased); break;
            case "trade.busted.v1": sights.Saw(Sight.TradeBusted); break;
            case "market.funding-fixed.v1": sights.Saw(Sight.FundingFixed); break;
            case "trade.captured.v1":
                var addressed = ShardsOf(venue, row);
                sights.Saw(
                    addressed.Count == 1 ? Sight.TradeWithOneself
                    : addressed[0] == addressed[1] ? Sight.TradeInsideShard
                    : Sight.TradeBetweenShards);
                break;
            default:
                if (row.Type.StartsWith("account.", StringComparison.Ordinal) || row.Type == "pool.loss-allocated.v1" || row.Type.StartsWith("market.", StringComparison.Ordinal)
                    || row.Type.StartsWith("trade.", StringComparison.Ordinal) || row.Type == "shard.parked.v1") Look(venue, row);
                break;
        }
    }

    private static List<int> ShardsOf(Venue venue, StoredRow row) =>
    [
        .. Enumerable.Range(0, row.Addressees.Length / 16)
            .Select(index => StoredFormat.ShardOf(row.Addressees.AsSpan(index * 16, 16), venue.Plan.Shards)),
    ];

    private static void Look(Venue venue, StoredRow row)
    {
        var sights = venue.Sights;
        using var document = JsonDocument.Parse(row.Payload);
        var payload = document.RootElement;
        switch (row.Type)
        {
            case "account.fill-applied.v1" or "account.fill-reversed.v1":
                LookAt(sights, payload.GetProperty("change"));
                break;
            case "account.funding-applied.v1":
                sights.Saw(Sight.FundingPaid);
                sights.Saw(Sight.FundingPaidAtAFrame);
                break;
            case "account.margin-status-changed.v1":
                sights.Saw(Enum.Parse<Sight>($"Became{payload.GetProperty("status").GetString()}"));
                if (payload.TryGetProperty("subAccount", out _)) sights.Saw(Enum.Parse<Sight>($"PartBecame{payload.GetProperty("status").GetString()}"));
                if (StoredCause.Read(row.Cause) is StoredCause.Frame) sights.Saw(Sight.JudgedAtAFrame);
                break;
            case "account.case-ended.v1":
                sights.Saw(payload.GetProperty("ending").GetString() == "Cured" ? Sight.CaseCured : Sight.CaseWithNothingLeft);
                break;
            case "account.slice-filled.v1":
                sights.Saw(payload.GetProperty("remaining").GetString() == "0" ? Sight.SliceFilled : Sight.SliceFilledInPart);
                if (!payload.GetProperty("toFund").GetString()!.StartsWith("0 ", StringComparison.Ordinal)) sights.Saw(Sight.FundPaidInto);
                break;
            case "account.slice-called-back.v1":
                sights.Saw(payload.GetProperty("reason").GetString() == "Cured" ? Sight.SliceCalledBackAsCured : Sight.SliceCalledBackAsOverdue);
                break;
            case "account.slice-ended.v1":
                LookAtEnding(sights, payload.GetProperty("ending").GetString()!);
                break;
            case "pool.loss-allocated.v1":
                if (!payload.GetProperty("carried").GetString()!.StartsWith("0 ", StringComparison.Ordinal)) sights.Saw(Sight.LossCarried);
                break;
            case "account.settled.v1":
                sights.Saw(payload.GetProperty("outcome").GetString() switch
                {
                    "Closed" => Sight.FutureClosed,
                    "Exercised" => Sight.OptionExercised,
                    _ => Sight.OptionExpired,
                });
                break;
            case "account.deposit-reversed.v1":
                sights.Saw(payload.GetProperty("balanceAfter").GetString()!.StartsWith('-') ? Sight.ReversedBelowZero : Sight.DepositReversed);
                break;
            case "account.withdrawal-held.v1":
                if (payload.TryGetProperty("margin", out _)) sights.Saw(Sight.WithdrawalGrantedByMargin);
                var (asset, left) = StoredFormat.Amount(payload.GetProperty("balanceAfter").GetString()!);
                if (left.Sign > 0 && venue.Auditor.PendingOf(StoredFormat.Uuid(row.Grain), asset) == left) sights.Saw(Sight.LeftWhatIsNotFinal);
                break;
            case "account.collateral-allocated.v1":
                sights.Saw(payload.TryGetProperty("margin", out _) ? Sight.AllocatedByMargin : Sight.Allocated);
                break;
            case "account.collateral-released.v1":
                sights.Saw(payload.TryGetProperty("margin", out _) ? Sight.ReleasedByMargin : Sight.Released);
                break;
            case "account.interest-charged.v1":
                if (payload.TryGetProperty("subAccount", out _)) sights.Saw(Sight.InterestChargedToAPart);
                sights.Saw(venue.Auditor.HoursCharged(StoredFormat.Uuid(row.Grain)) > 1 ? Sight.InterestChargedAgain : Sight.InterestCharged);
                break;
            case "account.order-reserved.v1":
                sights.Saw(Sight.OrderReserved);
                LookAtRoom(venue, row, payload);
                break;
            case "account.order-filled.v1":
                sights.Saw(payload.GetProperty("remaining").GetString() == "0" ? Sight.OrderFilled : Sight.OrderFilledInPart);
                break;
            case "trade.command-refused.v1":
                sights.Saw(payload.GetProperty("command").GetString() == "bust" ? Sight.BustRefused : Sight.TradeRefused);
                break;
            case "market.command-refused.v1":
                if (payload.GetProperty("command").GetString() == "measure-totals") sights.Saw(Sight.TotalsRefused);
                if (payload.GetProperty("command").GetString() == "fix-funding") sights.Saw(Sight.FundingRefused);
                break;
            case "shard.parked.v1":
                if (payload.GetProperty("type").GetString() == "trade.captured.v1") sights.Saw(Sight.TradeParked);
                break;
            case "market.frame-published.v2":
                foreach (var index in payload.GetProperty("indices").EnumerateArray())
                    sights.Saw(index.GetProperty("breaker").GetString() switch
                    {
                        "Normal" => Sight.IndexNormal,
                        "Degraded" => Sight.IndexDegraded,
                        _ => Sight.IndexHalted,
                    });
                break;
        }
    }

    /// <summary>What the order left for others of its side, and whether it turns back from what fills have made too much.</summary>
    private static void LookAtRoom(Venue venue, StoredRow row, JsonElement order)
    {
        var (account, instrument, side) = (StoredFormat.Uuid(row.Grain), order.GetProperty("instrument").GetInt32(), order.GetProperty("side").GetString()!);
        if (venue.Auditor.RoomOf(account, instrument, side) is { IsZero: true }) venue.Sights.Saw(Sight.OrderUpToItsLimit);
        if (venue.Auditor.RoomOf(account, instrument, side == "Buy" ? "Sell" : "Buy") is { Sign: < 0 }) venue.Sights.Saw(Sight.OrderFromBeyondItsLimit);
    }

    private static void LookAtEnding(Sights sights, string ending)
    {
        switch (ending)
        {
            case "Ended": sights.Saw(Sight.SliceEndedByItsEngine); break;
            case "Rejected": sights.Saw(Sight.SliceRejected); break;
            case "GivenUp": sights.Saw(Sight.SliceGivenUp); break;
        }
    }

    private static void LookAtRefusal(Venue venue, StoredRow row)
    {
        var sights = venue.Sights;
        using var document = JsonDocument.Parse(row.Payload);
        switch (document.RootElement.GetProperty("command").GetString(), document.RootElement.GetProperty("reason").GetString())
        {
            case ("reserve-order", "insufficient-margin"): sights.Saw(Sight.OrderRefusedByMargin); break;
            case ("reserve-order", "no-price" or "account-frozen"): sights.Saw(Sight.OrderRefusedUnpriced); break;
            case ("reserve-order", "exceeds-position-limit"): sights.Saw(Sight.OrderRefusedByItsLimit); break;
            case (_, "exceeds-balance"):
                var (asset, available) = StoredFormat.Amount(document.RootElement.GetProperty("available").GetString()!);
                if (available < venue.Auditor.BalanceOf(StoredFormat.Uuid(row.Grain), asset)) sights.Saw(Sight.RefusedAsNotFinal);
                break;
            case (_, "unknown-deposit"): sights.Saw(Sight.WordOfAnotherCustodian); break;
            case ("allocate-collateral", "insufficient-margin"): sights.Saw(Sight.AllocationRefusedByMargin); break;
            case ("release-collateral", "insufficient-margin"): sights.Saw(Sight.ReleaseRefusedByMargin); break;
            case ("isolate-sub-account", "sub-account-in-use"): sights.Saw(Sight.SubAccountInUse); break;
            case ("withdraw", "insufficient-margin"): sights.Saw(Sight.WithdrawalRefusedByMargin); break;
            case ("transfer", "insufficient-margin"): sights.Saw(Sight.TransferRefusedByMargin); break;
            case (_, "account-in-liquidation"): sights.Saw(Sight.RefusedInLiquidation); break;
        }
    }

    private static void LookAt(Sights sights, JsonElement change)
    {
        var traded = StoredFormat.Units(change.GetProperty("quantity").GetString()!, 8);
        var after = StoredFormat.Units(change.GetProperty("quantityAfter").GetString()!, 8);
        var before = after - traded;
        if (!traded.IsZero)
            sights.Saw(
                before.IsZero || before.Sign == traded.Sign ? Sight.PositionOpened
                : after.IsZero ? Sight.PositionClosed
                : after.Sign == before.Sign ? Sight.PositionClosedInPart
                : Sight.PositionThroughZero);
        if (!change.GetProperty("funding").GetString()!.StartsWith("0 ", StringComparison.Ordinal)) sights.Saw(Sight.FundingPaid);
        if (change.GetProperty("balanceAfter").GetString()!.StartsWith('-')) sights.Saw(Sight.NegativeBalance);
    }
}
