using CrossMargin.Contracts;
using CrossMargin.Grains.Accounts;

namespace CrossMargin.Grains.Margin;

/// <summary>How far the marks may be relied on when somebody is to lose what he has.</summary>
public sealed partial class MarginMarks
{
    /// <summary>
    /// Something that the account trades or owns has a price that is less sure than the rules ask for before anything is begun.
    /// </summary>
    public bool IsDoubtful(Account account)
    {
        if (Model is not { } model) return true;
        var least = model.Parameters.Liquidation.MinConfidence;
        foreach (var held in account.Positions.All)
            if (TermsOf(held.Instrument) is not { } terms || ConfidenceOf(terms.Underlying) < least) return true;
        foreach (var balance in account.Balances.Amounts)
            foreach (var mark in Frame.Assets)
                if (mark.Asset == balance.Asset && mark.Confidence < least) return true;
        return false;
    }

    /// <summary>What trades of an underlying inside its reference band; as much as one likes where it was not measured.</summary>
    public Money DepthOf(Underlying underlying)
    {
        foreach (var mark in Frame.Underlyings)
            if (mark.Underlying == underlying) return mark.Depth ?? new Money(long.MaxValue);
        return Money.Zero;
    }

    private Rate ConfidenceOf(Underlying underlying)
    {
        foreach (var mark in Frame.Underlyings)
            if (mark.Underlying == underlying) return mark.Confidence;
        return Rate.Zero;
    }
}
