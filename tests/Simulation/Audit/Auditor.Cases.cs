using System.Numerics;
using System.Text.Json;
using CrossMargin.Simulation.Reference;

namespace CrossMargin.Simulation.Audit;

/// <summary>
/// What runs through an account, its shard and the pool at once: what was granted is taken by who asked for it and as far as it goes, what
/// was locked is what is answered, each share of a loss is paid, and the fund is not below what the pool carries.
/// </summary>
internal sealed partial class Auditor
{
    private readonly Dictionary<string, BigInteger> fund = new(StringComparer.Ordinal);   // in it: deposited and paid in, less drawn
    private readonly Dictionary<(int Shard, string Asset), BigInteger> drawn = [];
    private readonly Dictionary<(string Grant, int Instrument), BigInteger> used = [];    // of what was granted of a market

    private static bool IsForCases(string type) => type is "pool.budget-granted.v1" or "pool.loss-asked.v1" or "pool.loss-allocated.v1"
        or "pool.deleveraging-asked.v1" or "pool.deleverage-assigned.v1";

    private PoolBook Pool => GrainOf(StoredFormat.MainPool).Pool;

    private IEnumerable<(string Id, AccountBook Account)> AccountsIn(int shard) => grains
        .Where(grain => StoredFormat.IsAccount(grain.Key) && StoredFormat.ShardOf(StoredFormat.Bytes(grain.Key), shards) == shard)
        .OrderBy(grain => grain.Key, StringComparer.Ordinal).Select(grain => (grain.Key, grain.Value.Account));

    /// <summary>What an account does with a part of what its shard was told.</summary>
    private Turn BeginPart(Unit unit, StoredRow row, string id, JsonElement message, JsonElement said)
    {
        if (StoredFormat.IsShardGrain(id))
            return unit.Message.Type == "pool.deleveraging-asked.v1" ? Unjudged(row, id) : OneFact(row, id, ExpectedAnswer(row, message));
        switch (unit.Message.Type)
        {
            case "pool.deleveraging-asked.v1" or "pool.deleverage-assigned.v1":
                return BeginCloseOut(unit, row, id, message, said);
            case "pool.budget-granted.v1":
                AuditFailure.Unless(GrainOf(id).Account.Asks, "I7", $"{row.Address} takes a part of {unit.Message.Address}, which {id} did not ask for");
                return Unjudged(row, id);
            case "pool.loss-asked.v1" when AccountBook.ReturnReason(row.Type, said) is not null:
                return new Turn(id, row.Cause, facts: [], "I8");   // and then what it locks
            case "pool.loss-asked.v1":
                using (var document = Parse(row))
                {
                    var payload = document.RootElement;
                    AuditFailure.Unless(
                        row.Type == "account.gain-locked.v1" && payload.GetProperty("round").GetInt64() == message.GetProperty("round").GetInt64()
                        && payload.GetProperty("amount").GetString()!.EndsWith($" {message.GetProperty("asset").GetString()}", StringComparison.Ordinal), "I8",
                        $"{row.Address} answers {unit.Message.Address} with a {row.Type}");
                    var (asset, units) = StoredFormat.Amount(payload.GetProperty("amount").GetString()!);
                    return Loss(row, id, new ReferenceModel.GainTaken(message.GetProperty("round").GetInt64(), asset, units));
                }

            default:
                AuditFailure.Unless(unit.Owing.Remove(id, out var share), "I8", $"{row.Address} shares a loss for which {id} has locked nothing");
                return Loss(row, id, new ReferenceModel.LossTaken(
                    message.GetProperty("round").GetInt64(), StoredFormat.Amount(message.GetProperty("deficit").GetString()!).Asset, share));
        }
    }

    private Turn Loss(StoredRow row, string id, object part)
    {
        if (reference is null || IsForgotten(id)) return Unjudged(row, id);
        return Ruled(row, id, reference.Tell(id, part, MarksOf(row)));
    }

    private string ExpectedAnswer(StoredRow row, JsonElement asked)
    {
        var shard = row.Shard;
        var (number, asset) = (asked.GetProperty("round").GetInt64(), asked.GetProperty("asset").GetString()!);
        var (locked, paidIn) = (BigInteger.Zero, BigInteger.Zero);
        foreach (var (id, account) in AccountsIn(shard))
        {
            CheckWaiting(row, id, account, asset);
            if (account.Lock is { } gain && gain.Round == number) locked += gain.Units;
            if (account.Fund.TryGetValue(asset, out var share)) paidIn += share.PaidIn;
        }

        return $"shard.gains-locked.v1 shard={shard} round={number} locked={StoredFormat.Text(asset, locked)} paidIn={StoredFormat.Text(asset, paidIn)}";
    }

    /// <summary>Nobody's gain is out of reach because the cash beside it waits to leave.</summary>
    private void CheckWaiting(StoredRow row, string id, AccountBook account, string asset)
    {
        if (reference is null || IsForgotten(id) || MarksOf(row) is not { } marks) return;
        if (reference.Value(id, 0, marks) is not { IsPriced: true, MayBeFrozen: false, Requirement: { } required } standing) return;
        var left = account.WaitsBesideItsGain(asset, standing.MarginEquity - required.Maintenance.High, marks);
        AuditFailure.Unless(left is null, "I8", $"{row.Address} answers for a loss, and {left}");
    }

    /// <summary>The shard's share over what its accounts have locked, to the unit.</summary>
    private SortedDictionary<string, BigInteger> OwingOf(StoredRow message, int shard)
    {
        if (message.Type is not ("pool.loss-allocated.v1" or "pool.deleverage-assigned.v1")) return [];
        using var document = Parse(message);
        if (message.Type == "pool.deleverage-assigned.v1") return AnswersDue(document.RootElement, shard);
        var allocated = document.RootElement;
        var round = allocated.GetProperty("round").GetInt64();
        var total = allocated.GetProperty("shares").EnumerateArray().Where(share => share.GetProperty("shard").GetInt32() == shard)
            .Aggregate(BigInteger.Zero, (sum, share) => sum + StoredFormat.Amount(share.GetProperty("amount").GetString()!).Units);
        var claims = AccountsIn(shard).Where(one => one.Account.Lock?.Round == round).Select(one => (one.Id, one.Account.Lock!.Value.Units)).ToList();
        AuditFailure.Unless(
            total <= claims.Aggregate(BigInteger.Zero, (sum, claim) => sum + claim.Units), "I8", $"{message.Address} asks shard {shard} for {total}, which is not locked there");
        return PoolBook.Share(total, claims, StringComparer.Ordinal);
    }

    private void FollowCase(StoredRow row, string id, JsonElement payload)
    {
        switch (row.Type)
        {
            case CaseOpened or "account.slice-ordered.v1" when reference is not null && !IsForgotten(id):
                var wrong = reference.Value(id, subAccount: 0, MarksOf(row)!).Contradicts(StoredFormat.MarginIn(payload));
                AuditFailure.Unless(wrong is null, "I7", $"{row.Address} is\n  {StoredFormat.Line(row.Type, payload)}\nand by the rules {wrong}");
                break;
            case "shard.close-outs-answered.v1":
                CheckCloseOuts(row, payload);
                break;
            case "account.deleveraged.v1":
                CheckGivenUp(row, id, payload);
                break;
            case "account.slice-filled.v1":
                InFund(row, StoredFormat.Amount(payload.GetProperty("toFund").GetString()!), sign: 1);
                break;
            case "account.loss-shared.v1" or "pool.fund-deposited.v1":
                InFund(row, StoredFormat.Amount(payload.GetProperty("amount").GetString()!), sign: 1);
                break;
            case "account.collateral-surrendered.v1":
                InFund(row, StoredFormat.Amount(payload.GetProperty("collateral").GetString()!), sign: 1);
                Draw(row, StoredFormat.Amount(payload.GetProperty("drawn").GetString()!));
                break;
            case "account.fund-drawn.v1":
                Draw(row, StoredFormat.Amount(payload.GetProperty("amount").GetString()!));
                break;
        }

        if (row.Type == "account.slice-ordered.v1") UseGrant(row, id, payload.GetProperty("slice").GetProperty("instrument").GetInt32());
    }

    private void Draw(StoredRow row, (string Asset, BigInteger Units) amount)
    {
        var key = (row.Shard, amount.Asset);
        drawn[key] = drawn.GetValueOrDefault(key) + amount.Units;
        AuditFailure.Unless(
            amount.Units.IsZero || drawn[key] <= Pool.LimitOf(row.Shard, amount.Asset), "I10",
            $"{row.Address} draws {amount.Units}, and shard {row.Shard} has drawn {drawn[key]} of {Pool.LimitOf(row.Shard, amount.Asset)}");
        InFund(row, amount, sign: -1);
    }

    private void InFund(StoredRow row, (string Asset, BigInteger Units) amount, int sign)
    {
        fund[amount.Asset] = fund.GetValueOrDefault(amount.Asset) + (sign * amount.Units);
        AuditFailure.Unless(
            fund[amount.Asset] >= -Pool.EverCarried(amount.Asset), "I10",
            $"{fund[amount.Asset]} {amount.Asset} are in the fund after {row.Address}, and the pool carries {Pool.EverCarried(amount.Asset)}");
    }

    /// <summary>All slices of a grant together are within it.</summary>
    private void UseGrant(StoredRow row, string id, int instrument)
    {
        var unit = books[row.Shard].Unit;
        AuditFailure.Unless(unit is { Message.Type: "pool.budget-granted.v1" }, "I10", $"{row.Address} orders a slice that nobody granted");
        using var document = Parse(unit!.Message);
        var granted = document.RootElement.GetProperty("slices").EnumerateArray().Where(slice => slice.GetProperty("instrument").GetInt32() == instrument)
            .Aggregate(BigInteger.Zero, (sum, slice) => sum + StoredFormat.Micros(slice.GetProperty("notional").GetString()!));
        var key = (unit.Message.Address, instrument);
        used[key] = used.GetValueOrDefault(key) + GrainOf(id).Account.SliceNotional;
        AuditFailure.Unless(used[key] <= granted, "I10", $"{row.Address} uses {used[key]} of {granted} that were granted of instrument {instrument}");
    }

    /// <summary>An account that is to be liquidated and is not, although nothing stands in the way; null when there is none.</summary>
    public string? WhatKeepsCasesOpen(int ofShards)
    {
        if (LastMarks is not { ParameterVersion: > 0 } marks) return null;
        for (var shard = 0; shard < ofShards; shard++)
            foreach (var (_, account) in AccountsIn(shard))
                if (account.Asks && account.Excuse(marks) is null) return account.WhatKeepsItsCaseOpen;
        return null;
    }
}
