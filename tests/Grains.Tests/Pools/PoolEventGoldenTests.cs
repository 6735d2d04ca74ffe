using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Pools;
using CrossMargin.Grains.Pools;
using CrossMargin.Runtime.Records;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;

namespace CrossMargin.Grains.Tests.Pools;

public sealed class PoolEventGoldenTests() : EventGoldens(Grain, Samples)
{
    private static readonly CoordinatorGrain Grain = new(new ShardMap(64));

    private static readonly CloseOutOffer Offer = new(
        Alice, new CaseId(17), new SubAccountId(2), new Quantity(100_000_000), new Price(5_994_000_000_000));

    private static readonly DeleverageCandidate Candidate = new(
        new PositionHolder(Bob, SubAccountId.Main), new Quantity(250_000_000), new Money(150_000_000), new Money(150_000_000_000),
        new Money(149_850_000_000), new Money(20_000_000_000), ClosingEffect.RaisesRisk);

    private static readonly PoolEvent[] Samples =
    [
        new PoolEvent.ShardReported(new ShardId(63), 1_234_567, 12, new Money(1_500_000)) { WaitsSince = 1_234_560 },
        new PoolEvent.BudgetGranted(
            new ShardId(63), 1_234_567, Noon, [new MarketAmount(new InstrumentId(1), new Money(5_000_000_000_000))],
            [new BackstopAmount(Bob, new InstrumentId(1), new Money(60_000_000_000))], [Amount("310 USDC")]),
        new PoolEvent.DeleveragingAsked(
            57, new InstrumentId(1), new Quantity(150_000_000), StrandedBy.Unfilled, DeleverageRanking.HedgeAware,
            [new ShardId(0), new ShardId(63)]),
        new PoolEvent.CloseOutsReported(57, new DeleverageAnswer(new ShardId(63), [Offer], [Candidate])),
        new PoolEvent.DeleverageAssigned(
            57, new InstrumentId(1), [new ShardId(0), new ShardId(63)], [new DeleverageAssignment(Offer, Candidate.Holder)]),
        new PoolEvent.LossAsked(41, Asset.Of("USDC"), [new ShardId(0), new ShardId(63)]),
        new PoolEvent.GainsReported(new ShardId(63), 41, Amount("1500 USDC"), Amount("7.25 USDC")),
        new PoolEvent.LossAllocated(41, Amount("400 USDC"), Amount("0.5 USDC"), [new ShardAmount(new ShardId(63), Amount("399.5 USDC"))]),
        new PoolEvent.BackstopRegistered(Bob, [new MarketAmount(new InstrumentId(1), new Money(1_000_000_000_000))]),
        new PoolEvent.FundDeposited(Amount("1000 USDC"), Amount("2500 USDC"), "first endowment"),
        new PoolEvent.Cleared(1_234_566, [new ShardId(0), new ShardId(63)]),
        new PoolEvent.ShardSetAside(new ShardId(7), new Money(250_000_000_000), "the disk of its host"),
        new PoolEvent.ShardBroughtBack(new ShardId(7), "mended"),
        new PoolEvent.CommandRefused("set-aside", Rejection.ShardAlreadySetAside),
    ];
}
