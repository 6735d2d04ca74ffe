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
        private readonly SortedDictionary<string, BigInteger> paidToHouse = new(StringComparer.Ordinal);

        /// <summary>debt × rate ÷ (365 × 24), rounded up, once an hour and asset, of each part that owes.</summary>
        private List<Fact> ChargeInterest(Marks marks)
        {
            var (facts, hour) = (new List<Fact>(), marks.At / Hour);
            if (!IsUsable(marks)) return facts;
            foreach (var (part, asset, units) in parts.Values.SelectMany(part => part.Balances.Select(entry => (part, entry.Key, entry.Value))).ToList())
            {
                var rate = RulesIn(marks).Interest(asset);
                if (units.Sign >= 0 || rate.IsZero || part.Charged.GetValueOrDefault(asset) >= hour) continue;
                var interest = (Ratio.Of(-units, 0) * Ratio.Of(rate, 9) / Ratio.Of(365 * 24, 0)).Up(0);
                var paid = paidToHouse.GetValueOrDefault(asset) + interest;
                if (!HasRoom(part, asset, units - interest) || !Fits(paid)) continue;
                (part.Balances[asset], part.Charged[asset], paidToHouse[asset]) = (units - interest, hour, paid);
                facts.Add(new Fact($"account.interest-charged.v1 debt={Text(asset, -units)} rate={Rate(rate)} hour={hour} interest={Text(asset, interest)}"
                    + $" balanceAfter={Text(asset, units - interest)}{Isolated(part)}"));
            }

            return facts;
        }

        /// <summary>With everything held that may come back to it: that is the pool's.</summary>
        private bool HasRoom(Part part, string asset, BigInteger balance) => Fits(balance, part == Pool ? balance + HeldOf(asset) : balance);

        private static bool Fits(params ReadOnlySpan<BigInteger> numbers)
        {
            foreach (var number in numbers)
                if (BigInteger.Abs(number) > long.MaxValue) return false;
            return true;
        }

        private string LoanState() => AccountBook.LoanLine(
            parts.Values.SelectMany(part => part.Charged.Select(entry => AccountBook.OfPart(part.SubAccount, $"{entry.Key}/{entry.Value}"))), paidToHouse.Select(entry => Text(entry.Key, entry.Value)));
    }
}
