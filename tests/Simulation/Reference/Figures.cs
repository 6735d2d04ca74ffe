using System.Numerics;
using System.Text.Json;
using CrossMargin.Simulation.Audit;

namespace CrossMargin.Simulation.Reference;

/// <summary>
/// A requirement in micros, rounded up. The engine adds requirements in doubles, which are wrong in their last digits: what is
/// that near to a whole micro may be this one or the next, and only that.
/// </summary>
internal readonly record struct Figure(BigInteger Low, BigInteger High)
{
    public static readonly Figure Zero = new(0, 0);

    /// <param name="scale">What was added up to it: doubles of that size were rounded.</param>
    public static Figure Ceiling(Ratio units, Ratio scale)
    {
        if (units.Sign == 0) return Zero;   // nothing was added up
        var doubt = scale.Abs() * Ratio.Of(4, 15);
        return new Figure((units - doubt).Up(6), (units + doubt).Up(6));
    }

    public static Figure Exact(BigInteger micros) => new(micros, micros);

    public static Figure operator +(Figure a, Figure b) => new(a.Low + b.Low, a.High + b.High);
    public static Figure operator -(Figure a, Figure b) => new(a.Low - b.High, a.High - b.Low);

    public bool IsExact => Low == High;

    public Figure Times(Ratio rate) => new((Ratio.Of(Low, 6) * rate).Up(6), (Ratio.Of(High, 6) * rate).Up(6));

    /// <summary>Whether it is more than an exact amount; null where that is in doubt.</summary>
    public bool? IsAbove(BigInteger amount) => Low > amount ? true : High > amount ? null : false;

    public bool Covers(BigInteger micros) => Low <= micros && micros <= High;
}

/// <summary>
/// How an account stands by the rules. Without figures nothing is at risk, or it has no price. The requirement is unknown under
/// models that the reference does not have; equity never is.
/// </summary>
/// <param name="Status">Null where it rests on an unknown requirement.</param>
internal sealed record Standing(string? Status, BigInteger Equity, BigInteger MarginEquity, Requirement? Requirement, bool IsPriced)
{
    /// <summary>Collateral without a price was left out, and the unknown requirement decides whether that matters.</summary>
    public bool MayBeFrozen { get; init; }

    public static readonly Standing NothingAtRisk = new("Healthy", 0, 0, null, IsPriced: false);
    public static readonly Standing Frozen = new("Frozen", 0, 0, null, IsPriced: false);

    /// <summary>The figures that a record names against these; says what is wrong, or nothing.</summary>
    public string? Contradicts(JsonElement? margin)
    {
        if (margin is not { } named) return IsPriced && !MayBeFrozen ? "figures are missing" : null;
        if (!IsPriced) return "there are figures where nothing is at risk or priced";
        if (Of("equity") != Equity) return $"the equity is {StoredFormat.Money(Equity)}";
        if (Of("marginEquity") != MarginEquity) return $"the margin equity is {StoredFormat.Money(MarginEquity)}";
        if (Requirement is not { } required) return null;
        foreach (var (name, figure) in (ReadOnlySpan<(string, Figure)>)[("initialMargin", required.Initial), ("initialHard", required.Hard),
            ("liquidationEnd", required.End), ("maintenanceMargin", required.Maintenance)])
            if (!figure.Covers(Of(name))) return $"{name} is {StoredFormat.Money(figure.Low)}";
        return null;

        BigInteger Of(string name) => StoredFormat.Micros(named.GetProperty(name).GetString()!);
    }
}

internal sealed record Requirement(Figure Initial, Figure Hard, Figure End, Figure Maintenance);
