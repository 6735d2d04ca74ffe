using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Trades;

namespace CrossMargin.Grains.Trades;

public enum TradeStanding
{
    Standing,
    Busted,
}

/// <summary>A trade that may still be busted, or was.</summary>
public sealed record KnownTrade(long Number, TradeStanding Standing, TradeEvent.Captured Trade);

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
            byId.Add(known.Trade.Trade, known);
            byNumber.Add(known.Number, known.Trade.Trade);
        }

        return new RecentTrades(byNumber.Count == 0 ? 0 : byNumber.Keys.Last(), byId.ToImmutable(), byNumber.ToImmutable());
    }

    public KnownTrade? Find(TradeId trade) => byId.GetValueOrDefault(trade);

    public RecentTrades With(TradeEvent.Captured trade)
    {
        var number = count + 1;
        var (ids, numbers) = (byId, byNumber);
        if (numbers.TryGetValue(number - Kept, out var oldest))
        {
            ids = ids.Remove(oldest);
            numbers = numbers.Remove(number - Kept);
        }

        return new RecentTrades(
            number, ids.Add(trade.Trade, new KnownTrade(number, TradeStanding.Standing, trade)), numbers.Add(number, trade.Trade));
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
