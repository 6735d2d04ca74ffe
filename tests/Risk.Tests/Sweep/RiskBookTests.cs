using System.Collections.Immutable;
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
/// The bound never clears an account that the full model does not find healthy, clears most that are, and follows every
/// change of a book.
/// </summary>
public class RiskBookTests
{
    private const int Accounts = 3_000;

    [Theory]
    [InlineData("span16", 0.25)]
    [InlineData("grid-pm", 0.25)]
    [InlineData("isolated", 0.1)]
    [InlineData("delta-netting", 0.6)]
    [InlineData("standard", 0.7)]
    public void Whoever_the_sweep_clears_the_full_model_finds_healthy(string preset, double missedAtMost)
    {
        var books = new RandomBooks(3);
        var set = Fixtures.Preset(preset);
        var portfolios = Enumerable.Range(0, Accounts).Select(i => books.Account(RandomBooks.Market(), 1 + (i % 12))).ToArray();
        var (numbers, book) = BookOf(set, RandomBooks.Market(), portfolios);
        var unhealthy = 0;
        foreach (var move in new[] { 0.8, 0.95, 1.0, 1.05, 1.2 })
        {
            var found = Compare(book, Tables(set, RandomBooks.Market(move), numbers), portfolios);
            unhealthy += found.Unhealthy;

            // Both kinds occur, and the bound is worth having.
            found.Healthy.ShouldBeGreaterThan(Accounts / 10);
            ((double)found.Missed).ShouldBeLessThan(missedAtMost * found.Healthy);
        }

        unhealthy.ShouldBeGreaterThan(Accounts / 10);
    }

    [Theory]
    [InlineData("span16")]
    [InlineData("grid-pm")]
    [InlineData("isolated")]
    [InlineData("delta-netting")]
    [InlineData("standard")]
    public void On_a_bad_day_soft_penalties_and_scaled_collateral_are_in_the_bound(string preset)
    {
        var books = new RandomBooks(23);
        var set = Fixtures.Preset(preset);
        var portfolios = Enumerable.Range(0, Accounts).Select(i => books.MixedAccount(RandomBooks.BadDay(), 1 + (i % 12))).ToArray();

        // Laid out on a day that is no better, and swept on the days after.
        var (numbers, book) = BookOf(set, RandomBooks.BadDay(), portfolios);
        foreach (var move in new[] { 0.9, 1.0, 1.15 })
        {
            var found = Compare(book, Tables(set, RandomBooks.BadDay(move), numbers), portfolios);
            found.Healthy.ShouldBeGreaterThan(found.Missed);
            found.Unhealthy.ShouldBeGreaterThan(Accounts / 100);
        }
    }

    /// <summary>Orders on both sides at any price, in what is held and in what is not, beside debts in other assets.</summary>
    [Theory]
    [InlineData("span16", 0.4)]
    [InlineData("grid-pm", 0.4)]
    [InlineData("isolated", 0.5)]
    [InlineData("delta-netting", 0.75)]
    [InlineData("standard", 0.8)]
    public void Whoever_has_open_orders_or_debts_is_cleared_only_if_healthy(string preset, double missedAtMost)
    {
        var books = new RandomBooks(29);
        var set = Fixtures.Preset(preset);
        foreach (var day in new Func<double, MarketView>[] { RandomBooks.OrderDay, RandomBooks.BadDay })
        {
            var market = day(1);
            var drawn = Enumerable.Range(0, Accounts).Select(i => books.OrderingAccount(market, i % 8, HasOptions(set))).ToArray();
            var first = Tables(set, market);
            var book = new RiskBook();
            var portfolios = drawn.Where((portfolio, _) => new RiskBook().Put(0, portfolio, first) == Placing.Held).ToArray();
            for (var account = 0; account < portfolios.Length; account++) book.Put(account, portfolios[account], first).ShouldBe(Placing.Held);
            portfolios.Length.ShouldBeGreaterThan(Accounts * 3 / 4);
            portfolios.Count(portfolio => portfolio.Balances.Any(balance => balance.IsNegative)).ShouldBeGreaterThan(Accounts / 20);

            var unhealthy = 0;
            foreach (var move in new[] { 0.85, 1.0, 1.1 })
            {
                var found = Compare(book, Tables(set, day(move), first.Numbers), portfolios);
                unhealthy += found.Unhealthy;
                if (day == RandomBooks.OrderDay) ((double)found.Missed).ShouldBeLessThan(missedAtMost * found.Healthy);
            }

            unhealthy.ShouldBeGreaterThan(Accounts / 20);
        }
    }

    /// <summary>Whether orders in options have a bound.</summary>
    private static bool HasOptions(ParameterSet set) => set.Model is ModelParameters.Scenario;

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
        var tables = Tables(Fixtures.Preset("grid-pm"), market);
        var random = new Random(11);
        var changed = new RiskBook();
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
            changed.Put(account, current[account]!, tables).ShouldBe(Placing.Held);
        }

        var atOnce = new RiskBook();
        for (var account = 0; account < current.Length; account++)
            if (current[account] is { } portfolio) atOnce.Put(account, portfolio, tables);

        changed.Count.ShouldBe(atOnce.Count);
        changed.Sweep(tables).ToArray().Order().ShouldBe(atOnce.Sweep(tables).ToArray().Order());
    }

    [Fact]
    public void What_has_no_bound_is_not_in_the_book_and_says_why()
    {
        var books = new RandomBooks(13);
        var market = RandomBooks.Market();
        var tables = Tables(Fixtures.Preset("standard"), market);
        var perp = market.Lines.ToArray().First(line => line.Kind == LineKind.Perp).Id;
        var option = market.Lines.ToArray().First(line => line.IsOption).Id;
        var rich = RandomBooks.Dollars(1e6);
        var debt = new AssetAmount(Fixtures.Usdc, -1);
        Position[] held = [new(perp, new Quantity(1_000_000), RandomBooks.Dollars(600))];
        Position[] many = [new(perp, new Quantity(2_000_000_000_000_000), RandomBooks.Dollars(600))];
        Position[] unknown = [.. held, new(new InstrumentId(9_999), new Quantity(1), RandomBooks.Dollars(0))];
        OpenOrder[] orders = [new(perp, OrderSide.Buy, new Quantity(1), new Price(1))];
        (Portfolio Portfolio, Placing Placing)[] expected =
        [
            (RandomBooks.Of(1, [rich], held), Placing.Held),
            (RandomBooks.Of(1, [rich], []), Placing.Unbounded),
            (RandomBooks.Of(1, [debt], held), Placing.Unbounded),
            (RandomBooks.Of(1, [rich], unknown), Placing.Unpriced),
            (RandomBooks.Of(1, [rich, new AssetAmount(Asset.Of("SOL"), 1)], held), Placing.Unpriced),
            (RandomBooks.Of(1, [rich], many), Placing.Unbounded),
            (RandomBooks.Of(1, [RandomBooks.Dollars(2e9)], held), Placing.Unbounded),
            (With([rich], held, orders), Placing.Held),
            (With([rich], [], orders), Placing.Held),
            (With([rich], held, [orders[0] with { Instrument = option }]), Placing.Unbounded),
            (With([rich], held, [orders[0] with { Instrument = new InstrumentId(9_999) }]), Placing.Unpriced),
        ];
        foreach (var (portfolio, placing) in expected)
        {
            var book = new RiskBook();
            book.Put(5, books.Account(market, 3), tables).ShouldBe(Placing.Held);
            book.Put(5, portfolio, tables).ShouldBe(placing);
            book.Count.ShouldBe(placing == Placing.Held ? 1 : 0);
        }
    }

    [Fact]
    public void Who_holds_what_lost_its_price_is_not_cleared_until_it_has_one_again()
    {
        var market = RandomBooks.Market();
        var set = Fixtures.Preset("grid-pm");
        var (line, other) = (market.Lines.ToArray().First(line => line.IsOption), market.Lines.ToArray().First(line => line.Kind == LineKind.Perp));
        Portfolio[] portfolios =
        [
            RandomBooks.Of(1, [RandomBooks.Dollars(1e6)], [new Position(line.Id, new Quantity(1_000_000), RandomBooks.Dollars(0))]),
            RandomBooks.Of(1, [RandomBooks.Dollars(1e6)], [new Position(other.Id, new Quantity(1_000_000), RandomBooks.Dollars(600))]),
        ];
        var (numbers, book) = BookOf(set, market, portfolios);
        var without = Fixtures.Market(
            market.Lines.ToArray().Where(each => each.Kind != LineKind.Spot && each.Id != line.Id), market.Groups.ToArray());

        book.Sweep(Tables(set, market, numbers)).ToArray().ShouldBe([]);
        book.Sweep(Tables(set, without, numbers)).ToArray().ShouldBe([0]);
        book.Sweep(Tables(set, market, numbers)).ToArray().ShouldBe([]);
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
        var (numbers, book) = BookOf(set, market, portfolios);
        book.Sweep(Tables(set, market, numbers)).ToArray().ShouldBe([2]);
    }

    [Theory]
    [InlineData("span16")]
    [InlineData("grid-pm")]
    public void Rich_accounts_are_cleared_without_a_scan_and_poor_ones_are_soon_scanned_at_once(string preset)
    {
        var books = new RandomBooks(17);
        var market = RandomBooks.Market();
        var set = Fixtures.Preset(preset);
        var drawn = Enumerable.Range(0, 300).Select(i => books.Account(market, 1 + (i % 12))).ToArray();
        var poor = drawn.Select((account, i) => i % 2 == 0 ? account : RandomBooks.Of(1, [], account.Positions)).ToArray();
        var rich = drawn.Select(account => RandomBooks.Of(1, [RandomBooks.Dollars(1e8)], account.Positions)).ToArray();

        var (numbers, book) = BookOf(set, market, rich);
        var tables = Tables(set, market, numbers);
        book.Sweep(tables).Length.ShouldBe(0);
        book.Scanned.ShouldBe(0);

        // The first sweep finds that trying does not pay; what the next ones scan at once is found the same.
        for (var account = 0; account < poor.Length; account++) book.Put(account, poor[account], tables);
        var tried = book.Sweep(tables).ToArray();
        book.Scanned.ShouldBeInRange(tried.Length, poor.Length - 1);
        book.Sweep(tables).ToArray().ShouldBe(tried);
        book.Scanned.ShouldBe(poor.Length);

        for (var account = 0; account < rich.Length; account++) book.Put(account, rich[account], tables);
        for (var sweep = 0; sweep < 16; sweep++) book.Sweep(tables).Length.ShouldBe(0);
        book.Scanned.ShouldBe(0);
    }

    private sealed record Comparison(int Healthy, int Missed, int Unhealthy);

    /// <summary>Nobody is cleared who is not healthy; how many were healthy, and how many of them the bound did not see.</summary>
    private static Comparison Compare(RiskBook book, SweepTables tables, Portfolio[] portfolios)
    {
        var model = tables.Model;
        double[] arrays = model.Plan is null ? [] : Arrays(model);
        var uncleared = book.Sweep(tables).ToArray().ToHashSet();
        var workspace = new RiskWorkspace();
        var (healthy, missed) = (0, 0);
        for (var account = 0; account < portfolios.Length; account++)
        {
            var report = PortfolioRisk.Evaluate(portfolios[account], model, arrays, workspace).Value;
            var isHealthy = !report.IsLiquidatable
                && report.MarginEquity >= report.InitialMargin.TimesCeiling(model.Parameters.WarnBelow ?? Rate.One);
            if (isHealthy) healthy++;
            if (isHealthy && uncleared.Contains(account)) missed++;
            if (!isHealthy) uncleared.ShouldContain(account, $"{report.MarginEquity} for {report.InitialMargin}");
        }

        return new Comparison(healthy, missed, portfolios.Length - healthy);
    }

    private static double SweptScanLoss<T>(MarginModel model, double[] arrays, Exposure[] held) where T : struct, ILanes<T>
    {
        if (held.Length == 0) return 0;

        var instruments = held.Select(exposure => model.Market.Lines[exposure.Line].Id).ToList();
        var tables = SweepTables.Of(model, arrays, SweepNumbers.For(model.Parameters).With(model.Market));
        var keys = held.Select(exposure => BookKey.Make(
            tables.Numbers.NumberOf(model.Market.Lines[exposure.Line].Id, exposure.Quantity), exposure.Quantity)).ToArray();
        keys[^1] |= BookKey.LastOfGroup | BookKey.LastOfAccount;
        var pool = new SegmentPool();
        nint at = pool.Store(default, keys, [.. held.Select(exposure => exposure.Quantity)]).Start;
        return new SweepKernel(tables, pool, new SegmentPool(), []).ScanLoss<T>(ref at, out _, out _);
    }

    private static (SweepNumbers Numbers, RiskBook Book) BookOf(ParameterSet set, MarketView market, Portfolio[] portfolios)
    {
        var tables = Tables(set, market);
        var book = new RiskBook();
        for (var account = 0; account < portfolios.Length; account++)
            book.Put(account, portfolios[account], tables).ShouldBe(Placing.Held);
        return (tables.Numbers, book);
    }

    private static SweepTables Tables(ParameterSet set, MarketView market, SweepNumbers? numbers = null)
    {
        var model = Fixtures.Model(set, market);
        return SweepTables.Of(model, model.Plan is null ? [] : Arrays(model), (numbers ?? SweepNumbers.For(set)).With(market));
    }

    private static Portfolio With(AssetAmount[] balances, Position[] positions, OpenOrder[] orders)
    {
        Portfolio.Of(1, balances, positions, [], orders, ImmutableSortedDictionary<Underlying, Rate>.Empty, out var portfolio)
            .ShouldBe(Refusal.None);
        return portfolio!;
    }

    private static double[] Arrays(MarginModel model)
    {
        var arrays = new double[model.Plan!.Length];
        RiskArrays.Price(model.Plan!, arrays).ShouldBe(Refusal.None);
        return arrays;
    }
}
