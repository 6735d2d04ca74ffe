using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Grains.Margin;
using CrossMargin.Runtime.Grains;

namespace CrossMargin.Grains.Accounts;

/// <summary>
/// What waits for clearance is still its account's. It comes back before anybody else pays for the account, and before others pay
/// what its own gains could. What was cleared is gone: a clearance that comes after this finds nothing.
/// </summary>
public sealed partial record Account
{
    private ImmutableArray<AccountEvent> Returns(ReturnReason because)
    {
        var events = ImmutableArray.CreateBuilder<AccountEvent>();
        var account = this;
        foreach (var hold in Holds.OfType<WithdrawalHold.Held>())
        {
            var after = account.Balances[hold.Amount.Asset] + hold.Amount;
            account = Take(account, new AccountEvent.WithdrawalCancelled(hold.Id, hold.Amount, after) { Because = because }, events);
        }

        foreach (var hold in TransferHolds)
        {
            var after = account.Balances[hold.Amount.Asset] + hold.Amount;
            account = Take(account, new AccountEvent.TransferCancelled(hold.Id, hold.Amount, after) { Because = because }, events);
        }

        return events.ToImmutable();
    }

    /// <summary>
    /// Who cannot carry his risk has first what waits: it may be enough, and then there is no case. Not while a price is in doubt, which
    /// opens no case either.
    /// </summary>
    private static Decision<AccountEvent> WithReturns(Account account, Decision<AccountEvent> decision, MarginMarks? marks)
    {
        if (marks is null || decision.Refused != Rejection.None || decision.Events is [AccountEvent.CommandRefused]) return decision;
        var after = decision.Events.Aggregate(account, Evolve);
        var isCalledFor = after.Case is not null || CannotCarry(after.Status);
        if (!isCalledFor || after.WaitsSince() is null || marks.IsDoubtful(after)) return decision;
        var returned = decision with { Events = decision.Events.AddRange(after.Returns(ReturnReason.Liquidation)) };
        return WithStatus(account, returned, marks);
    }
}
