using System.Buffers.Binary;
using System.Security.Cryptography;
using Xunit;

namespace CrossMargin.Simulation.Audit;

/// <summary>The same for frames: one is published in shard 0 and lights a circular grain of shard 1, which told shard 0 before.</summary>
public partial class AuditorTests
{
    private static readonly byte[] Lighthouse = OfKind(0xC9, shard: 0), Circular = OfKind(0xC8, shard: 1), Reader = OfKind(0xC8, shard: 0);
    private static readonly byte[] Pool = StoredFormat.Bytes(StoredFormat.MainPool);
    private static readonly byte[] Shard1 = StoredFormat.Bytes("01000000-0000-8000-8000-000000000001");
    private static readonly string CircularId = StoredFormat.Uuid(Circular), ReaderId = StoredFormat.Uuid(Reader);

    /// <summary>The light that reaches the circular grain, by the rule low + light ≡ 0 (mod 3).</summary>
    private static readonly int Light = (int)((3 - (BinaryPrimitives.ReadUInt64BigEndian(Circular.AsSpan(8)) % 3)) % 3);

    private static Book GoodFrames()
    {
        byte[] results = [.. Circular, .. new byte[7], (byte)Light, .. new byte[8]];
        var digest = Convert.ToHexStringLower(SHA256.HashData(results));
        return new Book()
            .Add(Lighthouse, "lighthouse.shone.v1", $$"""{"frame":3,"light":{{Light}}}""", Key(20))
            .Add(Circular, "circular.sent.v1", $$"""{"to":["{{CircularId}}"],"text":"ignore","seen":0}""", Key(21), Circular)
            .Add(Circular, "circular.lit.v1", $$"""{"seen":3,"light":{{Light}}}""", Frame(3)).Edit(1, 1, AtFrameThree)
            .Add(Shard1, "shard.frame-adopted.v1", $$"""{"shard":1,"frame":3,"accounts":1,"changed":1,"waiting":0,"shortfall":"0","digest":"{{digest}}"}""", Frame(3), Pool).Edit(1, 2, AtFrameThree)
            .Add(Circular, "circular.sent.v1", $$"""{"to":["{{ReaderId}}"],"text":"read","seen":3}""", Key(22), Reader).Edit(1, 3, AtFrameThree);
    }

    [Fact]
    public void A_good_journal_with_frames_passes() => GoodFrames().Audit();

    [Fact]
    public void A_frame_that_goes_back_is_seen() => Breaks("I15", GoodFrames().Edit(1, 3, row => row with { Frame = 0 }));

    [Fact]
    public void A_frame_that_nobody_published_is_seen() => Breaks("I4", GoodFrames().Edit(1, 3, row => row with { Frame = 4 }));

    [Fact]
    public void A_frame_published_twice_is_seen() =>
        Breaks("I15", GoodFrames().Add(Lighthouse, "lighthouse.shone.v1", """{"frame":3,"light":0}""", Key(23)));

    [Fact]
    public void A_message_taken_in_below_its_frame_is_seen() => Breaks("I15", GoodFrames()
        .Add(Pool, "pool.shard-reported.v1", """{"shard":1,"frame":3,"waiting":0,"shortfall":"0"}""", Message(1, 3)));

    [Fact]
    public void A_turn_left_out_is_seen() => Breaks("I15", GoodFrames().Remove(1, 1));

    [Fact]
    public void A_turn_that_nothing_asked_for_is_seen() => Breaks("I15", GoodFrames()
        .Edit(0, 0, row => row with { Payload = Text($$"""{"frame":3,"light":{{Light + 1}}}""") }));

    [Fact]
    public void A_turn_after_the_adoption_is_seen() => Breaks("I15", GoodFrames()
        .Add(Circular, "circular.lit.v1", $$"""{"seen":3,"light":{{Light}}}""", Frame(3)).Edit(1, 4, AtFrameThree));

    [Fact]
    public void An_adoption_that_changed_something_and_has_no_record_is_seen() => Breaks("I15", GoodFrames().Remove(1, 2));

    [Theory]
    [InlineData("\"accounts\":1", "\"accounts\":2")]
    [InlineData("\"changed\":1", "\"changed\":0")]
    [InlineData("\"digest\":\"", "\"digest\":\"00")]
    public void An_adoption_record_that_says_otherwise_is_seen(string what, string otherwise) => Breaks("I4", GoodFrames().Edit(1, 2, row =>
        row with { Payload = Text(System.Text.Encoding.UTF8.GetString(row.Payload).Replace(what, otherwise, StringComparison.Ordinal)) }));

    private static StoredRow AtFrameThree(StoredRow row) => row with { Frame = 3 };

    private static byte[] Frame(byte number) => [5, .. new byte[7], number];

    private static byte[] OfKind(byte kind, int shard)
    {
        var id = Account(shard);
        id[0] = kind;
        for (id[15] = 0; StoredFormat.ShardOf(id, 2) != shard; id[15]++) { }
        return id;
    }
}
