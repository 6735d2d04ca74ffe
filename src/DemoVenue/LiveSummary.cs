using System.Diagnostics;
using System.Globalization;
using CrossMargin.DemoVenue.Clearing;
using CrossMargin.Clients;
using CrossMargin.DemoVenue.Prices;

namespace CrossMargin.DemoVenue;

/// <summary>How the venue stands, a line every few seconds. What it says is what the clearinghouse answers.</summary>
public sealed class LiveSummary(Principals principals, Session session, TextWriter output)
{
    private const int LinesBetweenHeads = 20;

    private static readonly string[] Statuses = ["HEALTHY", "WARNING", "REDUCE_ONLY", "MARGIN_CALL", "LIQUIDATABLE", "BANKRUPT", "FROZEN"];

    private readonly Stopwatch sinceLine = Stopwatch.StartNew();
    private int lines;
    private (long Trades, long Orders) before;

    public async Task Print(CancellationToken cancel)
    {
        if (lines++ % LinesBetweenHeads == 0)
        {
            await output.WriteLineAsync();
            await output.WriteLineAsync(
                "     UTC  healthy  warned  reduce  called  liquid.  bankrupt  frozen  trades/s  orders/s        BTC       ETH    frame"
                + "   fund USDC     equity USD  conserved");
        }

        var accounts = await Task.WhenAll(session.Market.Members.Select(async member =>
        {
            var summary = await principals.Auditor.Get($"/v1/accounts/{member.Account}/summary", cancel);
            return summary.Expect("how an account stands");
        }));
        var by = Statuses.Select(status => accounts.Count(account => (string?)account["status"] == status)).ToArray();
        var equity = accounts.Sum(account => account["equity"] is { } value ? Decimals.Read(value) : 0);
        var frame = await principals.Auditor.Get("/v1/frames/latest", cancel);
        var prices = session.Market.Prices;
        var (trades, orders) = (Rate(session.Trades - before.Trades), Rate(session.Orders - before.Orders));
        var (fund, conserved) = (await Fund(cancel), await Conserved(cancel));
        before = (session.Trades, session.Orders);
        sinceLine.Restart();
        await output.WriteLineAsync(string.Create(
            CultureInfo.InvariantCulture,
            $"{DateTime.UtcNow:HH:mm:ss}  {by[0],7}  {by[1],6}  {by[2],6}  {by[3],6}  {by[4],7}  {by[5],8}  {by[6],6}"
            + $"  {trades,8:0.0}  {orders,8:0.0}"
            + $"  {prices.Of(PriceProcess.Bitcoin),9:0.0}  {prices.Of(PriceProcess.Ether),8:0.00}  {(long?)frame.Body["number"] ?? 0,7}"
            + $"  {fund,10:0.00}  {equity,13:0.00}  {conserved}"));
        await output.FlushAsync(cancel);

        double Rate(long count) => count / sinceLine.Elapsed.TotalSeconds;
    }

    private async Task<decimal> Fund(CancellationToken cancel)
    {
        var fund = (await principals.Auditor.Get("/v1/insurance-fund", cancel)).Expect("what is in the fund");
        return fund["data"]!.AsArray().FirstOrDefault(asset => (string?)asset!["asset"] == "USDC") is { } dollars
            ? Decimals.Read(dollars["balance"])
            : 0;
    }

    /// <summary>
    /// What the audit beside the clearinghouse found: it folds the journal anew, and counts whether money was made or lost.
    /// </summary>
    private async Task<string> Conserved(CancellationToken cancel) =>
        (string?)(await principals.Auditor.Get("/health/audit", cancel)).Body["status"] switch
        {
            "agrees" => "yes",
            "differs" => "NO",
            var other => other ?? "?",
        };
}
