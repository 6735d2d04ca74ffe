using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Grains.Margin;
using CrossMargin.Runtime.Grains;

namespace CrossMargin.Grains.Accounts;

/// <summary>How an account stands, after each of its events and under each adopted frame.</summary>
public sealed partial record Account
{
    /// <summary>
    /// Whether marks matter to it: something that can lose, or a debt. What an account only owns is its own whatever it is
    /// worth.
    /// </summary>
    public bool IsAtRisk
    {
        get
        {
            if (!Positions.All.IsEmpty || !Orders.IsEmpty) return true;
            foreach (var balance in Balances.Amounts)
                if (balance.IsNegative) return true;
            return false;
        }
    }

    /// <summary>The account with this much less of an asset, as margin sees it: the version is that after one event.</summary>
    internal Account Without(AssetAmount amount) => this with { Version = Version + 1, Balances = Balances.Subtract(amount) };

    /// <summary>
    /// What was decided, and how the account stands after it, if that is otherwise than before. A refusal moves nothing.
    /// </summary>
    private static Decision<AccountEvent> WithStatus(Account account, Decision<AccountEvent> decision, MarginMarks? marks)
    {
        if (marks is null || decision.Refused != Rejection.None || decision.Events is [AccountEvent.CommandRefused]) return decision;

        var after = decision.Events.Aggregate(account, Evolve);
        var margin = marks.Of(after);
        if (margin.Status == after.Status) return decision;
        return decision with
        {
            Events = decision.Events.Add(new AccountEvent.MarginStatusChanged(margin.Status, after.Status)
            {
                Margin = margin.Figures,
                Unpriced = margin.Refusal.IsNone ? null : margin.Refusal.ToString(),
            }),
        };
    }

    /// <summary>These events and, if they change it, how the account stands after them: what a record of them has to say.</summary>
    public static ImmutableArray<AccountEvent> Judged(Account before, ImmutableArray<AccountEvent> events, MarginMarks? marks) =>
        WithStatus(before, new Decision<AccountEvent>(events, Rejection.None), marks).Events;

    private Account Standing(AccountEvent.MarginStatusChanged e)
    {
        Invariant.Holds("A18", e.Before == Status, "a status changes from the one that was");
        return this with { Status = e.Status };
    }
}
