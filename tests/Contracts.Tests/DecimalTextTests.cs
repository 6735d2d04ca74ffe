using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using Xunit;

namespace CrossMargin.Contracts.Tests;

public sealed class DecimalTextTests
{
    [Theory]
    [InlineData(0, 6, "0")]
    [InlineData(1, 6, "0.000001")]
    [InlineData(-1, 6, "-0.000001")]
    [InlineData(1_500_000, 6, "1.5")]
    [InlineData(-100_000_000, 8, "-1")]
    [InlineData(1_000, 0, "1000")]
    [InlineData(long.MaxValue, 8, "92233720368.54775807")]
    [InlineData(long.MinValue, 8, "-92233720368.54775808")]
    [InlineData(long.MinValue, 18, "-9.223372036854775808")]
    public void Units_are_written_in_the_canonical_form_and_read_back(long units, int scale, string text)
    {
        DecimalText.Format(units, scale).ShouldBe(text);
        DecimalText.TryParse(text, scale, out var read).ShouldBeTrue();
        read.ShouldBe(units);
    }

    [Theory]
    [InlineData("")]
    [InlineData("-")]
    [InlineData(".5")]
    [InlineData("5.")]
    [InlineData("1e3")]
    [InlineData("+1")]
    [InlineData(" 1")]
    [InlineData("1 ")]
    [InlineData("1,5")]
    [InlineData("1.2.3")]
    [InlineData("NaN")]
    [InlineData("Infinity")]
    [InlineData("--1")]
    [InlineData("1.1234567")]                 // one decimal too many, at scale 6
    [InlineData("9223372036854.775808")]      // one unit too many
    [InlineData("-9223372036854.775809")]
    [InlineData("9223372036855")]             // with its decimals too much
    [InlineData("-9223372036855")]
    [InlineData("92233720368547758080")]
    [InlineData("99999999999999999999999999999999999999999999999999")]
    [InlineData("١")]                         // a digit, but not ours
    public void Anything_else_is_refused(string text) => DecimalText.TryParse(text, 6, out _).ShouldBeFalse();

    [Fact]
    public void Every_long_survives_the_way_through_text() =>
        Prop.ForAll(
            ArbMap.Default.ArbFor<long>(), Gen.Choose(0, 18).ToArbitrary(),
            (units, scale) => DecimalText.TryParse(DecimalText.Format(units, scale), scale, out var read) && read == units)
            .QuickCheckThrowOnFailure();

    [Fact]
    public void An_asset_amount_survives_the_way_through_text()
    {
        foreach (var asset in AssetCatalog.All)
        {
            var amount = new AssetAmount(asset, -1_234_567);
            AssetAmount.TryParse(amount.ToString(), out var read).ShouldBeTrue();
            read.ShouldBe(amount);
        }
    }

    [Theory]
    [InlineData("1.5")]
    [InlineData("1.5 usdc")]
    [InlineData("1.5  USDC")]
    [InlineData("1.5 DOGE")]
    [InlineData("USDC 1.5")]
    [InlineData("1.0000001 USDC")]
    public void An_amount_without_a_known_asset_is_refused(string text) => AssetAmount.TryParse(text, out _).ShouldBeFalse();
}
