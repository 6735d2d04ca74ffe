using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using CrossMargin.Contracts;
using CrossMargin.Risk.Markets;
using CrossMargin.Risk.Models;
using CrossMargin.Risk.Parameters;
using CrossMargin.Risk.Pricing;
using CrossMargin.Risk.Sweep;
using CrossMargin.Risk.Tests.Models;
using Shouldly;

namespace CrossMargin.Risk.Tests.Sweep;

public class RiskArraysTests
{
    [Theory]
    [InlineData("span16")]
    [InlineData("grid-pm")]
    public void Every_width_gives_the_bits_of_one_price_at_a_time(string preset)
    {
        var plan = Plan(preset);
        var plain = Bits(PlainArrays.Of(plan));

        Bits(Priced<Lane1>(plan)).ShouldBe(plain);
        Bits(Priced<Lane2>(plan)).ShouldBe(plain);
        Bits(Priced<Lane4>(plan)).ShouldBe(plain);
        Bits(Priced<Lane8>(plan)).ShouldBe(plain);

        var chosen = new double[plan.Length];
        RiskArrays.Price(plan, chosen).ShouldBe(Refusal.None);
        Bits(chosen).ShouldBe(plain);
    }

    [Theory]
    [InlineData("span16")]
    [InlineData("grid-pm")]
    public void Every_width_gives_the_same_bits_where_smiles_stick_to_the_delta(string preset)
    {
        var plan = Fixtures.Model(Fixtures.Preset(preset, SmileDynamicsTests.StickToDelta), Venue.Shared.Market).Plan!;
        var plain = Bits(PlainArrays.Of(plan));
        Bits(Priced<Lane2>(plan)).ShouldBe(plain);
        Bits(Priced<Lane4>(plan)).ShouldBe(plain);
        Bits(Priced<Lane8>(plan)).ShouldBe(plain);
    }

    [Fact]
    public void Longs_and_shorts_have_rows_of_their_own_when_they_are_discounted_differently()
    {
        var plan = Plan("grid-pm", node =>
        {
            foreach (var (_, group) in node["model"]!["groups"]!.AsObject())
                group!["discount"] = new JsonObject { ["long"] = "0.95", ["short"] = "1.02" };
        });
        plan.RowsPerLine.ShouldBe(2);
        Bits(Priced<Lane4>(plan)).ShouldBe(Bits(PlainArrays.Of(plan)));
    }

    [Fact]
    public void A_scenario_without_a_move_gains_nothing_and_the_padding_is_zero()
    {
        var plan = Plan("grid-pm");
        var arrays = Priced<Lane4>(plan);
        var still = 0;
        for (var line = 0; line < plan.Market.Lines.Length; line++)
        {
            var group = plan.Groups[plan.Market.Lines[line].Group];
            var row = arrays.AsSpan(plan.RowStart(line, 1), plan.Stride);
            for (var s = 0; s < group.Shocks.Length; s++)
            {
                if (group.Shocks[s] is not { Fraction: 0, Absolute: 0, Volatility: VolatilityMove.Same }) continue;
                row[s].ShouldBe(0);
                still++;
            }

            for (var s = group.RowLength; s < row.Length; s++) row[s].ShouldBe(0);
        }

        still.ShouldBe(plan.Market.Lines.Length);
    }

    [Fact]
    public void A_fall_below_nothing_leaves_a_call_worthless_and_a_put_its_strike()
    {
        var plan = Plan("grid-pm", node => node["model"]!["groups"]!["BTC"]!["range"] =
            new JsonObject { ["unit"] = "absolute", ["amount"] = "90000" });
        var arrays = Priced<Lane4>(plan);
        var lines = plan.Market.Lines;
        for (var i = 0; i < lines.Length; i++)
        {
            if (lines[i].Group != 0 || !lines[i].IsOption) continue;
            var worst = arrays.AsSpan(plan.RowStart(i, 1), plan.Stride).ToArray().Zip(plan.Groups[0].Shocks.ToArray()).First(
                pair => pair.Second is { Absolute: <= -60_100, Weight: 1 }).First;
            var before = Black76.Price(lines[i].Kind == LineKind.Call ? OptionKind.Call : OptionKind.Put, lines[i].Forward,
                lines[i].Strike, lines[i].Years, lines[i].Volatility, lines[i].Discount).Value;
            var after = lines[i].Kind == LineKind.Call ? 0 : lines[i].Strike * lines[i].Discount;
            worst.ShouldBe((after - before) * lines[i].Size, 1e-9 * lines[i].Strike);
        }
    }

    [Fact]
    public void A_span_of_another_length_is_refused()
    {
        var plan = Plan("grid-pm");
        RiskArrays.Price(plan, new double[plan.Length + 1]).ShouldBe(new Refusal(Fault.OutOfRange, "riskArrays"));
    }

    private static ScenarioPlan Plan(string preset, Action<JsonNode>? change = null) =>
        Fixtures.Model(Fixtures.Preset(preset, change), RandomBooks.Market()).Plan!;

    private static double[] Priced<T>(ScenarioPlan plan) where T : struct, ILanes<T>
    {
        var arrays = new double[plan.Length];
        RiskArrays.Price<T>(plan, arrays).ShouldBe(Refusal.None);
        return arrays;
    }

    private static ulong[] Bits(double[] values) => MemoryMarshal.Cast<double, ulong>(values).ToArray();
}
