using System.Numerics;
using System.Text.Json;
using CrossMargin.Simulation.Reference;

namespace CrossMargin.Simulation.Audit;

/// <summary>
/// Rounds of deleveraging, by docs/liquidation.md: one at a time, for what a shard reported as stranded, and an assignment that is exactly
/// what the published ranking says of what was answered.
/// </summary>
internal sealed partial class PoolBook
{
    private sealed record Kind(int Instrument, int Side, string Because);

    private sealed class CloseOutRound(long number, int instrument, string ranking, IReadOnlyList<int> asked)
    {
        public long Number => number;
        public int Instrument => instrument;
        public string Ranking => ranking;
        public IReadOnlyList<int> Asked => asked;
        public SortedDictionary<int, JsonElement> Answers { get; } = [];
    }

    private sealed record Holder(string Account, int SubAccount) : IComparable<Holder>
    {
        public int CompareTo(Holder? other) => string.CompareOrdinal(Account, other!.Account) is var order and not 0 ? order : SubAccount.CompareTo(other.SubAccount);

        public static Holder Read(JsonElement holder) => new(holder.GetProperty("account").GetString()!, holder.GetProperty("subAccount").GetInt32());
    }

    private CloseOutRound? closeOuts;
    private Kind? lastAsked;

    private IReadOnlyList<Fact> ExpectedOfCloseOuts(StoredRow message, JsonElement answer)
    {
        var number = answer.GetProperty("round").GetInt64();
        if (closeOuts is not { } open || open.Number != number || open.Answers.ContainsKey(message.Shard)) return [];
        return [new Fact($"pool.close-outs-reported.v1 round={number} answer={answer.GetProperty("answer")}")];
    }

    private void FoldCloseOuts(StoredRow row, JsonElement payload, Marks? marks)
    {
        if (row.Type == "pool.deleveraging-asked.v1") AskCloseOuts(row, payload, marks!);
        else if (row.Type == "pool.deleverage-assigned.v1") Assign(row, payload, marks);
        else
        {
            var answer = payload.GetProperty("answer");
            AuditFailure.Unless(
                closeOuts is { } open && open.Number == payload.GetProperty("round").GetInt64()
                && open.Answers.TryAdd(answer.GetProperty("shard").GetInt32(), answer.Clone()), "close-outs", $"{row.Address} takes an answer that nobody waits for");
        }
    }

    private void AskCloseOuts(StoredRow row, JsonElement payload, Marks marks)
    {
        var quantity = StoredFormat.Units(payload.GetProperty("quantity").GetString()!, 8);
        var kind = new Kind(payload.GetProperty("instrument").GetInt32(), quantity.Sign, payload.GetProperty("because").GetString()!);
        int[] asked = [.. payload.GetProperty("shards").EnumerateArray().Select(shard => shard.GetInt32())];
        var everybody = Enumerable.Range(0, Shards).Where(shard => !IsSetAside(shard)).ToList();
        AuditFailure.Unless(
            closeOuts is null && payload.GetProperty("round").GetInt64() == row.Version && asked.SequenceEqual(everybody), "close-outs",
            $"{row.Address} opens round {payload.GetProperty("round")} of {string.Join(',', asked)}, beside {closeOuts?.Number}");
        var stranded = everybody.SelectMany(shard => wants.TryGetValue(shard, out var open) ? open.Stranded : []).Where(one => one.Kind == kind)
            .Aggregate(BigInteger.Zero, (sum, one) => sum + one.Quantity);
        AuditFailure.Unless(!stranded.IsZero && stranded == quantity, "close-outs", $"{row.Address} asks for {quantity} of {kind}, and {stranded} are stranded");
        using var rules = JsonDocument.Parse(marks.Parameters);
        var ranking = rules.RootElement.GetProperty("liquidation").GetProperty("deleveraging").GetProperty("ranking").GetString()!;
        AuditFailure.Unless(
            string.Equals(ranking.Replace("-", "", StringComparison.Ordinal), payload.GetProperty("ranking").GetString(), StringComparison.OrdinalIgnoreCase), "close-outs",
            $"{row.Address} ranks by {payload.GetProperty("ranking")}, and the rules by {ranking}");
        AuditFailure.Unless(
            kind.Because == "Unfilled" || Missing > FundValue(marks), "I10", $"{row.Address} closes others while the fund has {FundValue(marks)} of {Missing}");
        var inTurn = everybody.SelectMany(shard => wants.TryGetValue(shard, out var open) ? open.Stranded.Where(one => !IsTakenOver(open, one.Kind)) : [])
            .Select(one => one.Kind).Where(one => one.Because == "Unfilled" || Missing > FundValue(marks))
            .OrderBy(one => lastAsked is not null && OrderOf(one).CompareTo(OrderOf(lastAsked)) <= 0).ThenBy(OrderOf).First();
        AuditFailure.Unless(kind == inTurn, "close-outs", $"{row.Address} asks for {kind}, and {inTurn} is in turn behind {lastAsked}");
        (closeOuts, lastAsked) = (new CloseOutRound(row.Version, kind.Instrument, payload.GetProperty("ranking").GetString()!, asked), kind);
    }

    private static (int, int, int) OrderOf(Kind kind) => (kind.Instrument, kind.Side, kind.Because == "Unfilled" ? 0 : 1);

    /// <summary>A backstop account has quota enough for what waits there.</summary>
    private bool IsTakenOver(Wants open, Kind kind) => open.Remainders.TryGetValue(kind.Instrument, out var remainder)
        && quotas.Exists(quota => quota.Instrument == kind.Instrument && quota.Left >= remainder);

    /// <summary>What is in the fund and promised to nobody, in micros.</summary>
    private BigInteger FundValue(Marks marks)
    {
        var assets = deposited.Keys.Concat(wants.Values.SelectMany(open => open.Fund.Keys)).Distinct();
        return assets.Where(asset => Available(asset).Sign > 0 && marks.Assets.ContainsKey(asset)).Aggregate(
            BigInteger.Zero, (sum, asset) => sum + (Available(asset) * marks.Assets[asset] * StoredFormat.UnitE20(asset) / BigInteger.Pow(10, 22)));
    }

    /// <summary>Offers in the order of the shards, against holders in the order of the ranking: all that is offered, or all that there is.</summary>
    private void Assign(StoredRow row, JsonElement payload, Marks? marks)
    {
        AuditFailure.Unless(
            closeOuts is { } round && round.Number == payload.GetProperty("round").GetInt64() && round.Instrument == payload.GetProperty("instrument").GetInt32()
            && round.Asked.All(shard => IsSetAside(shard) || round.Answers.ContainsKey(shard)), "close-outs", $"{row.Address} assigns before everybody has answered");
        var offers = new Queue<(string Account, BigInteger Quantity)>(Each("offers").Select(offer => (
            offer.GetProperty("account").GetString()!, StoredFormat.Units(offer.GetProperty("quantity").GetString()!, 8))));
        var budget = offers.Aggregate(BigInteger.Zero, (sum, offer) => sum + BigInteger.Abs(offer.Quantity));
        var expected = new List<string>();
        var (account, left) = ("", BigInteger.Zero);
        foreach (var (holder, size) in Ranked([.. Each("candidates")], budget, marks?.Lots.GetValueOrDefault(closeOuts!.Instrument) ?? 0))
        {
            var open = size;
            while (open.Sign > 0 && (!left.IsZero || offers.Count > 0))
            {
                if (left.IsZero) (account, left) = offers.Dequeue();
                var taken = BigInteger.Min(open, BigInteger.Abs(left)) * left.Sign;
                if (!taken.IsZero) expected.Add($"{account} {StoredFormat.Decimal(taken, 8)} to {holder.Account}/{holder.SubAccount}");
                (open, left) = (open - BigInteger.Abs(taken), left - taken);
            }
        }

        var said = payload.GetProperty("assignments").EnumerateArray().Select(part =>
            $"{part.GetProperty("of").GetProperty("account")} {part.GetProperty("of").GetProperty("quantity")} to "
            + $"{part.GetProperty("to").GetProperty("account")}/{part.GetProperty("to").GetProperty("subAccount")}");
        AuditFailure.Unless(
            said.SequenceEqual(expected), "close-outs", $"{row.Address} assigns\n  {string.Join("\n  ", said)}\nand by the {closeOuts!.Ranking} it is\n  {string.Join("\n  ", expected)}");
        closeOuts = null;

        IEnumerable<JsonElement> Each(string name) => closeOuts!.Answers.Values.SelectMany(answer => answer.GetProperty(name).EnumerateArray());
    }

    private IEnumerable<(Holder Holder, BigInteger Size)> Ranked(List<JsonElement> candidates, BigInteger budget, BigInteger grid)
    {
        if (candidates.Exists(one => Effect(one) < 2)) candidates.RemoveAll(one => Effect(one) == 2);
        var available = candidates.Aggregate(BigInteger.Zero, (sum, one) => sum + Size(one));
        if (closeOuts!.Ranking == "ProRata") return InLots();
        return candidates.OrderBy(one => closeOuts.Ranking == "HedgeAware" ? Effect(one) : 0).ThenByDescending(ScoreOf).ThenBy(HolderOf)
            .Select(one => (HolderOf(one), Size(one)));

        // Whole lots by the largest remainder; what is left over comes from the lowest holders.
        List<(Holder, BigInteger)> InLots()
        {
            var lot = grid.IsZero ? 1 : grid;
            var left = BigInteger.Min(budget, available);
            var lots = BigInteger.Min(left / lot, candidates.Aggregate(BigInteger.Zero, (sum, one) => sum + (Size(one) / lot)));
            var shares = Share(lots, [.. candidates.Select(one => (HolderOf(one), Size(one) / lot))], Comparer<Holder>.Default);
            left -= lots * lot;
            var given = new List<(Holder, BigInteger)>();
            foreach (var one in candidates.OrderBy(HolderOf))
            {
                var more = BigInteger.Min(left, Size(one) - (shares[HolderOf(one)] * lot));
                given.Add((HolderOf(one), (shares[HolderOf(one)] * lot) + more));
                left -= more;
            }

            return given;
        }

        static Holder HolderOf(JsonElement one) => Holder.Read(one.GetProperty("holder"));
        static BigInteger Size(JsonElement one) => StoredFormat.Units(one.GetProperty("size").GetString()!, 8);
        static int Effect(JsonElement one) => one.GetProperty("effect").GetString() switch { "LowersRisk" => 0, "RaisesRisk" => 1, _ => 2 };
    }

    /// <summary>(profit / cost) × (notional / equity), each rounded down at 1e-9.</summary>
    private static BigInteger ScoreOf(JsonElement one)
    {
        var equity = Of("equity");
        return Ratio(Of("profit"), Of("entryNotional")) * (equity.Sign <= 0 ? long.MaxValue : Ratio(Of("notional"), equity));

        BigInteger Of(string name) => StoredFormat.Micros(one.GetProperty(name).GetString()!);
        static BigInteger Ratio(BigInteger part, BigInteger whole) =>
            part.Sign <= 0 || whole.Sign <= 0 ? 0 : BigInteger.Min(long.MaxValue, part * BigInteger.Pow(10, 9) / whole);
    }

    // ---- as one line ----------------------------------------------------------------------------------------------------

    private string CloseOutState() => CloseOutLine(
        closeOuts is null ? "" : $"{closeOuts.Number}/{closeOuts.Instrument}/{closeOuts.Ranking}/{string.Join(',', closeOuts.Answers.Keys)}",
        lastAsked is null ? "" : $"{lastAsked.Instrument}/{lastAsked.Side}/{lastAsked.Because}");

    private static string CloseOutStateOf(JsonElement state) => CloseOutLine(
        state.TryGetProperty("deleveraging", out var round)
            ? $"{round.GetProperty("number")}/{round.GetProperty("instrument")}/{round.GetProperty("ranking")}/"
                + string.Join(',', round.GetProperty("answers").EnumerateArray().Select(answer => answer.GetProperty("shard").GetInt32()).Order())
            : "",
        state.TryGetProperty("lastAsked", out var last) ? $"{last.GetProperty("instrument")}/{last.GetProperty("side")}/{last.GetProperty("because")}" : "");

    private static string CloseOutLine(string round, string last) => $" deleveraging={round} last={last}";
}
