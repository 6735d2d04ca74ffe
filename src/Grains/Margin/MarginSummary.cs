using CrossMargin.Contracts;
using CrossMargin.Grains.Accounts;
using CrossMargin.Risk;
using CrossMargin.Risk.Portfolios;
using CrossMargin.Runtime.Shards;

namespace CrossMargin.Grains.Margin;

/// <summary>
/// The margin of a live account as a reader sees it: the state and the marks of one instant, judged by the code of a turn.
/// The report is there for an account without risk too; its status needs none.
/// </summary>
/// <param name="Report">Null without marks, or where something has no price; the refusal says what.</param>
/// <param name="Marks">Null where no frame was published yet.</param>
public sealed record MarginSummary(
    Account Account, MarginMarks? Marks, MarginStatus Status, Portfolio? Portfolio, RiskReport? Report, Refusal Refusal)
{
    /// <summary>Of what <c>Silo.Read</c> answered: state and marks are of one instant.</summary>
    public static MarginSummary Of(GrainView view) => Of((Account)view.State, view.Marks as MarginMarks);

    public static MarginSummary Of(Account account, MarginMarks? marks)
    {
        if (marks is null)
            return new MarginSummary(account, null, account.Status, null, null, new Refusal(Fault.Missing, "frame"));

        var holdings = marks.HoldingsOf(account);
        if (holdings.Portfolio is not { } portfolio)
            return new MarginSummary(account, marks, marks.Of(account).Status, null, null, holdings.Refusal);

        var report = marks.Evaluate(portfolio);
        return new MarginSummary(
            account, marks, marks.Of(account).Status, portfolio, report.IsRefused ? null : report.Value, report.Refusal);
    }

    /// <summary>The most of an asset that a withdrawal asked for now would be granted, to the unit.</summary>
    public AssetAmount Withdrawable(Asset asset) => MarginRule.Withdrawable(Account, asset, Marks);
}
