using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Pools;
using CrossMargin.Contracts.Trades;

namespace CrossMargin.Cli.Study;

/// <summary>
/// Who is in the market when it crashes: a crowd that is long, with some that hedge and some that trade a pair; and on the other side
/// shorts, who will have gained. What the crowd holds beyond them is a maker's, who has more than he can lose.
/// </summary>
internal sealed class Town
{
    public const int Crowd = 200, Shorts = 60;
    public const long FundDollars = 100_000, BackstopQuotaDollars = 1_000_000, BackstopCashDollars = 20_000_000;

    private static readonly Asset Usdc = Asset.Of("USDC");

    private readonly StudyVenue venue;
    private readonly Draws draws;
    private readonly List<AccountId> accounts = [];
    private int trades;

    public Town(StudyVenue venue, long seed)
    {
        this.venue = venue;
        draws = new Draws(seed);
        Maker = Open("maker", 1_000_000_000);
        Backstop = Open("backstop", BackstopCashDollars);
        venue.Order(PoolId.Main.Grain, new PoolCommand.DepositToFund(Dollars(FundDollars), "study"));
        venue.Order(PoolId.Main.Grain, new PoolCommand.RegisterBackstop(Backstop,
            [.. Crash.Instruments.Select(traded => new MarketAmount(traded.Listing.Id, new Money(BackstopQuotaDollars * 1_000_000)))]));
        for (var number = 0; number < Crowd; number++) Join(number);
        for (var number = 0; number < Shorts; number++) Short(number);
    }

    /// <summary>The other side of the books. Never in trouble.</summary>
    public AccountId Maker { get; }

    public AccountId Backstop { get; }

    public IReadOnlyList<AccountId> Accounts => accounts;

    public long Deposited { get; private set; } = FundDollars;

    /// <summary>A trade against the maker, with a fee for whoever comes to him.</summary>
    public void Trade(AccountId account, InstrumentId instrument, Quantity quantity, Price price, Side side, OrderId? order = null)
    {
        var party = new TradeParty(account, SubAccountId.Main, new Rate(500_000)) { Order = order };
        var maker = new TradeParty(Maker, SubAccountId.Main, Rate.Zero);
        venue.Report(new TradeCommand.Capture(
            new TradeId($"t{++trades}"), instrument, price, quantity, side == Side.Buy ? party : maker, side == Side.Buy ? maker : party,
            venue.Now));
    }

    /// <summary>Nearly as little as the rules of the study allow to open: a sixth of what is at risk, little of what is hedged.</summary>
    private void Join(int number)
    {
        var size = draws.Between(30_000, 400_000);
        var kind = draws.Next();
        if (kind < 0.6)
        {
            var account = Open($"long-{number}", (long)(size * draws.Between(0.18, 0.45)));
            Hold(account, kind < 0.35 ? 0 : 1, size);
        }
        else if (kind < 0.8)
        {
            // A perpetual against a future, and a smaller bet beside it.
            var account = Open($"hedger-{number}", (long)(size * draws.Between(0.11, 0.2)));
            Hold(account, 0, size);
            Hold(account, 2, -size * 0.95);
            Hold(account, 1, size * 0.35);
        }
        else
        {
            var account = Open($"pair-{number}", (long)(size * draws.Between(0.28, 0.5)));
            Hold(account, 1, size);
            Hold(account, 0, -size * 0.5);
        }
    }

    private void Short(int number)
    {
        var size = draws.Between(50_000, 500_000);
        var account = Open($"short-{number}", (long)(size * draws.Between(0.25, 1)));
        Hold(account, draws.Next() < 0.6 ? 0 : 1, -size);
    }

    private AccountId Open(string owner, long dollars)
    {
        var account = venue.Open(owner);
        accounts.Add(account);
        Deposited += dollars;
        venue.Order(account.Grain, new AccountCommand.Deposit(Dollars(dollars), "study"));
        return account;
    }

    private void Hold(AccountId account, int place, double dollars)
    {
        var traded = Crash.Instruments[place];
        var lots = (long)(Math.Abs(dollars) / traded.Price * 1e8 / traded.Listing.Lot.E8);
        var quantity = new Quantity(lots * traded.Listing.Lot.E8);
        Trade(account, traded.Listing.Id, quantity, Crash.PriceBefore(traded), dollars < 0 ? Side.Sell : Side.Buy);
    }

    private static AssetAmount Dollars(long dollars) => new(Usdc, dollars * 1_000_000);

    public static object Inputs => new
    {
        crowd = Crowd, shorts = Shorts, fund = FundDollars, backstopQuotaOfEachMarket = BackstopQuotaDollars,
    };
}
