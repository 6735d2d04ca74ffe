using System.Security.Cryptography;
using Shouldly;
using Xunit;

namespace CrossMargin.Contracts.Tests;

public sealed class IdTests
{
    [Fact]
    public void A_grain_id_carries_its_kind_and_is_a_version_8_uuid()
    {
        var id = GrainId.Derive(GrainKind.Account, "seed"u8);
        id.Kind.ShouldBe(GrainKind.Account);
        var text = id.ToString();
        text[..2].ShouldBe("02");
        text[14].ShouldBe('8');
        "89ab".ShouldContain(text[19]);
        id.ToGuid().ToString().ShouldBe(text);
        GrainId.From(id.ToGuid()).ShouldBe(id);
    }

    [Fact]
    public void A_grain_id_survives_text_and_bytes()
    {
        var id = GrainId.Derive(GrainKind.Account, "another"u8);
        GrainId.TryParse(id.ToString(), out var read).ShouldBeTrue();
        read.ShouldBe(id);
        Span<byte> bytes = stackalloc byte[GrainId.Size];
        id.Write(bytes);
        GrainId.Read(bytes).ShouldBe(id);
    }

    [Theory]
    [InlineData("")]
    [InlineData("02")]
    [InlineData("02F00000-0000-8000-8000-000000000000")]   // upper case
    [InlineData("02000000000080008000000000000000")]       // no dashes
    [InlineData("02000000-0000-8000-8000-00000000000g")]
    [InlineData("02000000-0000-8000-8000-0000000000000")]
    public void Only_the_canonical_text_of_an_id_is_read(string text) => GrainId.TryParse(text, out _).ShouldBeFalse();

    [Fact]
    public void An_account_id_is_of_an_account()
    {
        AccountId.TryParse("01000000-0000-8000-8000-000000000000", out _).ShouldBeFalse();
        Should.Throw<ArgumentException>(() => new AccountId(GrainId.Derive(GrainKind.Shard, "x"u8)));
    }

    [Fact]
    public void The_same_owner_and_key_always_name_the_same_account()
    {
        var key = CommandKey.Issue(new Instant(1_700_000_000_000_000), 1, 2);
        AccountId.For(new PrincipalId("alice"), key).ShouldBe(AccountId.For(new PrincipalId("alice"), key));
        AccountId.For(new PrincipalId("alice"), key).ShouldNotBe(AccountId.For(new PrincipalId("bob"), key));
    }

    [Fact]
    public void A_key_tells_when_it_was_issued()
    {
        var issued = new Instant(1_790_000_000_123_000);
        var key = CommandKey.Issue(issued, ulong.MaxValue, ulong.MaxValue);
        key.IssuedAt.ShouldBe(issued);
        CommandKey.TryParse(key.ToString(), out var read).ShouldBeTrue();
        read.ShouldBe(key);
        Guid.Parse(key.ToString()).Version.ShouldBe(7);
        CommandKey.TryParse(Guid.CreateVersion7().ToString(), out _).ShouldBeTrue();
    }

    [Fact]
    public void A_random_uuid_is_not_a_key() => CommandKey.TryParse("7d444840-9dc0-41d1-b245-5ffdce74fad2", out _).ShouldBeFalse();

    [Theory]
    [InlineData("USDC", true)]
    [InlineData("A", true)]
    [InlineData("ABCDEFG8", true)]
    [InlineData("ABCDEFGH9", false)]
    [InlineData("", false)]
    [InlineData("usdc", false)]
    [InlineData("US C", false)]
    public void An_asset_code_is_one_to_eight_capitals_and_digits(string code, bool isCode)
    {
        Asset.TryParse(code, out var asset).ShouldBe(isCode);
        if (isCode) asset.ToString().ShouldBe(code);
    }

    [Fact]
    public void Assets_are_ordered_as_their_codes()
    {
        string[] codes = ["ZZ", "A", "AB", "USDC", "USD", "1"];
        codes.Select(Asset.Of).Order().Select(asset => asset.ToString()).ShouldBe(codes.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_time_is_written_in_utc_with_six_decimals() =>
        new Instant(1_700_000_000_000_001).ToString().ShouldBe("2023-11-14T22:13:20.000001Z");

    [Theory]
    [InlineData("alice", true)]
    [InlineData("desk-1.eu_west", true)]
    [InlineData("", false)]
    [InlineData("a b", false)]
    [InlineData("ä", false)]
    [InlineData("a/b", false)]
    public void A_principal_is_a_plain_name(string text, bool isName) => PrincipalId.TryParse(text, out _).ShouldBe(isName);

    [Fact]
    public void A_hash_of_any_length_is_the_sha_256_that_others_compute()
    {
        var bytes = new byte[300];
        for (var i = 0; i < bytes.Length; i++) bytes[i] = (byte)(i % 251);
        for (var length = 0; length <= bytes.Length; length++)
            Hash256.Of(bytes.AsSpan(0, length)).ToArray().ShouldBe(SHA256.HashData(bytes.AsSpan(0, length)));
        Hash256.Of("abc"u8).ToString().ShouldBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
