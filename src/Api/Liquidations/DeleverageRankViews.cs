using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Numerics;
using System.Text.Json;
using CrossMargin.Api.Bodies;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Pools;
using CrossMargin.Grains.Accounts;

namespace CrossMargin.Api.Liquidations;

[Description("A position, and where it stands among all that are on its side of its market.")]
public sealed record DeleverageRankView(
    int Instrument, int SubAccount,
    [property: Description("`long` or `short`")] string Side,
    [property: RegularExpression(AmountText.Pattern), Description("Contracts that could be closed.")] string Size,
    [property: Description("What it has gained on its cost at the mark, in the reference currency.")] string Profit,
    [property: Description("What it cost.")] string EntryNotional,
    [property: Description("What it is worth.")] string Notional,
    [property: Description("Of the part of the account that answers for it.")] string Equity,
    [property: Description("(profit / entryNotional) × (notional / equity), not below zero.")] string Score,
    [property: Description("`lowers-risk`, `raises-risk` (it is a hedge) or `is-liquidated`.")] string Effect)
{
    [Description("1 is closed first. Null under `pro-rata`, where all are closed alike.")]
    public int? Rank { get; init; }

    [Description("How many positions are on this side.")]
    public int? Of { get; init; }

    [Description("Contracts that would be closed before this position.")]
    public string? Ahead { get; init; }

    internal static DeleverageRankView Ranked(
        DeleverageRanking ranking, Position held, DeleverageCandidate own, DeleverageStanding standing)
    {
        var view = new DeleverageRankView(
            held.Instrument.Number, held.SubAccount.Number, held.Quantity > Quantity.Zero ? "long" : "short", own.Size.ToString(),
            own.Profit.ToString(), own.EntryNotional.ToString(), own.Notional.ToString(), own.Equity.ToString(),
            E18(Risk.Liquidation.Deleveraging.Score(own)),
            JsonNamingPolicy.KebabCaseLower.ConvertName(own.Effect.ToString()));
        return ranking == DeleverageRanking.ProRata ? view : view with
        {
            Rank = standing.Rank, Of = standing.Of, Ahead = new Quantity((long)Int128.Min(standing.AheadE8, long.MaxValue)).ToString(),
        };
    }

    private static string E18(Int128 score)
    {
        var (whole, rest) = BigInteger.DivRem(score, BigInteger.Pow(10, 18));
        var digits = rest.ToString().PadLeft(18, '0').TrimEnd('0');
        return digits.Length == 0 ? whole.ToString() : $"{whole}.{digits}";
    }
}

[Description("What would be closed against others if nobody took their positions: the order that holds now, before anything happens.")]
public sealed record DeleverageRankAnswer(
    string Account,
    [property: Description("`queue`, `hedge-aware` or `pro-rata`; null where the rules in force have no deleveraging.")] string? Ranking,
    IReadOnlyList<DeleverageRankView> Positions, long Sequence, string AsOf, long Frame);
