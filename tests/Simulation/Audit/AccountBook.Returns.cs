using System.Numerics;
using System.Text.Json;

namespace CrossMargin.Simulation.Audit;

/// <summary>What waits for clearance and comes back without its owner's word: only to who needs it, and then all of it.</summary>
internal sealed partial class AccountBook
{
    /// <summary>A record of such a return, and why.</summary>
    public static string? ReturnReason(string type, JsonElement payload) =>
        type is "account.withdrawal-cancelled.v1" or "account.transfer-cancelled.v1" && payload.TryGetProperty("because", out var because)
            ? because.GetString() : null;

    private long lastReturn;   // the version of the record

    /// <summary>What comes back first may be in doubt itself; the rest comes with it.</summary>
    private void CheckReturn(string because, long version, Marks? marks)
    {
        var isFirst = lastReturn < version - 1;
        lastReturn = version;
        var isNeeded = because == "Liquidation"
            ? Asks && (!isFirst || Doubt(marks!) is null)
            : because == "Loss" && MayBeAsked;
        AuditFailure.Unless(isNeeded, "I7", $"money comes back to account {id} at version {version} because of a {because}: {State()}");
    }

    /// <summary>Whoever is not to be liquidated himself answers for a loss with what he gained.</summary>
    private bool MayBeAsked => !Asks && Status != "Frozen";

    /// <summary>
    /// What waits here although it could pay what the account's gains are asked for; null where there is none. Of what it gained, the cash
    /// that is final pays, as far as the account stays above its maintenance margin.
    /// </summary>
    /// <param name="slack">By how much the account is above it, in micros; no less than that.</param>
    public string? WaitsBesideItsGain(string asset, BigInteger slack, Marks marks)
    {
        var waiting = holds.Where(hold => hold.Phase == "held").Select(hold => (hold.Asset, hold.Units))
            .Concat(sendings.Select(sending => (sending.Asset, sending.Units)))
            .Where(held => held.Asset == asset).Aggregate(BigInteger.Zero, (sum, held) => sum + held.Units);
        if (!MayBeAsked || waiting.IsZero || !marks.Assets.TryGetValue(asset, out var price)) return null;
        var most = BigInteger.Min(ProfitIn(asset, marks), slack * 100 * BigInteger.Pow(10, 20) / (price * StoredFormat.UnitE20(asset)));
        var cash = Balance(asset) - PendingOf(asset);
        return BigInteger.Min(most, cash + waiting) > BigInteger.Max(cash, 0) ? $"{id} gained {most} {asset}, has {cash} of it and {waiting} that wait: {State()}" : null;
    }

    private BigInteger ProfitIn(string asset, Marks marks)
    {
        var profit = BigInteger.Zero;
        foreach (var ((subAccount, instrument), held) in positions)
        {
            if (held.Asset != asset || PartOf(subAccount) != 0 || !marks.Instruments.TryGetValue(instrument, out var terms) || terms.Right is not null) continue;
            if (terms.Mark is not { } mark) return 0;
            profit += Floor(held.Quantity * terms.ContractE12(mark), StoredFormat.UnitE20(asset)) - held.Cost;
        }

        return profit;

        static BigInteger Floor(BigInteger value, BigInteger by) => (value - (((value % by) + by) % by)) / by;
    }
}
