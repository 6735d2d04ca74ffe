using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Pools;
using CrossMargin.Grains.Margin;
using CrossMargin.Grains.Trades;
using CrossMargin.Risk.Liquidation;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Shards;

namespace CrossMargin.Grains.Pools;

/// <summary>A round of deleveraging from its question to its assignment.</summary>
/// <param name="Number">The version of the record that asked.</param>
/// <param name="Quantity">Positive where longs are closed.</param>
public sealed record DeleverageRound(
    long Number, InstrumentId Instrument, Quantity Quantity, DeleverageRanking Ranking, ImmutableArray<ShardId> Asked,
    ImmutableArray<DeleverageAnswer> Answers);

/// <summary>What one round may be for: one side of one market, for one reason. In the order in which a shard reports them.</summary>
public sealed record StrandedKind(InstrumentId Instrument, int Side, StrandedBy Because) : IComparable<StrandedKind>
{
    public static StrandedKind Of(StrandedAmount amount) => new(amount.Instrument, Math.Sign(amount.Quantity.E8), amount.Because);

    public int CompareTo(StrandedKind? other) => other is null
        ? 1
        : (Instrument, Side, Because).CompareTo((other.Instrument, other.Side, other.Because));
}

/// <summary>
/// What neither engines nor backstop accounts take is closed against the other side of its market. One round is open at a time, of one
/// side of one market; it is over when it is assigned. What a counterparty could not give up any more comes back as demand.
/// </summary>
public sealed partial record Coordinator
{
    /// <summary>Null while nobody is ranked.</summary>
    public DeleverageRound? Deleveraging { get; init; }

    /// <summary>What the last round was for: the next begins behind it, so that what no round can help keeps no other from one.</summary>
    public StrandedKind? LastAsked { get; init; }

    private static Decision<PoolEvent> WithDeleveraging(
        Coordinator pool, Decision<PoolEvent> decision, ShardEvent.FrameAdopted adopted, Context context)
    {
        if (adopted.Demand is not { Stranded: not null } || context.Marks is not MarginMarks { Model: { } model } marks) return decision;
        var after = decision.Events.Aggregate(pool, Evolve);
        if (after.Deleveraging is not null || !after.Shards[adopted.Shard.Number].Counts) return decision;
        if (model.Parameters.Liquidation.Deleveraging is not { } rules) return decision;
        foreach (var amount in after.StrandedInTurn)
        {
            if (amount.Because == StrandedBy.Unfunded && after.Shortfall <= after.FundValue(marks)) continue;
            return decision with
            {
                Events = decision.Events.Add(new PoolEvent.DeleveragingAsked(
                    after.Version + 1, amount.Instrument, after.StrandedLike(amount), amount.Because, rules.Ranking, after.Counting)),
            };
        }

        return decision;
    }

    /// <summary>
    /// One of each kind that a shard reports and no backstop account takes there, in their order from behind the last one that was asked
    /// for: whoever reports first does not keep the others from their turn.
    /// </summary>
    private IEnumerable<StrandedAmount> StrandedInTurn => Shards
        .Where(shard => shard is { Counts: true, Demand.Stranded: not null })
        .SelectMany(shard => shard.Demand!.Stranded!.Value.Where(amount =>
            !BackstopsFor(shard.Demand).Any(part => part.Instrument == amount.Instrument)))
        .DistinctBy(StrandedKind.Of)
        .OrderBy(amount => StrandedKind.Of(amount).CompareTo(LastAsked) <= 0).ThenBy(StrandedKind.Of);

    /// <summary>What is in the fund and promised to nobody, in micros of the reference currency.</summary>
    private Int128 FundValue(MarginMarks marks)
    {
        Int128 micros = 0;
        foreach (var standing in FundStandings)
        {
            if (!standing.Available.IsPositive || marks.PriceOf(standing.Available.Asset) is not { } price) continue;
            micros += Notional.MicrosOf(standing.Available, price);
        }

        return micros;
    }

    private Quantity StrandedLike(StrandedAmount amount)
    {
        Int128 sum = 0;
        foreach (var shard in Shards)
        {
            if (!shard.Counts) continue;
            foreach (var other in shard.Demand?.Stranded ?? [])
            {
                var isLike = other.Instrument == amount.Instrument && other.Because == amount.Because
                    && Math.Sign(other.Quantity.E8) == Math.Sign(amount.Quantity.E8);
                if (isLike) sum += other.Quantity.E8;
            }
        }

        return new Quantity((long)Int128.Clamp(sum, -long.MaxValue, long.MaxValue));
    }

    /// <summary>An answer, and the assignment when it was the last. One to a round that is over says nothing.</summary>
    private static Decision<PoolEvent> TakeAnswer(Coordinator pool, ShardEvent.CloseOutsAnswered answer, Context context)
    {
        var isAwaited = pool.Deleveraging is { } round && round.Number == answer.Round
            && round.Answers.All(known => known.Shard != answer.Answer.Shard);
        return isAwaited
            ? WithAssignment(pool, new PoolEvent.CloseOutsReported(answer.Round, answer.Answer), context)
            : new Decision<PoolEvent>([], Rejection.None);
    }

    private static Decision<PoolEvent> WithAssignment(Coordinator pool, Decision<PoolEvent> decision, Context context)
    {
        var after = decision.Events.Aggregate(pool, Evolve);
        return after.AssignmentDue(context.Marks as MarginMarks) is { } assigned
            ? decision with { Events = decision.Events.Add(assigned) }
            : decision;
    }

    /// <summary>Who was set aside since is not waited for; what it answered before counts, for its cases are waiting too.</summary>
    private PoolEvent.DeleverageAssigned? AssignmentDue(MarginMarks? marks)
    {
        if (Deleveraging is not { } round) return null;
        var hasAll = round.Asked.All(shard =>
            !Shards[shard.Number].Counts || round.Answers.Any(answer => answer.Shard == shard));
        if (!hasAll) return null;
        var lot = marks?.TermsOf(round.Instrument)?.Grid?.Lot ?? new Quantity(1);
        return new PoolEvent.DeleverageAssigned(round.Number, round.Instrument, round.Asked, AssignmentsOf(round, lot));
    }

    /// <summary>Offers in the order of the shards, the longest case of each first, against holders in the order of the ranking.</summary>
    private static ImmutableArray<DeleverageAssignment> AssignmentsOf(DeleverageRound round, Quantity lot)
    {
        var offers = round.Answers.OrderBy(answer => answer.Shard).SelectMany(answer => answer.Offers).ToList();
        var candidates = round.Answers.SelectMany(answer => answer.Candidates).ToList();
        var budget = offers.Aggregate((Int128)0, (sum, offer) => sum + Int128.Abs(offer.Quantity.E8));
        var given = Risk.Liquidation.Deleveraging.Assign(
            round.Ranking, candidates, new Quantity((long)Int128.Min(budget, long.MaxValue)), lot).Value.Given;

        var assignments = ImmutableArray.CreateBuilder<DeleverageAssignment>();
        var (at, left) = (0, given.IsEmpty ? 0 : given[0].Weight);
        foreach (var offer in offers)
        {
            var open = Math.Abs(offer.Quantity.E8);
            while (open > 0 && at < given.Length)
            {
                var taken = Math.Min(open, left);
                var quantity = new Quantity(Math.Sign(offer.Quantity.E8) * taken);
                if (taken > 0) assignments.Add(new DeleverageAssignment(offer with { Quantity = quantity }, given[at].Id));
                (open, left) = (open - taken, left - taken);
                if (left == 0 && ++at < given.Length) left = given[at].Weight;
            }
        }

        return assignments.ToImmutable();
    }

    private Coordinator AskedOf(PoolEvent.DeleveragingAsked e)
    {
        Invariant.Holds("L15", Deleveraging is null && e.Round == Version, "one round of deleveraging is open at a time");
        return this with
        {
            Deleveraging = new DeleverageRound(e.Round, e.Instrument, e.Quantity, e.Ranking, e.Shards, []),
            LastAsked = StrandedKind.Of(new StrandedAmount(e.Instrument, e.Quantity, e.Because)),
        };
    }

    private Coordinator AnsweredBy(PoolEvent.CloseOutsReported e)
    {
        var round = DeleveragingOf(e.Round);
        Invariant.Holds("L15", round.Answers.All(answer => answer.Shard != e.Answer.Shard), "a shard answers once");
        return this with { Deleveraging = round with { Answers = round.Answers.Add(e.Answer) } };
    }

    /// <summary>The budget is exact: all that was offered, or all that the candidates have.</summary>
    private Coordinator AssignedBy(PoolEvent.DeleverageAssigned e)
    {
        var round = DeleveragingOf(e.Round);
        var (offered, available) = (Int128.Zero, Int128.Zero);
        foreach (var offer in round.Answers.SelectMany(answer => answer.Offers))
        {
            var parts = e.Assignments.Where(part => part.Of.Account == offer.Account && part.Of.Case == offer.Case).ToList();
            var sum = parts.Aggregate(Int128.Zero, (all, part) => all + Int128.Abs(part.Of.Quantity.E8));
            var isSame = parts.All(part => part.Of with { Quantity = offer.Quantity } == offer);
            Invariant.Holds("L16", isSame && sum <= Int128.Abs(offer.Quantity.E8), "no more is assigned of an offer than was offered");
            offered += Int128.Abs(offer.Quantity.E8);
        }

        foreach (var candidate in Risk.Liquidation.Deleveraging.Eligible([.. round.Answers.SelectMany(answer => answer.Candidates)]))
        {
            var sum = e.Assignments.Where(part => part.To == candidate.Holder)
                .Aggregate(Int128.Zero, (all, part) => all + Int128.Abs(part.Of.Quantity.E8));
            Invariant.Holds("L16", sum <= candidate.Size.E8, "no more is assigned to a holder than it has");
            available += candidate.Size.E8;
        }

        var assigned = e.Assignments.Aggregate(Int128.Zero, (all, part) => all + Int128.Abs(part.Of.Quantity.E8));
        Invariant.Same("L16", assigned, Int128.Min(offered, available));
        return this with { Deleveraging = null };
    }

    private DeleverageRound DeleveragingOf(long number) => Deleveraging is { } round && round.Number == number
        ? round
        : throw new InvariantViolation("L15", $"round {number} of deleveraging is not open");
}
