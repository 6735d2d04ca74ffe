using System.ComponentModel;
using CrossMargin.Api.Margin;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Grains.Accounts;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Api.Liquidations;

[Description("A liquidation by the record that opened it. What followed is in GET /v1/liquidations/{liquidation}.")]
public sealed record LiquidationSummary(
    string Liquidation, string Account,
    [property: Description("open or ended, as the account stood when this was read.")] string Standing,
    [property: Description("LIQUIDATABLE: there was something to take. BANKRUPT: only a debt.")] string OpenedAs,
    string OpenedAt, long Frame, string Equity, string MarginEquity, string MaintenanceMargin,
    [property: Description("The margin equity at which it ends.")] string LiquidationEnd,
    long Sequence, string Address)
{
    internal const string Open = "open";
    internal const string Ended = "ended";

    internal static LiquidationSummary Of(JournalRecord record, AccountEvent.CaseOpened opened, Account now)
    {
        var (account, margin) = (new AccountId(record.Grain), opened.Margin);
        return new LiquidationSummary(
            LiquidationId.Text(account, opened.Case), account.ToString(), now.Case?.Id == opened.Case ? Open : Ended,
            MarginText.Of(opened.Status), record.Time.ToString(), record.Frame, margin.Equity.ToString(), margin.MarginEquity.ToString(),
            margin.MaintenanceMargin.ToString(), margin.LiquidationEnd.ToString(), record.Version, record.Address.ToString());
    }
}

[Description("Of all accounts. With `standing=open`, the longest first, and `nextCursor` is null when there are no more. Otherwise an "
    + "outbox: asked again with `nextCursor`, which is never null then, what was opened since comes.")]
public sealed record LiquidationPage(IReadOnlyList<LiquidationSummary> Data, string? NextCursor,
    [property: Description("False: there is more to walk over. Ask again at once.")] bool CaughtUp);

[Description("Of one account, the oldest first. `nextCursor` is null when nothing follows yet.")]
public sealed record AccountLiquidationPage(string Account, IReadOnlyList<LiquidationSummary> Data, string? NextCursor);
