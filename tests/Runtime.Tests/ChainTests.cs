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
    public void A_link_is_the_hash_of_these_bytes()
    {
        var record = Fixed(new Cause.Message(new RecordAddress(new ShardId(3), 4)));
        var sealedChain = record.Seal(epoch: 2, Chain.Genesis(new ShardId(5)));

        byte[] expected =
        [
            .. SHA256.HashData(Encoding.ASCII.GetBytes("crossmargin shard 5")),
            .. Convert.FromHexString(
                "0005"                                       // shard
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
        sealedChain.ToArray().ShouldBe(SHA256.HashData(expected));
        record.Chain.ShouldBe(sealedChain);
        record.Epoch.ShouldBe(2);
    }

    [Fact]
    public void Every_field_is_in_the_link()
    {
        var at = Chain.Genesis(new ShardId(5));
        var cause = new Cause.Message(new RecordAddress(new ShardId(3), 4));
        JournalRecord Changed(
            int shard = 5, long position = 258, GrainId? grain = null, long version = 7, string type = "account.deposited.v1",
            long time = 1_767_225_600_000_001, long frame = 9, Cause? why = null, GrainId? to = null, string payload = """{"a":1}""") => new()
            {
                Shard = new ShardId(shard), Position = position, Grain = grain ?? Grain, Version = version, Type = type, Time = new Instant(time),
                Frame = frame, Cause = why ?? cause, Addressees = [to ?? Other], Payload = Encoding.UTF8.GetBytes(payload),
            };

        Hash256[] links =
        [
            Changed().Seal(2, at), Changed().Seal(3, at), Changed().Seal(2, default), Changed(shard: 6).Seal(2, at), Changed(position: 259).Seal(2, at),
            Changed(grain: Other).Seal(2, at), Changed(version: 8).Seal(2, at), Changed(type: "account.deposited.v2").Seal(2, at),
            Changed(time: 1_767_225_600_000_002).Seal(2, at), Changed(frame: 10).Seal(2, at), Changed(why: Cause.Timer.Came).Seal(2, at),
            Changed(to: Grain).Seal(2, at), Changed(payload: """{"a":2}""").Seal(2, at),
        ];
        links.ShouldBeUnique();
        Changed().Seal(2, at).ShouldBe(links[0]);
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
