using Xunit;

namespace CrossMargin.Simulation.Audit;

/// <summary>Trades: journals whose every record looks right by itself, and whose sums or legs do not.</summary>
public partial class AuditorTests
{
    private static readonly byte[] TheFeed = Grain(kind: 3, shard: 0), TheMarket = Grain(kind: 4, shard: 0);

    private static string Side(string account, int subAccount, string fee) =>
        $$"""{"account":"{{account}}","subAccount":{{subAccount}},"fee":"{{fee}} USDC"}""";

    private static string Captured(string funding = "1:0.5", string? seller = null) =>
        $$"""{"trade":"t-1","instrument":1,"style":"Variation","price":"100","quantity":"3","paid":"300 USDC","funding":"{{funding}}","buyer":{{Side(AnnId, 0, "0.3")}},"seller":{{seller ?? Side(BenId, 0, "-0.1")}},"feesAfter":"0.2 USDC","tradedAt":"2026-01-01T00:00:00.000000Z"}""";

    private static string Booked(
        string sign = "", string quantity = "3", string paid = "300", string realized = "0", string fee = "0.3", string funding = "0", string cost = "300",
        string balance = "9.7", string house = "0") =>
        $$$"""{"trade":"t-1","change":{"subAccount":0,"instrument":1,"quantity":"{{{sign}}}{{{quantity}}}","paid":"{{{sign}}}{{{paid}}} USDC","realized":"{{{realized}}} USDC","fee":"{{{fee}}} USDC","funding":"{{{funding}}} USDC","houseRoundingE20":{{{house}}},"fundingAfter":"1:0.5","quantityAfter":"{{{sign}}}{{{quantity}}}","costAfter":"{{{sign}}}{{{cost}}} USDC","balanceAfter":"{{{balance}}} USDC"}}""";

    /// <summary>Ann buys three contracts of Ben.</summary>
    private static Book Traded(string? captured = null, string? bought = null, string? sold = null) => new Book()
        .Add(Ann, "account.opened.v1", """{"owner":"ann"}""", Key(1))
        .Add(Ben, "account.opened.v1", """{"owner":"ben"}""", Key(2))
        .Add(Ann, "account.deposited.v1", """{"amount":"10 USDC","balanceAfter":"10 USDC","reference":"r"}""", Source(1))
        .Add(TheFeed, "trade.captured.v1", captured ?? Captured(), Source(1), [.. Ann, .. Ben])
        .Add(Ann, "account.fill-applied.v1", bought ?? Booked(), Message(0, 3))
        .Add(Ben, "account.fill-applied.v1", sold ?? Booked(sign: "-", fee: "-0.1", balance: "0.1"), Message(0, 3));

    [Fact]
    public void A_trade_that_is_booked_on_both_sides_passes() => Traded().Audit();

    [Fact]
    public void A_leg_that_is_not_booked_is_missed() =>
        Breaks("I4", Traded().Edit(1, 1, row => row with { Grain = StoredFormat.Bytes("01000000-0000-8000-8000-000000000001"), Version = 1, Type = "shard.consumed.v1", Payload = Text("{}") }));

    [Fact]
    public void A_leg_of_another_quantity_is_seen() => Breaks("I4", Traded(sold: Booked(sign: "-", quantity: "2", fee: "-0.1", balance: "0.1")));

    [Fact]
    public void A_leg_of_another_fee_is_seen() => Breaks("I4", Traded(bought: Booked(fee: "0.2", balance: "9.8")));

    [Fact]
    public void A_leg_that_is_booked_twice_is_seen() =>
        Breaks("I4", Traded().Add(Ben, "account.fill-applied.v1", Booked(sign: "-", fee: "-0.1", balance: "0.1"), Message(0, 3)));

    [Fact]
    public void A_cost_from_nowhere_is_seen() => Breaks("I1", Traded(bought: Booked(cost: "299")));

    [Fact]
    public void A_balance_that_is_a_unit_too_high_breaks_the_sum() => Breaks("I1", Traded(bought: Booked(balance: "9.700001")));

    [Fact]
    public void Funding_that_nobody_paid_breaks_the_sum() => Breaks("I1", Traded(bought: Booked(funding: "-1", balance: "10.7")));

    [Fact]
    public void Sides_that_start_at_two_points_break_the_sum() =>
        Breaks("I1", Traded(sold: Booked(sign: "-", fee: "-0.1", balance: "0.1").Replace("1:0.5", "2:0.6", StringComparison.Ordinal)));

    [Fact]
    public void A_rounding_of_a_whole_unit_is_too_much() => Breaks("I1", Traded(bought: Booked(funding: "0.000001", house: "100000000000000", balance: "9.699999")));

    [Fact]
    public void Fees_that_are_charged_and_not_collected_are_seen() =>
        Breaks("I1", Traded(captured: Captured().Replace("\"0.2 USDC\",\"tradedAt", "\"0.3 USDC\",\"tradedAt", StringComparison.Ordinal)));

    [Fact]
    public void A_trade_told_to_somebody_else_is_seen() => Breaks("I4", Traded(captured: Captured(seller: Side(NobodyId, 0, "-0.1"))));

    [Fact]
    public void A_trade_that_is_busted_twice_is_seen()
    {
        var busted = Captured().Replace("\"price\":\"100\",", "", StringComparison.Ordinal).Replace(",\"tradedAt\":\"2026-01-01T00:00:00.000000Z\"", "", StringComparison.Ordinal)
            .Replace("\"0.2 USDC\"}", "\"0 USDC\"}", StringComparison.Ordinal);
        Breaks("I4", Traded()
            .Add(TheFeed, "trade.busted.v1", busted, Source(2), [.. Ann, .. Ben])
            .Add(TheFeed, "trade.busted.v1", busted, Source(3), [.. Ann, .. Ben]));
    }

    [Fact]
    public void More_filled_than_was_reserved_is_seen() => Breaks("reservation", Reserved("2").Add(Ann, "account.order-filled.v1", """{"order":"o","quantity":"3","remaining":"0"}""", Key(3)));

    [Fact]
    public void A_release_of_less_than_remains_is_seen() => Breaks("reservation", Reserved("2")
        .Add(TheFeed, "order.ended.v1", $$"""{"order":"o","account":"{{AnnId}}"}""", Source(1), Ann)
        .Add(Ann, "account.order-released.v1", """{"order":"o","quantity":"1"}""", Message(0, 3)));

    [Fact]
    public void A_frame_that_is_left_out_is_seen() => Breaks("I15", new Book()
        .Add(TheMarket, "market.frame-published.v2", Published(2), Timer));

    private static Book Reserved(string quantity) => new Book()
        .Add(Ann, "account.opened.v1", """{"owner":"ann"}""", Key(1))
        .Add(Ann, "account.order-reserved.v1", $$"""{"order":"o","subAccount":0,"instrument":1,"side":"Buy","quantity":"{{quantity}}","price":"100"}""", Key(2));

    private static byte[] Grain(byte kind, int shard)
    {
        var id = new byte[16];
        id[0] = kind;
        for (; StoredFormat.ShardOf(id, 2) != shard; id[15]++) { }
        return id;
    }
}
