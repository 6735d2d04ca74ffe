using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Margin;
using CrossMargin.Grains.Tests.Trades;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Shards;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;
using static CrossMargin.Grains.Tests.Trades.GivenVenue;

namespace CrossMargin.Grains.Tests.Margin;

/// <summary>Whom a frame with settlements gives a turn.</summary>
public sealed class SettlementTurnTests
{
    private static readonly AccountGrain Grain = new();
    private static readonly Listing[] Listings = [BtcPerp, BtcFuture];

    private readonly MarginSweep sweep = new(new FrameTables());
    private bool isKnown;

    [Fact]
    public void Who_holds_what_has_expired_has_a_turn_at_every_frame_until_it_is_settled()
    {
        var slot = Slot(Holding());
        Turns(slot, Frame()).ShouldBe(0);
        Turns(slot, Settling).ShouldBe(1);
        Turns(slot, Settling).ShouldBe(1);
        Take(slot, Settling);
        Turns(slot, Settling, slot).ShouldBe(0);
    }

    [Fact]
    public void Who_has_an_order_in_it_has_one_too()
    {
        var slot = Slot(With("1000 USDC").After(new AccountEvent.OrderReserved(
            new OrderId("o"), SubAccountId.Main, BtcFuture.Id, Side.Sell, Q("1"), P("100"))).State);
        Turns(slot, Frame()).ShouldBe(0);
        Turns(slot, Settling).ShouldBe(1);
        Take(slot, Settling);
        Turns(slot, Settling, slot).ShouldBe(0);
    }

    [Fact]
    public void Who_is_at_an_earlier_day_has_one_and_whoever_is_there_has_none()
    {
        var slot = Slot(Holding());
        var first = Frame() with { Days = [new DayMark(BtcFuture.Id, 1, P("101"))] };
        Turns(slot, first).ShouldBe(1);
        Take(slot, first);
        Turns(slot, first, slot).ShouldBe(0);
        Turns(slot, Frame() with { Days = [new DayMark(BtcFuture.Id, 4, P("102"))] }).ShouldBe(1);
    }

    private static MarkFrame Settling => Frame() with { Settlements = [new SettlementMark(BtcFuture.Id, P("107"))] };

    /// <summary>The future has a mark, as it has until it expires.</summary>
    private static MarkFrame Frame()
    {
        var frame = GivenMarks.Frame("100", Listings);
        return frame with
        {
            Expiries =
            [
                new ExpiryMark(BtcFuture.Underlying, BtcFuture.Expiry!.Value, P("100"), Rate.Zero, new Price(0), Rate.One, new SmileMark.None()),
            ],
            Instruments = frame.Instruments.Add(new InstrumentMark(BtcFuture.Id, P("100"), Money.Zero)),
        };
    }

    private static Account Holding() => With("1000 USDC").After(new AccountEvent.FillApplied(new TradeId("t"), new PositionChange(
        SubAccountId.Main, BtcFuture.Id, Q("1"), Amount("0.1 USDC"), Amount("0 USDC"), Amount("0 USDC"), Amount("0 USDC"), 0, default, Q("1"),
        Amount("0.1 USDC"), Amount("1000 USDC")))).State;

    private static GrainSlot Slot(Account account) => new(account.Id.Grain, Grain) { State = account, Number = 0 };

    private int Turns(GrainSlot slot, MarkFrame frame, params GrainSlot[] changed)
    {
        var news = isKnown ? changed : [slot];
        isKnown = true;
        return sweep.Sweep(MarginMarks.Open(frame), [slot], news).Turns.Count;
    }

    private static void Take(GrainSlot slot, MarkFrame frame)
    {
        var account = (Account)slot.State;
        var decision = Account.Decide(account, new FrameAdopted(frame.Number), new Context(Noon, frame.Number, MarginMarks.Open(frame)));
        slot.State = decision.Events.Aggregate(account, Account.Evolve);
    }
}
