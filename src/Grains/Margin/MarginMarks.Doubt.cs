using CrossMargin.Contracts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Grains.Accounts;

namespace CrossMargin.Grains.Margin;

/// <summary>How far the marks may be relied on when somebody is to lose what he has.</summary>
public sealed partial class MarginMarks
{
    /// <summary>
    /// Something that the account trades or owns has a price that nobody may lose anything by (<see cref="PriceUses"/>). An asset
    /// without one is doubtful by what freezes the account; a frame does not say how many sources stand behind one.
    /// </summary>
    public bool IsDoubtful(Account account)
    {
        if (Model is not { } model) return true;
        var least = model.Parameters.Liquidation.MinConfidence;
        foreach (var held in account.Positions.All)
            if (!MayLiquidate(TermsOf(held.Instrument) is { } terms ? ConfidenceOf(terms.Underlying) : null)) return true;
        foreach (var balance in account.Balances.Amounts)
            foreach (var mark in Frame.Assets)
                if (mark.Asset == balance.Asset && !MayLiquidate(mark.Confidence)) return true;
        return false;

        bool MayLiquidate(Rate? confidence) => PriceUse.Liquidate.MayRestOn(confidence is { } known
            ? PriceUses.StateOf(BreakerState.Degraded, known, least)
            : PriceState.None);
    }

    /// <summary>What trades of an underlying inside its reference band; as much as one likes where it was not measured.</summary>
    public Money DepthOf(Underlying underlying)
    {
        foreach (var mark in Frame.Underlyings)
            if (mark.Underlying == underlying) return mark.Depth ?? new Money(long.MaxValue);
        return Money.Zero;
    }

    private Rate? ConfidenceOf(Underlying underlying)
    {
        foreach (var mark in Frame.Underlyings)
            if (mark.Underlying == underlying) return mark.Confidence;
        return null;
    }
}
