using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Links;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Parameters;
using CrossMargin.Contracts.Pools;
using CrossMargin.Contracts.Trades;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Links;
using CrossMargin.Grains.Markets;
using CrossMargin.Grains.Parameters;
using CrossMargin.Grains.Pools;
using CrossMargin.Grains.Trades;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Records;
using Shouldly;
using Xunit;

namespace CrossMargin.Grains.Tests;

/// <summary>Any silo takes any command and sends it to the one that owns the shard: it has to arrive as it left.</summary>
public class CommandTravelTests
{
    private static readonly (GrainType Grain, Type Commands)[] Kinds =
    [
        (new AccountGrain(), typeof(AccountCommand)),
        (new MarketGrain(), typeof(MarketCommand)),
        (new TradeCaptureGrain(), typeof(TradeCommand)),
        (new ParametersGrain(MarketId.For("test")), typeof(ParameterCommand)),
        (new CoordinatorGrain(new ShardMap(4)), typeof(PoolCommand)),
        (new VenueLinkGrain(), typeof(LinkCommand)),
    ];

    public static TheoryData<string> Commands =>
        [.. Kinds.SelectMany(kind => kind.Commands.GetNestedTypes()).Where(type => !type.IsAbstract).Select(type => type.FullName!)];

    [Theory]
    [MemberData(nameof(Commands))]
    public void A_command_arrives_as_it_left(string name)
    {
        var (grain, commands) = Kinds.Single(kind => kind.Commands.GetNestedTypes().Any(type => type.FullName == name));
        var sent = Samples.Of(commands.GetNestedTypes().Single(type => type.FullName == name));
        var bytes = grain.CanonicalBytes(sent);
        var arrived = grain.ReadCommand(bytes);
        arrived.ShouldBeOfType(sent.GetType());
        grain.CanonicalBytes(arrived).ShouldBe(bytes);
    }

    [Fact]
    public void A_command_of_another_name_is_refused() =>
        Should.Throw<System.Text.Json.JsonException>(() => new AccountGrain().ReadCommand("Steal{}"u8));
}

/// <summary>A value of any type that commands are made of.</summary>
internal static class Samples
{
    private static readonly Dictionary<Type, object> Known = new()
    {
        [typeof(string)] = "text",
        [typeof(long)] = 3L,
        [typeof(int)] = 2,
        [typeof(bool)] = true,
        [typeof(Instant)] = new Instant(1_700_000_000_000_000),
        [typeof(Asset)] = Asset.Of("USDC"),
        [typeof(AssetAmount)] = new AssetAmount(Asset.Of("USDC"), 1_500_000),
        [typeof(AccountId)] = AccountId.For(new PrincipalId("alice"), CommandKey.Issue(new Instant(1_700_000_000_000_000), 1, 2)),
        [typeof(FeedId)] = FeedId.For(new SourceId("engine")),
        [typeof(ParameterText)] = new ParameterText("""{"version":1}"""),
    };

    public static object Of(Type type)
    {
        if (Known.TryGetValue(type, out var known)) return known;
        if (Nullable.GetUnderlyingType(type) is { } inner) return Of(inner);
        if (type.IsEnum) return Enum.GetValues(type).GetValue(Enum.GetValues(type).Length - 1)!;
        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(ImmutableArray<>))
        {
            var item = type.GetGenericArguments()[0];
            var items = Array.CreateInstance(item, 1);
            items.SetValue(Of(item), 0);
            return typeof(ImmutableArrayOf<>).MakeGenericType(item).GetMethod("From")!.Invoke(null, [items])!;
        }

        if (type.IsAbstract) return Of(type.GetNestedTypes().First(one => one.IsSubclassOf(type)));
        var constructor = type.GetConstructors().OrderByDescending(one => one.GetParameters().Length).First();
        return constructor.Invoke([.. constructor.GetParameters().Select(parameter => Of(parameter.ParameterType))]);
    }

    private static class ImmutableArrayOf<T>
    {
        public static ImmutableArray<T> From(T[] items) => [.. items];
    }
}
