using System.Numerics;

namespace CrossMargin.Simulation.Audit;

/// <summary>
/// Conservation. Per asset, balances, holds, transfers in flight, suspense, what lies outside, and the fees of the feeds, less
/// the cost of all positions, and in 1e-20 of the asset the legs in flight, quantity × index and the house's rounding: zero.
/// Per instrument, what is held, in flight and in suspense: zero.
/// </summary>
internal sealed partial class Auditor
{
    private readonly SortedDictionary<string, Purse> money = new(StringComparer.Ordinal);
    private readonly SortedDictionary<int, Contracts> contracts = [];
    private readonly HashSet<string> unbalanced = [];
    private readonly HashSet<int> uneven = [];

    private sealed class Purse(BigInteger unitE20)
    {
        public BigInteger Balances, Held, InFlight, External, Fees, Cost, LegsE20, SuspenseE20, OpenE20, RoundingE20, SettledE20;

        public BigInteger SumE20 =>
            ((Balances + Held + InFlight + External + Fees - Cost) * unitE20) + LegsE20 + SuspenseE20 + OpenE20 + RoundingE20 + SettledE20;
    }

    private sealed class Contracts
    {
        public BigInteger Held, InFlight, Suspense, Settled;
    }

    private void Move(string address, Moved moved)
    {
        if (moved.Asset.Length == 0) return;
        if (!money.TryGetValue(moved.Asset, out var purse)) money.Add(moved.Asset, purse = new Purse(StoredFormat.UnitE20(moved.Asset)));
        purse.Balances += moved.Balances;
        purse.Held += moved.Held;
        purse.InFlight += moved.InFlight;
        purse.External += moved.External;
        purse.Fees += moved.Fees;
        purse.Cost += moved.Cost;
        purse.LegsE20 += moved.LegsE20;
        purse.SuspenseE20 += moved.SuspenseE20;
        purse.OpenE20 += moved.OpenE20;
        purse.RoundingE20 += moved.RoundingE20;
        purse.SettledE20 += moved.SettledE20;
        AuditFailure.Unless(
            purse.InFlight >= 0 && purse.Held >= 0, "I1", $"less than nothing is in flight or held at {address}");

        // A message leaves the flight with one movement and arrives with the next of the same record.
        if (purse.SumE20.IsZero) unbalanced.Remove(moved.Asset);
        else unbalanced.Add(moved.Asset);
        if (moved.Instrument != 0) Move(moved);
        if (moved.Beside is { } other) Move(address, other);
    }

    private void Move(Moved moved)
    {
        if (!contracts.TryGetValue(moved.Instrument, out var sums)) contracts.Add(moved.Instrument, sums = new Contracts());
        sums.Held += moved.Quantity;
        sums.InFlight += moved.QuantityInFlight;
        sums.Suspense += moved.QuantityInSuspense;
        sums.Settled += moved.QuantitySettled;
        if ((sums.Held + sums.InFlight + sums.Suspense + sums.Settled).IsZero) uneven.Remove(moved.Instrument);
        else uneven.Add(moved.Instrument);
    }

    /// <summary>Both sums, on this cut. Between the records of one parked message there is none.</summary>
    public void CheckMoney()
    {
        if (Array.Exists(books, book => book.TakenAfterAll.Count > 0)) return;
        foreach (var asset in unbalanced)
        {
            var purse = money[asset];
            throw new AuditFailure("I1", $"{asset} does not sum to zero but to {purse.SumE20} E-20: balances {purse.Balances}, held {purse.Held}, "
                + $"in flight {purse.InFlight}, outside {purse.External}, fees {purse.Fees}, cost {purse.Cost}; in E-20 legs {purse.LegsE20}, "
                + $"suspense {purse.SuspenseE20}, open funding {purse.OpenE20}, rounding {purse.RoundingE20}, settled {purse.SettledE20}");
        }

        foreach (var instrument in uneven)
        {
            var sums = contracts[instrument];
            throw new AuditFailure(
                "I2", $"instrument {instrument} does not sum to zero: held {sums.Held}, in flight {sums.InFlight}, in suspense {sums.Suspense}, settled {sums.Settled}");
        }
    }
}
