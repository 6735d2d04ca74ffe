using CrossMargin.Risk.Markets;
using CrossMargin.Risk.Parameters;

namespace CrossMargin.Risk.Models;

/// <summary>A maintenance and an initial requirement in the reference currency.</summary>
public readonly record struct Levels(double Maintenance, double Initial)
{
    public static Levels operator +(Levels a, Levels b) => new(a.Maintenance + b.Maintenance, a.Initial + b.Initial);
    public static Levels operator *(Levels a, double factor) => new(a.Maintenance * factor, a.Initial * factor);
    public static Levels Min(Levels a, Levels b) =>
        new(Math.Min(a.Maintenance, b.Maintenance), Math.Min(a.Initial, b.Initial));
    public double Larger => Math.Max(Maintenance, Initial);

    public static Levels Of(LevelRates rates) =>
        new(ModelBorder.Nearest(rates.Maintenance), ModelBorder.Nearest(rates.Initial));
}

/// <summary>
/// What a short option requires when nothing stands beside it, its mark included. A long one requires nothing: its
/// premium is paid.
/// </summary>
public static class OptionRules
{
    public static Levels Short(OptionRuleParameters rules, in MarketLine line, double index)
    {
        var spot = index * line.Multiplier;
        var strike = line.Strike * line.Size;
        var mark = line.Mark * line.Size;
        var outOfTheMoney = Math.Max(0, line.Kind == LineKind.Call ? strike - spot : spot - strike) / spot;
        var rate = ModelBorder.Nearest(rules.Maintenance);
        var atRisk = line.Kind == LineKind.Call ? spot : Math.Max(spot, mark);
        var maintenance = (rate * atRisk) + mark;
        var initialRate = Math.Max(ModelBorder.Nearest(rules.InitialA) - outOfTheMoney,
            ModelBorder.Nearest(rules.InitialB));
        var initial = (initialRate * spot) + mark;
        return new Levels(maintenance,
            Math.Max(initial, ModelBorder.Nearest(rules.InitialOverMaintenance) * maintenance));
    }
}
