using CrossMargin.Contracts;
using CrossMargin.Risk.Markets;
using CrossMargin.Risk.Models;
using CrossMargin.Risk.Parameters;
using CrossMargin.Risk.Portfolios;
using CrossMargin.Risk.Pricing;
using CrossMargin.Risk.Sweep;
using CrossMargin.Risk.Tests.Models;
using Shouldly;

namespace CrossMargin.Risk.Tests.Sweep;

/// <summary>
/// The bound never clears an account that the full model would liquidate, clears most that are healthy, and follows
/// every
/// change of a book.
/// </summary>
public class RiskBookTests
{
    private const int Accounts = 3_000;

    [Theory]
    [InlineData("span16")]
    [InlineData("grid-pm")]
    public void What_the_sweep_clears_the_full_model_finds_healthy(string preset)
    {
        var books = new RandomBooks(3);
        var market = RandomBooks.Market();
        var set = Fixtures.Preset(preset);
        var portfolios = Enumerable.Range(0, Accounts).Select(i => books.Account(market, 1 + (i % 12))).ToArray();
        var book = BookOf(set, market, portfolios);
        foreach (var move in new[] { 0.8, 0.95, 1.0, 1.05, 1.2 })
        {
            var model = Fixtures.Model(set, RandomBooks.Market(move));
            var arrays = Arrays(model);
            var uncleared = book.Sweep(model, arrays).ToArray().ToHashSet();
            var workspace = new RiskWorkspace();
            var (liquidatable, healthy, missed) = (0, 0, 0);
            for (var account = 0; account < Accounts; account++)
            {
                var report = PortfolioRisk.Evaluate(portfolios[account], model, arrays, workspace).Value;
                if (report.IsLiquidatable) liquidatable++;
                else healthy++;
                if (!report.IsLiquidatable && uncleared.Contains(account)) missed++;
                if (report.IsLiquidatable) uncleared.ShouldContain(account, $"{report.MarginEquity} < {report.MaintenanceMargin}");
            }

            // Both kinds occur, and the bound is worth having.
            liquidatable.ShouldBeGreaterThan(Accounts / 20);
            healthy.ShouldBeGreaterThan(Accounts / 5);
            missed.ShouldBeLessThan(healthy / 4);
            book.Scanned.ShouldBeGreaterThan(uncleared.Count);
        }
    }

    [Theory]
    [InlineData("span16")]
    [InlineData("grid-pm")]
    public void The_scan_loss_of_the_sweep_has_the_bits_of_a_single_evaluation(string preset)
    {
        var books = new RandomBooks(5);
        var market = RandomBooks.Market();
        var set = Fixtures.Preset(preset);
        var model = Fixtures.Model(set, market);
        var arrays = Arrays(model);
        for (var account = 0; account < 1_000; account++)
        {
            var portfolio = books.Account(market, 1 + (account % 30));
            var groups = new GroupRisk[market.Groups.Length];
            var exposures = portfolio.Positions
                .Select(position => new Exposure(market.LineOf(position.Instrument).Value, ModelBorder.Nearest(position.Quantity)))
                .OrderBy(exposure => exposure.Line).ToArray();
            ScenarioModel.Evaluate(model.Plan!, arrays, exposures, groups).ShouldBe(Refusal.None);

            for (var group = 0; group < groups.Length; group++)
            {
                var held = exposures.Where(exposure => market.Lines[exposure.Line].Group == group).ToArray();
                SweptScanLoss<Lane2>(model, arrays, held).ShouldBe(groups[group].Scenario.ScanLoss);
                SweptScanLoss<Lane4>(model, arrays, held).ShouldBe(groups[group].Scenario.ScanLoss);
                SweptScanLoss<Lane8>(model, arrays, held).ShouldBe(groups[group].Scenario.ScanLoss);
            }
        }
    }

    [Fact]
    public void Changes_in_any_order_leave_the_book_as_if_it_had_been_filled_at_once()
    {
        var books = new RandomBooks(7);
        var market = RandomBooks.Market();
        var set = Fixtures.Preset("grid-pm");
        var model = Fixtures.Model(set, market);
        var arrays = Arrays(model);
        var random = new Random(11);
        var changed = new RiskBook(set);
        var current = new Portfolio?[200];
        for (var step = 0; step < 5_000; step++)
        {
            var account = random.Next(current.Length);
            if (random.Next(4) == 0)
            {
                current[account] = null;
                changed.Remove(account);
                continue;
            }

            current[account] = books.Account(market, random.Next(1, 20));
            changed.Put(account, current[account]!, market);
        }

        var atOnce = new RiskBook(set);
        for (var account = 0; account < current.Length; account++)
            if (current[account] is { } portfolio) atOnce.Put(account, portfolio, market);

        changed.Count.ShouldBe(atOnce.Count);
        changed.Sweep(model, arrays).ToArray().Order().ShouldBe(atOnce.Sweep(model, arrays).ToArray().Order());
    }

    [Fact]
    public void An_account_that_holds_nothing_is_not_in_the_book()
    {
        var books = new RandomBooks(9);
        var market = RandomBooks.Market();
        var book = new RiskBook(Fixtures.Preset("grid-pm"));
        book.Put(1_000, RandomBooks.Of(1, [RandomBooks.Dollars(5)], []), market);
        book.Count.ShouldBe(0);

        book.Put(3, books.Account(market, 4), market);
        book.Count.ShouldBe(1);
        book.Put(3, RandomBooks.Of(2, [RandomBooks.Dollars(5)], []), market);
        book.Count.ShouldBe(0);
        book.Remove(3);
        book.Count.ShouldBe(0);
    }

    [Fact]
    public void What_has_no_bound_is_never_cleared()
    {
        var books = new RandomBooks(13);
        var market = RandomBooks.Market();
        var set = Fixtures.Preset("grid-pm");
        var perp = market.Lines.ToArray().First(line => line.Kind == LineKind.Perp).Id;
        var rich = RandomBooks.Dollars(1e9);
        Position Hold(InstrumentId id) => new(id, new Quantity(1_000_000), RandomBooks.Dollars(600));
        Portfolio[] portfolios =
        [
            RandomBooks.Of(1, [rich], [Hold(perp)]),
            RandomBooks.Of(1, [rich], [Hold(perp), Hold(new InstrumentId(9_999))]),
            RandomBooks.Of(1, [rich, new AssetAmount(Asset.Of("USDT"), -1)], []),
            RandomBooks.Of(1, [RandomBooks.Dollars(-1)], [Hold(perp)]),
        ];
        var model = Fixtures.Model(set, market);

        BookOf(set, market, portfolios).Sweep(model, Arrays(model)).ToArray().ShouldBe([1, 2, 3]);
    }

    [Fact]
    public void Options_alone_are_cleared_by_what_any_asset_counts()
    {
        var lines = RandomBooks.Market();
        var tether = new MarketAsset(
            Asset.Of("USDT"), new Price(100_000_000), null, Rate.One, new AssetAmount(Asset.Of("USDT"), 0));
        MarketView.Of(1, lines.Lines.ToArray().Where(line => line.Kind != LineKind.Spot), lines.Groups.ToArray(),
            [Fixtures.Dollar, tether], new Dictionary<InstrumentId, Refusal>(), out var built).ShouldBe(Refusal.None);
        var market = built!;
        var set = Fixtures.Preset("grid-pm");
        var option = market.Lines.ToArray().First(line => line.Kind == LineKind.Call).Id;
        Position[] shorts = [new Position(option, new Quantity(-1_000_000), RandomBooks.Dollars(0))];
        Portfolio[] portfolios =
        [
            RandomBooks.Of(1, [RandomBooks.Dollars(1e6)], shorts),
            RandomBooks.Of(1, [RandomBooks.Dollars(0), new AssetAmount(Asset.Of("USDT"), 1_000_000_000_000)], shorts),
            RandomBooks.Of(1, [], shorts),
        ];
        var model = Fixtures.Model(set, market);

        BookOf(set, market, portfolios).Sweep(model, Arrays(model)).ToArray().ShouldBe([2]);
    }

    [Theory]
    [InlineData("span16")]
    [InlineData("grid-pm")]
    public void Rich_accounts_are_cleared_without_a_scan_and_poor_ones_are_soon_scanned_at_once(string preset)
    {
        var books = new RandomBooks(17);
        var market = RandomBooks.Market();
        var model = Fixtures.Model(Fixtures.Preset(preset), market);
        var arrays = Arrays(model);
        var drawn = Enumerable.Range(0, 300).Select(i => books.Account(market, 1 + (i % 12))).ToArray();
        var poor = drawn.Select((account, i) => i % 2 == 0 ? account : RandomBooks.Of(1, [], account.Positions)).ToArray();
        var rich = drawn.Select(account => RandomBooks.Of(1, [RandomBooks.Dollars(1e8)], account.Positions)).ToArray();

        var book = BookOf(model.Parameters, market, rich);
        book.Sweep(model, arrays).Length.ShouldBe(0);
        book.Scanned.ShouldBe(0);

        // The first sweep finds that trying does not pay; what the next ones scan at once is found the same.
        for (var account = 0; account < poor.Length; account++) book.Put(account, poor[account], market);
        var tried = book.Sweep(model, arrays).ToArray();
        book.Scanned.ShouldBeInRange(tried.Length, poor.Length - 1);
        book.Sweep(model, arrays).ToArray().ShouldBe(tried);
        book.Scanned.ShouldBe(poor.Length);

        for (var account = 0; account < rich.Length; account++) book.Put(account, rich[account], market);
        for (var sweep = 0; sweep < 16; sweep++) book.Sweep(model, arrays).Length.ShouldBe(0);
        book.Scanned.ShouldBe(0);
    }

    [Fact]
    public void Rules_have_no_cheaper_bound_than_themselves()
    {
        var books = new RandomBooks(15);
        var market = RandomBooks.Market();
        var set = Fixtures.Preset("standard");
        var book = BookOf(set, market, [books.Account(market, 3), books.Account(market, 3)]);
        book.Sweep(Fixtures.Model(set, market), []).ToArray().ShouldBe([0, 1]);
    }

    private static double SweptScanLoss<T>(MarginModel model, double[] arrays, Exposure[] held) where T : struct, ILanes<T>
    {
        if (held.Length == 0) return 0;

        var instruments = held.Select(exposure => model.Market.Lines[exposure.Line].Id).ToList();
        var tables = new SweepTables();
        tables.Build(model, model.Plan!, arrays, instruments, [Fixtures.Usdc]);
        var keys = held.Select((exposure, i) => BookKey.Make(i, exposure.Quantity)).ToArray();
        keys[^1] |= BookKey.LastOfGroup | BookKey.LastOfAccount;
        var pool = new SegmentPool();
        nint at = pool.Store(default, keys, [.. held.Select(exposure => exposure.Quantity)]).Start;
        return new SweepKernel(tables, pool, new SegmentPool(), [], OptionValueIn.Equity).ScanLoss<T>(ref at, out _, out _);
    }

    private static RiskBook BookOf(ParameterSet set, MarketView market, Portfolio[] portfolios)
    {
        var book = new RiskBook(set);
        for (var account = 0; account < portfolios.Length; account++) book.Put(account, portfolios[account], market);
        return book;
    }

    private static double[] Arrays(MarginModel model)
    {
        var arrays = new double[model.Plan!.Length];
        RiskArrays.Price(model.Plan!, arrays).ShouldBe(Refusal.None);
        return arrays;
    }
}
