using System.Numerics;
using System.Text;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Trades;
using CrossMargin.Contracts.Pools;
using CrossMargin.Simulation.Audit;
using CrossMargin.Simulation.World;

namespace CrossMargin.Simulation.Clients;

/// <summary>An account that somebody means to open: its id follows from who opens it and with which key.</summary>
internal sealed record Address(PrincipalId Owner, CommandKey OpeningKey)
{
    public AccountId Id { get; } = AccountId.For(Owner, OpeningKey);
}

/// <summary>One side of a trade as a feed means to report it.</summary>
internal sealed record Trader(AccountId Account, int SubAccount, long FeeRate, string? Order);

/// <summary>Who lives here: the accounts, people, custodians, feeds and price sources of a seed, and what they may ask for.</summary>
internal sealed partial class Town
{
    private static readonly string[] Assets = ["USDC", "BTC"];

    private readonly Venue venue;

    private Town(Venue venue)
    {
        this.venue = venue;
        var draws = venue.Root.Fork("town");
        People = [.. Enumerable.Range(0, venue.Plan.Humans).Select(number => new PrincipalId($"human-{number}"))];
        Accounts = [.. Enumerable.Range(0, venue.Plan.Accounts).Select(_ =>
            new Address(draws.Pick(People), CommandKey.Issue(venue.Wall, draws.Next(), draws.Next())))];
        Circulars = [.. Enumerable.Range(0, venue.Plan.Circulars).Select(number =>
            GrainId.Derive(CircularGrain.TheKind, Encoding.ASCII.GetBytes($"circular {number}")))];
        Feeds = [.. Enumerable.Range(0, venue.Plan.Feeds).Select(number => FeedId.For(new SourceId($"feed-{number}")))];
        Sources = [.. Enumerable.Range(0, venue.Plan.Sources).Select(number => ($"source-{number}", Weight: draws.Between(1, 3)))];
        Rules = new RuleBooks(draws.Fork("rules"), venue.Plan.OpensCases);
        Deep = new Address(new PrincipalId("underwriter"), CommandKey.Issue(venue.Wall, draws.Next(), draws.Next()));
        Listings = [.. ListingsOf(venue.Wall).Where(listing => venue.Plan.ListsOptions || listing.Kind != InstrumentKind.Option).OrderBy(_ => draws.Next()).Take(venue.Plan.Instruments)];
    }

    public IReadOnlyList<PrincipalId> People { get; }
    public IReadOnlyList<Address> Accounts { get; }
    public IReadOnlyList<GrainId> Circulars { get; }

    public RuleBooks Rules { get; }

    public static IReadOnlyList<Client> Settle(Venue venue)
    {
        var town = new Town(venue);
        var clients = new List<Client>();
        for (var number = 0; number < town.People.Count; number++) clients.Add(new Human(venue, town, town.People[number]));
        foreach (var account in town.Accounts)
            foreach (var source in (string[])["custody-a", "custody-b"])
                if (source == "custody-a" || clients.Count % 3 == 0)
                    clients.Add(new Custodian(venue, town, new SourceId(source), account.Id));
        clients.Add(new Steward(venue, town));
        if (town.Feeds.Count == 0) return clients;
        clients.Add(new Officer(venue, town));
        clients.Add(new Underwriter(venue, town));
        clients.Add(new Counter(venue));
        for (var number = 0; number < town.Feeds.Count; number++)
        {
            var engine = new Feed(venue, town, new SourceId($"feed-{number}"), town.Feeds[number]);
            clients.Add(engine);
            clients.Add(new EngineVoice(venue, engine, new SourceId($"voice-{number}")));
        }

        for (var number = 0; number < town.Sources.Count; number++)
            clients.Add(new PriceSource(
                venue, town, new SourceId(town.Sources[number].Name), number == 3 ? Honesty.Wrong : number == 4 ? Honesty.Dying : Honesty.Right));
        return clients;
    }

    // ---- orders ----------------------------------------------------------------------------------------------------

    public static Order Open(Address account) =>
        new(account.Id.Grain, new AccountCommand.Open(account.Owner), new Request.Open(account.Owner.Name));

    public static Order Close(AccountId account) => new(account.Grain, new AccountCommand.Close(), new Request.Close());

    public static Order Reopen(AccountId account) => new(account.Grain, new AccountCommand.Reopen(), new Request.Reopen());

    public static Order Deposit(AccountId to, AssetAmount amount, string reference) =>
        new(to.Grain, new AccountCommand.Deposit(amount, reference), new Request.Deposit(amount.Asset.ToString(), amount.Units, reference));

    public static Order Withdraw(AccountId from, AssetAmount amount, string destination) =>
        new(from.Grain, new AccountCommand.Withdraw(amount, destination), new Request.Withdraw(amount.Asset.ToString(), amount.Units, destination));

    public static Order Cancel(AccountId account, long withdrawal) =>
        new(account.Grain, new AccountCommand.CancelWithdrawal(new WithdrawalId(withdrawal)), new Request.Cancel(withdrawal));

    /// <summary>An officer, who is sometimes wrong about the shard and about its state.</summary>
    public Order Officer(Draws draws)
    {
        var shard = draws.Between(draws.OneIn(20) ? -1 : 0, venue.Plan.Shards - (draws.OneIn(20) ? 0 : 1));
        if (draws.OneIn(2)) return new Order(PoolId.Main.Grain, new PoolCommand.BringBack(new ShardId(shard), "seen"), new Request.BringBack(shard, "seen"));
        var exposure = draws.OneIn(3) ? draws.Between(-1, 2_000_000) : 0;
        return new Order(
            PoolId.Main.Grain, new PoolCommand.SetAside(new ShardId(shard), new Money(exposure), "silent"), new Request.SetAside(shard, exposure, "silent"));
    }

    public static Order Post(AccountId account, long withdrawal) =>
        new(account.Grain, new AccountCommand.PostWithdrawal(new WithdrawalId(withdrawal)), new Request.Post(withdrawal));

    public static Order Void(AccountId account, long withdrawal) =>
        new(account.Grain, new AccountCommand.VoidWithdrawal(new WithdrawalId(withdrawal)), new Request.Void(withdrawal));

    public static Order Transfer(AccountId from, AccountId to, AssetAmount amount, TransferReach reach) => new(
        from.Grain, new AccountCommand.Transfer(to, amount) { Reach = reach },
        new Request.Transfer(to.ToString(), amount.Asset.ToString(), amount.Units, reach == TransferReach.SameOwner));

    public static Order CancelTransfer(AccountId account, long transfer) =>
        new(account.Grain, new AccountCommand.CancelTransfer(new TransferId(transfer)), new Request.CancelTransfer(transfer));

    /// <summary>To itself first, then to a few others, which may be of one shard.</summary>
    public Order Circulate(GrainId from, Draws draws)
    {
        var text = draws.Between(0, 9) switch
        {
            < 5 => CircularText.Read,
            < 8 => CircularText.Ignore,
            8 => CircularText.Refuse,
            _ => venue.Faults.Comes(Fault.GrainBug) ? CircularText.Poison : CircularText.Read,
        };
        var to = Circulars.Where(other => other != from && draws.OneIn(2)).Prepend(from).ToArray();
        return new Order(from, new Circulate([.. to], text), new Request.Circulate([.. to.Select(grain => grain.ToString())], text));
    }

    // ---- amounts ---------------------------------------------------------------------------------------------------

    public AssetAmount Amount(Draws draws)
    {
        var asset = Asset.Of(draws.Pick(Assets));
        if (draws.PerMille(venue.Plan.HugeAmountPerMille))
            return new AssetAmount(asset, draws.Pick([1_000_000_000_000_000_000, 1_000_000_000_000_000_001, 999_999_999_999_999_999, long.MaxValue]));
        return new AssetAmount(asset, draws.Between(0, 20) switch
        {
            0 => 0,
            1 => -1,
            2 => long.MinValue,
            < 12 => draws.Between(1, 9),
            _ => draws.Between(1L, 5_000_000L),
        });
    }

    /// <summary>What somebody brings who means to trade: between one unit and two thousand USDC, or a part of a BTC.</summary>
    public static AssetAmount Stake(Draws draws)
    {
        var asset = Asset.Of(draws.OneIn(4) ? "BTC" : "USDC");
        var most = asset == Asset.Of("BTC") ? 10_000_000L : 2_000_000_000L;
        return new AssetAmount(asset, draws.Between(1L, most / draws.Pick([1L, 1, 3, 10, 100])));
    }

    /// <summary>Any account of the venue, opened or not, or one that nobody will ever open.</summary>
    public AccountId Somebody(Draws draws) => draws.OneIn(8)
        ? Nobody(venue, draws)
        : draws.Pick(Accounts).Id;

    public static AccountId Nobody(Venue venue, Draws draws) =>
        AccountId.For(new PrincipalId("nobody"), CommandKey.Issue(venue.Wall, draws.Next(), draws.Next()));

    /// <summary>What the auditor says that the account has, or half of it, or one unit more.</summary>
    public static AssetAmount AmountNear(BigInteger balance, Asset asset, Draws draws)
    {
        var units = draws.Between(0, 3) switch
        {
            0 => balance,
            1 => balance + 1,
            _ => balance / 2,
        };
        return new AssetAmount(asset, (long)BigInteger.Min(units, long.MaxValue));
    }
}
