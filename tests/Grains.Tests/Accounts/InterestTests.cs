using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Trades;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Margin;
using CrossMargin.Grains.Tests.Margin;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Shards;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;
using static CrossMargin.Grains.Tests.Trades.GivenVenue;

namespace CrossMargin.Grains.Tests.Accounts;

/// <summary>A loan of USDC costs 5 % a year here, and may be a million.</summary>
public sealed class InterestTests
{
    private static readonly Asset Usdc = Asset.Of("USDC");
    private static readonly long NoonHour = Noon.Micros / Instant.MicrosPerHour;

    private static MarginMarks Hours(int later) => MarginMarks.Open(Frame([BtcPerp]) with
    {
        At = Noon.PlusMicros(later * Instant.MicrosPerHour), Parameters = GivenMarks.Charging,
    });

    private static MarkFrame Frame(Listing[] listings) => GivenMarks.Frame("60000", listings) with
    {
        Assets =
        [
            new AssetMark(Asset.Of("BTC"), P("60000"), null, Rate.One, Amount("0 BTC"), 0),
            new AssetMark(Usdc, P("1"), null, Rate.One, Amount("0 USDC"), 0),
        ],
    };

    /// <summary>Four bitcoin, and so much owed after a fee.</summary>
    private static GivenAccount Owing(string debt) => With("4 BTC").After(new AccountEvent.FillApplied(new TradeId("t1"), new PositionChange(
        SubAccountId.Main, BtcPerp.Id, Q("0"), Amount("0 USDC"), Amount("0 USDC"), Amount(debt), Amount("0 USDC"), 0, default, Q("0"),
        Amount("0 USDC"), -Amount(debt))));

    [Fact]
    public void Who_owes_pays_for_each_hour_once_and_the_house_has_it()
    {
        // 87,600 × 5 % ÷ 8,760 hours
        var given = Owing("87600 USDC").Under(Hours(0)).When(new FrameAdopted(1));
        given.Then(new AccountEvent.InterestCharged(
            Amount("87600 USDC"), R("0.05"), NoonHour, Amount("0.5 USDC"), Amount("-87600.5 USDC")));
        given.When(new FrameAdopted(2)).ThenNothing();
        given.Under(Hours(1)).When(new FrameAdopted(3)).Then<AccountEvent.InterestCharged>();
        given.State.HouseInterest[Usdc].ShouldBe(Amount("1.000003 USDC"));   // 0.5 on 87,600 and 0.500003 on 87,600.5
        given.State.Balances[Usdc].ShouldBe(-Amount("87600 USDC") - given.State.HouseInterest[Usdc]);
    }

    [Theory]
    [InlineData("0.000001 USDC", "0.000001 USDC")]
    [InlineData("0.1752 USDC", "0.000001 USDC")]
    [InlineData("0.175201 USDC", "0.000002 USDC")]
    public void A_part_of_a_unit_is_paid_as_a_unit(string debt, string interest) =>
        Owing(debt).Under(Hours(0)).When(new FrameAdopted(1)).Last<AccountEvent.InterestCharged>().Interest.ShouldBe(Amount(interest));

    [Fact]
    public void An_hour_that_no_frame_was_adopted_in_costs_nothing()
    {
        var given = Owing("87600 USDC").Under(Hours(5)).When(new FrameAdopted(1)).Then<AccountEvent.InterestCharged>();
        given.State.HouseInterest[Usdc].ShouldBe(Amount("0.5 USDC"));
    }

    [Fact]
    public void A_loan_that_is_paid_back_and_taken_again_in_one_hour_is_charged_once()
    {
        var given = Owing("87600 USDC").Under(Hours(0)).When(new FrameAdopted(1)).Then<AccountEvent.InterestCharged>();
        given.When(new AccountCommand.Deposit(Amount("90000 USDC"), "back")).Then<AccountEvent.Deposited>();
        given.After(new AccountEvent.FillApplied(new TradeId("t2"), new PositionChange(
            SubAccountId.Main, BtcPerp.Id, Q("0"), Amount("0 USDC"), Amount("0 USDC"), Amount("2400 USDC"), Amount("0 USDC"), 0, default,
            Q("0"), Amount("0 USDC"), Amount("-0.5 USDC"))));
        given.When(new FrameAdopted(2)).ThenNothing();
        given.Under(Hours(1)).When(new FrameAdopted(3)).Then<AccountEvent.InterestCharged>();
    }

    [Fact]
    public void Without_a_rate_a_loan_costs_nothing() =>
        Owing("87600 USDC").Under(MarginMarks.Open(Frame([BtcPerp]))).When(new FrameAdopted(1)).ThenNothing();

    [Fact]
    public void An_isolated_sub_account_pays_for_what_it_owes_itself()
    {
        var third = new SubAccountId(3);
        var given = With("10 USDC").When(new AccountCommand.IsolateSubAccount(third)).Then<AccountEvent.SubAccountIsolated>()
            .After(new AccountEvent.FillApplied(new TradeId("t1"), new PositionChange(
                third, BtcPerp.Id, Q("0"), Amount("0 USDC"), Amount("0 USDC"), Amount("87600 USDC"), Amount("0 USDC"), 0, default, Q("0"),
                Amount("0 USDC"), Amount("-87600 USDC"))));
        given.Under(Hours(0)).When(new FrameAdopted(1))
            .ThenAll(typeof(AccountEvent.InterestCharged), typeof(AccountEvent.MarginStatusChanged));
        (given.State.Balances[Usdc], given.State.PartOf(third).Balances[Usdc]).ShouldBe((Amount("10 USDC"), Amount("-87600.5 USDC")));
        given.When(new FrameAdopted(2)).ThenNothing();
    }

    [Fact]
    public void Who_owes_has_a_turn_in_each_hour_and_whoever_does_not_has_none()
    {
        var grain = new AccountGrain();
        var debtor = new GrainSlot(Alice.Grain, grain) { Number = 0, State = Owing("87600 USDC").State };
        var owner = new GrainSlot(Bob.Grain, grain) { Number = 1, State = With("4 BTC").State };
        var sweep = new MarginSweep(new FrameTables());
        sweep.Sweep(Hours(0), [debtor, owner], [debtor, owner]).Turns.ShouldBe([debtor]);
        debtor.State = Owing("87600 USDC").Under(Hours(0)).When(new FrameAdopted(1)).Then<AccountEvent.InterestCharged>().State;
        sweep.Sweep(Hours(0), [debtor, owner], [debtor]).Turns.ShouldBeEmpty();
        sweep.Sweep(Hours(1), [debtor, owner], []).Turns.ShouldBe([debtor]);
    }

    [Fact]
    public void An_order_that_would_borrow_beyond_the_limit_is_refused_and_a_fact_is_not()
    {
        // Each contract pays 60,000 as its premium, and 5 % of that is the fee that a set may ask at most.
        var given = With("100 BTC").Under(MarginMarks.Open(WithCall)).When(Call("2", "60000")).Then<AccountEvent.OrderReserved>();
        given.When(Call("20", "60000") with { Order = new OrderId("o2") }).ThenJournaledRefusal(Rejection.BorrowLimit);
        given.When(Call("20", "60000") with { Order = new OrderId("o2"), Side = Side.Sell }).ThenAccepted();

        var premium = new TradeEvent.Captured(
            new TradeId("t1"), BtcCall.Id, FillStyle.Premium, P("60000"), Q("20"), Amount("1200000 USDC"), default,
            new TradeLeg(Alice, SubAccountId.Main, Amount("0 USDC")), new TradeLeg(Bob, SubAccountId.Main, Amount("0 USDC")),
            Amount("0 USDC"), Noon);
        given.When(premium).Last<AccountEvent.FillApplied>().Change.BalanceAfter.ShouldBe(Amount("-1200000 USDC"));
    }

    private static MarkFrame WithCall => Frame([BtcPerp, BtcCall]) with
    {
        Expiries =
        [
            new ExpiryMark(new Underlying("BTC"), BtcCall.Expiry!.Value, P("60000"), Rate.Zero, P("0"), Rate.One,
                new SmileMark.Points([new VolPoint(P("100"), R("0.5"))])),
        ],
        Instruments = [new InstrumentMark(BtcPerp.Id, P("60000"), Money.Zero), new InstrumentMark(BtcCall.Id, P("59900"), Money.Zero)],
    };

    private static AccountCommand.ReserveOrder Call(string quantity, string price) =>
        new(new OrderId("o1"), SubAccountId.Main, BtcCall.Id, Side.Buy, Q(quantity), P(price));
}
