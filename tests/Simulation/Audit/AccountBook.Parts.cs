using System.Numerics;
using System.Text.Json;

namespace CrossMargin.Simulation.Audit;

/// <summary>
/// The parts of an account: the pool, which is number 0, and each isolated sub-account. Each has a purse and stands by itself; what moves
/// between the purses, and what those that owe pay to the house.
/// </summary>
internal sealed partial class AccountBook
{
    private readonly SortedDictionary<(int SubAccount, string Asset), long> charged = [];   // the last hour of interest
    private readonly SortedDictionary<string, BigInteger> paidToHouse = new(StringComparer.Ordinal);

    private readonly SortedDictionary<int, string> statuses = new() { [0] = "Healthy" };
    private readonly Dictionary<int, BigInteger> free = [];   // margin equity less initial margin, by the last figures

    public int HoursCharged { get; private set; }

    public IEnumerable<(int Instrument, BigInteger Quantity)> Longs =>
        positions.Where(held => held.Value.Quantity.Sign > 0).Select(held => (held.Key.Instrument, held.Value.Quantity));

    public IEnumerable<(string Asset, BigInteger Units)> Owned =>
        statuses.Keys.SelectMany(PurseOf).Where(held => held.Value.Sign > 0).Select(held => (held.Key, held.Value));

    public IReadOnlyCollection<int> Isolated => isolated.Keys;

    /// <summary>Of the pool.</summary>
    public string Status => statuses[0];

    /// <summary>What an isolated sub-account has, or the pool.</summary>
    public BigInteger BalanceIn(int part, string asset) => PurseOf(part).GetValueOrDefault(asset);

    public BigInteger FreeIn(int part) => free.GetValueOrDefault(part);

    /// <summary>Something in any part that can lose, or a debt.</summary>
    public bool IsAtRisk => positions.Count > 0 || orders.Count > 0 || statuses.Keys.Any(Owes);

    private bool IsAtRiskIn(int part) => Owes(part) || positions.Keys.Any(held => PartOf(held.SubAccount) == part)
        || orders.Exists(order => PartOf(int.Parse(order.SubAccount)) == part);

    private bool Owes(int part) => PurseOf(part).Values.Any(units => units.Sign < 0);

    /// <summary>What is long in one sub-account and short in another is nothing to take.</summary>
    private bool HoldsIn(int part) => positions.Where(held => PartOf(held.Key.SubAccount) == part).GroupBy(held => held.Key.Instrument)
        .Any(held => held.Aggregate(BigInteger.Zero, (sum, one) => sum + one.Value.Quantity) != 0);

    /// <summary>The isolated part that a sub-account is, or the pool.</summary>
    private int PartOf(int subAccount) => isolated.ContainsKey(subAccount) ? subAccount : 0;

    /// <summary>The part that a record is about; that of the pool is not written.</summary>
    private int PartSaid(JsonElement payload, long version)
    {
        if (!payload.TryGetProperty("subAccount", out var named)) return 0;
        AuditFailure.Unless(isolated.ContainsKey(named.GetInt32()), "status", $"account {id} speaks of {named} at version {version}, which is not isolated");
        return named.GetInt32();
    }

    /// <summary>The part by whose margin a record was decided: for what is allocated, that which gives.</summary>
    private int PartDecided(string type, JsonElement payload)
    {
        if (payload.TryGetProperty("slice", out _) || type == "account.collateral-allocated.v1") return 0;
        var about = payload.TryGetProperty("asked", out var asked) ? asked : payload;
        if (asked.ValueKind == JsonValueKind.Object && asked.GetProperty("type").GetString() == "allocate-collateral") return 0;
        return about.TryGetProperty("subAccount", out var named) ? PartOf(named.GetInt32()) : 0;
    }

    private void Isolate(int subAccount, long version)
    {
        AuditFailure.Unless(
            subAccount > 0 && positions.Keys.All(held => held.SubAccount != subAccount) && orders.TrueForAll(order => order.SubAccount != $"{subAccount}")
            && isolated.TryAdd(subAccount, new(StringComparer.Ordinal)), "I4", $"account {id} isolates {subAccount} twice, or with something in it, at version {version}");
        statuses.Add(subAccount, "Healthy");
    }

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
        AuditFailure.Unless(sign > 0 || allocated >= 0, "I1", $"account {id} releases what it does not have at version {version}");
        (balances[asset], purse[asset]) = (balance, allocated);
        if (sign > 0) CheckLeft(asset, "allocates", version);
        return Moved.Nothing;
    }

    /// <summary>From a purse that owes to the house, once an hour, and not less than the rate says.</summary>
    private Moved Charge(JsonElement payload, long version, Marks? marks)
    {
        var subAccount = PartSaid(payload, version);
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
        charged.Select(entry => OfPart(entry.Key.SubAccount, $"{entry.Key.Asset}/{entry.Value}")),
        paidToHouse.Select(entry => StoredFormat.Text(entry.Key, entry.Value)));

    private static string LoanStateOf(JsonElement state) => LoanLine(
        Parts(state, "interestHours", (part, hour) => OfPart(part, Slashed(hour, "asset", "hour"))),
        Each(state, "houseInterest", paid => paid.ToString()));

    public static string OfPart(int part, string text) => part == 0 ? text : $"{part}:{text}";

    public static string StatusLine(IEnumerable<(int Part, string Status)> parts) => string.Join(',', parts.Select(part => OfPart(part.Part, part.Status)));

    public static string LoanLine(IEnumerable<string> hours, IEnumerable<string> paid) =>
        $" interest={string.Join(',', hours)} house={string.Join(',', paid)}";
}
