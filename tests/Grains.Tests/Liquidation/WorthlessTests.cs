using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Pools;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Liquidation;
using CrossMargin.Grains.Margin;
using CrossMargin.Grains.Tests.Accounts;
using CrossMargin.Grains.Tests.Margin;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Shards;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;
using static CrossMargin.Grains.Tests.Trades.GivenVenue;

namespace CrossMargin.Grains.Tests.Liquidation;

/// <summary>A call that is worth nothing at the mark: whoever has it can still be liquidated, and whoever is short of it still gives it up.</summary>
public sealed class WorthlessTests
{
    private static readonly Listing Far = BtcCall with { Strike = P("60000") };
    private static readonly SliceGranted Plenty = new(Far.Id, new Money(1_000_000_000_000));

    private static MarginMarks Marks
    {
        get
        {
            var frame = GivenMarks.Frame("50000", [BtcPerp, Far]);
            var smile = new SmileMark.Points([new VolPoint(P("40000"), R("0.5")), new VolPoint(P("60000"), R("0.5"))]);
            var marks = MarginMarks.Open(frame with
            {
                Expiries = [new ExpiryMark(Far.Underlying, Far.Expiry!.Value, P("50000"), Rate.Zero, new Price(0), Rate.One, smile)],
                Instruments = frame.Instruments.Add(new InstrumentMark(Far.Id, new Price(0), Money.Zero)),
            });
            marks.Unusable.IsNone.ShouldBeTrue(marks.Unusable.ToString());
            return marks;
        }
    }

    private static GivenAccount Short(string cash, MarginMarks marks) => With(cash).After(new AccountEvent.FillApplied(
        new TradeId("t1"), new PositionChange(
            SubAccountId.Main, Far.Id, Q("-1"), Amount("0 USDC"), Amount("0 USDC"), Amount("0 USDC"), Amount("0 USDC"), 0,
            new FundingPoint(0, 0), Q("-1"), Amount("0 USDC"), Amount(cash)))).Under(marks);

    [Fact]
    public void A_short_is_bought_back_for_a_tick()
    {
        var marks = Marks;
        var given = Short("10 USDC", marks).When(new FrameAdopted(1))
            .ThenAll(typeof(AccountEvent.MarginStatusChanged), typeof(AccountEvent.CaseOpened));
        given.When(Plenty);
        var slice = given.Last<AccountEvent.SliceOrdered>().Slice;
        (slice.Side, slice.Mark, slice.Limit).ShouldBe((Side.Buy, new Price(0), Far.Tick));
    }

    [Fact]
    public void One_that_nobody_sells_is_handed_over_or_closed_against_the_other_side()
    {
        var marks = Marks;
        var given = Short("10 USDC", marks).When(new FrameAdopted(1))
            .ThenAll(typeof(AccountEvent.MarginStatusChanged), typeof(AccountEvent.CaseOpened));
        var fruitless = given.State with { Case = given.State.Case! with { Fruitless = 9 } };
        var demand = ShardCases.DemandOf(marks, [new GrainSlot(Alice.Grain, new AccountGrain()) { State = fruitless }], []).ShouldNotBeNull();
        (demand.Remainders.Length, demand.Stranded?.Length).ShouldBe((1, 1));
    }

    [Fact]
    public void A_holder_gives_up_at_the_mark_what_has_gained_nothing_that_could_pay_more()
    {
        var marks = Marks;
        var holder = Short("100000 USDC", marks);
        holder.When(new DeleverageShare(9, Far.Id, new DeleverageAssignment(
            new CloseOutOffer(Bob, new CaseId(1), SubAccountId.Main, Q("1"), P("5")), new PositionHolder(Alice, SubAccountId.Main))));
        holder.First<AccountEvent.Deleveraged>().Transfer.ShouldNotBeNull().Price.ShouldBe(new Price(0));
    }
}
