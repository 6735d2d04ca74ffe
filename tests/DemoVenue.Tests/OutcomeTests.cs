using System.Text.Json.Nodes;
using CrossMargin.DemoVenue.Scenarios;

namespace CrossMargin.DemoVenue.Tests;

/// <summary>The table of a scenario, from the events of accounts as the API shows them.</summary>
public sealed class OutcomeTests
{
    private const string Sold =
        """
        {"type": "account.margin-status-changed.v1", "data": {"status": "Liquidatable"}}
        {"type": "account.case-opened.v1", "data": {"case": 2}}
        {"type": "account.slice-ordered.v1", "data": {"slice": {"order": "liq.1", "instrument": 1, "side": "Sell", "quantity": "0.5", "mark": "60000"}}}
        {"type": "account.fill-applied.v1", "data": {"change": {"instrument": 1, "quantity": "-0.2", "paid": "-11990 USDC"}}}
        {"type": "account.slice-filled.v1", "data": {"order": "liq.1", "toFund": "1.5 USDC"}}
        {"type": "account.fill-applied.v1", "data": {"change": {"instrument": 2, "quantity": "1", "paid": "1 USDC"}}}
        {"type": "account.slice-ended.v1", "data": {"order": "liq.1", "ending": "Ended"}}
        """;

    [Fact]
    public void A_sale_below_the_mark_is_slippage_and_other_instruments_are_not()
    {
        var outcome = Of(Sold);
        (outcome.Called, outcome.Liquidated, outcome.Cases, outcome.Slices, outcome.SlicesFilled).ShouldBe((1, 1, 1, 1, 0));
        (outcome.Traded, outcome.Slippage, outcome.ToFund).ShouldBe((11_990, 10, 1.5m));
    }

    [Fact]
    public void A_purchase_above_the_mark_is_slippage_too()
    {
        var outcome = Of(
            """
            {"type": "account.slice-ordered.v1", "data": {"slice": {"order": "liq.1", "instrument": 1, "side": "Buy", "quantity": "1", "mark": "100"}}}
            {"type": "account.fill-applied.v1", "data": {"change": {"instrument": 1, "quantity": "1", "paid": "103 USDC"}}}
            {"type": "account.slice-ended.v1", "data": {"order": "liq.1", "ending": "Filled"}}
            {"type": "account.fill-applied.v1", "data": {"change": {"instrument": 1, "quantity": "1", "paid": "200 USDC"}}}
            """);
        (outcome.Traded, outcome.Slippage, outcome.SlicesFilled).ShouldBe((103, 3, 1));
    }

    [Fact]
    public void What_a_cured_account_has_above_the_level_was_taken_beyond_need()
    {
        var outcome = Of(Sold + "\n" +
            """{"type": "account.case-ended.v1", "data": {"ending": "Cured", "margin": {"marginEquity": "812.5", "liquidationEnd": "800"}}}""");
        (outcome.Cured, outcome.Emptied, outcome.BeyondNeed).ShouldBe((1, 0, 12.5m));
    }

    [Fact]
    public void Who_had_nothing_left_drew_from_the_fund()
    {
        var outcome = Of(
            """
            {"type": "account.margin-status-changed.v1", "data": {"status": "Warning"}}
            {"type": "account.case-opened.v1", "data": {"case": 2}}
            {"type": "account.fund-drawn.v1", "data": {"case": 2, "amount": "300.000001 USDC"}}
            {"type": "account.case-ended.v1", "data": {"ending": "NothingAtRisk"}}
            """);
        (outcome.Called, outcome.Cured, outcome.Emptied, outcome.FromFund).ShouldBe((0, 0, 1, 300.000001m));
    }

    [Fact]
    public void What_others_took_over_and_what_they_lost_is_told_apart()
    {
        var outcome = Of(
            """
            {"type": "account.handed-over.v1", "data": {"case": 2, "change": {"instrument": 1, "quantity": "-0.1", "paid": "-5900 USDC"}}}
            {"type": "account.deleveraged.v1", "data": {"round": 8, "change": {"instrument": 1, "quantity": "0.2", "paid": "11900 USDC"}}}
            {"type": "account.deleveraged.v1", "data": {"round": 8}}
            {"type": "account.loss-shared.v1", "data": {"round": 9, "amount": "2.5 USDC"}}
            {"type": "account.loss-shared.v1", "data": {"round": 11, "amount": "0.5 USDC"}}
            """);
        (outcome.HandedOver, outcome.Sharing, outcome.Shared, outcome.Traded).ShouldBe((5_900, 1, 3, 0));
        (outcome.Deleveraged, outcome.Counterparties).ShouldBe((11_900, 1));
    }

    private static Outcome Of(string events)
    {
        var outcome = new Outcome();
        outcome.Add(events.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!));
        return outcome;
    }
}
