using System.Text;
using CrossMargin.Faults.Audit;
using CrossMargin.Faults.Clients;
using Shouldly;
using Xunit;

namespace CrossMargin.Faults;

/// <summary>The judge of trades is judged: Alice buys two contracts of Bob at 1 USDC, and each test breaks one thing of it.</summary>
public sealed class TradeJoinTests
{
    private const string Feed = "03000000-0000-8000-8000-00000000000f";
    private const string Fill = "account.fill-applied.v1", Captured = "trade.captured.v1";

    private readonly HandMade made = new();

    public TradeJoinTests()
    {
        made.Write(0, Feed, HandMade.Machine(1), Captured,
            $$"""
            {"trade":"t-1","price":"1","quantity":"2","paid":"2 USDC","funding":"0:0",
            "buyer":{"account":"{{HandMade.Alice}}","fee":"0.1 USDC"},"seller":{"account":"{{HandMade.Bob}}","fee":"0 USDC"} }
            """, to: HandMade.Alice);
        made.Write(0, HandMade.Alice, HandMade.Message(0, 5), Fill, Side("2", "0.1", "2", "5.9"));
        made.Write(1, HandMade.Bob, HandMade.Message(0, 5), Fill, Side("-2", "0", "-2", "2.5"));
        made.Tell(Feed, HandMade.Numbered(1), new Order.Fill("t-1", "1", "2"), new Answer(Said.Applied, null, "0:5", 1));
    }

    [Fact]
    public void A_trade_whose_sides_arrived_is_not_contradicted()
    {
        made.Join().Contradictions.ShouldBeEmpty();
        JournalAudit.Of(made.Sealed()).InFlight.ShouldBe(0);
    }

    [Fact]
    public void A_side_that_did_not_arrive_is_in_flight()
    {
        made.Rows.RemoveAll(row => row is { Type: Fill, Shard: 1 });
        JournalAudit.Of(made.Sealed()).InFlight.ShouldBe(1);
    }

    [Fact]
    public void A_side_that_arrives_twice_is_seen()
    {
        made.Write(1, HandMade.Bob, HandMade.Message(0, 5), Fill, Side("-2", "0", "-4", "2.5"));
        Sees("is a fill of 0:5 a second time");
    }

    [Theory]
    [InlineData("3", "0.1", "3", "5.9", "takes 0 by 2 to 3")]
    [InlineData("2", "0.1", "1.9", "5.9", "moves -2 where -2.1 was carried")]
    [InlineData("2", "0", "2", "6", "moves -2 where -2.1 was carried")]
    [InlineData("2", "0.1", "2", "6", "says 6 USDC and the records come to 5.9")]
    public void A_side_that_is_not_what_the_trade_carried_is_seen(string quantity, string fee, string cost, string balance, string seen)
    {
        made.Replace(made.Rows.Find(row => row is { Type: Fill, Shard: 0 })!, by: made.Rows.Find(row => row is { Type: Fill, Shard: 0 })! with
        {
            Payload = Encoding.UTF8.GetBytes(Side(quantity, fee, cost, balance)),
        });
        Sees(seen);
    }

    [Fact]
    public void A_side_of_somebody_who_did_not_trade_is_seen()
    {
        var other = HandMade.Bob.Replace("00b", "00c", StringComparison.Ordinal);
        made.Write(1, other, HandMade.Message(0, 5), Fill, Side("-2", "0", "-2", "0"));
        Sees($"is a fill of {other}, which did not trade");
    }

    [Fact]
    public void Funding_that_does_not_come_to_the_index_is_seen()
    {
        made.Write(0, HandMade.Alice, HandMade.Message(0, 5), "account.funding-applied.v1",
            """{"subAccount":0,"instrument":1,"funding":"1 USDC","houseRoundingE20":0,"fundingAfter":"1:0.5","balanceAfter":"4.9 USDC"}""");
        made.Join().Contradictions.ShouldNotContain(line => line.Contains("carried"));
        made.Write(0, HandMade.Alice, HandMade.Message(0, 5), "account.funding-applied.v1",
            """{"subAccount":0,"instrument":1,"funding":"1 USDC","houseRoundingE20":0,"fundingAfter":"2:0.6","balanceAfter":"3.9 USDC"}""");
        Sees("moves -0.8 where 0 was carried");
    }

    [Fact]
    public void A_trade_at_another_price_than_was_told_is_seen()
    {
        made.Logs[^1] = new Told(made.Logs[^1].Intent with { Order = new Order.Fill("t-1", "1.5", "2") }, made.Logs[^1].Answers);
        Sees("is stored as something else");
    }

    private static string Side(string quantity, string fee, string cost, string balance) =>
        $$"""
        {"trade":"t-1","change":{"subAccount":0,"instrument":1,"quantity":"{{quantity}}","realized":"0 USDC","fee":"{{fee}} USDC","funding":"0 USDC",
        "houseRoundingE20":0,"fundingAfter":"0:0","quantityAfter":"{{quantity}}","costAfter":"{{cost}} USDC","balanceAfter":"{{balance}} USDC"} }
        """;

    private void Sees(string wrong) => made.Join().Contradictions.ShouldContain(line => line.Contains(wrong, StringComparison.Ordinal));
}
