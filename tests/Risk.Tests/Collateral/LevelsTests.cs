using System.Collections.Immutable;
using System.Numerics;
using System.Text.Json.Nodes;
using CrossMargin.Contracts;
using CrossMargin.Risk.Models;
using CrossMargin.Risk.Parameters;
using CrossMargin.Risk.Portfolios;
using CrossMargin.Risk.Tests.Models;
using Shouldly;

namespace CrossMargin.Risk.Tests.Collateral;

/// <summary>What holds of every account under every model.</summary>
public class LevelsTests
{
    private const int Accounts = 2_000;

    public static TheoryData<string> Presets => [.. ParameterDocument.Presets];

    [Theory]
    [MemberData(nameof(Presets))]
    public void Initial_is_never_below_liquidation_end_and_that_never_below_maintenance(string preset)
    {
        var (evaluate, random) = (Evaluator(ReferenceModelTests.EverythingOn(preset)), new Random(1));
        for (var i = 0; i < Accounts; i++)
        {
            var report = evaluate(Venue.Shared.RandomAccount(random, 10, 4));
            report.MaintenanceMargin.ShouldBeGreaterThanOrEqualTo(Money.Zero);
            report.LiquidationEnd.ShouldBeGreaterThanOrEqualTo(report.MaintenanceMargin);
            report.InitialHard.ShouldBeGreaterThanOrEqualTo(report.LiquidationEnd);
            report.InitialMargin.ShouldBe(report.InitialHard + report.SoftPenalties + report.OrderMargin);
            report.OrderMargin.ShouldBeGreaterThanOrEqualTo(Money.Zero);
            report.SoftPenalties.ShouldBeGreaterThanOrEqualTo(Money.Zero);
            var between = new Money((report.InitialHard - report.MaintenanceMargin).Micros);
            report.LiquidationEnd.ShouldBe(report.MaintenanceMargin + between.TimesCeiling(new Rate(500_000_000)));
        }
    }

    [Theory]
    [MemberData(nameof(Presets))]
    public void The_order_in_which_an_account_is_given_changes_no_bit(string preset)
    {
        var (evaluate, random) = (Evaluator(Fixtures.Preset(preset)), new Random(2));
        for (var i = 0; i < Accounts; i++)
        {
            var account = Venue.Shared.RandomAccount(random, 10, 4);
            var shuffled = Venue.Account(
                account.Balances.OrderBy(_ => random.Next()), account.Positions.OrderBy(_ => random.Next()),
                account.Orders.OrderBy(_ => random.Next()));
            evaluate(shuffled).ShouldBe(evaluate(account));
        }
    }

    [Theory]
    [MemberData(nameof(Presets))]
    public void Soft_penalties_and_orders_never_move_maintenance_or_the_liquidation_end(string preset)
    {
        var none = Evaluator(
            Fixtures.Preset(preset, node =>
            node["softPenalties"] = JsonNode.Parse("""{"depegs":[],"slowPrice":"ignored"}""")));
        var severe = Evaluator(Fixtures.Preset(preset, node =>
        {
            node["softPenalties"]!["oracleDoubt"] = JsonNode.Parse("""{"below":"1","chargeRate":"1"}""");
            node["softPenalties"]!["depegs"]![1]!["factor"] = "50";
            foreach (var (_, underlying) in node["model"]!["underlyings"]?.AsObject() ?? [])
                if (underlying!["openInterest"] is not null)
                    underlying["openInterest"] = JsonNode.Parse("""{"lower":"0","upper":"1000"}""");
        }));
        var (random, raised) = (new Random(3), 0);
        for (var i = 0; i < Accounts; i++)
        {
            var account = Venue.Shared.RandomAccount(random, 8, 4);
            var bare = Venue.Account(account.Balances, account.Positions);
            var own = ImmutableSortedDictionary<Underlying, Rate>.Empty.Add(Fixtures.Btc, Rate.One);
            var with = severe(Venue.Account(account.Balances, account.Positions, account.Orders, own));
            var without = none(bare);
            with.MaintenanceMargin.ShouldBe(without.MaintenanceMargin);
            with.LiquidationEnd.ShouldBe(without.LiquidationEnd);
            with.InitialHard.ShouldBe(without.InitialHard);
            with.MarginEquity.ShouldBe(without.MarginEquity);
            with.InitialMargin.ShouldBeGreaterThanOrEqualTo(without.InitialMargin);
            if (with.InitialMargin > without.InitialMargin) raised++;
        }

        raised.ShouldBeGreaterThan(Accounts / 2);
    }

    [Fact]
    public void Equity_is_exact_to_the_last_unit_of_every_asset()
    {
        var (evaluate, random) = (Evaluator(Fixtures.Preset("isolated")), new Random(4));
        for (var i = 0; i < Accounts; i++)
        {
            var account = Venue.Shared.RandomAccount(random, 10);
            evaluate(account).Equity.ShouldBe(new Money((long)FloorDivide(ExactE24(account), BigInteger.Pow(10, 18))));
        }
    }

    [Theory]
    [MemberData(nameof(Presets))]
    public void What_if_equals_commit(string preset)
    {
        var (evaluate, random) = (Evaluator(Fixtures.Preset(preset)), new Random(5));
        for (var i = 0; i < Accounts; i++)
        {
            var account = Venue.Shared.RandomAccount(random, 6, 2);
            var fill = RandomFill(random, account);
            var instrument = Venue.Shared.Instruments.Single(one => one.Id == fill.Instrument);
            account.WithFill(instrument, fill, out var simulated).ShouldBe(Refusal.None);
            var committed = Committed(account, instrument, fill);
            simulated!.Balances.ShouldBe(committed.Balances);
            simulated.Positions.ShouldBe(committed.Positions);
            evaluate(simulated).ShouldBe(evaluate(committed) with { AccountVersion = 2 });
            // Whatever a fill opens or closes, it moves equity by its price and fee alone.
            var paidE24 = (BigInteger)(long)(fill.Paid.Units + fill.Fee.Units) * BigInteger.Pow(10,
                10) * PriceE8(fill.Paid.Asset);
            var worthE24 = (BigInteger)fill.Quantity.E8 * ValueE8(fill.Instrument) * PriceE8(fill.Paid.Asset);
            (ExactE24(simulated) - ExactE24(account)).ShouldBe(worthE24 - paidE24);
        }
    }

    [Theory]
    [MemberData(nameof(Presets))]
    public void An_evaluation_allocates_nothing(string preset)
    {
        var model = Fixtures.Model(ReferenceModelTests.EverythingOn(preset), Venue.Shared.Market);
        var (arrays, workspace, random) = (Fixtures.Arrays(model), new RiskWorkspace(), new Random(6));
        var accounts = Enumerable.Range(0, 50).Select(_ => Venue.Shared.RandomAccount(random, 10, 4)).ToArray();
        foreach (var account in accounts) PortfolioRisk.Evaluate(account, model, arrays, workspace);

        var before = GC.GetAllocatedBytesForCurrentThread();
        foreach (var account in accounts) PortfolioRisk.Evaluate(account, model, arrays, workspace);
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBe(0);
    }

    [Fact]
    public void An_account_with_nothing_requires_nothing()
    {
        foreach (var preset in ParameterDocument.Presets)
        {
            var report = Evaluator(Fixtures.Preset(preset))(Portfolio.Empty);
            report.ShouldBe(default(RiskReport) with { Frame = 41, ParameterVersion = 1, WorstScenario = -1 });
            report.MayOpen.ShouldBeTrue();
            report.IsLiquidatable.ShouldBeFalse();
        }
    }

    internal static Func<Portfolio, RiskReport> Evaluator(ParameterSet set)
    {
        var model = Fixtures.Model(set, Venue.Shared.Market);
        var (arrays, workspace) = (Fixtures.Arrays(model), new RiskWorkspace());
        return account =>
        {
            var answer = PortfolioRisk.Evaluate(account, model, arrays, workspace);
            answer.Refusal.ShouldBe(Refusal.None);
            return answer.Value;
        };
    }

    private static Fill RandomFill(Random random, Portfolio account)
    {
        // Half of the fills are in something that is held, so that positions are reduced, closed and turned round.
        var held = account.Positions.Length > 0 && random.Next(2) == 0;
        var instrument = Venue.Shared.Instruments[random.Next(Venue.Shared.Instruments.Length)];
        if (held) instrument = Venue.Shared.Instruments.Single(one => one.Id == account.Positions[0].Instrument);
        var quantity = held && random.Next(3) == 0
            ? -account.Positions[0].Quantity.E8 : random.Next(1, 400) * 12_500_000L * ((random.Next(2) * 2) - 1);
        var paid = (long)((Int128)quantity * ValueE8(instrument.Id) / 10_000_000_000)
            + random.Next(-1_000_000, 1_000_000);
        return new Fill(instrument.Id, new Quantity(quantity), new AssetAmount(instrument.Settlement, paid),
            new AssetAmount(instrument.Settlement, random.Next(0, 100_000)));
    }

    /// <summary>
    /// The account as its own stream would have it: an average cost, closed in proportion, profit to cash.
    /// </summary>
    private static Portfolio Committed(Portfolio account, Instrument instrument, Fill fill)
    {
        var old = account.Positions.FirstOrDefault(position => position.Instrument == fill.Instrument);
        var (size, cost, paid, cash) = ((BigInteger)old.Quantity.E8, (BigInteger)old.Cost.Units,
            (BigInteger)fill.Paid.Units, BigInteger.Zero);
        if (instrument is Instrument.Option) (cash, cost) = (-paid, 0);
        else if (size * fill.Quantity.E8 >= 0) cost += paid;
        else
        {
            var closes = BigInteger.Min(BigInteger.Abs(size), Math.Abs(fill.Quantity.E8));
            var closedPaid = -FloorDivide(-paid * closes, Math.Abs(fill.Quantity.E8));
            var closedCost = -FloorDivide(-cost * closes, BigInteger.Abs(size));
            cash = -closedPaid - closedCost;
            cost = cost - closedCost + paid - closedPaid;
        }

        var now = new Position(fill.Instrument, new Quantity((long)(size + fill.Quantity.E8)),
            new AssetAmount(instrument.Settlement, (long)cost));
        return Venue.Account(
            [.. account.Balances, new AssetAmount(fill.Paid.Asset, (long)cash), -fill.Fee],
            [.. account.Positions.Where(position => position.Instrument != fill.Instrument), now], account.Orders);
    }

    private static BigInteger ExactE24(Portfolio account)
    {
        var total = BigInteger.Zero;
        foreach (var balance in account.Balances)
            total += (BigInteger)balance.Units * BigInteger.Pow(10, 16
                - balance.Asset.Decimals!.Value) * PriceE8(balance.Asset);
        foreach (var position in account.Positions)
            total += (((BigInteger)position.Quantity.E8 * ValueE8(position.Instrument))
                - ((BigInteger)position.Cost.Units * BigInteger.Pow(10, 10))) * PriceE8(position.Cost.Asset);
        return total;
    }

    private static long PriceE8(Asset asset) => Venue.Shared.Frame.Assets.Single(mark => mark.Asset == asset).Price.E8;

    private static long ValueE8(InstrumentId instrument)
    {
        var mark = Venue.Shared.Frame.Instruments.Single(one => one.Instrument == instrument).Mark.E8;
        return (long)((Int128)mark * Venue.Shared.Instruments.Single(one => one.Id == instrument)
            .Multiplier.E8 / 100_000_000);
    }

    private static BigInteger FloorDivide(BigInteger a, BigInteger b)
    {
        var quotient = BigInteger.DivRem(a, b, out var remainder);
        return remainder.Sign < 0 ? quotient - 1 : quotient;
    }
}
