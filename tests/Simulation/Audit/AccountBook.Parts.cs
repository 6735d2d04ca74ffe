using System.Numerics;
using System.Text.Json;

namespace CrossMargin.Simulation.Audit;

/// <summary>The purses of an account, what moves between them, and what those that owe pay to the house.</summary>
internal sealed partial class AccountBook
{
    private readonly SortedDictionary<(int SubAccount, string Asset), long> charged = [];   // the last hour of interest
    private readonly SortedDictionary<string, BigInteger> paidToHouse = new(StringComparer.Ordinal);

    public int HoursCharged { get; private set; }

    /// <summary>
    /// What is owed and was not paid for in the hour of a frame; null when there is none. A charge that fits into no integer is left out,
    /// and what came to be owed by netting under this frame is of its next one.
    /// </summary>
    public string? Unpaid(Marks marks)
    {
        foreach (var (subAccount, purse) in isolated.Select(part => (part.Key, part.Value)).Prepend((0, balances)))
            foreach (var (asset, units) in purse)
                if (units.Sign < 0 && units > -BigInteger.Pow(10, 18) && !IsNettedUnder(asset, marks) && !marks.InterestOn(asset).IsZero
                    && charged.GetValueOrDefault((subAccount, asset)) < marks.Hour)
                    return $"{StoredFormat.Text(asset, units)} in {subAccount}";
        return null;
    }

    /// <summary>Between two of its own purses: what leaves one is in the other, and none is left below zero by it.</summary>
    private Moved Allocate(JsonElement payload, int sign, long version)
    {
        var purse = PurseOf(payload.GetProperty("subAccount").GetInt32());
        AuditFailure.Unless(purse != balances, "I1", $"account {id} allocates to its own pool at version {version}");
        var (asset, units) = Amount(payload, "amount");
        var (balance, allocated) = (Amount(payload, "balanceAfter").Units, Amount(payload, "allocatedAfter").Units);
        AuditFailure.Unless(
            balance == Balance(asset) - (sign * units) && allocated == purse.GetValueOrDefault(asset) + (sign * units), "I1",
            $"account {id} allocates from nowhere at version {version}");
        AuditFailure.Unless(allocated >= 0, "I1", $"account {id} releases what it does not have at version {version}");
        (balances[asset], purse[asset]) = (balance, allocated);
        if (sign > 0) CheckLeft(asset, "allocates", version);
        return Moved.Nothing;
    }

    /// <summary>From a purse that owes to the house, once an hour, and not less than the rate says.</summary>
    private Moved Charge(JsonElement payload, long version, Marks? marks)
    {
        var subAccount = payload.TryGetProperty("subAccount", out var own) ? own.GetInt32() : 0;
        var (purse, hour) = (PurseOf(subAccount), payload.GetProperty("hour").GetInt64());
        var (asset, interest) = Amount(payload, "interest");
        var debt = Amount(payload, "debt").Units;
        var yearly = debt * StoredFormat.Units(payload.GetProperty("rate").GetString()!, 9);
        var hours = BigInteger.Pow(10, 9) * 24 * 365;
        AuditFailure.Unless(
            debt.Sign > 0 && purse.GetValueOrDefault(asset) == -debt, "I1", $"account {id} pays interest on what it does not owe at version {version}");
        AuditFailure.Unless(
            interest * hours >= yearly && (interest - 1) * hours < yearly, "I1", $"account {id} pays other interest than its rate at version {version}");
        AuditFailure.Unless(
            marks is null || (hour == marks.Hour && payload.GetProperty("rate").GetString() == StoredFormat.Decimal(marks.InterestOn(asset), 9)), "interest",
            $"account {id} pays for another hour or at another rate than its frame says, at version {version}");
        AuditFailure.Unless(
            charged.GetValueOrDefault((subAccount, asset)) < hour, "I1", $"account {id} pays for hour {hour} twice at version {version}");
        AuditFailure.Unless(
            Amount(payload, "balanceAfter").Units == -debt - interest, "I1", $"account {id} pays interest from nowhere at version {version}");
        charged[(subAccount, asset)] = hour;
        HoursCharged++;
        paidToHouse[asset] = paidToHouse.GetValueOrDefault(asset) + interest;
        purse[asset] = -debt - interest;
        return new Moved(asset, Balances: -interest, Fees: interest);
    }

    /// <summary>The balances that answer for a sub-account: its own, if it is isolated.</summary>
    private SortedDictionary<string, BigInteger> PurseOf(int subAccount) => isolated.GetValueOrDefault(subAccount) ?? balances;

    private string LoanState() => LoanLine(
        charged.Select(entry => entry.Key.SubAccount == 0 ? $"{entry.Key.Asset}/{entry.Value}" : $"{entry.Key.SubAccount}:{entry.Key.Asset}/{entry.Value}"),
        paidToHouse.Select(entry => StoredFormat.Text(entry.Key, entry.Value)));

    private static string LoanStateOf(JsonElement state) => LoanLine(
        Parts(state, "interestHours", (part, hour) => $"{(part is null ? "" : $"{part}:")}{Slashed(hour, "asset", "hour")}"),
        Each(state, "houseInterest", paid => paid.ToString()));

    public static string LoanLine(IEnumerable<string> hours, IEnumerable<string> paid) =>
        $" interest={string.Join(',', hours)} house={string.Join(',', paid)}";
}
