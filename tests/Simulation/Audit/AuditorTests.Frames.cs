using Xunit;

namespace CrossMargin.Simulation.Audit;

/// <summary>The same for frames: one is published in shard 0 and freezes Ben in shard 1, whose order has no price.</summary>
public partial class AuditorTests
{
    private static readonly byte[] Timer = [4];
    private static readonly byte[] Pool = StoredFormat.Bytes(StoredFormat.MainPool);
    private static readonly byte[] Shard1 = StoredFormat.Bytes("01000000-0000-8000-8000-000000000001");

    private const string Freezes = """{"status":"Frozen","before":"Healthy","unpriced":"missing instruments[1]"}""";

    private static string Published(long number, int parameters = 0, string more = "\"settlements\":[]") =>
        $$$"""{"frame":{"number":{{{number}}},"at":"2026-01-01T00:00:00.000000Z","assets":[["USDC",1,null,1,0,0]],"underlyings":[["BTC",100,1,null,0]],"expiries":[],"perpetuals":[],"futures":[],"chains":[],{{{more}}},"parameterVersion":{{{parameters}}},"parameters":{"warnBelow":"1.25"}},"indices":[]}""";

    private static Book GoodFrames() => new Book()
        .Add(TheMarket, "market.frame-published.v2", Published(1), Timer)
        .Add(Ben, "account.opened.v1", """{"owner":"ben"}""", Key(20))
        .Add(Ben, "account.order-reserved.v1", """{"order":"o","subAccount":0,"instrument":1,"side":"Buy","quantity":"1","price":"100"}""", Key(21))
        .Add(Ben, "account.margin-status-changed.v1", Freezes, Frame(1)).Edit(1, 2, AtFrameOne)
        .Add(Shard1, "shard.frame-adopted.v1", """{"shard":1,"frame":1,"accounts":1,"changed":1,"waiting":0,"shortfall":"0","digest":"00"}""", Frame(1), Pool).Edit(1, 3, AtFrameOne)
        .Add(Ben, "account.deposited.v1", """{"amount":"10 USDC","balanceAfter":"10 USDC","reference":"r"}""", Source(1)).Edit(1, 4, AtFrameOne);

    [Fact]
    public void A_good_journal_with_frames_passes() => GoodFrames().Audit();

    [Fact]
    public void A_frame_that_goes_back_is_seen() => Breaks("I15", GoodFrames().Edit(1, 4, row => row with { Frame = 0 }));

    [Fact]
    public void A_frame_that_nobody_published_is_seen() => Breaks("I4", GoodFrames().Edit(1, 4, row => row with { Frame = 4 }));

    [Fact]
    public void A_frame_published_twice_is_seen() => Breaks("I15", GoodFrames().Add(TheMarket, "market.frame-published.v2", Published(1), Timer));

    [Fact]
    public void A_message_taken_in_below_its_frame_is_seen() => Breaks("I15", GoodFrames()
        .Add(Pool, "pool.shard-reported.v1", """{"shard":1,"frame":1,"waiting":0,"shortfall":"0"}""", Message(1, 4)));

    [Fact]
    public void A_turn_left_out_is_seen() => Breaks("I4", GoodFrames().Remove(1, 2));

    [Fact]
    public void A_turn_that_nothing_asked_for_is_seen() => Breaks("I15", new Book()
        .Add(TheMarket, "market.frame-published.v2", Published(1), Timer)
        .Add(Ben, "account.opened.v1", """{"owner":"ben"}""", Key(20))
        .Add(Ben, "account.margin-status-changed.v1", Freezes, Frame(1)).Edit(1, 1, AtFrameOne));

    [Fact]
    public void A_turn_after_the_adoption_is_seen() => Breaks("I15", GoodFrames()
        .Add(Ben, "account.margin-status-changed.v1", """{"status":"Healthy","before":"Frozen"}""", Frame(1)).Edit(1, 5, AtFrameOne));

    [Fact]
    public void An_adoption_that_changed_something_and_has_no_record_is_seen() => Breaks("I15", GoodFrames().Remove(1, 3));

    [Theory]
    [InlineData("\"accounts\":1", "\"accounts\":2")]
    [InlineData("\"changed\":1", "\"changed\":0")]
    [InlineData("\"waiting\":0", "\"waiting\":1")]
    public void An_adoption_record_that_says_otherwise_is_seen(string what, string otherwise) => Breaks("I4", GoodFrames().Edit(1, 3, row =>
        row with { Payload = Text(System.Text.Encoding.UTF8.GetString(row.Payload).Replace(what, otherwise, StringComparison.Ordinal)) }));

    private static StoredRow AtFrameOne(StoredRow row) => row with { Frame = 1 };

    private static StoredRow AtFrameThree(StoredRow row) => row with { Frame = 3 };

    private static byte[] Frame(byte number) => [5, .. new byte[7], number];
}
