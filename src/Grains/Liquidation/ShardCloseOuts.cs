using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Pools;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Margin;
using CrossMargin.Runtime.Shards;

namespace CrossMargin.Grains.Liquidation;

/// <summary>
/// One shard in a round of deleveraging: which of its cases offer their position, whom of its accounts the round comes to first, and
/// who is told what. An answer is bounded, however many have fallen: who finds no place in it asks again.
/// </summary>
internal static class ShardCloseOuts
{
    public const int MaxOffers = 32;
    public const int MaxCandidates = 32;

    /// <summary>The longest first, until enough have offered.</summary>
    public static IEnumerable<(GrainSlot, object)> Ask(PoolEvent.DeleveragingAsked asked, IReadOnlyList<GrainSlot> asking)
    {
        var offered = 0;
        foreach (var slot in asking)
        {
            if (offered == MaxOffers) yield break;
            if (!((Account)slot.State).Positions.In(asked.Instrument).Any()) continue;
            yield return (slot, new CloseOutAsked(asked));
            if (OfferIn((Account)slot.State, asked.Round) is not null) offered++;
        }
    }

    public static ShardEvent.CloseOutsAnswered Answer(
        PoolEvent.DeleveragingAsked asked, ShardId shard, MarginMarks marks, IReadOnlyList<GrainSlot> asking,
        IReadOnlyList<GrainSlot> slots) => new(
        asked.Round,
        new DeleverageAnswer(
            shard, [.. asking.Select(slot => OfferIn((Account)slot.State, asked.Round)).OfType<CloseOutOffer>()],
            DeleverageQueue.First(marks, asked, AccountsOf(slots), MaxCandidates)));

    /// <summary>First every case that offered hears what is assigned of it, if only nothing; then the holders of the other side.</summary>
    public static IEnumerable<(GrainSlot, object)> Divide(
        PoolEvent.DeleverageAssigned assigned, IReadOnlyList<GrainSlot> asking, IReadOnlyList<GrainSlot> slots)
    {
        foreach (var slot in asking)
        {
            if (OfferIn((Account)slot.State, assigned.Round) is not { } offer) continue;
            var parts = assigned.Assignments.Where(part => part.Of.Account == offer.Account);
            yield return (slot, new CloseOutDivided(
                assigned.Round, parts.Aggregate(Quantity.Zero, (sum, part) => sum + part.Of.Quantity)));
        }

        var held = slots.Where(slot => slot.Id.Kind == GrainKind.Account && slot.Halted is null).ToDictionary(slot => slot.Id);
        foreach (var part in assigned.Assignments)
            if (held.TryGetValue(part.To.Account.Grain, out var slot))
                yield return (slot, new DeleverageShare(assigned.Round, assigned.Instrument, part));
    }

    private static CloseOutOffer? OfferIn(Account account, long round) =>
        account.Case?.CloseOut is { } closeOut && closeOut.Round == round ? closeOut.Offer : null;

    private static IEnumerable<Account> AccountsOf(IReadOnlyList<GrainSlot> slots) =>
        slots.Where(slot => slot.Id.Kind == GrainKind.Account && slot.Halted is null).Select(slot => (Account)slot.State);
}
