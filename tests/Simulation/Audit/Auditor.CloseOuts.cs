using System.Numerics;
using System.Text.Json;
using CrossMargin.Simulation.Reference;

namespace CrossMargin.Simulation.Audit;

/// <summary>
/// A round of deleveraging in a shard: who offered is who answers, who could be closed against is named, and everybody who is assigned
/// something says what became of it.
/// </summary>
internal sealed partial class Auditor
{
    private const int MostNamed = 32;

    /// <summary>What an account does with the question of a round, or with its end.</summary>
    private Turn BeginCloseOut(Unit unit, StoredRow row, string id, JsonElement message, JsonElement payload)
    {
        if (unit.Message.Type == "pool.deleveraging-asked.v1")
        {
            if (IsAtADeadline(row, payload) || row.Type == "account.positions-netted.v1") return Unjudged(row, id);
            AuditFailure.Unless(
                row.Type == "account.close-out-offered.v1" && payload.GetProperty("round").GetInt64() == message.GetProperty("round").GetInt64()
                && payload.GetProperty("instrument").GetInt32() == message.GetProperty("instrument").GetInt32()
                && payload.GetProperty("because").GetString() == message.GetProperty("because").GetString(), "close-outs",
                $"{row.Address} answers {unit.Message.Address} with {payload}");
            return Unjudged(row, id);
        }

        if (row.Type != "account.deleveraged.v1")
        {
            AuditFailure.Unless(unit.Owing.Remove(id, out var sum), "close-outs", $"{row.Address} hears of {unit.Message.Address}, to which {id} offered nothing");
            AuditFailure.Unless(
                row.Type == "account.close-out-assigned.v1"
                    ? StoredFormat.Units(payload.GetProperty("quantity").GetString()!, 8) == sum
                    : sum.IsZero && payload.GetProperty("ending").GetString() == "NotAssigned", "close-outs",
                $"{row.Address} is {payload}, and {sum} of it is assigned");
            return Unjudged(row, id);
        }

        var key = unit.Owing.Keys.FirstOrDefault(due => due.StartsWith(AssignmentKey(id, payload.GetProperty("assigned")), StringComparison.Ordinal));
        AuditFailure.Unless(
            key is not null && unit.Owing.Remove(key), "close-outs", $"{row.Address} gives up what {unit.Message.Address} does not assign to {id}: {payload}");
        if (reference is null || IsForgotten(id)) return Unjudged(row, id);
        return Ruled(row, id, reference.Tell(id, ReferenceModel.GivenUp.Read(payload), MarksOf(row)));
    }

    /// <summary>
    /// A case looks at its deadline in whatever turn it has: a question that it has no answer to may be the first that comes behind it.
    /// Whether the deadline has come, the book of the account asks. In the same way it nets what cancels, in the first turn in which it may.
    /// </summary>
    private static bool IsAtADeadline(StoredRow row, JsonElement payload) =>
        (row.Type == "account.slice-ended.v1" && payload.GetProperty("ending").GetString() == "GivenUp")
        || (row.Type == "account.slice-called-back.v1" && payload.GetProperty("reason").GetString() == "Overdue");

    private static string AssignmentKey(string holder, JsonElement of) => $"{holder} for {of.GetProperty("account")}: {of.GetProperty("quantity")} #";

    /// <summary>What cases and holders of the shard have to say to an assignment.</summary>
    private SortedDictionary<string, BigInteger> AnswersDue(JsonElement assigned, int shard)
    {
        var due = new SortedDictionary<string, BigInteger>(StringComparer.Ordinal);
        var round = assigned.GetProperty("round").GetInt64();
        foreach (var (id, account) in AccountsIn(shard))
            if (account.OfferTo(round) is not null) due.Add(id, 0);
        foreach (var part in assigned.GetProperty("assignments").EnumerateArray())
        {
            var (of, holder) = (part.GetProperty("of"), part.GetProperty("to").GetProperty("account").GetString()!);
            var (account, quantity) = (of.GetProperty("account").GetString()!, StoredFormat.Units(of.GetProperty("quantity").GetString()!, 8));
            if (due.ContainsKey(account)) due[account] += quantity;
            if (StoredFormat.ShardOf(StoredFormat.Bytes(holder), shards) == shard) due.Add(AssignmentKey(holder, of) + due.Count, quantity);
        }

        return due;
    }

    /// <summary>What a shard answers to a round: its offers, all of them, and holders who are there.</summary>
    private void CheckCloseOuts(StoredRow row, JsonElement payload)
    {
        var unit = books[row.Shard].Unit;
        AuditFailure.Unless(unit is { Message.Type: "pool.deleveraging-asked.v1" }, "close-outs", $"{row.Address} answers what nobody asked");
        using var document = Parse(unit!.Message);
        var (asked, answer) = (document.RootElement, payload.GetProperty("answer"));
        var round = asked.GetProperty("round").GetInt64();
        AuditFailure.Unless(
            payload.GetProperty("round").GetInt64() == round && answer.GetProperty("shard").GetInt32() == row.Shard, "close-outs", $"{row.Address} answers for somebody else");
        var offers = answer.GetProperty("offers").EnumerateArray().Select(offer => offer.GetRawText()).Order(StringComparer.Ordinal);
        var offered = AccountsIn(row.Shard).Select(one => one.Account.OfferTo(round)).OfType<string>().Order(StringComparer.Ordinal);
        AuditFailure.Unless(offers.SequenceEqual(offered), "close-outs", $"{row.Address} says {string.Join(',', offers)}\nand what is offered is {string.Join(',', offered)}");
        CheckHolders(row, asked, [.. answer.GetProperty("candidates").EnumerateArray()]);
    }

    private void CheckHolders(StoredRow row, JsonElement asked, List<JsonElement> candidates)
    {
        var (instrument, wanted) = (asked.GetProperty("instrument").GetInt32(), StoredFormat.Units(asked.GetProperty("quantity").GetString()!, 8));
        var (named, sum) = (new HashSet<string>(StringComparer.Ordinal), BigInteger.Zero);
        foreach (var one in candidates)
        {
            var (id, subAccount) = (one.GetProperty("holder").GetProperty("account").GetString()!, one.GetProperty("holder").GetProperty("subAccount").GetInt32());
            var (account, size) = (GrainOf(id).Account, StoredFormat.Units(one.GetProperty("size").GetString()!, 8));
            var held = account.Quantity(subAccount, instrument);
            AuditFailure.Unless(
                StoredFormat.ShardOf(StoredFormat.Bytes(id), shards) == row.Shard && named.Add($"{id}/{subAccount}") && held.Sign == -wanted.Sign
                && BigInteger.Abs(held) == size && account.PromisedIn(subAccount) is null, "close-outs",
                $"{row.Address} names {one}, who holds {held}, {account.PromisedIn(subAccount)}");
            AuditFailure.Unless(
                (one.GetProperty("effect").GetString() == "IsLiquidated") == account.IsLiquidated(subAccount), "close-outs", $"{row.Address} says that {id} is {one.GetProperty("effect")}");
            sum += size;
        }

        AuditFailure.Unless(candidates.Count <= MostNamed, "close-outs", $"{row.Address} names {candidates.Count} holders");
        if (sum >= BigInteger.Abs(wanted) || candidates.Count == MostNamed || MarksOf(row)?.Instruments.GetValueOrDefault(instrument)?.Mark is null) return;
        foreach (var (id, account) in AccountsIn(row.Shard))
            foreach (var subAccount in account.SubAccountsOf(instrument).Where(sub => account.Quantity(sub, instrument).Sign == -wanted.Sign))
                AuditFailure.Unless(
                    named.Contains($"{id}/{subAccount}") || account.PromisedIn(subAccount) is not null || account.IsFrozen(subAccount), "close-outs",
                    $"{row.Address} leaves {id} out, who holds {account.Quantity(subAccount, instrument)} where {wanted} are wanted: {account.State()}");
    }

    /// <summary>Nobody falls by what he pays beyond the mark; and who gives up nothing has nothing that he could.</summary>
    private void CheckGivenUp(StoredRow row, string id, JsonElement payload)
    {
        var account = GrainOf(id).Account;
        if (!payload.TryGetProperty("transfer", out var transfer))
        {
            using var message = Parse(books[row.Shard].Unit!.Message);
            var (instrument, assigned) = (message.RootElement.GetProperty("instrument").GetInt32(), payload.GetProperty("assigned"));
            var wanted = StoredFormat.Units(assigned.GetProperty("quantity").GetString()!, 8);
            var holds = message.RootElement.GetProperty("assignments").EnumerateArray()
                .Where(part => part.GetProperty("to").GetProperty("account").GetString() == id && part.GetProperty("of").GetRawText() == assigned.GetRawText())
                .Select(part => part.GetProperty("to").GetProperty("subAccount").GetInt32())
                .All(from => account.Quantity(from, instrument).Sign == -wanted.Sign && account.PromisedIn(from) is null && !account.IsFrozen(from));
            AuditFailure.Unless(
                !holds || MarksOf(row)?.Instruments.GetValueOrDefault(instrument)?.Mark is null, "close-outs",
                $"{row.Address} gives up nothing of {wanted}: {account.State()}");
            return;
        }

        var mark = MarksOf(row)!.Instruments[transfer.GetProperty("instrument").GetInt32()].Mark!.Value;
        if (reference is null || IsForgotten(id) || StoredFormat.Units(transfer.GetProperty("price").GetString()!, 8) == mark) return;
        var isWorse = StoredFormat.Units(transfer.GetProperty("quantity").GetString()!, 8).Sign < 0 == (StoredFormat.Units(transfer.GetProperty("price").GetString()!, 8) > mark);
        var from = payload.GetProperty("change").GetProperty("subAccount").GetInt32();
        AuditFailure.Unless(
            !isWorse || reference.Value(id, from, MarksOf(row)!).Status is not ("Liquidatable" or "Bankrupt"), "I8", $"{row.Address} makes {id} fall by another's loss");
    }
}
