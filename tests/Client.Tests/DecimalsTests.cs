using System.Globalization;

namespace CrossMargin.Clients.Tests;

/// <summary>No amount is changed on its way.</summary>
public sealed class DecimalsTests
{
    [Theory]
    [InlineData("0")]
    [InlineData("12.5")]
    [InlineData("1.123456789")]
    [InlineData("0.000000009")]
    [InlineData("-0.000000000000000001")]
    [InlineData("0.0000000000000000000000000001")]
    [InlineData("7.9228162514264337593543950335")]
    [InlineData("-79228162514264337593543950335")]
    public void An_amount_is_written_with_all_of_its_decimals(string text) =>
        Decimals.Text(decimal.Parse(text, CultureInfo.InvariantCulture)).ShouldBe(text);

    [Fact]
    public void An_amount_has_one_spelling()
    {
        Decimals.Text(12.500m).ShouldBe("12.5");
        Decimals.Text(100m).ShouldBe("100");
        Decimals.Text(0.0m).ShouldBe("0");
        Decimals.Text(-0.00m).ShouldBe("0");
        Decimals.Text(-decimal.Zero).ShouldBe("0");
        Decimals.Text(0.0m * -1).ShouldBe("0");
    }
}
