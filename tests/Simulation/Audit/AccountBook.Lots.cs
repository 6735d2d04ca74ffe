using System.Numerics;
using System.Text.Json;

namespace CrossMargin.Simulation.Audit;

/// <summary>Deposits that are not final: they end once, on the word of the source that reported them, and do not leave before.</summary>
internal sealed partial class AccountBook
{
    private sealed record Lot(string Asset, BigInteger Units, string Source, string Line);

    private readonly SortedDictionary<long, Lot> lots = [];   // by the version of their records

    public BigInteger PendingOf(string asset) => lots.Values.Where(lot => lot.Asset == asset).Aggregate(BigInteger.Zero, (sum, lot) => sum + lot.Units);

    /// <summary>What of a balance counts, and so could be taken: what is not final by the weight of the rules, rounded down.</summary>
    private BigInteger Counted(string asset, Marks marks)
    {
        var (balance, billion) = (Balance(asset), BigInteger.Pow(10, 9));
        return balance - BigInteger.Min(BigInteger.Max(balance, 0), ((PendingOf(asset) * (billion - marks.PendingWeightOf(asset))) + billion - 1) / billion);
    }

    /// <summary>Who numbered the command whose records are folded; null where nobody did.</summary>
    public string? By { private get; set; }

    private void Report(JsonElement payload, long version)
    {
        if (!payload.TryGetProperty("origin", out var origin) || origin.GetProperty("finality").GetString() != "Pending") return;
        var (asset, units) = Amount(payload, "amount");
        var source = origin.TryGetProperty("source", out var by) ? by.GetString()! : "";
        lots.Add(version, new Lot(asset, units, source, LotLine(
            version, asset, units, origin.GetProperty("form").GetString()!, origin.GetProperty("location").GetString()!,
            payload.GetProperty("reference").GetString()!, source)));
    }

    private void EndLot(JsonElement payload, long version)
    {
        var (asset, units) = Amount(payload, "amount");
        AuditFailure.Unless(
            lots.Remove(payload.GetProperty("deposit").GetInt64(), out var lot) && lot.Asset == asset && lot.Units == units, "I1",
            $"account {id} ends a deposit that is not pending at version {version}");
        AuditFailure.Unless(
            lot!.Source.Length == 0 || lot.Source == By, "finality", $"account {id} takes the word of {By} for a deposit of {lot.Source} at version {version}");
    }

    /// <summary>What an owner sends away leaves nothing below zero, and what is not final where it is.</summary>
    private void CheckLeft(string asset, string does, long version) => AuditFailure.Unless(
        Balance(asset) >= PendingOf(asset), "I1",
        $"account {id} {does} and keeps {StoredFormat.Text(asset, Balance(asset))}, of which {StoredFormat.Text(asset, PendingOf(asset))} are not final, at version {version}");

    private string LotState() => LotsLine(lots.Values.Select(lot => lot.Line));

    private static string LotStateOf(JsonElement state) => LotsLine(Each(state, "lots", lot =>
        $"{Slashed(lot, "id", "amount", "form", "location", "reference")}/{(lot.TryGetProperty("source", out var source) ? source.ToString() : "")}"));

    public static string LotLine(long id, string asset, BigInteger units, string form, string location, string reference, string source) =>
        $"{id}/{StoredFormat.Text(asset, units)}/{form}/{location}/{reference}/{source}";

    public static string LotsLine(IEnumerable<string> lots) => $" lots={string.Join(',', lots)}";
}
