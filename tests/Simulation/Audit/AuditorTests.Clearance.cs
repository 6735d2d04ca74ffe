using Xunit;

namespace CrossMargin.Simulation.Audit;

/// <summary>
/// The same for clearance: Ann holds under frame 0, a frame reaches both shards, and she is cleared; each test breaks one rule
/// of that.
/// </summary>
public partial class AuditorTests
{
    private static readonly byte[] Shard0 = StoredFormat.Bytes(StoredFormat.ShardGrain(0));

    private const string NoResults = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    private static string WaitingAtNoFrame(int shard) =>
        $$"""{"shard":{{shard}},"frame":0,"accounts":0,"changed":0,"waiting":1,"shortfall":"0","digest":"{{NoResults}}","waitsSince":0}""";

    private static string Adopted(int shard, int waiting, string since = "") =>
        $$"""{"shard":{{shard}},"frame":3,"accounts":0,"changed":0,"waiting":{{waiting}},"shortfall":"0","digest":"{{NoResults}}"{{since}}}""";

    private static string Reported(int shard, int waiting, string since = "", string shortfall = "0") =>
        $$"""{"shard":{{shard}},"frame":3,"waiting":{{waiting}},"shortfall":"{{shortfall}}"{{since}}}""";

    /// <summary>Everything up to the reports of both shards; what comes of them is the test's.</summary>
    private static Book Reporting()
    {
        var book = new Book()
            .Add(Ann, "account.opened.v1", """{"owner":"ann"}""", Key(1))
            .Add(Ann, "account.deposited.v1", """{"amount":"10 USDC","balanceAfter":"10 USDC","reference":"r"}""", Source(1))
            .Add(Ann, "account.withdrawal-held.v1", """{"withdrawal":3,"amount":"2 USDC","balanceAfter":"8 USDC","destination":"d","overdueAt":"2026-01-02T00:00:00.000000Z"}""", Key(2))
            .Add(TheMarket, "market.frame-published.v2", Published(1), Timer)
            .Add(TheMarket, "market.frame-published.v2", Published(2), Timer)
            .Add(TheMarket, "market.frame-published.v2", Published(3), Timer);
        return Three(book.Add(Shard0, "shard.frame-adopted.v1", Adopted(0, waiting: 1, ",\"waitsSince\":0"), Frame(3), Pool), 0);
    }

    private static Book BothReporting() => Three(
        Three(
            Three(Reporting().Add(Shard1, "shard.frame-adopted.v1", Adopted(1, waiting: 0), Frame(3), Pool), 1)
                .Add(Pool, "pool.shard-reported.v1", Reported(0, waiting: 1, ",\"waitsSince\":0"), Message(0, 7)), 0)
            .Add(Pool, "pool.shard-reported.v1", Reported(1, waiting: 0), Message(1, 1)), 0);

    private static Book Cleared(string payload = """{"frame":2,"shards":[0]}""") =>
        Three(BothReporting().Add(Pool, "pool.cleared.v1", payload, Message(1, 1), Shard0), 0);

    private static Book Instructed() => Three(
        Three(Cleared().Add(Ann, "account.withdrawal-cleared.v1", """{"withdrawal":3,"frame":2}""", Message(0, 10)), 0)
            .Add(Ann, "account.withdrawal-instructed.v1", """{"withdrawal":3,"amount":"2 USDC","destination":"d"}""", Message(0, 10)), 0);

    /// <summary>The last row of the shard is under frame 3.</summary>
    private static Book Three(Book book, int shard) => book.Edit(shard, book.Shards[shard].Count - 1, AtFrameThree);

    [Fact]
    public void A_good_journal_with_a_clearance_passes() =>
        Three(Instructed().Add(Ann, "account.withdrawal-posted.v1", """{"withdrawal":3,"amount":"2 USDC"}""", Source(2)), 0).Audit();

    [Fact]
    public void A_clearance_before_a_shard_has_adopted_is_seen() => Breaks("I16", Three(
        Three(Reporting().Add(Pool, "pool.shard-reported.v1", Reported(0, waiting: 1, ",\"waitsSince\":0"), Message(0, 7)), 0)
            .Add(Pool, "pool.cleared.v1", """{"frame":2,"shards":[0]}""", Key(30), Shard0), 0));

    [Fact]
    public void A_clearance_that_could_be_given_and_was_not_is_seen() =>
        Breaks("I16", Three(BothReporting().Add(Ann, "account.deposited.v1", """{"amount":"1 USDC","balanceAfter":"9 USDC","reference":"r"}""", Source(2)), 0));

    [Theory]
    [InlineData("""{"frame":3,"shards":[0]}""")]
    [InlineData("""{"frame":1,"shards":[0]}""")]
    [InlineData("""{"frame":2,"shards":[1]}""")]
    public void A_clearance_of_other_frames_or_shards_is_seen(string payload) => Breaks("I16", Cleared(payload));

    [Fact]
    public void A_report_that_hides_what_is_missing_is_seen() => Breaks("I16", BothReporting()
        .Edit(0, 7, row => row with { Payload = Text(Reported(0, waiting: 1, ",\"waitsSince\":0", shortfall: "1")) }));

    [Fact]
    public void A_withdrawal_that_was_cleared_and_left_behind_is_seen() => Breaks("I4", Three(
        Cleared().Add(Shard0, "shard.consumed.v1", "{}", Message(0, 10)), 0));

    [Fact]
    public void An_instruction_that_does_not_follow_its_clearance_is_seen() => Breaks("I16", Three(
        Three(Cleared().Add(Ann, "account.withdrawal-cleared.v1", """{"withdrawal":3,"frame":2}""", Message(0, 10)), 0)
            .Add(Ann, "account.deposited.v1", """{"amount":"1 USDC","balanceAfter":"9 USDC","reference":"r"}""", Source(2)), 0));

    [Fact]
    public void A_payment_before_the_instruction_is_seen() =>
        Breaks("I16", Three(Reporting().Add(Ann, "account.withdrawal-posted.v1", """{"withdrawal":3,"amount":"2 USDC"}""", Source(2)), 0));

    [Fact]
    public void A_cancellation_after_the_clearance_is_seen() => Breaks("I16", Three(
        Instructed().Add(Ann, "account.withdrawal-cancelled.v1", """{"withdrawal":3,"amount":"2 USDC","balanceAfter":"10 USDC"}""", Key(3)), 0));

    [Fact]
    public void A_grant_used_for_a_later_hold_is_seen() => Breaks("I4", Three(Three(
        Three(Instructed().Add(Ann, "account.withdrawal-held.v1", """{"withdrawal":6,"amount":"1 USDC","balanceAfter":"7 USDC","destination":"d","overdueAt":"2026-01-02T00:00:00.000000Z","frame":3}""", Key(4)), 0)
            .Add(Ann, "account.withdrawal-cleared.v1", """{"withdrawal":6,"frame":2}""", Message(0, 10)), 0)
        .Add(Ann, "account.withdrawal-instructed.v1", """{"withdrawal":6,"amount":"1 USDC","destination":"d"}""", Message(0, 10)), 0));
}
