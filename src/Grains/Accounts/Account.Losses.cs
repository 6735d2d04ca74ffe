using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Grains.Liquidation;
using CrossMargin.Grains.Margin;
using CrossMargin.Runtime.Grains;

namespace CrossMargin.Grains.Accounts;

/// <summary>What an account pays of a loss that no fund covers: a share of what it gained.</summary>
public sealed partial record Account
{
    /// <summary>Null while no loss is being shared.</summary>
    public GainLock? Lock { get; init; }

    private static Decision<AccountEvent> LockGain(Account account, GainsAsked asked, MarginMarks? marks)
    {
        if (account.Phase != AccountPhase.Open || marks is null) return Nothing;
        var gain = EligibleGain.Of(account, asked.Asset, marks);
        var returns = account.Returns(ReturnReason.Loss);
        var most = returns.IsEmpty ? gain : EligibleGain.Of(returns.Aggregate(account, Evolve), asked.Asset, marks);
        if (most > gain) return new Decision<AccountEvent>(returns.Add(new AccountEvent.GainLocked(asked.Round, most)), Rejection.None);
        return gain.IsPositive || account.Lock is not null ? new AccountEvent.GainLocked(asked.Round, gain) : Nothing;
    }

    private static Decision<AccountEvent> ShareLoss(Account account, LossDivided divided)
    {
        if (account.Lock?.Round != divided.Round) return Nothing;
        var asset = divided.Amount.Asset;
        return new AccountEvent.LossShared(
            divided.Round, divided.Amount, account.Balances[asset] - divided.Amount, account.FundShareOf(asset).PaidIn + divided.Amount);
    }

    private Account WithLocked(AccountEvent.GainLocked e)
    {
        Invariant.Holds("L11", !e.Amount.IsNegative && e.Round > (Lock?.Round ?? 0), "a later round locks anew");
        return this with { Lock = e.Amount.IsPositive ? new GainLock(e.Round, e.Amount) : null };
    }

    private Account WithShared(AccountEvent.LossShared e)
    {
        Invariant.Holds(
            "L11", Lock is { } gain && gain.Round == e.Round && !e.Amount.IsNegative && e.Amount <= gain.Amount,
            "nobody pays more than was locked, and once");
        var share = FundShareOf(e.Amount.Asset);
        Invariant.Same("L4", e.PaidInAfter, share.PaidIn + e.Amount);
        return (this with { Cross = Promised(Cross.Subtract(e.Amount), e.BalanceAfter), Lock = null })
            .WithShare(share with { PaidIn = e.PaidInAfter });
    }
}
