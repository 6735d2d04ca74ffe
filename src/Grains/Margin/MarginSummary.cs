using CrossMargin.Contracts;
using CrossMargin.Grains.Accounts;
using CrossMargin.Risk;
using CrossMargin.Risk.Portfolios;
using CrossMargin.Runtime.Shards;

namespace CrossMargin.Grains.Margin;

/// <summary>
/// The margin of one part of a live account as a reader sees it: the state and the marks of one instant, judged by the code of a
/// turn. The report is there without risk too; the status needs none.
/// </summary>
/// <param name="Report">Null without marks, or where something has no price; the refusal says what.</param>
/// <param name="Marks">Null where no frame was published yet.</param>
public sealed record MarginSummary(
    Account Account, AccountPart Part, MarginMarks? Marks, MarginStatus Status, Portfolio? Portfolio, RiskReport? Report, Refusal Refusal)
{
    /// <summary>Of what <c>Silo.Read</c> answered: state and marks are of one instant.</summary>
    public static MarginSummary Of(GrainView view) => Of((Account)view.State, view.Marks as MarginMarks);

    /// <summary>Of the cross pool.</summary>
    public static MarginSummary Of(Account account, MarginMarks? marks) => Of(account, account.Cross, marks);

    public static MarginSummary Of(Account account, AccountPart part, MarginMarks? marks)
    {
        if (marks is null)
            return new MarginSummary(account, part, null, part.Status, null, null, new Refusal(Fault.Missing, "frame"));

        var (status, holdings) = (marks.Of(account, part).Status, marks.HoldingsOf(account, part));
        if (holdings.Portfolio is not { } portfolio)
            return new MarginSummary(account, part, marks, status, null, null, holdings.Refusal);

        var report = marks.Evaluate(portfolio);
        return new MarginSummary(
            account, part, marks, status, portfolio, report.IsRefused ? null : report.Value, report.Refusal);
    }

    /// <summary>
    /// The most of an asset that a withdrawal from the pool, or a release from the isolated sub-account, asked for now would be
    /// granted, to the unit.
    /// </summary>
    public AssetAmount Withdrawable(Asset asset) => MarginRule.Withdrawable(Account, Part, asset, Marks);
}
