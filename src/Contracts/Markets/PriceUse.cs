using System.Collections.Immutable;

namespace CrossMargin.Contracts.Markets;

/// <summary>What is done with the price of an underlying or an asset.</summary>
public enum PriceUse : byte
{
    /// <summary>Accounts are valued with it: statuses, warnings, and the one rule for whatever an owner asks.</summary>
    Value,

    /// <summary>A case is opened, a slice ordered, a position handed over, the fund drawn.</summary>
    Liquidate,

    /// <summary>It is in the average that an expiry settles at, and in a perpetual's premium.</summary>
    Average,
    FixFunding,
    SettleDay,

    /// <summary>A source's books and surfaces are held against it.</summary>
    JudgeQuotes,
}

/// <summary>How far a price may be relied on.</summary>
public enum PriceState : byte
{
    /// <summary>Enough sources are used, with the confidence that the rules ask for.</summary>
    Sure,

    /// <summary>Enough sources are used, and too many others are silent or elsewhere.</summary>
    Doubted,

    /// <summary>Degraded: one source or two, or the last price stands in.</summary>
    Thin,
    ThinAndDoubted,

    /// <summary>Halted: none is fresh, or they contradict each other.</summary>
    None,
}

/// <summary>Which price may be used for what: this table, which docs/clearing.md has too, and nothing else.</summary>
public static class PriceUses
{
    private static readonly ImmutableArray<ImmutableArray<PriceState>> ByUse =
    [
        /* Value       */ [PriceState.Sure, PriceState.Doubted, PriceState.Thin, PriceState.ThinAndDoubted],
        /* Liquidate   */ [PriceState.Sure, PriceState.Thin],
        /* Average     */ [PriceState.Sure, PriceState.Doubted],
        /* FixFunding  */ [PriceState.Sure, PriceState.Doubted],
        /* SettleDay   */ [PriceState.Sure, PriceState.Doubted],
        /* JudgeQuotes */ [PriceState.Sure, PriceState.Doubted],
    ];

    public static bool MayRestOn(this PriceUse use, PriceState state) => ByUse[(int)use].Contains(state);

    /// <param name="least">The confidence that the rules ask for before anybody loses anything.</param>
    public static PriceState StateOf(BreakerState breaker, Rate confidence, Rate least) => (breaker, confidence >= least) switch
    {
        (BreakerState.Normal, true) => PriceState.Sure,
        (BreakerState.Normal, false) => PriceState.Doubted,
        (BreakerState.Degraded, true) => PriceState.Thin,
        (BreakerState.Degraded, false) => PriceState.ThinAndDoubted,
        _ => PriceState.None,
    };
}
