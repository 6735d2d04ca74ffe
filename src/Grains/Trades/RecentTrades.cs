using System.Collections.Immutable;
using System.Text.Json.Serialization;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Trades;

namespace CrossMargin.Grains.Trades;

public enum TradeStanding
{
    Standing,
    Busted,
}

/// <summary>A trade that may still be busted, or was: of contracts, or of one asset for another.</summary>
public sealed record KnownTrade(long Number, TradeStanding Standing)
{
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public TradeEvent.Captured? Trade { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public TradeEvent.Converted? Conversion { get; init; }

    [JsonIgnore]
    public TradeId Id => Trade?.Trade ?? Conversion!.Trade;
}

/// <summary>
/// The feed's latest trades. A trade's amounts are needed to take it back, and its id must not come again; what is older
/// than the latest <see cref="Kept"/> is left to a correcting trade.
/// </summary>
public sealed class RecentTrades
{
    public const int Kept = 4_096;

    public static readonly RecentTrades None =
        new(0, ImmutableSortedDictionary<TradeId, KnownTrade>.Empty, ImmutableSortedDictionary<long, TradeId>.Empty);

    private readonly long count;
    private readonly ImmutableSortedDictionary<TradeId, KnownTrade> byId;
    private readonly ImmutableSortedDictionary<long, TradeId> byNumber;

    private RecentTrades(
        long count, ImmutableSortedDictionary<TradeId, KnownTrade> byId, ImmutableSortedDictionary<long, TradeId> byNumber)
    {
        this.count = count;
        this.byId = byId;
        this.byNumber = byNumber;
    }

    /// <summary>Oldest first.</summary>
    public IEnumerable<KnownTrade> All => byNumber.Values.Select(id => byId[id]);

    public static RecentTrades From(IEnumerable<KnownTrade> trades)
    {
        var byId = ImmutableSortedDictionary.CreateBuilder<TradeId, KnownTrade>();
        var byNumber = ImmutableSortedDictionary.CreateBuilder<long, TradeId>();
        foreach (var known in trades)
        {
            byId.Add(known.Id, known);
            byNumber.Add(known.Number, known.Id);
        }

        return new RecentTrades(byNumber.Count == 0 ? 0 : byNumber.Keys.Last(), byId.ToImmutable(), byNumber.ToImmutable());
    }

    public KnownTrade? Find(TradeId trade) => byId.GetValueOrDefault(trade);

    public RecentTrades With(TradeEvent.Captured trade) => With(number => new KnownTrade(number, TradeStanding.Standing) { Trade = trade });

    public RecentTrades With(TradeEvent.Converted conversion) =>
        With(number => new KnownTrade(number, TradeStanding.Standing) { Conversion = conversion });

    private RecentTrades With(Func<long, KnownTrade> numbered)
    {
        var number = count + 1;
        var known = numbered(number);
        var (ids, numbers) = (byId, byNumber);
        if (numbers.TryGetValue(number - Kept, out var oldest))
        {
            ids = ids.Remove(oldest);
            numbers = numbers.Remove(number - Kept);
        }

        return new RecentTrades(number, ids.Add(known.Id, known), numbers.Add(number, known.Id));
    }

    public RecentTrades WithBusted(TradeId trade)
    {
        var known = Find(trade) ?? throw new InvariantViolation("T7", $"trade {trade} is busted and is not known");
        Invariant.Holds("T8", known.Standing == TradeStanding.Standing, "a trade is busted once");
        return new RecentTrades(count, byId.SetItem(trade, known with { Standing = TradeStanding.Busted }), byNumber);
    }

    public void Verify() => Invariant.Holds(
        "T9", byId.Count == byNumber.Count && byId.Count <= Kept, "each kept trade has one id and one number");
}
