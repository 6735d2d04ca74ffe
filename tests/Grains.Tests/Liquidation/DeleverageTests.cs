using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Parameters;
using CrossMargin.Contracts.Pools;
using CrossMargin.Contracts.Trades;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Liquidation;
using CrossMargin.Grains.Margin;
using CrossMargin.Grains.Markets;
using CrossMargin.Grains.Pools;
using CrossMargin.Grains.Tests.Margin;
using CrossMargin.Grains.Tests.Trades;
using CrossMargin.Risk.Portfolios;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;
using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;
using static CrossMargin.Grains.Tests.Trades.GivenVenue;

namespace CrossMargin.Grains.Tests.Liquidation;

/// <summary>Positions that nobody takes, closed against the other side of their market.</summary>
public sealed class DeleverageTests
{
    private const long Usdc = 1_000_000;   // units of one

    private static readonly ParametersInForce Rules = FirstParameters.InForce;

    [Fact]
    public void What_is_lost_beyond_the_fund_is_closed_against_who_gained_it_and_nothing_is_missing()
    {
        var pool = new Cascade(Rules);
        var (fallen, winner) = (pool.Open(0, 1_000 * Usdc), pool.Open(1, 5_000 * Usdc));
        pool.Trade(fallen, winner, Q("1"), PriceOf(60_000));
        Frames(pool, 58_000, 3);

        var closed = pool.Seen.OfType<AccountEvent.Deleveraged>().ShouldHaveSingleItem();
        closed.Assigned.Quantity.ShouldBe(Q("1"));
        pool.Of(winner).Positions.All.ShouldBeEmpty();
        pool.Of(fallen).Case.ShouldBeNull();

        // The fee of its trade went off the deposit; the rest is all that it could lose, and the winner keeps it.
        pool.Of(fallen).Balances.Amounts.ShouldBeEmpty();
        pool.Seen.ShouldNotContain(seen => seen is AccountEvent.FundDrawn || seen is AccountEvent.LossShared);
    }

    [Fact]
    public void As_long_as_the_fund_covers_what_is_missing_nobody_is_deleveraged()
    {
        var pool = new Cascade(Rules);
        var (fallen, winner) = (pool.Open(0, 1_000 * Usdc), pool.Open(1, 5_000 * Usdc));
        pool.Endow(100_000 * Usdc);
        pool.Trade(fallen, winner, Q("1"), PriceOf(60_000));
        Frames(pool, 58_000, 3);
        pool.Seen.ShouldNotContain(seen => seen is AccountEvent.CloseOutOffered);
    }

    [Fact]
    public void What_no_engine_fills_slice_after_slice_is_closed_whatever_its_account_has()
    {
        var pool = new Cascade(Rules);
        var (fallen, winner) = (pool.Open(0, 3_400 * Usdc), pool.Open(1, 50_000 * Usdc));
        pool.Endow(100_000 * Usdc);
        pool.Trade(fallen, winner, Q("5"), PriceOf(60_000));
        for (var frame = 0; frame < 40 && pool.Of(winner).Positions.All.Length > 0; frame++)
        {
            pool.Adopt(PriceOf(59_600), 1_000_000);
            foreach (var slice in pool.AtEngine.ToArray()) pool.End(slice);
            pool.Check();
        }

        pool.Of(winner).Positions.All.ShouldBeEmpty();
        pool.SeenOfPool.OfType<PoolEvent.DeleveragingAsked>().ShouldAllBe(asked => asked.Because == StrandedBy.Unfilled);
        pool.Seen.OfType<AccountEvent.SliceEnded>().Count().ShouldBe(6, "so many slices without a fill, and then no more");
    }

    [Theory]
    [InlineData(100, 100, 100)]     // ties go to the lower id
    [InlineData(100, 50, 200)]
    [InlineData(1, 1, 1)]
    public void The_budget_is_exact_whoever_stands_on_the_other_side(int first, int second, int third)
    {
        var pool = new Cascade(Rules);
        var maker = pool.Open(100, 50_000_000 * Usdc);
        var fallen = pool.Open(0, 1_000 * Usdc);
        AccountId[] winners = [pool.Open(1, 900_000 * Usdc), pool.Open(2, 900_000 * Usdc), pool.Open(3, 900_000 * Usdc)];
        foreach (var (winner, size) in winners.Zip([first, second, third]))
            pool.Trade(maker, winner, new Quantity(size * 10_000_000L), PriceOf(60_000));
        pool.Trade(fallen, maker, Q("0.25"), PriceOf(60_000));
        var before = winners.Sum(winner => ShortOf(pool, winner));
        Frames(pool, 52_000, 3);

        // The maker is long, so only the winners can be closed: together by a quarter of a contract, or all that they have.
        (before - winners.Sum(winner => ShortOf(pool, winner))).ShouldBe(Math.Min(before, 25_000_000));
        if (first == second && second == third)
            winners.Min(winner => ShortOf(pool, winner)).ShouldBe(ShortOf(pool, winners.Min()), "ties go to the lower id");
    }

    [Fact]
    public void What_a_counterparty_traded_away_between_ranking_and_assignment_comes_back_as_demand()
    {
        var pool = new Cascade(Rules) { HoldsAssignments = true };
        var maker = pool.Open(100, 50_000_000 * Usdc);
        var (fallen, winner) = (pool.Open(0, 1_000 * Usdc), pool.Open(1, 5_000 * Usdc));
        pool.Trade(fallen, winner, Q("1"), PriceOf(60_000));
        Frames(pool, 58_000, 1);
        pool.SeenOfPool.OfType<PoolEvent.DeleverageAssigned>().ShouldHaveSingleItem().Assignments.ShouldHaveSingleItem();

        pool.Trade(winner, maker, Q("0.6"), PriceOf(58_000));
        pool.Release();
        pool.Check();
        pool.Seen.OfType<AccountEvent.Deleveraged>().ShouldHaveSingleItem().Transfer!.Quantity.ShouldBe(Q("-0.4"));
        pool.Seen.OfType<AccountEvent.CloseOutEnded>().ShouldHaveSingleItem().Ending.ShouldBe(CloseOutEnding.Answered);
        pool.Of(fallen).Positions.All.ShouldHaveSingleItem().Quantity.ShouldBe(Q("0.6"));

        Frames(pool, 58_000, 1);
        pool.Release();
        ShortOf(pool, maker).ShouldBe(0, "who bought it from the winner was next");
        pool.Seen.OfType<AccountEvent.Deleveraged>().Last().Transfer!.Price.ShouldBe(PriceOf(58_000), "and has gained nothing yet");
        Frames(pool, 58_000, 3);
        pool.Of(fallen).Case.ShouldBeNull();
    }

    [Fact]
    public void Whoever_says_nothing_until_the_deadline_is_waited_for_no_longer_and_his_word_counts_when_it_comes()
    {
        var pool = new Cascade(Rules) { HoldsAssignments = true };
        var (fallen, winner) = (pool.Open(0, 1_000 * Usdc), pool.Open(1, 5_000 * Usdc));
        pool.Trade(fallen, winner, Q("1"), PriceOf(60_000));
        Frames(pool, 58_000, 1);
        pool.ReleaseOnly(pool.ShardOf(fallen));
        pool.Of(fallen).Case!.CloseOut!.Assigned.ShouldBe(Q("1"));
        Frames(pool, 58_000, 6);
        pool.Seen.OfType<AccountEvent.CloseOutEnded>().First().Ending.ShouldBe(CloseOutEnding.GivenUp);

        for (var frame = 0; frame < 3; frame++)
        {
            pool.Release();
            Frames(pool, 58_000, 1);
        }

        pool.Of(fallen).Positions.All.ShouldBeEmpty();
        pool.Of(fallen).Case.ShouldBeNull();
    }

    [Fact]
    public void A_holder_pays_out_of_what_it_has_gained_and_the_rest_is_the_pools()
    {
        var pool = new Cascade(Rules);
        var maker = pool.Open(100, 50_000_000 * Usdc);
        var (fallen, holder) = (pool.Open(0, 1_000 * Usdc), pool.Open(1, 10_000 * Usdc));
        pool.Trade(fallen, maker, Q("1"), PriceOf(60_000));
        pool.Trade(maker, holder, Q("1"), PriceOf(52_500));
        Frames(pool, 52_000, 6);

        // Bankruptcy is at 59,000, and the holder has gained 500.
        var closed = pool.Seen.OfType<AccountEvent.Deleveraged>().ShouldHaveSingleItem();
        closed.Transfer!.Price.ShouldBe(PriceOf(52_500));
        pool.Of(fallen).Case.ShouldBeNull();
        var loss = pool.SeenOfPool.OfType<PoolEvent.LossAllocated>().ShouldHaveSingleItem();
        loss.Carried.ShouldBe(loss.Deficit);
        loss.Deficit.ShouldBe(pool.Of(fallen).FundShares.ShouldHaveSingleItem().Drawn);
    }

    /// <summary>
    /// Bob has gained 500 on what is closed and lost 500 on what he keeps, whose maintenance margin is 297.5; bankruptcy is at 60,500.
    /// </summary>
    [Theory]
    [InlineData("1000 USDC", "60000")]      // all that it has gained
    [InlineData("700 USDC", "59902.5")]     // what leaves 297.5
    [InlineData("200 USDC", "59500")]       // the mark: it stands below as soon as the leg is gone
    public void A_holder_does_not_fall_by_what_it_pays(string cash, string price)
    {
        var other = BtcPerp with { Id = new InstrumentId(7), Symbol = "BTC-PERP-2" };
        var (venue, marks) = (new GivenVenue([BtcPerp, other]), GivenMarks.At("59500", [BtcPerp, other]));
        foreach (var (account, deposit) in new[] { (Alice, "5000 USDC"), (Bob, cash) })
            venue.Send(account.Grain, new AccountCommand.Deposit(Amount(deposit), ""));
        venue.Trades(Party(Bob), Party(Alice), "1", "60000", other).Buys(Alice, Bob, "1", "60000").Adopts(marks);
        var share = new DeleverageShare(
            9, BtcPerp.Id, new DeleverageAssignment(
                new CloseOutOffer(Alice, new CaseId(1), SubAccountId.Main, Q("1"), P("60500")), new PositionHolder(Bob, SubAccountId.Main)));
        Account.Decide(venue.Of(Bob), share, new Context(Noon, 1, marks)).Events.First().ShouldBeOfType<AccountEvent.Deleveraged>()
            .Transfer!.Price.ShouldBe(P(price));
    }

    /// <summary>
    /// Bob has gained 500 on what is closed and lost 500 on what he keeps, whose maintenance margin is 297.5; he owns 100 USDC, and bitcoin
    /// that counts for 339.15. What he pays beyond his 100 is a loan, which asks for a fiftieth of itself: 339.15 + 100 − x = 297.5 + (x −
    /// 100) / 50.
    /// </summary>
    [Fact]
    public void A_holder_does_not_fall_by_the_loan_that_his_payment_leaves()
    {
        var other = BtcPerp with { Id = new InstrumentId(7), Symbol = "BTC-PERP-2" };
        var frame = GivenMarks.Frame("59500", [BtcPerp, other]);
        var bitcoin = new AssetMark(Asset.Of("BTC"), P("59500"), null, Rate.One, Amount("0 BTC"), 0);
        var (venue, marks) = (new GivenVenue([BtcPerp, other]), MarginMarks.Open(frame with { Assets = [bitcoin, .. frame.Assets] }));
        foreach (var (account, deposit) in new[] { (Alice, "5000 USDC"), (Bob, "100 USDC"), (Bob, "0.006 BTC") })
            venue.Send(account.Grain, new AccountCommand.Deposit(Amount(deposit), ""));
        venue.Trades(Party(Bob), Party(Alice), "1", "60000", other).Buys(Alice, Bob, "1", "60000").Adopts(marks);
        var share = new DeleverageShare(
            9, BtcPerp.Id, new DeleverageAssignment(
                new CloseOutOffer(Alice, new CaseId(1), SubAccountId.Main, Q("1"), P("60500")), new PositionHolder(Bob, SubAccountId.Main)));
        var events = Account.Decide(venue.Of(Bob), share, new Context(Noon, 1, marks)).Events;
        events.First().ShouldBeOfType<AccountEvent.Deleveraged>().Transfer!.Price.ShouldBe(P("59640.833333"));
        events.ShouldNotContain(@event => @event is AccountEvent.CaseOpened);
    }

    [Theory]
    [InlineData(Finality.Final, "60500")]
    [InlineData(Finality.Pending, "59500")]    // the mark: without the deposit his fee leaves him nothing of what he has gained
    public void A_holder_pays_out_of_money_that_nobody_can_take_back(Finality finality, string price)
    {
        var (venue, marks) = (new GivenVenue([BtcPerp]), GivenMarks.At("59500", [BtcPerp]));
        venue.Send(Alice.Grain, new AccountCommand.Deposit(Amount("5000 USDC"), ""));
        venue.Send(Bob.Grain, new AccountCommand.Deposit(Amount("5000 USDC"), "")
        {
            Origin = new DepositOrigin(CollateralForm.Plain, "chain", finality),
        });
        venue.Trades(Party(Alice), Party(Bob, "0.08"), "1", "60500").Adopts(marks);
        var share = new DeleverageShare(
            9, BtcPerp.Id, new DeleverageAssignment(
                new CloseOutOffer(Alice, new CaseId(1), SubAccountId.Main, Q("1"), P("60500")), new PositionHolder(Bob, SubAccountId.Main)));
        Account.Decide(venue.Of(Bob), share, new Context(Noon, 1, marks)).Events.First().ShouldBeOfType<AccountEvent.Deleveraged>()
            .Transfer!.Price.ShouldBe(P(price));
    }

    [Fact]
    public void A_deadline_is_as_long_as_was_said_with_the_offer_whatever_is_known_of_the_rules_later()
    {
        var (account, marks) = Stranded();
        account = After(account, new CloseOutAsked(Asked(7)), marks);
        Account.Decide(account, new CloseOutDivided(9, Q("0.1")), new Context(Noon, 1, null)).Events[0]
            .ShouldBeOfType<AccountEvent.CloseOutAssigned>().Deadline.ShouldBe(Noon.PlusMicros(5_000_000));
    }

    [Fact]
    public void Only_the_ranking_that_spares_hedges_asks_what_a_hedge_is()
    {
        var marks = GivenMarks.At("60000", [BtcPerp]);
        var venue = new GivenVenue([BtcPerp]) { Marks = marks };
        foreach (var account in new[] { Alice, Bob }) venue.Send(account.Grain, new AccountCommand.Deposit(Amount("5000 USDC"), ""));
        venue.Trades(Party(Bob, subAccount: 1), Party(Alice), "1", "60000").Buys(Alice, Bob, "0.9", "60000");
        EffectUnder(DeleverageRanking.HedgeAware).ShouldBe(ClosingEffect.RaisesRisk);
        EffectUnder(DeleverageRanking.Queue).ShouldBe(ClosingEffect.LowersRisk);

        ClosingEffect EffectUnder(DeleverageRanking ranking) => DeleverageQueue.CandidateOf(
            marks, ranking, venue.Of(Bob), venue.Of(Bob).Cross, venue.PositionOf(Bob)!, new RiskWorkspace())!.Effect;
    }

    [Fact]
    public void Of_a_whole_market_those_are_margined_who_have_gained_the_most()
    {
        var venue = new GivenVenue([BtcPerp]) { Marks = GivenMarks.At("60000", [BtcPerp]) };
        venue.Send(Bob.Grain, new AccountCommand.Deposit(Amount("5000 USDC"), ""));
        venue.Buys(Alice, Bob, "0.001", "60000");
        var holder = venue.Of(Bob);
        var marks = GivenMarks.At("59000", [BtcPerp]);
        var holders = Enumerable.Range(1, 2 * DeleverageQueue.MostMargined).Select(number => holder with
        {
            Id = new AccountId(new GrainId(Bob.Grain.High, (ulong)number)),
            Cross = holder.Cross with { Positions = Positions.From([holder.Positions.All[0] with { Cost = Units(-60_000_000 - number) }]) },
        }).ToList();
        var first = DeleverageQueue.First(marks, Asked(1) with { Ranking = DeleverageRanking.Queue, Quantity = Q("0.003") }, holders, 32);
        first.Select(one => one.Holder.Account).ShouldBe(holders.AsEnumerable().Reverse().Take(3).Select(one => one.Id));

        static AssetAmount Units(long units) => new(Asset.Of("USDC"), units);
    }

    [Fact]
    public void A_position_that_is_worth_more_than_one_command_may_move_is_in_the_queue()
    {
        var venue = new GivenVenue([BtcPerp]) { Marks = GivenMarks.At("50000", [BtcPerp]) };
        foreach (var account in new[] { Alice, Bob }) venue.Send(account.Grain, new AccountCommand.Deposit(Amount("900000000000 USDC"), ""));
        venue.Buys(Bob, Alice, "17000000", "50000");
        var (holder, marks) = (venue.Of(Bob), GivenMarks.At("65000", [BtcPerp]));
        marks.Of(holder).Status.ShouldBe(MarginStatus.Healthy);
        var asked = Asked(1) with { Quantity = -Q("0.003") };
        foreach (var ranking in Enum.GetValues<DeleverageRanking>())
            DeleverageQueue.First(marks, asked with { Ranking = ranking }, [holder], 32).ShouldHaveSingleItem().Size.ShouldBe(Q("17000000"));
    }

    [Fact]
    public void Whoever_waits_for_a_round_is_planned_for_beside_any_number_that_have_just_fallen()
    {
        var (stranded, _) = Stranded();
        var asking = Enumerable.Range(1, 200).Select(number => new GrainSlot(Alice.Grain, new AccountGrain())
        {
            State = stranded with { Case = stranded.Case! with { Fruitless = number == 1 ? 6 : 0 } },
        }).ToList();
        var frames = Enumerable.Range(1, 6).Count(frame => ShardCases.DemandOf(MarksOf(frame), asking, [])!.Stranded is not null);
        frames.ShouldBeGreaterThan(0);

        static MarginMarks MarksOf(int frame) => MarginMarks.Open(
            GivenMarks.Frame("59900", [BtcPerp, BtcPerp with { Id = new InstrumentId(7), Symbol = "BTC-PERP-2" }]) with { Number = frame });
    }

    [Fact]
    public void Rounds_take_turns_over_what_is_stranded()
    {
        var (pool, marks, frame) = (Coordinator.Of(PoolId.Main, shards: 1), GivenMarks.At("60000", [BtcPerp]), 0L);
        StrandedAmount[] stranded =
        [
            new(new InstrumentId(1), Q("-1"), StrandedBy.Unfilled), new(new InstrumentId(1), Q("2"), StrandedBy.Unfilled),
            new(new InstrumentId(5), Q("3"), StrandedBy.Unfilled),
        ];
        Enumerable.Range(0, 5).Select(_ => Round().Quantity).ShouldBe([Q("-1"), Q("2"), Q("3"), Q("-1"), Q("2")]);

        PoolEvent.DeleveragingAsked Round()
        {
            var asked = Send(new ShardEvent.FrameAdopted(new ShardId(0), ++frame, 1, 1, 0, Money.Zero, "")
            {
                Demand = new ShardDemand(1, [], [], [], []) { Stranded = [.. stranded] },
            }).OfType<PoolEvent.DeleveragingAsked>().ShouldHaveSingleItem();
            Send(new ShardEvent.CloseOutsAnswered(asked.Round, new DeleverageAnswer(new ShardId(0), [], [])));
            var grain = new CoordinatorGrain(new ShardMap(1));
            pool = (Coordinator)grain.Restore(PoolId.Main.Grain, grain.Save((object)pool));
            return asked;
        }

        ImmutableArray<PoolEvent> Send(object input)
        {
            var events = Coordinator.Decide(pool, input, new Context(Noon, 1, marks)).Events;
            pool = events.Aggregate(pool, Coordinator.Evolve);
            return events;
        }
    }

    [Fact]
    public void Whichever_shard_reports_first_what_is_stranded_in_another_has_its_turn()
    {
        var (pool, marks, frame) = (Coordinator.Of(PoolId.Main, shards: 2), GivenMarks.At("60000", [BtcPerp]), 0L);
        StrandedAmount[] stranded =
        [
            new(new InstrumentId(1), Q("2"), StrandedBy.Unfilled), new(new InstrumentId(5), Q("3"), StrandedBy.Unfilled),
        ];

        // In every frame the first shard reports before the second, and the round is over before the next frame.
        var asked = new List<int>();
        for (var frames = 0; frames < 4; frames++)
        {
            frame++;
            foreach (var shard in new[] { 0, 1 })
                foreach (var round in Send(Report(shard)).OfType<PoolEvent.DeleveragingAsked>())
                    asked.Add(round.Instrument.Number);

            if (pool.Deleveraging is { } open) Answer(open.Number);
        }

        asked.ShouldBe([1, 5, 1, 5]);

        void Answer(long round)
        {
            foreach (var shard in new[] { 0, 1 })
                Send(new ShardEvent.CloseOutsAnswered(round, new DeleverageAnswer(new ShardId(shard), [], [])));
        }

        ShardEvent.FrameAdopted Report(int shard) => new(new ShardId(shard), frame, 1, 1, 0, Money.Zero, "")
        {
            Demand = new ShardDemand(1, [], [], [], []) { Stranded = [stranded[shard]] },
        };

        ImmutableArray<PoolEvent> Send(object input)
        {
            var events = Coordinator.Decide(pool, input, new Context(Noon, 1, marks)).Events;
            pool = events.Aggregate(pool, Coordinator.Evolve);
            return events;
        }
    }

    [Fact]
    public void A_gain_that_is_locked_for_a_loss_is_not_given_up_too()
    {
        var (venue, marks) = (new GivenVenue([BtcPerp]) { Marks = GivenMarks.At("60000", [BtcPerp]) }, GivenMarks.At("59000", [BtcPerp]));
        foreach (var account in new[] { Alice, Bob }) venue.Send(account.Grain, new AccountCommand.Deposit(Amount("5000 USDC"), ""));
        venue.Buys(Alice, Bob, "1", "60000").Adopts(marks);
        var share = new DeleverageShare(
            9, BtcPerp.Id, new DeleverageAssignment(
                new CloseOutOffer(Alice, new CaseId(1), SubAccountId.Main, Q("1"), P("59500")), new PositionHolder(Bob, SubAccountId.Main)));
        Deleveraged(venue.Of(Bob)).Transfer.ShouldNotBeNull();
        Candidate(venue.Of(Bob)).ShouldNotBeNull();

        venue.Send(Bob.Grain, new GainsAsked(7, Asset.Of("USDC")));
        venue.Of(Bob).Lock.ShouldNotBeNull();
        Deleveraged(venue.Of(Bob)).Transfer.ShouldBeNull();
        Candidate(venue.Of(Bob)).ShouldBeNull();

        AccountEvent.Deleveraged Deleveraged(Account bob) =>
            Account.Decide(bob, share, new Context(Noon, 1, marks)).Events.ShouldHaveSingleItem().ShouldBeOfType<AccountEvent.Deleveraged>();

        DeleverageCandidate? Candidate(Account bob) =>
            DeleverageQueue.CandidateOf(marks, DeleverageRanking.Queue, bob, bob.Cross, bob.Positions.All.Single(), new RiskWorkspace());
    }

    /// <summary>Long one contract of one market and a tenth of another, and six slices have found nobody.</summary>
    private static (Account Account, MarginMarks Marks) Stranded()
    {
        var other = BtcPerp with { Id = new InstrumentId(7), Symbol = "BTC-PERP-2" };
        var marks = GivenMarks.At("59900", [BtcPerp, other]);
        var venue = new GivenVenue([BtcPerp, other]) { Marks = GivenMarks.At("60000", [BtcPerp, other]) };
        venue.Send(Alice.Grain, new AccountCommand.Deposit(Amount("390 USDC"), ""));
        venue.Send(Bob.Grain, new AccountCommand.Deposit(Amount("100000 USDC"), ""));
        venue.Trades(Party(Alice), Party(Bob), "0.1", "60000", other).Trades(Party(Alice), Party(Bob), "1", "60000").Adopts(marks);
        var account = venue.Of(Alice);
        return (account with { Case = account.Case.ShouldNotBeNull() with { Fruitless = 6 } }, marks);
    }

    private static PoolEvent.DeleveragingAsked Asked(int instrument) => new(
        9, new InstrumentId(instrument), Q("1"), StrandedBy.Unfilled, DeleverageRanking.HedgeAware, []);

    private static Account After(Account account, object input, MarginMarks marks) =>
        Account.Decide(account, input, new Context(Noon, 1, marks)).Events.Aggregate(account, Account.Evolve);

    [Fact]
    public void A_stranded_case_offers_the_position_that_its_slices_were_of_and_none_of_another_market()
    {
        var (account, marks) = Stranded();
        After(account, new CloseOutAsked(Asked(1)), marks).Case!.CloseOut.ShouldBeNull();
        After(account, new CloseOutAsked(Asked(7)), marks).Case!.CloseOut!.Offer.Quantity.ShouldBe(Q("0.1"));
    }

    [Fact]
    public void What_no_round_has_anything_for_is_sold_to_engines_once_more_before_it_is_offered_again()
    {
        var (account, marks) = Stranded();
        var (asked, asking) = (Asked(7), new GrainSlot(Alice.Grain, new AccountGrain()) { State = account });
        ShardCases.DemandOf(marks, [asking], []).ShouldNotBeNull().Stranded.ShouldNotBeNull();
        account = After(account, new CloseOutAsked(asked), marks);
        account = After(account, new CloseOutDivided(9, Quantity.Zero), marks);
        account.Case!.IsIdle.ShouldBeTrue();
        asking.State = account;
        var demand = ShardCases.DemandOf(marks, [asking], []).ShouldNotBeNull();
        (demand.Stranded, demand.Slices.Length).ShouldBe((null, 1));
        After(account, new CloseOutAsked(asked), marks).Case!.CloseOut.ShouldBeNull();

        account = After(account, new SliceGranted(asked.Instrument, new Money(1_000_000_000_000)), marks);
        account = After(account, new TradeEvent.OrderEnded(account.Case!.Slice!.Order.Order, Alice), marks);
        After(account, new CloseOutAsked(asked), marks).Case!.CloseOut.ShouldNotBeNull();
    }

    private static long ShortOf(Cascade pool, AccountId account) => pool.Of(account).Positions.All.Sum(held => Math.Max(0, -held.Quantity.E8));

    private static void Frames(Cascade pool, int price, int count)
    {
        for (var frame = 0; frame < count; frame++)
        {
            pool.Adopt(PriceOf(price), 1_000_000);
            pool.Check();
        }
    }

    // ---- whole pools ----------------------------------------------------------------------------------------------------------

    private sealed record Step(int Price, int Engine, int Part, int Trader, int Wait);

    private sealed record Crash(string Ranking, int[] Cash, int[] Sizes, int Fund, Step[] Steps);

    private static Arbitrary<Crash> Crashes => (
        from ranking in Gen.Elements("queue", "hedge-aware", "pro-rata")
        from cash in Gen.Choose(300, 4_000).ArrayOf(8)
        from sizes in Gen.Choose(-1_500, 1_500).ArrayOf(8)
        from fund in Gen.Elements(0, 0, 1, 500, 100_000)
        from steps in (
            from price in Gen.Choose(54_000, 66_000)
            from engine in Gen.Choose(0, 3)
            from part in Gen.Choose(1, 1_000)
            from trader in Gen.Choose(0, 15)
            from wait in Gen.Choose(200, 6_000)
            select new Step(price, engine, part, trader, wait)).ArrayOf()
        select new Crash(ranking, cash, sizes, fund, steps)).ToArbitrary();

    [Fact]
    public void Without_any_engine_money_and_contracts_are_conserved_and_every_case_ends() =>
        Prop.ForAll(Crashes, Holds).Check(Config.QuickThrowOnFailure.WithMaxTest(150));

    /// <summary>Whoever was ranked may trade before he hears of it; engines fill a little, or reject, or say nothing.</summary>
    private static bool Holds(Crash crash)
    {
        var pool = new Cascade(GivenMarks.RankedBy(crash.Ranking)) { HoldsAssignments = true };
        var maker = pool.Open(100, 50_000_000 * Usdc);
        pool.Endow(crash.Fund);
        for (var number = 0; number < crash.Cash.Length; number++)
        {
            var account = pool.Open(number, crash.Cash[number] * Usdc);
            Trade(pool, account, maker, crash.Sizes[number], 60_000);
        }

        foreach (var step in crash.Steps)
        {
            pool.Adopt(PriceOf(step.Price), step.Wait * 1_000L);
            foreach (var slice in pool.AtEngine.ToArray())
            {
                if (step.Engine == 0) pool.Reject(slice);
                if (step.Engine == 1) pool.Fill(slice, maker, PriceOf(step.Price), step.Part);
            }

            var traders = pool.Accounts.Where(account => account.Case is null).Select(account => account.Id).ToList();
            if (step.Trader < traders.Count) Trade(pool, traders[step.Trader], maker, step.Part - 500, step.Price);
            pool.Check();
            pool.Release();
            pool.Check();
        }

        var last = crash.Steps.Length > 0 ? crash.Steps[^1].Price : 60_000;
        for (var round = 0; round < 100 && pool.Accounts.Any(account => account.Case is not null); round++)
        {
            pool.Adopt(PriceOf(last), 2_000_000);
            foreach (var slice in pool.AtEngine.ToArray()) pool.Reject(slice);
            pool.Release();
            pool.Check();
        }

        pool.Accounts.Where(account => account.Case is not null || account.Lock is not null).Select(account =>
            $"{account.Status}, positions {string.Join(' ', account.Positions.All)}, case {account.Case}").ShouldBeEmpty(pool.Standing);
        pool.Pool.Deleveraging.ShouldBeNull();
        return true;
    }

    private static void Trade(Cascade pool, AccountId account, AccountId maker, int thousandths, int price)
    {
        var size = new Quantity(Math.Abs(thousandths) * 100_000L);
        if (size == Quantity.Zero || account == maker) return;
        if (thousandths > 0) pool.Trade(account, maker, size, PriceOf(price));
        else pool.Trade(maker, account, size, PriceOf(price));
    }

    private static Price PriceOf(int dollars) => new(dollars * 100_000_000L);
}
