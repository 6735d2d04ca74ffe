using System.Numerics;
using System.Text.Json;

namespace CrossMargin.Simulation.Audit;

/// <summary>
/// What is long in one sub-account and short in another, closed against itself: as far as it cancels, at the mark, to nobody's gain.
/// </summary>
internal sealed partial class AccountBook
{
    private readonly SortedDictionary<string, Marks> netted = new(StringComparer.Ordinal);   // the last time, by asset

    private bool IsNettedUnder(string asset, Marks marks) => ReferenceEquals(netted.GetValueOrDefault(asset), marks);

    private Moved Net(JsonElement payload, long version, Marks marks)
    {
        var (closed, covered) = (payload.GetProperty("long"), payload.GetProperty("short"));
        var (ofLong, ofShort) = (SubAccountIn(closed), SubAccountIn(covered));
        var instrument = closed.GetProperty("instrument").GetInt32();
        var (bought, sold) = (Quantity(ofLong, instrument), Quantity(ofShort, instrument));
        var size = BigInteger.Min(bought, -sold);
        AuditFailure.Unless(
            slice is null && payload.GetProperty("case").GetInt64() == openCase && covered.GetProperty("instrument").GetInt32() == instrument
            && PartOf(ofLong) == 0 && PartOf(ofShort) == 0, "I7",
            $"account {id} nets with {slice?.Order ?? "no slice"} under way in case {openCase} at version {version}: {payload}");
        AuditFailure.Unless(
            size.Sign > 0 && At8(closed, "quantity") == -size && At8(covered, "quantity") == size, "I2",
            $"account {id} is long {bought} and short {sold} and nets {payload} at version {version}");

        var terms = marks.Instruments[instrument];
        var asset = Amount(closed, "paid").Asset;
        var unit = StoredFormat.UnitE20(asset) * 10_000;
        var due = ((terms.Mark!.Value * size * terms.Multiplier) + unit - 1) / unit;
        AuditFailure.Unless(
            At8(payload, "price") == terms.Mark && Amount(closed, "paid").Units == -due && Amount(covered, "paid").Units == due
            && Amount(closed, "fee").Units.IsZero && Amount(covered, "fee").Units.IsZero, "I1",
            $"account {id} nets at a mark of {terms.Mark} for {due} at version {version}: {payload}");

        netted[asset] = marks;
        var (before, first) = (Balance(asset), Change(closed, version));
        var second = Change(covered, version);
        var (money, cost) = (Balance(asset) - before, first.Cost + second.Cost);
        AuditFailure.Unless(
            money - cost == -(Amount(closed, "funding").Units + Amount(covered, "funding").Units), "I1",
            $"account {id} gains {money} and {-cost} by netting at version {version}: {payload}");
        return first with
        {
            Balances = money, Cost = cost, OpenE20 = first.OpenE20 + second.OpenE20, RoundingE20 = first.RoundingE20 + second.RoundingE20,
            Quantity = first.Quantity + second.Quantity,
        };
    }

    private static int SubAccountIn(JsonElement change) => change.GetProperty("subAccount").GetInt32();
}
