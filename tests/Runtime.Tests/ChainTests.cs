using System.Security.Cryptography;
using System.Text;
using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;
using Shouldly;
using Xunit;

namespace CrossMargin.Runtime.Tests;

/// <summary>
/// The byte format of a record, against bytes that are written out here and not computed by the code under test.
/// </summary>
public class ChainTests
{
    private static readonly GrainId Grain = GrainId.Read(Convert.FromHexString("02112233445586778899AABBCCDDEEFF"));
    private static readonly GrainId Other = GrainId.Read(Convert.FromHexString("02FFEEDDCCBB8A998877665544332211"));

    private static JournalRecord Fixed(Cause cause) => new()
    {
        Shard = new ShardId(5),
        Position = 258,
        Grain = Grain,
        Version = 7,
        Type = "account.deposited.v1",
        Time = new Instant(1_767_225_600_000_001),
        Frame = 9,
        Cause = cause,
        Addressees = [Other],
        Payload = Encoding.UTF8.GetBytes("""{"a":1}"""),
    };

    [Fact]
    public void A_shard_begins_with_the_hash_of_its_name() =>
        Chain.Genesis(new ShardId(5)).ToArray().ShouldBe(SHA256.HashData(Encoding.ASCII.GetBytes("crossmargin shard 5")));

    [Fact]
    public void A_digest_and_a_link_are_the_hashes_of_these_bytes()
    {
        var record = Fixed(new Cause.Message(new RecordAddress(new ShardId(3), 4)));
        byte[] content =
        [
            .. Convert.FromHexString(
                "00"                                         // a record
                + "0005"                                     // shard
                + "0000000000000102"                         // position
                + "00000002"                                 // epoch
                + "02112233445586778899AABBCCDDEEFF"         // grain
                + "0000000000000007"                         // version
                + "0006474846204001"                         // time
                + "0000000000000009"                         // frame
                + "0014"), .. Encoding.ASCII.GetBytes("account.deposited.v1"),
            .. Convert.FromHexString(
                "000B" + "03" + "0003" + "0000000000000004"  // cause: a message, its shard and position
                + "0001" + "02FFEEDDCCBB8A998877665544332211"
                + "00000007"), .. Encoding.ASCII.GetBytes("""{"a":1}"""),
        ];
        byte[] link =
        [
            .. Convert.FromHexString("01" + "0000000000000102"),   // a link, its position
            .. Hash(257), .. Hash(255), .. SHA256.HashData(content),
        ];

        var end = record.Seal(epoch: 2, At257);
        Chain.Digest(record).ToArray().ShouldBe(SHA256.HashData(content));
        end.Hash.ToArray().ShouldBe(SHA256.HashData(link));
        end.Position.ShouldBe(258);
        end.Jump!.Position.ShouldBe(255);
        record.Chain.ShouldBe(end.Hash);
        record.Epoch.ShouldBe(2);
    }

    [Fact]
    public void Every_field_is_in_the_link()
    {
        var cause = new Cause.Message(new RecordAddress(new ShardId(3), 4));
        JournalRecord Changed(
            int shard = 5, long position = 258, GrainId? grain = null, long version = 7, string type = "account.deposited.v1",
            long time = 1_767_225_600_000_001, long frame = 9, Cause? why = null, GrainId? to = null, string payload = """{"a":1}""") => new()
            {
                Shard = new ShardId(shard), Position = position, Grain = grain ?? Grain, Version = version, Type = type, Time = new Instant(time),
                Frame = frame, Cause = why ?? cause, Addressees = [to ?? Other], Payload = Encoding.UTF8.GetBytes(payload),
            };

        Hash256 Sealed(JournalRecord record, int epoch = 2, ChainEnd? at = null) => record.Seal(epoch, at ?? At257).Hash;

        Hash256[] links =
        [
            Sealed(Changed()), Sealed(Changed(), epoch: 3), Sealed(Changed(), at: At257 with { Hash = default }),
            Sealed(Changed(), at: At257 with { Jump = At257.Jump! with { Jump = At257.Jump!.Jump! with { Hash = default } } }),
            Sealed(Changed(shard: 6)), Sealed(Changed(position: 259)), Sealed(Changed(grain: Other)), Sealed(Changed(version: 8)),
            Sealed(Changed(type: "account.deposited.v2")), Sealed(Changed(time: 1_767_225_600_000_002)), Sealed(Changed(frame: 10)),
            Sealed(Changed(why: Cause.Timer.Came)), Sealed(Changed(to: Grain)), Sealed(Changed(payload: """{"a":2}""")),
        ];
        links.ShouldBeUnique();
        Sealed(Changed()).ShouldBe(links[0]);
    }

    private static byte[] Hash(int position) => SHA256.HashData(Encoding.ASCII.GetBytes($"link {position}"));

    private static ChainEnd At257 { get; } = new(257, Hash256.Read(Hash(257)),
        new(256, Hash256.Read(Hash(256)), new(255, Hash256.Read(Hash(255)), ChainEnd.Genesis(new ShardId(5)))));

    /// <summary>These numbers stand in every journal: with others no chain could be checked any more.</summary>
    [Theory]
    [InlineData(1, 0)]
    [InlineData(2, 1)]
    [InlineData(3, 0)]
    [InlineData(4, 3)]
    [InlineData(5, 4)]
    [InlineData(6, 3)]
    [InlineData(7, 0)]
    [InlineData(14, 7)]
    [InlineData(258, 255)]
    [InlineData(1_000_000, 999_993)]
    [InlineData(1_048_574, 524_287)]
    [InlineData(long.MaxValue, 0)]
    public void A_link_jumps_back_to(long position, long target) => Chain.JumpFrom(position).ShouldBe(target);

    [Fact]
    public void An_end_that_grows_jumps_where_the_arithmetic_says_and_comes_back_from_its_hashes()
    {
        var end = ChainEnd.Genesis(new ShardId(5));
        for (var position = 1; position <= 3_000; position++)
        {
            end = end.Next(Hash256.Of(BitConverter.GetBytes(position)));
            end.Position.ShouldBe(position);
            end.Jump!.Position.ShouldBe(Chain.JumpFrom(position));
            ChainEnd.From(new ShardId(5), position, end.Hashes()).ShouldBe(end);
        }

        end.Hashes().Count.ShouldBeLessThan(24);
        ChainEnd.From(new ShardId(5), end.Position, [.. end.Hashes().Skip(1)]).ShouldBeNull();
    }

    /// <summary>Every record of every chain up to 300 long, and the whole of one together.</summary>
    [Fact]
    public void A_way_up_is_short_and_each_link_of_it_names_the_one_below()
    {
        for (var head = 1; head <= 300; head++)
        {
            for (var from = 1; from <= head; from++)
            {
                var path = ChainPath.Between([from], head);
                path[0].ShouldBe(from);
                path[^1].ShouldBe(head);
                path.Count.ShouldBeLessThanOrEqualTo(1 + (3 * (int)Math.Log2(head + 1)));
                for (var i = 1; i < path.Count; i++)
                    (path[i] == path[i - 1] + 1 || Chain.JumpFrom(path[i]) == path[i - 1]).ShouldBeTrue($"{path[i - 1]} to {path[i]}");
            }

            ChainPath.Between(Enumerable.Range(1, head).Select(position => (long)position), head).Count.ShouldBe(head);
        }

        ChainPath.Between([5], 5).ShouldBe([5]);
        ChainPath.Between([3], 6).ShouldBe([3, 6], "6 jumps to 3");
        Should.Throw<ArgumentOutOfRangeException>(() => Chain.JumpFrom(0));
        Should.Throw<ArgumentOutOfRangeException>(() => ChainPath.Between([0], 5));
        Should.Throw<ArgumentOutOfRangeException>(() => ChainPath.Between([6], 5));
    }

    public static TheoryData<string, Cause> Causes => new()
    {
        {
            "01" + "019B76DA" + "A800" + "7ABC" + "8000000000000005" + "0000000000000001" + "0000000000000002",
            new Cause.Key(CommandKey.Issue(new Instant(1_767_225_600_000_000), 0xABC, 5), new Fingerprint(1, 2))
        },
        { "02" + "0000000000000011" + "0000000000000003" + "0000000000000004" + "66656564", new Cause.Source(new SourceId("feed"), 17, new Fingerprint(3, 4)) },
        { "03" + "0002" + "000000000000000A", new Cause.Message(new RecordAddress(new ShardId(2), 10)) },
        { "04", Cause.Timer.Came },
        { "05" + "0000000000000102", new Cause.Frame(258) },
    };

    [Theory]
    [MemberData(nameof(Causes))]
    public void A_cause_has_one_form(string hex, Cause cause)
    {
        Convert.ToHexString(cause.Encode()).ShouldBe(hex);
        Cause.Decode(Convert.FromHexString(hex)).ShouldBe(cause);
    }

    [Theory]
    [InlineData("")]
    [InlineData("05")]
    [InlineData("0500000000000001")]
    [InlineData("06")]
    [InlineData("0400")]
    [InlineData("030002000000000000000A00")]
    [InlineData("030002000000000000")]
    [InlineData("02000000000000001100000000000000030000000000000004")]
    [InlineData("01019B76DAA8007ABC80000000000000050000000000000001000000000000000200")]
    public void Other_bytes_are_no_cause(string hex) =>
        Should.Throw<FormatException>(() => Cause.Decode(Convert.FromHexString(hex)));

    [Fact]
    public void A_shard_of_a_grain_never_changes()
    {
        // Stored journals depend on these: a grain that moved would be lost.
        var map = new ShardMap(64);
        map.ShardOf(Grain).Number.ShouldBe(Expected(Grain, 64));
        map.ShardOf(Other).Number.ShouldBe(Expected(Other, 64));
        new ShardMap(7).ShardOf(Grain).Number.ShouldBe(Expected(Grain, 7));
        map.ShardOf(ShardMap.GrainOf(new ShardId(63))).Number.ShouldBe(63);
        Should.Throw<ArgumentOutOfRangeException>(() => new ShardMap(65));
        Should.Throw<ArgumentOutOfRangeException>(() => new ShardMap(0));

        static int Expected(GrainId grain, uint count)
        {
            var product = ((UInt128)(grain.High ^ ((grain.Low << 32) | (grain.Low >> 32))) * 0x9E37_79B9_7F4A_7C15) & ulong.MaxValue;
            return (int)((product >> 32) % count);
        }
    }
}
