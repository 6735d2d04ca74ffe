using System.Numerics;
using System.Text.Json;
using CrossMargin.Contracts;
using CrossMargin.Simulation.Audit;
using CrossMargin.Simulation.World;

namespace CrossMargin.Simulation.Clients;

/// <summary>Conversions on the stream of liquidation orders: the engine has the manners with them that it has with slices.</summary>
internal sealed partial class Feed
{
    private sealed record Selling(string Order, AccountId Account, AssetAmount Sell, AssetAmount AtLeast, long Remaining, bool IsCalledBack);

    private readonly List<Selling> conversions = [];
    private readonly List<string> exchanged = [];

    /// <summary>Whether it is about one.</summary>
    private bool HearOfConversion(string name, string type, JsonElement record)
    {
        var at = conversions.FindIndex(conversion => conversion.Order == name);
        if (type == "link.conversion-sent.v1") TakeConversion(name, record);
        else if (at < 0) return false;
        else if (type == "link.call-back-sent.v1") conversions[at] = conversions[at] with { IsCalledBack = true };
        else conversions.RemoveAt(at);
        return true;
    }

    private void TakeConversion(string name, JsonElement sent)
    {
        var manner = Venue.Hour != Hour.Day || !Draws.OneIn(3) ? Manner.Works : Draws.OneIn(2) ? Manner.Rejects : Manner.Ignores;
        if (manner == Manner.Rejects) ForTheLink.Enqueue(Town.Reject(name));
        if (manner != Manner.Works || !AccountId.TryParse(sent.GetProperty("account").GetString()!, out var account)) return;
        if (!Draws.OneIn(4)) ForTheLink.Enqueue(Town.Acknowledge(name));
        var conversion = sent.GetProperty("conversion");
        var (sell, atLeast) = (Read("sell"), Read("atLeast"));
        conversions.Add(new Selling(name, account, sell, atLeast, sell.Units, IsCalledBack: false));

        AssetAmount Read(string field) => AssetAmount.TryParse(conversion.GetProperty(field).GetString(), out var amount) ? amount : throw new FormatException(field);
    }

    /// <summary>All of it or a part, at the worst price or a little better; one that is called back ends.</summary>
    private Order OfAConversion(AccountId counterparty)
    {
        var selling = Draws.Pick(conversions);
        conversions.Remove(selling);
        var isEvening = Venue.Hour != Hour.Day;
        if (counterparty == selling.Account || (selling.IsCalledBack && (isEvening || Draws.OneIn(2))))
            return Town.EndOrder(feed, selling.Order, selling.Account);

        var sold = isEvening || selling.Remaining == 1 || Draws.OneIn(2) ? selling.Remaining : Draws.Between(1L, selling.Remaining);
        if (sold < selling.Remaining) conversions.Add(selling with { Remaining = selling.Remaining - sold });
        var worst = (((BigInteger)selling.AtLeast.Units * sold) + selling.Sell.Units - 1) / selling.Sell.Units;
        var bought = BigInteger.Max(1, worst) + (Draws.OneIn(2) ? worst / 20 : 0);
        var trade = isEvening || !Draws.OneIn(20) ? NewTrade() : AnyTrade();
        exchanged.Add(trade);
        return Town.Convert(
            feed, trade, selling.Order, selling.Account, counterparty, selling.Sell with { Units = sold },
            selling.AtLeast with { Units = (long)bought }, Venue.Wall);
    }
}
