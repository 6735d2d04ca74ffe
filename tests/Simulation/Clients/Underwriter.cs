using System.Text.Json;
using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;
using CrossMargin.Simulation.Audit;
using CrossMargin.Simulation.World;

namespace CrossMargin.Simulation.Clients;

/// <summary>
/// Stands behind the pool: pays into the fund what is missing, to the unit, one less or one more; registers who takes positions over;
/// and keeps an account that is never short of money.
/// </summary>
internal sealed class Underwriter : Client
{
    private const long DeepUsdc = 1_000_000_000_000_000_000, DeepBtc = 100_000_000_000_000;

    private readonly Town town;
    private readonly List<(Asset Asset, long Units)> debts = [];
    private readonly Queue<Order> opening;
    private readonly HashSet<int> aside = [];
    private readonly Dictionary<Asset, long> deposited = [];
    private readonly SortedDictionary<int, Dictionary<Asset, long>> told = [];   // by shard, what its accounts paid in and did not draw
    private int references;

    public Underwriter(Venue venue, Town town) : base(venue, "underwriter")
    {
        this.town = town;
        opening = new Queue<Order>(
        [
            .. Enumerable.Range(0, 3).Select(_ => Town.Deposit(town.Deep.Id, new AssetAmount(Asset.Of("USDC"), DeepUsdc), "deep")),
            Town.Deposit(town.Deep.Id, new AssetAmount(Asset.Of("BTC"), DeepBtc), "deep"),
        ]);
    }

    private bool isOpened;

    protected override bool IsPatient => true;

    public override void Saw(StoredRow row)
    {
        if (row.Type is not ("pool.shard-reported.v1" or "pool.shard-set-aside.v1" or "pool.shard-brought-back.v1" or "pool.fund-deposited.v1")) return;
        using var document = JsonDocument.Parse(row.Payload);
        var payload = document.RootElement;
        if (row.Type == "pool.fund-deposited.v1")
        {
            deposited[Asset.Of(Of(payload, "depositedAfter").Asset)] = (long)Of(payload, "depositedAfter").Units;
            return;
        }

        var shard = payload.GetProperty("shard").GetInt32();
        if (row.Type == "pool.shard-set-aside.v1") aside.Add(shard);
        else if (row.Type == "pool.shard-brought-back.v1") aside.Remove(shard);
        else if (payload.TryGetProperty("demand", out var demand))
        {
            told[shard] = InFund(demand);
            foreach (var debt in demand.GetProperty("debts").EnumerateArray())
            {
                var (asset, units) = StoredFormat.Amount(debt.GetString()!);
                if (units <= 1_000_000_000_000_000) debts.Add((Asset.Of(asset), (long)units));
            }
        }
    }

    protected override void ActOnce()
    {
        if (Open()) return;
        switch (Draws.Between(0, 5))
        {
            case 0 or 1: AskNew(Town.RegisterBackstop(Draws.OneIn(3) ? Draws.Pick(town.Accounts).Id : town.Deep.Id, Quotas())); break;
            case 2 when Draws.OneIn(10): AskNew(Town.DepositToFund(town.Amount(Draws) with { Asset = Asset.Of("USDC") }, $"mistake-{references++}")); break;
            case 2 or 3 or 4 when debts.Count > 0 && Venue.Plan.Fund > 0: AskNew(IntoTheFund()); break;
            case 5 when Draws.OneIn(4): Read(Draws.OneIn(2) ? Contracts.Pools.PoolId.Main.Grain : Contracts.Links.LinkId.Main.Grain); break;
        }
    }

    protected override void ActInTheEvening()
    {
        if (aside.Count > 0) AskNew(Town.BringBack(aside.Min()));
        else if (Carried() is { } carried) AskNew(Town.DepositToFund(carried, $"repaid-{references++}"));
        else Open();
    }

    /// <summary>What the pool carries, as the shards have told: it is repaid in the evening, and until then nobody's money leaves.</summary>
    private AssetAmount? Carried()
    {
        foreach (var asset in told.Values.SelectMany(shares => shares.Keys).Distinct().Order())
        {
            var units = deposited.GetValueOrDefault(asset) + told.Values.Sum(shares => shares.GetValueOrDefault(asset));
            if (units < 0) return new AssetAmount(asset, -units);
        }

        return null;
    }

    private static Dictionary<Asset, long> InFund(JsonElement demand) => demand.GetProperty("fund").EnumerateArray().ToDictionary(
        share => Asset.Of(Of(share, "paidIn").Asset), share => (long)(Of(share, "paidIn").Units - Of(share, "drawn").Units));

    private static (string Asset, System.Numerics.BigInteger Units) Of(JsonElement payload, string name) =>
        StoredFormat.Amount(payload.GetProperty(name).GetString()!);

    private bool Open()
    {
        if (isOpened && opening.Count == 0) return false;
        if (isOpened) AskNew(opening.Dequeue());
        else Ask(Town.Open(town.Deep), Identity(town.Deep.OpeningKey, Town.Open(town.Deep)));
        isOpened = true;
        return true;
    }

    private Order IntoTheFund()
    {
        var (asset, owed) = debts[^1];
        debts.Clear();
        var units = Venue.Plan.Fund == 1 ? 1 : Math.Max(1, owed + Draws.Between(-1, 1));
        return Town.DepositToFund(new AssetAmount(asset, units), $"top-up-{references++}");
    }

    /// <summary>Of some markets so much, and now and then what is no quota.</summary>
    private List<(int Instrument, long Micros)> Quotas()
    {
        var quotas = new List<(int, long)>();
        foreach (var listing in town.Listings)
            if (Draws.OneIn(2)) quotas.Add((listing.Id.Number, Draws.OneIn(20) ? 0 : Draws.Between(1L, 3_000_000_000L)));
        if (quotas.Count > 0 && Draws.OneIn(20)) quotas.Add(quotas[0]);
        return quotas;
    }

    private void AskNew(Order order) => Ask(order, Identity(CommandKey.Issue(Venue.Wall, Draws.Next(), Draws.Next()), order));

    private Cause.Key Identity(CommandKey key, Order order) => new(key, Venue.Catalog.FingerprintOf(order.To, order.Body));

    /// <summary>Who finds no room for a key in the evening comes back tomorrow: today's have left the window by then.</summary>
    protected override void Ended(Intent intent, Told? told)
    {
        if (told is null && Venue.Hour == Hour.Evening) Venue.PassADay();
    }
}
