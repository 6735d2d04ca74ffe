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
    /// The account with this much less of an asset in a part, as margin sees it: the version is that after one event.
    /// </summary>
    internal Account Without(AssetAmount amount, AccountPart part) => With(part.Subtract(amount)) with { Version = Version + 1 };

    /// <summary>
    /// What was decided, and how each part of the account stands after it, if that is otherwise than before. A refusal moves
    /// nothing.
    /// </summary>
    private static Decision<AccountEvent> WithStatus(Account account, Decision<AccountEvent> decision, MarginMarks? marks)
    {
        if (marks is null || decision.Refused != Rejection.None || decision.Events is [AccountEvent.CommandRefused]) return decision;

        var after = decision.Events.Aggregate(account, Evolve);
        var events = decision.Events;
        foreach (var part in after.Parts)
        {
            var margin = marks.Of(after, part);
            if (margin.Status == part.Status) continue;
            events = events.Add(new AccountEvent.MarginStatusChanged(margin.Status, part.Status)
            {
                SubAccount = part.SubAccount,
                Margin = margin.Figures,
                Unpriced = margin.Refusal.IsNone ? null : margin.Refusal.ToString(),
            });
        }

        return decision with { Events = events };
    }

    /// <summary>
    /// These facts, how the account stands after them if that is otherwise, and what follows for its case: what a record of them
    /// has to say. A slice is not ordered here; the grant that orders it is an input.
    /// </summary>
    public static ImmutableArray<AccountEvent> Judged(Account before, ImmutableArray<AccountEvent> facts, Context context)
    {
        var decided = new Decision<AccountEvent>(facts, Rejection.None);
        return WithJudgement(before, TimerDue.Now, decided, context, context.Marks as MarginMarks).Events;
    }

    /// <summary>
    /// How the account stands, with what waits where that is needed; what follows for its case, and how it stands after that: a case may
    /// move money.
    /// </summary>
    private static Decision<AccountEvent> WithJudgement(
        Account account, object input, Decision<AccountEvent> decision, Context context, MarginMarks? marks)
    {
        var judged = WithReturns(account, WithStatus(account, decision, marks), marks);
        var worked = WithCase(account, input, judged, context, marks);
        return worked.Events.Length == judged.Events.Length ? worked : WithStatus(account, worked, marks);
    }

    private Account Standing(AccountEvent.MarginStatusChanged e)
    {
        var part = PartOf(e.SubAccount);
        Invariant.Same("A22", e.SubAccount, part.SubAccount);
        Invariant.Holds("A18", e.Before == part.Status, "a status changes from the one that was");
        return With(part with { Status = e.Status });
    }
}
