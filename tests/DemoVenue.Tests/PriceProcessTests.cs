using CrossMargin.DemoVenue.Prices;

namespace CrossMargin.DemoVenue.Tests;

public sealed class PriceProcessTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    [Fact]
    public void The_same_seed_gives_the_same_prices_and_another_seed_others()
    {
        Path(seed: 7).ShouldBe(Path(seed: 7));
        Path(seed: 7).ShouldNotBe(Path(seed: 8));
    }

    [Fact]
    public void Bitcoin_and_ether_move_together_but_not_alike()
    {
        var path = Path(seed: 3, steps: 20_000);
        var moves = path.Zip(path.Skip(1), (before, after) =>
            (Bitcoin: Math.Log(after.Bitcoin / before.Bitcoin), Ether: Math.Log(after.Ether / before.Ether))).ToList();
        var correlation = moves.Sum(move => move.Bitcoin * move.Ether)
            / Math.Sqrt(moves.Sum(move => move.Bitcoin * move.Bitcoin) * moves.Sum(move => move.Ether * move.Ether));
        correlation.ShouldBeInRange(0.7, 0.99);
    }

    [Fact]
    public void Prices_jump_now_and_then()
    {
        var path = Path(seed: 3, steps: 20_000);
        var moves = path.Zip(path.Skip(1), (before, after) => Math.Abs(Math.Log(after.Bitcoin / before.Bitcoin))).Order().ToList();
        moves[^1].ShouldBeGreaterThan(20 * moves[moves.Count / 2]);
    }

    [Fact]
    public void Volatility_rises_when_prices_are_pushed_down_and_comes_back()
    {
        var prices = new PriceProcess(seed: 1, 60_000, 3_000);
        var calm = prices.VolatilityOf(PriceProcess.Bitcoin);
        for (var i = 0; i < 60; i++) prices.Advance(Second, push: -0.005);
        var crashed = prices.VolatilityOf(PriceProcess.Bitcoin);
        for (var i = 0; i < 7_200; i++) prices.Advance(Second, push: 0);

        prices.Of(PriceProcess.Bitcoin).ShouldBeLessThan(50_000);
        crashed.ShouldBeGreaterThan(calm + 0.2);
        prices.VolatilityOf(PriceProcess.Bitcoin).ShouldBe(calm, 0.1);
    }

    /// <summary>Parity: a call less a put is the forward less the strike, whatever the volatility.</summary>
    [Theory]
    [InlineData(60_000, 50_000, 0.1, 0.6)]
    [InlineData(60_000, 70_000, 0.02, 1.8)]
    [InlineData(60_000, 60_000, 0, 0.6)]
    public void A_call_and_a_put_agree(double forward, double strike, double years, double volatility) =>
        (BlackFormula.Price(InstrumentKind.Call, forward, strike, years, volatility)
            - BlackFormula.Price(InstrumentKind.Put, forward, strike, years, volatility)).ShouldBe(forward - strike, 0.02);

    private static List<(double Bitcoin, double Ether)> Path(int seed, int steps = 100)
    {
        var prices = new PriceProcess(seed, 60_000, 3_000);
        return [.. Enumerable.Range(0, steps).Select(_ =>
        {
            prices.Advance(Second, push: 0);
            return (prices.Of(PriceProcess.Bitcoin), prices.Of(PriceProcess.Ether));
        })];
    }
}
