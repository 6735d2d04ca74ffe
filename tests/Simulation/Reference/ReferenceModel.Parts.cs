using System.Numerics;
using CrossMargin.Simulation.Audit;
using static CrossMargin.Simulation.Audit.StoredFormat;

namespace CrossMargin.Simulation.Reference;

/// <summary>
/// The parts of an account, from docs/clearing.md: the pool, and each isolated sub-account with what was allocated to it. Each is
/// margined by itself, and says by itself how it stands.
/// </summary>
internal sealed partial class ReferenceModel
{
    private sealed class Part(int subAccount)
    {
        public int SubAccount => subAccount;
        public SortedDictionary<string, BigInteger> Balances { get; private set; } = new(StringComparer.Ordinal);
        public SortedDictionary<string, long> Charged { get; } = new(StringComparer.Ordinal);   // the last hour of interest since 1970
        public string Status { get; set; } = "Healthy";

        /// <summary>How it stands is known, and the record that says so is to come.</summary>
        public Standing? Unsaid { get; set; }

        public BigInteger Balance(string asset) => Balances.GetValueOrDefault(asset);

        public SortedDictionary<string, BigInteger> Less(string asset, BigInteger units) =>
            new(Balances, StringComparer.Ordinal) { [asset] = Balance(asset) - units };

        /// <summary>As it is now, to be put back.</summary>
        public Action Kept()
        {
            var before = new SortedDictionary<string, BigInteger>(Balances, StringComparer.Ordinal);
            return () => Balances = before;
        }
    }

    private sealed partial class Account
    {
        private const int MaxIsolated = 32;

        private readonly SortedDictionary<int, Part> parts = new() { [0] = new Part(0) };

        private Part Pool => parts[0];

        /// <summary>The isolated part that a sub-account is, or the pool.</summary>
        private Part PartOf(int subAccount) => parts.GetValueOrDefault(subAccount) ?? Pool;

        /// <summary>Those of the pool first, and then of each isolated sub-account.</summary>
        private List<KeyValuePair<(int SubAccount, int Instrument), Position>> PositionsByPart =>
            [.. positions.OrderBy(entry => PartOf(entry.Key.SubAccount).SubAccount)];

        private List<Reservation> OrdersByPart => [.. orders.OrderBy(order => PartOf(order.SubAccount).SubAccount)];

        private Holdings HeldIn(Part part)
        {
            var isAll = parts.Count == 1;
            var itsPositions = isAll ? positions : new(positions.Where(entry => PartOf(entry.Key.SubAccount) == part).ToDictionary());
            var itsOrders = isAll ? orders : orders.FindAll(order => PartOf(order.SubAccount) == part);
            return new Holdings(part.Balances, itsPositions, itsOrders, IsIsolated: part != Pool) { Pending = part == Pool ? [.. lots] : [] };
        }

        /// <summary>How a part stands; nothing at risk where there is none.</summary>
        public Standing Value(int subAccount, Marks marks) => Value(HeldIn(PartOf(subAccount)), marks);

        /// <summary>Of each part with something at risk, the pool first.</summary>
        public IEnumerable<(int SubAccount, Standing Standing)> Values(Marks marks) =>
            parts.Values.Where(part => HeldIn(part).IsAtRisk).Select(part => (part.SubAccount, Value(HeldIn(part), marks)));

        /// <summary>
        /// After every event but a refusal each part is judged, and says so when it stands otherwise. Where these rules cannot tell how one
        /// of them stands, the record that says it may come between those of the others.
        /// </summary>
        private Outcome Judged(Marks? marks, Outcome outcome)
        {
            version += outcome.Facts.Count;
            if (marks is null || outcome.Refused is not null || outcome.Facts is [{ Line: var line }] && line.StartsWith("account.command-refused", StringComparison.Ordinal))
                return outcome;
            var standings = parts.Values.Select(part => (Part: part, Standing: Value(HeldIn(part), marks))).ToList();
            var changed = standings.FindAll(one => one.Standing.Status is { } now && now != one.Part.Status);
            if (standings.Exists(one => one.Standing.Status is null))
            {
                foreach (var (part, standing) in changed) (part.Status, part.Unsaid) = (standing.Status!, standing);
                return outcome with { MayChangeStatus = true, MustChangeStatus = changed.Count > 0 };
            }

            var facts = outcome.Facts.ToList();
            foreach (var (part, standing) in changed)
            {
                facts.Add(new Fact($"account.margin-status-changed.v1 status={standing.Status} before={part.Status}{Isolated(part)}", Margin: standing));
                (part.Status, version) = (standing.Status!, version + 1);
            }

            return outcome with { Facts = facts };
        }

        /// <summary>A part says that it stands otherwise, where the rules did not know in which order: what is wrong with that, or null.</summary>
        public string? Stand(int subAccount, string now, System.Text.Json.JsonElement? margin, Marks marks)
        {
            var part = PartOf(subAccount);
            version++;
            if (part.Unsaid is { } known)
            {
                part.Unsaid = null;
                return known.Status != now ? $"it is {known.Status}" : known.Contradicts(margin);
            }

            var wasSo = part.Status == now;   // otherwise than before only where something that waited came back
            if (Value(HeldIn(part), marks).Status is { } ruled && (wasSo || ruled != now)) return $"it is {ruled} as before";
            part.Status = now;
            return null;
        }

        private static string Isolated(Part part) => part.SubAccount == 0 ? "" : $" subAccount={part.SubAccount}";

        private Outcome Isolate(int subAccount)
        {
            const string Name = "isolate-sub-account";
            if (Absence is { } absent) return Refused(Name, absent);
            if (subAccount == 0 || parts.ContainsKey(subAccount)) return Refused(Name, "already-isolated");
            if (positions.Keys.Any(held => held.SubAccount == subAccount) || orders.Exists(order => order.SubAccount == subAccount))
                return Refused(Name, "sub-account-in-use");
            if (parts.Count > MaxIsolated) return Refused(Name, "too-many-sub-accounts");
            parts.Add(subAccount, new Part(subAccount));
            return $"account.sub-account-isolated.v1 subAccount={subAccount}";
        }

        /// <summary>The pool gives under the one rule, and the sub-account is not asked.</summary>
        private Outcome Allocate(Request.Allocate allocate, Marks? marks, string seen)
        {
            const string Name = "allocate-collateral";
            var (asset, units) = (allocate.Asset, allocate.Units);
            if (Unusable(asset, units) is { } no) return Refused(Name, no);
            if (!parts.TryGetValue(allocate.SubAccount, out var part) || part == Pool) return Refused(Name, "not-isolated");
            if (units > Final(asset)) return Short(Name, asset);
            if (part.Balance(asset) + units > MaxBalance) return Refused(Name, "balance-limit");
            var verdict = JudgeLeaving(Pool, asset, units, marks, seen);
            return verdict.Reason is not null ? Refused(Name, verdict) : Move(part, "allocated", asset, units, sign: 1, verdict);
        }

        /// <summary>The sub-account gives under the one rule, by its own margin.</summary>
        private Outcome Release(Request.Release release, Marks? marks, string seen)
        {
            const string Name = "release-collateral";
            var (asset, units) = (release.Asset, release.Units);
            if (Unusable(asset, units) is { } no) return Refused(Name, no);
            if (!parts.TryGetValue(release.SubAccount, out var part) || part == Pool) return Refused(Name, "not-isolated");
            if (units > part.Balance(asset)) return $"{Refused(Name, "exceeds-balance")} available={Text(asset, part.Balance(asset))}";
            if (Balance(asset) + units > MaxBalance) return Refused(Name, "balance-limit");
            var verdict = JudgeLeaving(part, asset, units, marks, seen);
            return verdict.Reason is not null ? Refused(Name, verdict) : Move(part, "released", asset, units, sign: -1, verdict);
        }

        private Fact Move(Part part, string name, string asset, BigInteger units, int sign, Verdict verdict)
        {
            Pool.Balances[asset] = Balance(asset) - (sign * units);
            part.Balances[asset] = part.Balance(asset) + (sign * units);
            return new Fact(
                $"account.collateral-{name}.v1 subAccount={part.SubAccount} amount={Text(asset, units)} balanceAfter={Text(asset, Balance(asset))}"
                + $" allocatedAfter={Text(asset, part.Balance(asset))}", Margin: verdict.Figures);
        }
    }
}
