using System.Numerics;
using CrossMargin.Simulation.Audit;
using static CrossMargin.Simulation.Audit.StoredFormat;

namespace CrossMargin.Simulation.Reference;

/// <summary>What is owed, from docs/clearing.md: a negative balance is a loan, and costs interest by the hour.</summary>
internal sealed partial class ReferenceModel
{
    private const long Hour = 3_600 * Second;

    private sealed partial class Account
    {
        private readonly SortedDictionary<string, long> charged = new(StringComparer.Ordinal);   // the last hour since 1970
        private readonly SortedDictionary<string, BigInteger> paidToHouse = new(StringComparer.Ordinal);

        /// <summary>debt × rate ÷ (365 × 24), rounded up, once an hour and asset.</summary>
        private List<Fact> ChargeInterest(Marks marks)
        {
            var (facts, hour) = (new List<Fact>(), marks.At / Hour);
            if (!IsUsable(marks)) return facts;
            foreach (var (asset, units) in balances.ToList())
            {
                var rate = RulesIn(marks).Interest(asset);
                if (units.Sign >= 0 || rate.IsZero || charged.GetValueOrDefault(asset) >= hour) continue;
                var interest = (Ratio.Of(-units, 0) * Ratio.Of(rate, 9) / Ratio.Of(365 * 24, 0)).Up(0);
                var paid = paidToHouse.GetValueOrDefault(asset) + interest;
                if (!HasRoom(asset, units - interest) || !Fits(paid)) continue;
                (balances[asset], charged[asset], paidToHouse[asset]) = (units - interest, hour, paid);
                facts.Add(new Fact($"account.interest-charged.v1 debt={Text(asset, -units)} rate={Rate(rate)} hour={hour} interest={Text(asset, interest)}"
                    + $" balanceAfter={Text(asset, units - interest)}"));
            }

            return facts;
        }

        /// <summary>With everything held that may come back to it.</summary>
        private bool HasRoom(string asset, BigInteger balance) => Fits(balance, balance + HeldOf(asset));

        private static bool Fits(params ReadOnlySpan<BigInteger> numbers)
        {
            foreach (var number in numbers)
                if (BigInteger.Abs(number) > long.MaxValue) return false;
            return true;
        }

        private string LoanState() => AccountBook.LoanLine(
            charged.Select(entry => $"{entry.Key}/{entry.Value}"), paidToHouse.Select(entry => Text(entry.Key, entry.Value)));
    }
}
