using CrossMargin.Contracts;
using CrossMargin.Risk.Markets;
using CrossMargin.Risk.Models;
using CrossMargin.Risk.Parameters;
using Shouldly;

namespace CrossMargin.Risk.Tests.Models;

public class ScheduleTests
{
    private static readonly LevelRates Flat = new(new Rate(20_000_000), new Rate(40_000_000));

    public static TheoryData<string> Schedules => ["tiers", "slope", "square-root"];

    [Theory]
    [MemberData(nameof(Schedules))]
    public void The_requirement_is_continuous_convex_and_rising_in_the_notional(string name)
    {
        var schedule = Named(name);
        double Of(double notional) => LinearSchedules.Requirement(schedule, notional).Maintenance;
        var edges = schedule is LinearSchedule.Tiers tiers
            ? tiers.Steps.Where(step => step.UpTo is not null).Select(step => ModelBorder.Nearest(step.UpTo!.Value))
                : [500_000, 1e6, 4e6];
        foreach (var edge in edges)
        {
            Of(edge + 1e-6).ShouldBe(Of(edge), 2e-6, $"continuous at {edge}");
            Of(edge - 1e-6).ShouldBe(Of(edge), 2e-6, $"continuous at {edge}");
            (Of(edge + 1_000) + Of(edge - 1_000))
                .ShouldBeGreaterThanOrEqualTo(2 * Of(edge) - 1e-6, $"convex at {edge}");
            Of(edge + 1).ShouldBeGreaterThan(Of(edge));
        }
    }

    [Theory]
    [MemberData(nameof(Schedules))]
    public void The_published_form_with_deductions_gives_the_same(string name)
    {
        var (schedule, random) = (Named(name), new Random(7));
        for (var i = 0; i < 2_000; i++)
        {
            var notional = Math.Exp(random.NextDouble() * 22);
            LinearSchedules.Requirement(schedule, notional)
                .Initial.ShouldBe(ReferenceModels.Schedule(schedule, notional, initial: true), 1e-12 * notional);
        }
    }

    [Theory]
    [InlineData(1_000_000, 24_000, 48_000)]             // 2 % + 0.4 % a million
    [InlineData(245_000_000, 245_000_000, 245_000_000)] // never more than the whole
    public void A_slope_raises_the_rate_with_the_size(double notional, double maintenance, double initial)
    {
        var required = LinearSchedules.Requirement(Named("slope"), notional);
        required.Maintenance.ShouldBe(maintenance, 1e-6);
        required.Initial.ShouldBe(initial, 1e-6);
    }

    [Theory]
    [InlineData(10_000, 400)]                           // the base
    [InlineData(4_000_000, 4_000_000 * 0.052)]          // 0.8 × 4 % + 1 % × √4
    public void A_square_root_raises_the_rate_with_the_root_of_the_size(double notional, double initial) =>
        LinearSchedules.Requirement(Named("square-root"), notional).Initial.ShouldBe(initial, 1e-6);

    [Theory]
    [InlineData(499_999_999, 0)]
    [InlineData(1_250_000_000, 0.5)]                    // half way between the caps
    [InlineData(2_000_000_000, 1)]
    [InlineData(9_000_000_000, 1)]
    public void Open_interest_moves_the_initial_rate_to_one_between_two_caps(double openInterest, double share)
    {
        var market = Fixtures.Market([Fixtures.Perp(1, 50_000) with { OpenInterest = openInterest }],
            Fixtures.Group("BTC", 50_000));
        var group = Fixtures.Evaluate(Fixtures.Model(Fixtures.Preset("standard"), market), (1, -2))[0];
        group.Initial.ShouldBe(1_000, 1e-9);
        group.OpenInterestPenalty.ShouldBe(share * 99_000, 1e-6);
        group.Maintenance.ShouldBe(500, 1e-9);
    }

    // index 1,000: kind, strike, mark, maintenance and initial of one short by hand.
    [Theory]
    [InlineData(OptionKind.Call, 1_000, 40, 130, 190)]              // at the money: 9 % + mark, 15 % + mark
    [InlineData(OptionKind.Call, 1_010, 40, 130, 180)]              // 15 % − 1 %
    [InlineData(OptionKind.Call, 1_200, 10, 100, 140)]              // never below 13 %
    [InlineData(OptionKind.Put, 1_000, 40, 130, 190)]
    [InlineData(OptionKind.Put, 2_500, 1_500, 1_635, 1_716.75)]     // 9 % of the mark; 1.05 × maintenance
    [InlineData(OptionKind.Call, 500, 900, 990, 1_050)]
    [InlineData(OptionKind.Call, 500, 1_500, 1_590, 1_669.5)]       // 1.05 × maintenance binds
    public void A_short_option_follows_its_rule(OptionKind kind, double strike, double mark, double maintenance,
        double initial)
    {
        var line = Fixtures.Option(1, kind, 1_000, strike, 0.2, 0.5) with { Mark = mark };
        var group = Fixtures.Evaluate(
            Fixtures.Model(Fixtures.Preset("isolated", Requirement),
            Fixtures.Market([line], Fixtures.Group("X", 1_000))), (1, -2))[0];
        group.Maintenance.ShouldBe(2 * maintenance, 1e-9);
        group.Initial.ShouldBe(2 * initial, 1e-9);
        group.Initial.ShouldBeGreaterThanOrEqualTo(1.05 * group.Maintenance - 1e-9);
    }

    [Fact]
    public void An_expiry_requires_no_more_than_its_maximum_loss()
    {
        var set = Fixtures.Preset("standard", Requirement);
        MarketLine Option(int id, OptionKind kind, double strike) => Fixtures.Option(id, kind, 1_000, strike, 0.2, 0.5);
        MarketLine[] lines = [Option(1, OptionKind.Call, 1_000), Option(2, OptionKind.Call, 1_050),
            Option(3, OptionKind.Put, 1_000), Option(4, OptionKind.Put, 950)];
        double Of(params (int, double)[] holdings) =>
            Fixtures.Evaluate(Fixtures.Model(set, Fixtures.Market(lines, Fixtures.Group("X", 1_000))),
                holdings)[0].Maintenance;

        Of((1, -1), (2, 1)).ShouldBe(50, 1e-9, "a call spread loses the width and no more");
        Of((3, -1), (4, 1)).ShouldBe(50, 1e-9, "so does a put spread");
        Of((1, -1), (2, 1), (3, -1), (4, 1)).ShouldBe(50, 1e-9, "and a condor one of its two wings");
        Of((1, 1), (2, -1)).ShouldBe(0, 1e-9, "a covered spread requires nothing");
        Of((1, -1)).ShouldBe(90 + lines[0].Mark, 1e-9, "alone its rule is less than the unpaired charge");
        Of((1, -2), (2, 1)).ShouldBe(Math.Min((2 * (90 + lines[0].Mark)), 100 + 1_100), 1e-9);
    }

    [Fact]
    public void Unpaired_short_calls_alone_are_charged_where_the_maximum_loss_has_no_end()
    {
        // Rules so dear that the maximum loss is always the smaller; what a naked call then costs is the unpaired charge.
        var set = Fixtures.Preset("standard", node =>
        {
            Requirement(node);
            var options = node["model"]!["underlyings"]!["default"]!["options"]!;
            (options["maintenance"], options["initialA"], options["initialB"],
                options["initialOverMaintenance"]) = ("1", "1", "1", "10");
            node["model"]!["underlyings"]!["default"]!["unpairedCalls"] = System.Text.Json.Nodes.JsonNode.Parse(
                """{"maintenance":"0.3","initial":"0.4"}""");
        });
        var far = Fixtures.Option(1, OptionKind.Call, 1_000, 5_000, 0.01, 0.1);
        var group = Fixtures.Evaluate(Fixtures.Model(set, Fixtures.Market([far], Fixtures.Group("X", 1_000))),
            (1, -2))[0];
        group.Maintenance.ShouldBe(0.3 * 2 * 1_000, 1e-9);
        group.Initial.ShouldBe(0.4 * 2 * 1_000, 1e-9);
    }

    [Fact]
    public void Delta_netting_charges_the_net_and_a_little_of_the_gross()
    {
        MarketLine[] lines = [Fixtures.Perp(1, 1_000), Fixtures.Future(2, 1_010, 30)];
        var group = Fixtures.Evaluate(
            Fixtures.Model(Fixtures.Preset("delta-netting"), Fixtures.Market(lines, Fixtures.Group("X", 1_000))),
            (1, 5), (2, -3))[0];
        group.Maintenance.ShouldBe((2_000 * 0.05) + (8_000 * 0.005), 1e-9);
        group.Initial.ShouldBe((2_000 * 0.1) + (8_000 * 0.01), 1e-9);
    }

    [Fact]
    public void Isolated_nets_nothing()
    {
        MarketLine[] lines = [Fixtures.Perp(1, 1_000), Fixtures.Perp(2, 1_000)];
        Fixtures.Evaluate(Fixtures.Model(Fixtures.Preset("isolated"),
            Fixtures.Market(lines, Fixtures.Group("X", 1_000))), (1, 5), (2, -5))[0]
            .Maintenance.ShouldBe(10_000 * 0.05, 1e-9);
    }

    internal static void Requirement(System.Text.Json.Nodes.JsonNode node) => node["optionValue"] = "requirement";

    private static LinearSchedule Named(string name) => name switch
    {
        "tiers" => ((ModelParameters.Standard)Fixtures.Preset("standard").Model).Underlyings[Fixtures.Btc].Linear,
        "slope" => new LinearSchedule.Slope(Flat, new LevelRates(new Rate(4_000_000), new Rate(8_000_000))),
        _ => new LinearSchedule.SquareRoot(Flat, new Rate(800_000_000),
            new LevelRates(new Rate(5_000_000), new Rate(10_000_000))),
    };
}
