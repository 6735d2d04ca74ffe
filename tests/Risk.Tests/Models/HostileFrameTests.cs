using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Risk.Markets;
using CrossMargin.Risk.Models;
using CrossMargin.Risk.Parameters;
using CrossMargin.Risk.Portfolios;
using CrossMargin.Risk.Sweep;
using Shouldly;

namespace CrossMargin.Risk.Tests.Models;

/// <summary>
/// Frames and listings in which one number is as bad as it can be. Whatever it is, the answer is a margin with its levels
/// in order or a refusal that names a field; and what is wrong with one instrument is no concern of those who do not hold it.
/// </summary>
public class HostileFrameTests
{
    private const int Frames = 1_500;

    private static readonly long[] Extremes =
        [long.MinValue, -long.MaxValue, -1_000_000_000, -1, 0, 1, 1_000_000_000, 1_000_000_001, long.MaxValue - 1, long.MaxValue];

    [Theory]
    [InlineData("isolated")]
    [InlineData("delta-netting")]
    [InlineData("standard")]
    [InlineData("span16")]
    [InlineData("grid-pm")]
    public void One_number_at_an_extreme_gives_ordered_levels_or_a_refusal_with_a_field(string preset)
    {
        var sets = new[] { Fixtures.Preset(preset), ReferenceModelTests.EverythingOn(preset) };
        var (random, workspace) = (new Random(20_260_802), new RiskWorkspace());
        var (refused, answered) = (0, 0);
        for (var i = 0; i < Frames; i++)
        {
            var (instruments, frame, what, _) = Spoiled(random);
            var model = ModelOf(sets[i % 2], instruments, frame, out var arrays, out var refusal);
            for (var account = 0; account < 3 && model is not null; account++)
            {
                var answer = PortfolioRisk.Evaluate(Venue.Shared.RandomAccount(random, 8, 3), model, arrays, workspace);
                refusal = answer.Refusal;
                if (answer.IsRefused) break;
                var report = answer.Value;
                report.MaintenanceMargin.ShouldBeGreaterThanOrEqualTo(Money.Zero, what);
                report.LiquidationEnd.ShouldBeGreaterThanOrEqualTo(report.MaintenanceMargin, what);
                report.InitialMargin.ShouldBeGreaterThanOrEqualTo(report.LiquidationEnd, what);
                answered++;
            }

            if (refusal.IsNone) continue;
            refusal.Field.ShouldNotBeNullOrEmpty(what);
            refused++;
        }

        refused.ShouldBeGreaterThan(Frames / 10);
        answered.ShouldBeGreaterThan(Frames);
    }

    [Theory]
    [InlineData("standard")]
    [InlineData("grid-pm")]
    public void What_is_wrong_with_one_instrument_refuses_nobody_else(string preset)
    {
        var set = Fixtures.Preset(preset);
        var (random, workspace, tried) = (new Random(20_260_803), new RiskWorkspace(), 0);
        var bystander = Venue.Account([new AssetAmount(Fixtures.Usdc, 1_000_000_000)], [Venue.Shared.AtMark("SOL-PERP", 1)]);
        for (var i = 0; i < Frames; i++)
        {
            var (instruments, frame, what, isOfOneInstrument) = Spoiled(random);
            if (!isOfOneInstrument) continue;
            var model = ModelOf(set, instruments, frame, out var arrays, out var refusal);
            refusal.ShouldBe(Refusal.None, what);
            PortfolioRisk.Evaluate(bystander, model!, arrays, workspace).Refusal.ShouldBe(Refusal.None, what);
            tried++;
        }

        tried.ShouldBeGreaterThan(Frames / 4);
    }

    private static MarginModel? ModelOf(
        ParameterSet set, ImmutableArray<Instrument> instruments, MarkFrame frame, out double[] arrays, out Refusal refusal)
    {
        arrays = [];
        refusal = MarketView.Resolve(instruments, frame, out var market);
        if (!refusal.IsNone) return null;
        refusal = MarginModel.Resolve(set, market!, out var model);
        if (!refusal.IsNone) return null;
        arrays = new double[model!.Plan?.Length ?? 0];
        if (model.Plan is { } plan) refusal = RiskArrays.Price(plan, arrays);
        return refusal.IsNone ? model : null;
    }

    /// <summary>The venue with one number replaced; nothing of SOL, which a bystander holds, is touched by an instrument's.</summary>
    private static (ImmutableArray<Instrument> Instruments, MarkFrame Frame, string What, bool IsOfOneInstrument) Spoiled(Random random)
    {
        var (instruments, frame) = (Venue.Shared.Instruments, Venue.Shared.Frame);
        var value = Extremes[random.Next(Extremes.Length)];
        var kind = random.Next(18);
        var what = $"kind {kind}, value {value}";
        if (kind < 8) return (instruments, SpoiledMark(frame, kind, value, random), what, false);
        if (kind < 14) return (instruments, SpoiledExpiry(frame, kind, value, random), what, true);

        var i = random.Next(instruments.Length);
        while (instruments[i].Symbol.StartsWith("SOL", StringComparison.Ordinal)) i = random.Next(instruments.Length);
        var quotes = frame.Instruments;
        return kind switch
        {
            14 => (instruments, frame with { Instruments = quotes.SetItem(i, quotes[i] with { Mark = new Price(value) }) }, what, true),
            15 => (instruments, frame with { Instruments = quotes.SetItem(i, quotes[i] with { OpenInterest = new Money(value) }) }, what, true),
            16 => (instruments.SetItem(i, instruments[i] with { Multiplier = new Quantity(value) }), frame, what, true),
            _ => (instruments.SetItem(i, instruments[i] is Instrument.Option option
                ? option with { Strike = new Price(value) } : instruments[i]), frame, what, true),
        };
    }

    private static MarkFrame SpoiledMark(MarkFrame frame, int kind, long value, Random random)
    {
        var (a, u) = (random.Next(frame.Assets.Length), random.Next(frame.Underlyings.Length));
        var (asset, underlying) = (frame.Assets[a], frame.Underlyings[u]);
        MarkFrame Asset(AssetMark changed) => frame with { Assets = frame.Assets.SetItem(a, changed) };
        MarkFrame Of(UnderlyingMark changed) => frame with { Underlyings = frame.Underlyings.SetItem(u, changed) };
        return kind switch
        {
            0 => Asset(asset with { Price = new Price(value) }),
            1 => Asset(asset with { SlowPrice = new Price(value) }),
            2 => Asset(asset with { Confidence = new Rate(value) }),
            3 => Asset(asset with { VenueTotal = asset.VenueTotal with { Units = value } }),
            4 => Of(underlying with { Index = new Price(value) }),
            5 => Of(underlying with { Confidence = new Rate(value) }),
            6 => Of(underlying with { Depth = new Money(value) }),
            _ => frame with { At = new Instant(Math.Max(0, value / 10)) },
        };
    }

    private static MarkFrame SpoiledExpiry(MarkFrame frame, int kind, long value, Random random)
    {
        var e = random.Next(frame.Expiries.Length);
        var expiry = frame.Expiries[e];
        Rate Other() => new(random.Next(1_000_000_000));
        var svi = new[] { Other(), Other(), Other(), Other(), Other() };
        svi[random.Next(svi.Length)] = new Rate(value);
        var changed = kind switch
        {
            8 => expiry with { Forward = new Price(value) },
            9 => expiry with { SettledShare = new Rate(value), SettledAverage = expiry.Forward },
            10 => expiry with { SettledShare = new Rate(500_000_000), SettledAverage = new Price(value) },
            11 => expiry with { Discount = new Rate(value) },
            12 => expiry with { Smile = new SmileMark.Svi(svi[0], svi[1], svi[2], svi[3], svi[4]) },
            _ => expiry with
            {
                Smile = new SmileMark.Points(
                    [new VolPoint(expiry.Forward, random.Next(2) == 0 ? new Rate(value) : Other()), new VolPoint(new Price(value), Other())]),
            },
        };
        return frame with { Expiries = frame.Expiries.SetItem(e, changed) };
    }
}
