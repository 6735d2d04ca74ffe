using System.Numerics;
using System.Text.Json;
using CrossMargin.Simulation.Reference;

namespace CrossMargin.Simulation.Audit;

/// <summary>
/// What a pool's cases share, by docs/liquidation.md: no market above its pace, no backstop above its quota, no more promised of the fund
/// than there is, no loss before the fund is empty, and every loss shared to the unit.
/// </summary>
internal sealed partial class PoolBook
{
    private sealed class Wants
    {
        public Dictionary<int, BigInteger> Slices { get; init; } = [];
        public Dictionary<int, BigInteger> Remainders { get; init; } = [];
        public Dictionary<string, BigInteger> Debts { get; init; } = [];
        public List<(Kind Kind, BigInteger Quantity)> Stranded { get; init; } = [];
        public Dictionary<string, (BigInteger PaidIn, BigInteger Drawn)> Fund { get; init; } = [];
    }

    private sealed class Round(long number, string asset, IReadOnlyList<int> asked)
    {
        public long Number => number;
        public string Asset => asset;
        public IReadOnlyList<int> Asked => asked;
        public SortedDictionary<int, (BigInteger Locked, BigInteger PaidIn)> Answers { get; } = [];
        public SortedDictionary<int, BigInteger>? Shares { get; set; }
        public BigInteger Behind { get; set; }
    }

    private readonly SortedDictionary<string, BigInteger> deposited = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, BigInteger> carried = new(StringComparer.Ordinal);
    private readonly SortedDictionary<(int Shard, string Asset), BigInteger> limits = [];
    private readonly SortedDictionary<int, Wants> wants = [];
    private readonly Dictionary<int, string> granted = [];   // the interval of the last grant of slices, by shard
    private readonly Dictionary<(string Interval, int Instrument), BigInteger> paces = [];
    private readonly List<(string Account, int Instrument, BigInteger Left)> quotas = [];
    private Round? round;
    private long version;

    /// <summary>What no gain ever covered, and the fund may therefore be below zero by.</summary>
    public BigInteger EverCarried(string asset) => everCarried.GetValueOrDefault(asset);

    private readonly Dictionary<string, BigInteger> everCarried = [];

    public BigInteger Deposited(string asset) => deposited.GetValueOrDefault(asset);

    public BigInteger LimitOf(int shard, string asset) => limits.GetValueOrDefault((shard, asset));

    private IReadOnlyList<Fact> Expected(Request.DepositToFund one)
    {
        var before = Deposited(one.Asset);
        var most = BigInteger.Pow(10, 18);
        var reason = one.Units.Sign <= 0 ? "amount-not-positive" : one.Units > most ? "amount-too-large" : before + one.Units > 4 * most ? "balance-limit" : null;
        if (reason is not null) return Refused("deposit-to-fund", reason);
        return [new Fact($"pool.fund-deposited.v1 amount={StoredFormat.Text(one.Asset, one.Units)} depositedAfter={StoredFormat.Text(one.Asset, before + one.Units)} reference={one.Reference}")];
    }

    private IReadOnlyList<Fact> Expected(Request.RegisterBackstop one)
    {
        if (quotas.Count(quota => quota.Account != one.Account) + one.Quotas.Count > 256) return Refused("register-backstop", "too-many-backstops");
        if (one.Quotas.Any(quota => quota.Micros.Sign <= 0) || one.Quotas.DistinctBy(quota => quota.Instrument).Count() < one.Quotas.Count)
            return Refused("register-backstop", "quota-out-of-range");
        var listed = one.Quotas.OrderBy(quota => quota.Instrument)
            .Select(quota => $$"""{"instrument":{{quota.Instrument}},"notional":"{{StoredFormat.Money(quota.Micros)}}"}""");
        return [new Fact($"pool.backstop-registered.v1 account={one.Account} quotas={string.Join(',', listed)}")];
    }

    private IReadOnlyList<Fact> ExpectedOfAnswer(StoredRow message, JsonElement answer)
    {
        var number = answer.GetProperty("round").GetInt64();
        if (round is not { Shares: null } open || open.Number != number || open.Answers.ContainsKey(message.Shard)) return [];
        return [new Fact($"pool.gains-reported.v1 shard={message.Shard} round={number} locked={answer.GetProperty("locked")} paidIn={answer.GetProperty("paidIn")}")];
    }

    private void Register(JsonElement payload)
    {
        var account = payload.GetProperty("account").GetString()!;
        quotas.RemoveAll(quota => quota.Account == account);
        foreach (var quota in payload.GetProperty("quotas").EnumerateArray())
            quotas.Add((account, quota.GetProperty("instrument").GetInt32(), Notional(quota)));
    }

    private static BigInteger Notional(JsonElement of) => StoredFormat.Micros(of.GetProperty("notional").GetString()!);

    private void Hear(int shard, JsonElement report)
    {
        wants.Remove(shard);
        if (report.TryGetProperty("demand", out var demand)) wants[shard] = new Wants
        {
            Slices = Markets("slices"),
            Remainders = Markets("remainders"),
            Debts = demand.GetProperty("debts").EnumerateArray().Select(debt => StoredFormat.Amount(debt.GetString()!)).ToDictionary(debt => debt.Asset, debt => debt.Units),
            Stranded = demand.TryGetProperty("stranded", out var stranded) ? [.. stranded.EnumerateArray().Select(StrandedIn)] : [],
            Fund = demand.GetProperty("fund").EnumerateArray().Select(share => (
                PaidIn: StoredFormat.Amount(share.GetProperty("paidIn").GetString()!), Drawn: StoredFormat.Amount(share.GetProperty("drawn").GetString()!)))
                .ToDictionary(share => share.PaidIn.Asset, share => (share.PaidIn.Units, share.Drawn.Units)),
        };
        CloseRound();

        static (Kind, BigInteger) StrandedIn(JsonElement one)
        {
            var quantity = StoredFormat.Units(one.GetProperty("quantity").GetString()!, 8);
            return (new Kind(one.GetProperty("instrument").GetInt32(), quantity.Sign, one.GetProperty("because").GetString()!), quantity);
        }

        Dictionary<int, BigInteger> Markets(string name) =>
            demand.GetProperty(name).EnumerateArray().ToDictionary(market => market.GetProperty("instrument").GetInt32(), Notional);
    }

    // ---- what is granted ------------------------------------------------------------------------------------------------

    private void Grant(StoredRow row, JsonElement payload, Marks? marks)
    {
        var shard = payload.GetProperty("shard").GetInt32();
        AuditFailure.Unless(marks is not null && wants.ContainsKey(shard) && !IsSetAside(shard), "I10", $"{row.Address} grants what nobody asked for");
        using var document = JsonDocument.Parse(marks!.Parameters);
        var rules = document.RootElement.GetProperty("liquidation");
        var interval = payload.GetProperty("interval").GetString()!;
        var length = 1_000L * rules.GetProperty("paceIntervalMs").GetInt32();
        AuditFailure.Unless(
            interval == StoredFormat.Time(row.TimeMicros / length * length), "I4", $"{row.Address} is at {StoredFormat.Time(row.TimeMicros)} and grants of the interval {interval}");
        foreach (var slice in payload.GetProperty("slices").EnumerateArray())
        {
            var (instrument, part) = (slice.GetProperty("instrument").GetInt32(), Notional(slice));
            paces[(interval, instrument)] = paces.GetValueOrDefault((interval, instrument)) + part;
            AuditFailure.Unless(
                granted.GetValueOrDefault(shard) != interval && part.Sign > 0 && part <= wants[shard].Slices.GetValueOrDefault(instrument), "I10",
                $"{row.Address} grants {part} of {instrument} to shard {shard}, which asked for {wants[shard].Slices.GetValueOrDefault(instrument)}");
            AuditFailure.Unless(
                paces[(interval, instrument)] <= StoredFormat.Micros(rules.GetProperty("pacePerMarket").GetString()!), "I10",
                $"{row.Address} has granted {paces[(interval, instrument)]} of {instrument} in the interval {interval}");
        }

        if (payload.GetProperty("slices").GetArrayLength() > 0) granted[shard] = interval;
        foreach (var part in payload.GetProperty("backstops").EnumerateArray()) Quota(row, shard, part);
        foreach (var limit in payload.GetProperty("fundLimits").EnumerateArray()) Raise(row, shard, limit);
    }

    private void Quota(StoredRow row, int shard, JsonElement part)
    {
        var (account, instrument) = (part.GetProperty("account").GetString()!, part.GetProperty("instrument").GetInt32());
        var at = quotas.FindIndex(quota => quota.Account == account && quota.Instrument == instrument);
        AuditFailure.Unless(
            at >= 0 && quotas[at].Left >= Notional(part) && Notional(part) == wants[shard].Remainders.GetValueOrDefault(instrument), "I10",
            $"{row.Address} hands {part} over, beyond its quota of {(at < 0 ? 0 : quotas[at].Left)} or what shard {shard} asked for");
        quotas[at] = quotas[at] with { Left = quotas[at].Left - Notional(part) };
    }

    private void Raise(StoredRow row, int shard, JsonElement limit)
    {
        var (asset, raised) = StoredFormat.Amount(limit.GetString()!);
        var (before, drawn) = (LimitOf(shard, asset), DrawnBy(shard, asset));
        var (more, available) = (raised - before, BigInteger.Max(0, Available(asset)));
        AuditFailure.Unless(
            more.Sign >= 0 && more <= available + CarriedIn(asset) && (more.IsZero || raised - drawn <= wants[shard].Debts.GetValueOrDefault(asset)), "I10",
            $"{row.Address} lets shard {shard} draw {more} {asset} more, of {available} and {CarriedIn(asset)} carried, where {drawn} were drawn and {wants[shard].Debts.GetValueOrDefault(asset)} are owed");
        if (more > available) carried[asset] = CarriedIn(asset) - (more - available);
        limits[(shard, asset)] = raised;
    }

    private BigInteger CarriedIn(string asset) => carried.GetValueOrDefault(asset);

    private BigInteger DrawnBy(int shard, string asset) => wants.GetValueOrDefault(shard)?.Fund.GetValueOrDefault(asset).Drawn ?? 0;

    private BigInteger PaidInBy(int shard, string asset) => wants.GetValueOrDefault(shard)?.Fund.GetValueOrDefault(asset).PaidIn ?? 0;

    /// <summary>What is in the fund and promised to nobody, as far as the shards have told.</summary>
    private BigInteger Available(string asset) => Deposited(asset)
        + Enumerable.Range(0, Shards).Aggregate(BigInteger.Zero, (sum, shard) => sum + PaidInBy(shard, asset) - LimitOf(shard, asset));

    /// <summary>
    /// More was drawn than was ever paid in, as far as the shards have told; or may have been, by whoever owes and by whoever is set aside.
    /// </summary>
    public bool IsInDeficit => limits.Keys.Select(limit => limit.Asset).Distinct().Any(asset =>
        Deposited(asset) + Enumerable.Range(0, Shards).Aggregate(BigInteger.Zero, (sum, shard) =>
            sum + PaidInBy(shard, asset) - (MayHaveDrawn(shard, asset) ? LimitOf(shard, asset) : DrawnBy(shard, asset))) < 0);

    private bool MayHaveDrawn(int shard, string asset) => IsSetAside(shard) || wants.GetValueOrDefault(shard)?.Debts.ContainsKey(asset) is true;

    // ---- losses ---------------------------------------------------------------------------------------------------------

    /// <summary>What accounts with nothing left owe beyond what they may draw already.</summary>
    private BigInteger MissingIn(string asset) => wants.Where(entry => !IsSetAside(entry.Key)).Aggregate(BigInteger.Zero, (sum, entry) =>
        entry.Value.Debts.TryGetValue(asset, out var debt) ? sum + BigInteger.Max(0, debt - (LimitOf(entry.Key, asset) - DrawnBy(entry.Key, asset))) : sum);

    private void AskLoss(StoredRow row, JsonElement payload)
    {
        var asset = payload.GetProperty("asset").GetString()!;
        AuditFailure.Unless(
            round is null && MissingIn(asset).Sign > 0 && (BigInteger.Max(0, Available(asset)) + CarriedIn(asset)).IsZero, "I10",
            $"{row.Address} asks for gains while {Available(asset)} are in the fund, {CarriedIn(asset)} carried and {MissingIn(asset)} missing, round {round?.Number}");
        AuditFailure.Unless(payload.GetProperty("round").GetInt64() == row.Version, "I4", $"{row.Address} has round {payload.GetProperty("round")}");
        int[] asked = [.. payload.GetProperty("shards").EnumerateArray().Select(shard => shard.GetInt32())];
        AuditFailure.Unless(asked.SequenceEqual(Enumerable.Range(0, Shards).Where(shard => !IsSetAside(shard))), "I8", $"{row.Address} does not ask everybody");
        round = new Round(row.Version, asset, asked);
    }

    private void Answer(StoredRow row, JsonElement payload)
    {
        var shard = payload.GetProperty("shard").GetInt32();
        AuditFailure.Unless(
            round is { Shares: null } && round.Answers.TryAdd(
                shard, (StoredFormat.Amount(payload.GetProperty("locked").GetString()!).Units, StoredFormat.Amount(payload.GetProperty("paidIn").GetString()!).Units)), "I8",
            $"{row.Address} takes an answer that nobody waits for");
    }

    private void Allocate(StoredRow row, JsonElement payload)
    {
        AuditFailure.Unless(round is { Shares: null }, "I8", $"{row.Address} allocates twice");
        var open = round!;
        AuditFailure.Unless(
            open.Asked.All(shard => IsSetAside(shard) || open.Answers.ContainsKey(shard)), "I8", $"{row.Address} allocates before everybody has answered");
        var (asset, deficit) = StoredFormat.Amount(payload.GetProperty("deficit").GetString()!);
        var claims = open.Asked.Select(shard => (shard, IsSetAside(shard) ? 0 : open.Answers[shard].Locked)).ToList();
        var shares = Share(BigInteger.Min(deficit, claims.Aggregate(BigInteger.Zero, (sum, claim) => sum + claim.Item2)), claims, Comparer<int>.Default);
        var said = payload.GetProperty("shares").EnumerateArray().ToDictionary(
            share => share.GetProperty("shard").GetInt32(), share => StoredFormat.Amount(share.GetProperty("amount").GetString()!).Units);
        AuditFailure.Unless(
            asset == open.Asset && deficit == MissingIn(asset) && said.OrderBy(share => share.Key).SequenceEqual(shares), "I8",
            $"{row.Address} shares {payload}, where {MissingIn(asset)} are missing and the shares are {string.Join(',', shares)}");
        var left = deficit - shares.Values.Aggregate(BigInteger.Zero, (sum, share) => sum + share);
        AuditFailure.Unless(left == StoredFormat.Amount(payload.GetProperty("carried").GetString()!).Units, "I8", $"{row.Address} carries another amount than {left}");
        open.Shares = shares;
        open.Behind = BigInteger.Max(0, -Available(asset));
        carried[asset] = CarriedIn(asset) + left;
        everCarried[asset] = EverCarried(asset) + left;
        CloseRound();
    }

    /// <summary>A round is over when the fund has what was allocated; what filled an older hole may be drawn all the same.</summary>
    private void CloseRound()
    {
        if (round is not { Shares: { } shares } open) return;
        if (!shares.All(share => share.Value.IsZero || IsSetAside(share.Key) || PaidInBy(share.Key, open.Asset) >= open.Answers[share.Key].PaidIn + share.Value)) return;
        round = null;
        carried[open.Asset] = CarriedIn(open.Asset) + BigInteger.Min(open.Behind, shares.Values.Aggregate(BigInteger.Zero, (sum, share) => sum + share));
    }

    /// <summary>In proportion, each the floor of its share, and what is left one unit each to the largest remainders, the lower first.</summary>
    public static SortedDictionary<TId, BigInteger> Share<TId>(
        BigInteger total, IReadOnlyCollection<(TId Id, BigInteger Weight)> claims, IComparer<TId> order) where TId : notnull
    {
        var all = claims.Aggregate(BigInteger.Zero, (sum, claim) => sum + claim.Weight);
        var shares = new SortedDictionary<TId, BigInteger>(claims.ToDictionary(claim => claim.Id, claim => all.IsZero ? 0 : total * claim.Weight / all), order);
        var left = total - shares.Values.Aggregate(BigInteger.Zero, (sum, share) => sum + share);
        foreach (var (id, _) in claims.OrderBy(claim => claim.Id, order).OrderByDescending(claim => all.IsZero ? 0 : total * claim.Weight % all).Take((int)left)) shares[id]++;
        return shares;
    }

    // ---- as one line ----------------------------------------------------------------------------------------------------

    private string FundState() => FundLine(
        Present(deposited), Present(carried), quotas.Select(quota => $"{quota.Account}/{quota.Instrument}/{StoredFormat.Money(quota.Left)}"),
        limits.Where(limit => !limit.Value.IsZero).Select(limit => $"{limit.Key.Shard}:{StoredFormat.Text(limit.Key.Asset, limit.Value)}"),
        round is null ? "" : $"{round.Number}/{round.Asset}/{round.Answers.Count}/{(round.Shares is null ? "" : StoredFormat.Text(round.Asset, round.Behind))}");

    private static IEnumerable<string> Present(SortedDictionary<string, BigInteger> amounts) =>
        amounts.Where(entry => !entry.Value.IsZero).Select(entry => StoredFormat.Text(entry.Key, entry.Value));

    private static string FundStateOf(JsonElement state) => FundLine(
        Texts(state, "deposited"), Texts(state, "carried"),
        state.GetProperty("backstops").EnumerateArray().Select(quota => $"{quota.GetProperty("account")}/{quota.GetProperty("instrument")}/{quota.GetProperty("left")}"),
        state.GetProperty("shards").EnumerateArray().SelectMany((shard, number) => Texts(shard, "fundLimits").Select(limit => $"{number}:{limit}")),
        state.TryGetProperty("round", out var round)
            ? $"{round.GetProperty("number")}/{round.GetProperty("asset")}/{round.GetProperty("answers").GetArrayLength()}/{(round.GetProperty("shares").GetArrayLength() == 0 ? "" : round.GetProperty("behind").ToString())}"
            : "");

    private static IEnumerable<string> Texts(JsonElement of, string name) => of.GetProperty(name).EnumerateArray().Select(text => text.ToString());

    private static string FundLine(
        IEnumerable<string> deposited, IEnumerable<string> carried, IEnumerable<string> quotas, IEnumerable<string> limits, string round) =>
        $" deposited={string.Join(',', deposited)} carried={string.Join(',', carried)} quotas={string.Join(',', quotas)} limits={string.Join(',', limits)} round={round}";
}
