using System.Globalization;
using System.Text.Json.Nodes;
using CrossMargin.Clients;
using CrossMargin.DemoVenue.Clearing;

namespace CrossMargin.DemoVenue.Scenarios;

/// <summary>What became of the members, from the events of their accounts and from nothing else.</summary>
public sealed class Outcome
{
    private static readonly string[] BelowInitial = ["MarginCall", "Liquidatable", "Bankrupt"];

    /// <summary>Accounts that were below their initial margin at some time.</summary>
    public int Called { get; private set; }

    public int Liquidated { get; private set; }

    public int Cases { get; private set; }

    public int Cured { get; private set; }

    /// <summary>Cases that ended with nothing left.</summary>
    public int Emptied { get; private set; }

    public int Slices { get; private set; }

    public int SlicesFilled { get; private set; }

    public decimal Traded { get; private set; }

    /// <summary>How much worse than the mark at which they were ordered slices were filled.</summary>
    public decimal Slippage { get; private set; }

    /// <summary>What cured accounts had above the level where a case ends, when it ended.</summary>
    public decimal BeyondNeed { get; private set; }

    public decimal ToFund { get; private set; }

    public decimal FromFund { get; private set; }

    /// <summary>What backstop accounts took over, at the bankruptcy price.</summary>
    public decimal HandedOver { get; private set; }

    /// <summary>Accounts that were on the other side of a position that nobody took.</summary>
    public int Counterparties { get; private set; }

    /// <summary>What of their positions was closed with it, at its bankruptcy price.</summary>
    public decimal Deleveraged { get; private set; }

    /// <summary>Accounts that gave up a part of their gains.</summary>
    public int Sharing { get; private set; }

    public decimal Shared { get; private set; }

    /// <summary>What accounts owe that have nothing left.</summary>
    public decimal Uncovered { get; private set; }

    public static async Task<Outcome> Read(Principals principals, IEnumerable<string> accounts, CancellationToken cancel)
    {
        var outcome = new Outcome();
        var histories = await Task.WhenAll(accounts.Select(account => History(principals, account, cancel)));
        foreach (var (events, equity) in histories)
        {
            outcome.Add(events);
            outcome.Uncovered -= Math.Min(0, equity);
        }

        return outcome;
    }

    public async Task Print(TextWriter output)
    {
        var open = Cases - Cured - Emptied;
        await Row("called", $"{Called} accounts were below their initial margin");
        await Row("liquidated", $"{Liquidated} accounts, {Cases} cases: {Cured} cured, {Emptied} had nothing left, {open} still open");
        await Row("slices", $"{Slices} ordered, {SlicesFilled} filled whole, {Traded:N2} USDC traded");
        await Row("slippage", $"{Slippage:N2} USDC worse than the mark at which they were ordered");
        await Row("taken beyond need", $"{BeyondNeed:N2} USD of margin equity above the level where a case ends");
        await Row("fund", $"{FromFund:N6} USDC used, {ToFund:N6} USDC paid in by fills better than bankruptcy");
        await Row("handed over", $"{HandedOver:N2} USDC of positions to backstop accounts");
        await Row("deleveraged", $"{Deleveraged:N2} USDC of positions closed against {Counterparties} accounts on the other side");
        await Row("socialized", $"{Shared:N6} USDC over the gains of {Sharing} accounts");
        await Row("uncovered", $"{Uncovered:N2} USD are owed by accounts that have nothing left");

        Task Row(string name, FormattableString what) =>
            output.WriteLineAsync($"  {name,-25}{what.ToString(CultureInfo.InvariantCulture)}");
    }

    /// <param name="events">All of one account, in order.</param>
    public void Add(IEnumerable<JsonNode> events)
    {
        var (wasCalled, wasLiquidated, wasSharing, wasDeleveraged) = (false, false, false, false);
        JsonNode? slice = null;
        foreach (var record in events)
        {
            var data = record["data"]!;
            switch ((string)record["type"]!)
            {
                case "account.margin-status-changed.v1":
                    wasCalled |= BelowInitial.Contains((string?)data["status"]);
                    break;
                case "account.case-opened.v1":
                    wasLiquidated = true;
                    Cases++;
                    break;
                case "account.slice-ordered.v1":
                    slice = data["slice"];
                    Slices++;
                    break;
                case "account.fill-applied.v1" when slice is not null && (int)slice["instrument"]! == (int)data["change"]!["instrument"]!:
                    AddFill(slice, data["change"]!);
                    break;
                case "account.slice-filled.v1":
                    ToFund += Amount(data["toFund"]);
                    break;
                case "account.slice-ended.v1":
                    if ((string?)data["ending"] == "Filled") SlicesFilled++;
                    slice = null;
                    break;
                case "account.fund-drawn.v1":
                    FromFund += Amount(data["amount"]);
                    break;
                case "account.handed-over.v1":
                    HandedOver += Math.Abs(Amount(data["change"]!["paid"]));
                    break;
                case "account.deleveraged.v1" when data["change"] is { } given:
                    wasDeleveraged = true;
                    Deleveraged += Math.Abs(Amount(given["paid"]));
                    break;
                case "account.loss-shared.v1":
                    wasSharing = true;
                    Shared += Amount(data["amount"]);
                    break;
                case "account.case-ended.v1" when (string?)data["ending"] == "Cured":
                    Cured++;
                    if (data["margin"] is { } margin)
                        BeyondNeed += Decimals.Read(margin["marginEquity"]) - Decimals.Read(margin["liquidationEnd"]);
                    break;
                case "account.case-ended.v1":
                    Emptied++;
                    break;
            }
        }

        Called += wasCalled ? 1 : 0;
        Liquidated += wasLiquidated ? 1 : 0;
        Sharing += wasSharing ? 1 : 0;
        Counterparties += wasDeleveraged ? 1 : 0;
    }

    /// <summary>Paid is what the account gave for what it gained, so both have one sign; contracts are of one unit.</summary>
    private void AddFill(JsonNode slice, JsonNode change)
    {
        var (quantity, paid) = (Decimals.Read(change["quantity"]), Amount(change["paid"]));
        Traded += Math.Abs(paid);
        Slippage += paid - (quantity * Decimals.Read(slice["mark"]));
    }

    private static async Task<(List<JsonNode> Events, decimal Equity)> History(
        Principals principals, string account, CancellationToken cancel)
    {
        var events = new List<JsonNode>();
        for (string? cursor = ""; cursor is not null;)
        {
            var from = cursor.Length > 0 ? $"&cursor={Uri.EscapeDataString(cursor)}" : "";
            var answer = await principals.Auditor.Get($"/v1/accounts/{account}/events?limit=1000{from}", cancel);
            var page = answer.Expect("what happened to an account");
            events.AddRange(page["data"]!.AsArray().Select(record => record!));
            cursor = (string?)page["nextCursor"];
        }

        var summary = (await principals.Auditor.Get($"/v1/accounts/{account}/summary", cancel)).Expect("how an account stands");
        return (events, summary["equity"] is { } equity ? Decimals.Read(equity) : 0);
    }

    /// <summary>"4.5 USDC": all that members trade is settled in USDC.</summary>
    private static decimal Amount(JsonNode? text) => Decimals.Read(((string)text!).Split(' ')[0]);
}
