using Xunit;

namespace CrossMargin.Simulation.Audit;

/// <summary>Messages that were parked: journals in which they are taken in by halves, twice, or as something else.</summary>
public partial class AuditorTests
{
    private static readonly byte[] BensShard = StoredFormat.Bytes(StoredFormat.ShardGrain(1));

    private static string Parked(string more) => $$"""{"from":"0:3","grain":"{{BenId}}","type":"trade.captured.v1",{{more}}}""";

    private const string Officer = "\"by\":\"officer\",\"because\":\"it fits\"";

    /// <summary>Ann buys of Ben, who opens his account when the trade is parked already.</summary>
    private static Book Late() => new Book()
        .Add(Ann, "account.opened.v1", """{"owner":"ann"}""", Key(1))
        .Add(Ann, "account.deposited.v1", """{"amount":"10 USDC","balanceAfter":"10 USDC","reference":"r"}""", Source(1))
        .Add(TheFeed, "trade.captured.v1", Captured(), Source(1), [.. Ann, .. Ben])
        .Add(Ann, "account.fill-applied.v1", Booked(), Message(0, 3))
        .Add(BensShard, "shard.parked.v1", Parked("\"reason\":\"account-not-found\""), Message(0, 3))
        .Add(Ben, "account.opened.v1", """{"owner":"ben"}""", Key(2));

    private static Book TakenIn(string? sold = null) => Late()
        .Add(Ben, "account.fill-applied.v1", sold ?? Booked(sign: "-", fee: "-0.1", balance: "0.1"), Key(5));

    private static Book Named(Book book) => book.Add(BensShard, "shard.unparked.v1", Parked(Officer), Key(5));

    [Fact]
    public void A_trade_that_an_officer_has_taken_in_passes() => Named(TakenIn()).Audit();

    [Fact]
    public void What_was_parked_and_is_booked_without_a_word_is_seen() => Breaks("I4", TakenIn());

    [Fact]
    public void What_was_parked_and_is_not_booked_is_seen() => Breaks("I4", Named(Late()));

    [Fact]
    public void What_was_parked_and_is_booked_otherwise_is_seen() =>
        Breaks("I4", Named(TakenIn(Booked(sign: "-", quantity: "2", fee: "-0.1", balance: "0.1"))));

    [Fact]
    public void What_was_parked_and_is_taken_in_twice_is_seen() => Breaks("I4", Named(TakenIn())
        .Add(BensShard, "shard.unparked.v1", Parked(Officer), Key(6)));

    [Fact]
    public void What_was_given_up_stays_in_suspense() => Late().Add(BensShard, "shard.parked-set-aside.v1", Parked(Officer), Key(4)).Audit();

    [Fact]
    public void What_was_given_up_and_is_taken_in_is_seen() => Breaks("I4", Named(Late()
        .Add(BensShard, "shard.parked-set-aside.v1", Parked(Officer), Key(4))
        .Add(Ben, "account.fill-applied.v1", Booked(sign: "-", fee: "-0.1", balance: "0.1"), Key(5))));
}
