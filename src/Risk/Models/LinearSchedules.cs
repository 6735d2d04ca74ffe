using CrossMargin.Risk.Parameters;

namespace CrossMargin.Risk.Models;

/// <summary>The requirement of one linear position by its notional.</summary>
public static class LinearSchedules
{
    private const double Million = 1e6;

    public static Levels Requirement(LinearSchedule schedule, double notional) => schedule switch
    {
        LinearSchedule.Tiers tiers => Progressive(tiers, notional),
        LinearSchedule.Slope slope =>
            Scaled(Levels.Of(slope.Base) + (Levels.Of(slope.PerMillion) * (notional / Million)), notional),
        LinearSchedule.SquareRoot root => Scaled(RootRates(root, notional), notional),
        _ => throw new System.Diagnostics.UnreachableException(schedule.GetType().Name),
    };

    /// <summary>
    /// The same as rate × notional − deduction, where deduction grows by edge × (rate − rate before) at every edge.
    /// </summary>
    private static Levels Progressive(LinearSchedule.Tiers tiers, double notional)
    {
        var (required, from) = (default(Levels), 0.0);
        foreach (var tier in tiers.Steps)
        {
            var upTo = tier.UpTo is { } edge ? Math.Min(notional, ModelBorder.Nearest(edge)) : notional;
            required += Levels.Of(tier.Rates) * (upTo - from);
            if (upTo == notional) break;
            from = upTo;
        }

        return required;
    }

    private static Levels RootRates(LinearSchedule.SquareRoot root, double notional)
    {
        var share = ModelBorder.Nearest(root.BaseShare);
        var scaled = (Levels.Of(root.Base) * share) + (Levels.Of(root.Factor) * Math.Sqrt(notional / Million));
        return new Levels(
            Math.Max(ModelBorder.Nearest(root.Base.Maintenance), scaled.Maintenance),
            Math.Max(ModelBorder.Nearest(root.Base.Initial), scaled.Initial));
    }

    private static Levels Scaled(Levels rates, double notional) => Levels.Min(rates, new Levels(1, 1)) * notional;
}
