using CrossMargin.Contracts;
using CrossMargin.Runtime.Cluster;
using CrossMargin.Runtime.Records;
using Shouldly;
using Xunit;

namespace CrossMargin.Runtime.Tests.Cluster;

public class PlacementTests
{
    private static readonly ShardMap Map = new(64);

    private static SiloId[] Silos(params string[] names) => [.. names.Select(name => new SiloId(name, 1))];

    private static string[] Owners(params string[] names) => [.. Map.Shards.Select(shard => Placement.OwnerOf(shard, Silos(names))!.Name)];

    [Fact]
    public void Nobody_owns_anything_where_there_is_nobody() => Placement.OwnerOf(new ShardId(1), []).ShouldBeNull();

    [Fact]
    public void The_order_in_which_silos_are_listed_says_nothing() => Owners("a", "b", "c").ShouldBe(Owners("c", "a", "b"));

    [Fact]
    public void A_silo_that_comes_moves_only_what_it_gains()
    {
        var (before, after) = (Owners("a", "b", "c"), Owners("a", "b", "c", "d"));
        for (var i = 0; i < before.Length; i++) (after[i] == before[i] || after[i] == "d").ShouldBeTrue();
        after.Count(owner => owner == "d").ShouldBeInRange(8, 26);
    }

    [Fact]
    public void A_restarted_silo_gets_back_what_it_had() =>
        Map.Shards.Select(shard => Placement.OwnerOf(shard, [new SiloId("a", 1), new SiloId("b", 7)])!.Name)
            .ShouldBe(Map.Shards.Select(shard => Placement.OwnerOf(shard, [new SiloId("a", 2), new SiloId("b", 9)])!.Name));

    /// <summary>Another number here would move every shard of every venue at an upgrade.</summary>
    [Fact]
    public void The_draw_is_the_same_in_every_version() =>
        string.Concat(Owners("silo-1", "silo-2", "silo-3").Select(name => name[^1])).ShouldBe(Pinned);

    // Computed apart from this code: the highest first eight bytes of SHA-256 over (shard as 16 bits, name).
    private const string Pinned = "1121121211312331223132221213122222211233122131133213311122323212";
}
