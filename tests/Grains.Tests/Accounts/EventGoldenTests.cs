using System.Text;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Pools;
using CrossMargin.Contracts.Trades;
using CrossMargin.Grains.Accounts;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;

namespace CrossMargin.Grains.Tests.Accounts;

public sealed class EventGoldenTests() : EventGoldens(Grain, Samples)
{
    private static readonly AccountGrain Grain = new();

    private static readonly MarginFigures Figures = new(
        41, 3, new Money(300_500_000), new Money(299_000_000), new Money(600_000_000), new Money(600_000_000), new Money(450_000_000),
        new Money(300_000_000));

    private static readonly PositionChange Closed = new(
        SubAccountId.Main, new InstrumentId(1), new Quantity(-100_000_000), Amount("-59940 USDC"), Amount("-60 USDC"), Amount("0 USDC"),
        Amount("0 USDC"), 0, new FundingPoint(3, 12_500_000_000), Quantity.Zero, Amount("0 USDC"), Amount("0 USDC"));

    private static readonly CloseOutOffer Offer = new(
        Alice, new CaseId(17), SubAccountId.Main, new Quantity(100_000_000), new Price(5_994_000_000_000));

    private static readonly SliceOrder Slice = new(
        new OrderId("liq.8f00000000000001.18"), SubAccountId.Main, new InstrumentId(1), Side.Sell, new Quantity(2_000_000),
        new Price(6_000_000_000_000), new Price(5_964_000_000_000), new Rate(5_000_000), Noon, 5_000)
    {
        Bankruptcy = new Price(5_994_000_000_000),
    };

    private static readonly AccountEvent[] Samples =
    [
        new AccountEvent.Opened(Owner),
        new AccountEvent.Closed(),
        new AccountEvent.Reopened(),
        new AccountEvent.Deposited(Amount("12.5 USDC"), Amount("100.000001 USDC"), "custody batch 7 \"quoted\" é"),
        new AccountEvent.DepositFinalized(new DepositId(2), Amount("12.5 USDC")),
        new AccountEvent.DepositReversed(new DepositId(2), Amount("12.5 USDC"), Amount("-2.5 USDC")),
        new AccountEvent.WithdrawalHeld(new WithdrawalId(3), Amount("2 BTC"), Amount("0.00000001 BTC"), "bc1q", Noon),
        new AccountEvent.WithdrawalCleared(new WithdrawalId(3), 41),
        new AccountEvent.WithdrawalInstructed(new WithdrawalId(3), Amount("2 BTC"), "bc1q"),
        new AccountEvent.WithdrawalCancelled(new WithdrawalId(3), Amount("2 BTC"), Amount("2.5 BTC")),
        new AccountEvent.WithdrawalPosted(new WithdrawalId(3), Amount("2 BTC")),
        new AccountEvent.WithdrawalVoided(new WithdrawalId(3), Amount("2 BTC"), Amount("2.5 BTC")),
        new AccountEvent.WithdrawalOverdue(new WithdrawalId(3)),
        new AccountEvent.TransferHeld(new TransferId(3), Bob, Amount("1 ETH"), Amount("0 ETH")) { Frame = 41 },
        new AccountEvent.TransferOverdue(new TransferId(3)),
        new AccountEvent.TransferCancelled(new TransferId(3), Amount("1 ETH"), Amount("1 ETH")),
        new AccountEvent.TransferCleared(new TransferId(3), 41, Alice, Bob, Amount("1 ETH")),
        new AccountEvent.TransferSent(Alice, Bob, Amount("1 ETH"), Amount("0 ETH")),
        new AccountEvent.TransferReceived(Alice, Amount("1 ETH"), Amount("1 ETH")),
        new AccountEvent.TransferBounced(Alice, Bob, Amount("1 ETH"), Rejection.AccountNotFound),
        new AccountEvent.TransferReturned(Bob, Amount("1 ETH"), Amount("1 ETH"), Rejection.AccountNotFound),
        new AccountEvent.FillApplied(new TradeId("t-17"), Sale),
        new AccountEvent.FillReversed(new TradeId("t-17"), Sale),
        new AccountEvent.FundingApplied(
            new SubAccountId(2), new InstrumentId(1), Amount("-0.000012 USDC"), 37_000_000_000_000, new FundingPoint(4, -12_345),
            Amount("-5 USDC")),
        new AccountEvent.Settled(
            new SubAccountId(2), new InstrumentId(3), SettlementOutcome.Closed, new Price(6_499_912_345_678), new Quantity(-150_000_000),
            Amount("-97.5 USDC"), Amount("2.5 USDC"), 37_000_000_000_000, Amount("-5 USDC")),
        new AccountEvent.DaySettled(
            new SubAccountId(2), new InstrumentId(3), 4, new Price(6_500_000_000_000), Amount("-1.5 USDC"), Amount("97.5 USDC"),
            Amount("-5 USDC")),
        new AccountEvent.OrderReserved(
            new OrderId("o-9"), SubAccountId.Main, new InstrumentId(1), Side.Sell, new Quantity(150_000_000), new Price(6_500_050_000_000)),
        new AccountEvent.OrderFilled(new OrderId("o-9"), new Quantity(50_000_000), new Quantity(100_000_000)),
        new AccountEvent.OrderReleased(new OrderId("o-9"), new Quantity(100_000_000)),
        new AccountEvent.InterestCharged(Amount("87600 USDC"), new Rate(50_000_000), 497_222, Amount("0.5 USDC"), Amount("-87600.5 USDC"))
        {
            SubAccount = new SubAccountId(2),
        },
        new AccountEvent.SubAccountIsolated(new SubAccountId(2)),
        new AccountEvent.CollateralAllocated(new SubAccountId(2), Amount("100 USDC"), Amount("900 USDC"), Amount("100 USDC")),
        new AccountEvent.CollateralReleased(new SubAccountId(2), Amount("40 USDC"), Amount("940 USDC"), Amount("60 USDC")),
        new AccountEvent.OrderEndsRequested([new OrderId("o-9"), new OrderId("o-10")]),
        new AccountEvent.MarginStatusChanged(MarginStatus.Liquidatable, MarginStatus.MarginCall)
        {
            Margin = new MarginFigures(
                41, 3, new Money(-1_500_000), new Money(250_000_000), new Money(900_000_001), new Money(800_000_000),
                new Money(500_000_000), new Money(250_000_001)),
        },
        new AccountEvent.CaseOpened(new CaseId(17), MarginStatus.Liquidatable, Figures),
        new AccountEvent.SliceOrdered(Alice, new CaseId(17), Slice, Figures),
        new AccountEvent.SliceFilled(
            Slice.Order, new Quantity(1_500_000), new Quantity(500_000), Amount("4.5 USDC"), Amount("290 USDC"), Amount("7.25 USDC")),
        new AccountEvent.SliceCalledBack(Alice, Slice.Order, CallBackReason.Overdue, Noon),
        new AccountEvent.SliceEnded(Alice, Slice.Order, new Quantity(500_000), SliceEnding.GivenUp),
        new AccountEvent.ConversionOrdered(
            Alice, new CaseId(17),
            new ConversionOrder(
                new OrderId("liq.0011223344556677.22"), Amount("0.12 BTC"), Amount("7200 USDC"), Amount("6840 USDC"), Noon, 5_000), Figures),
        new AccountEvent.Converted(
            new TradeId("t-9"), Amount("0.1 BTC"), Amount("0.4 BTC"), Amount("5950 USDC"), Amount("-1250 USDC")),
        new AccountEvent.ConversionFilled(new OrderId("liq.0011223344556677.22"), Amount("0.1 BTC"), Amount("0.02 BTC")),
        new AccountEvent.ConversionCalledBack(Alice, new OrderId("liq.0011223344556677.22"), CallBackReason.Overdue, Noon),
        new AccountEvent.ConversionEnded(Alice, new OrderId("liq.0011223344556677.22"), Amount("0.02 BTC"), SliceEnding.GivenUp),
        new AccountEvent.CollateralSurrendered(
            new CaseId(17), Amount("0.4 BTC"), Amount("0 BTC"), Amount("1.4 BTC"), Amount("1250 USDC"), Amount("0 USDC"),
            Amount("1350 USDC")),
        new AccountEvent.PositionsNetted(
            new CaseId(17), new Price(6_000_000_000_000),
            new PositionChange(
                SubAccountId.Main, new InstrumentId(1), new Quantity(-50_000_000), Amount("-30000 USDC"), Amount("-250.5 USDC"), Amount("0 USDC"),
                Amount("0.000001 USDC"), 42, new FundingPoint(3, 12_500_000_000), new Quantity(100_000_000), Amount("60501 USDC"),
                Amount("1249.499999 USDC")),
            new PositionChange(
                new SubAccountId(2), new InstrumentId(1), new Quantity(50_000_000), Amount("30000 USDC"), Amount("120 USDC"), Amount("0 USDC"),
                Amount("0 USDC"), 0, new FundingPoint(3, 12_500_000_000), new Quantity(0), Amount("0 USDC"), Amount("1369.499999 USDC"))),
        new AccountEvent.HandedOver(
            Alice, new CaseId(17), Bob,
            new PositionTransfer(
                new InstrumentId(1), FillStyle.Variation, new Price(5_994_000_000_000), new Quantity(100_000_000), Amount("59940 USDC"),
                new FundingPoint(3, 12_500_000_000)),
            Closed),
        new AccountEvent.TakenOver(Alice, new CaseId(17), Closed),
        new AccountEvent.CloseOutOffered(new CaseId(17), 57, new InstrumentId(1), StrandedBy.Unfunded, Offer, Figures),
        new AccountEvent.CloseOutAssigned(new CaseId(17), 57, new Quantity(100_000_000), Noon),
        new AccountEvent.Deleveraged(Bob, 57, Offer)
        {
            Transfer = new PositionTransfer(
                new InstrumentId(1), FillStyle.Variation, Offer.Price, new Quantity(-100_000_000), Amount("-59940 USDC"),
                new FundingPoint(3, 12_500_000_000)),
            Change = Closed,
        },
        new AccountEvent.ClosedOut(new CaseId(17), 57, Bob, new Quantity(100_000_000)) { Change = Closed },
        new AccountEvent.CloseOutEnded(new CaseId(17), 57, CloseOutEnding.Answered),
        new AccountEvent.FundDrawn(new CaseId(17), Amount("300 USDC"), Amount("-12 USDC"), Amount("310 USDC")),
        new AccountEvent.GainLocked(41, Amount("1500 USDC")),
        new AccountEvent.LossShared(41, Amount("400 USDC"), Amount("6100 USDC"), Amount("400 USDC")),
        new AccountEvent.CaseEnded(new CaseId(17), CaseEnding.Cured) { Margin = Figures },
        new AccountEvent.CommandRefused("withdraw", Rejection.ExceedsBalance),
    ];

    private static PositionChange Sale => new(
        SubAccountId.Main, new InstrumentId(1), new Quantity(-50_000_000), Amount("-32500.25 USDC"), Amount("500.25 USDC"),
        Amount("16.250125 USDC"), Amount("0.000001 USDC"), 42, new FundingPoint(3, 1_234_500_000_000), new Quantity(100_000_000),
        Amount("64000 USDC"), Amount("1484.000124 USDC"));

    /// <summary>An event that says what a balance is afterwards is a line of the cash ledger, and no other is.</summary>
    [Fact]
    public void Every_event_is_a_line_of_the_ledger_or_moves_no_cash()
    {
        foreach (var sample in Samples)
        {
            var payload = new System.Buffers.ArrayBufferWriter<byte>();
            Grain.Encode((object)sample, payload);
            var text = Encoding.UTF8.GetString(payload.WrittenSpan);
            var movesCash = text.Contains("\"balanceAfter\"") || text.Contains("\"boughtAfter\"");
            CashChange.Of(sample).Any().ShouldBe(movesCash, Grain.NameOf((object)sample));
        }
    }

    [Fact]
    public void A_transfer_that_stays_with_its_owner_names_the_owner_at_its_end()
    {
        var payload = new System.Buffers.ArrayBufferWriter<byte>();
        var sent = new AccountEvent.TransferSent(Alice, Bob, Amount("1 ETH"), Amount("0 ETH")) { Owner = Owner };
        Grain.Encode((object)sent, payload);
        Encoding.UTF8.GetString(payload.WrittenSpan).ShouldEndWith("""
            "balanceAfter":"0 ETH","owner":"alice"}
            """);
        Grain.Decode("account.transfer-sent.v1", payload.WrittenSpan).ShouldBe(sent);
    }

    [Fact]
    public void What_comes_back_without_its_owners_word_says_why_at_its_end()
    {
        var back = new AccountEvent.WithdrawalCancelled(new WithdrawalId(3), Amount("1 ETH"), Amount("1 ETH"))
        {
            Because = ReturnReason.Liquidation,
        };
        var lost = new AccountEvent.TransferCancelled(new TransferId(3), Amount("1 ETH"), Amount("1 ETH")) { Because = ReturnReason.Loss };
        foreach (var (@event, end) in new (AccountEvent, string)[] { (back, "Liquidation"), (lost, "Loss") })
        {
            var payload = new System.Buffers.ArrayBufferWriter<byte>();
            Grain.Encode((object)@event, payload);
            Encoding.UTF8.GetString(payload.WrittenSpan).ShouldEndWith($$"""
                ,"because":"{{end}}"}
                """);
            Grain.Decode(Grain.NameOf((object)@event), payload.WrittenSpan).ShouldBe(@event);
        }
    }

    [Fact]
    public void So_does_one_that_waits_and_one_that_is_cleared()
    {
        var held = new AccountEvent.TransferHeld(new TransferId(3), Bob, Amount("1 ETH"), Amount("0 ETH")) { Frame = 41, Owner = Owner };
        var cleared = new AccountEvent.TransferCleared(new TransferId(3), 41, Alice, Bob, Amount("1 ETH")) { Owner = Owner };
        foreach (var @event in (AccountEvent[])[held, cleared])
        {
            var payload = new System.Buffers.ArrayBufferWriter<byte>();
            Grain.Encode((object)@event, payload);
            Encoding.UTF8.GetString(payload.WrittenSpan).ShouldEndWith("""
                ,"owner":"alice"}
                """);
            Grain.Decode(Grain.NameOf((object)@event), payload.WrittenSpan).ShouldBe(@event);
        }
    }

    /// <summary>The sample without it is what journals from before have.</summary>
    [Fact]
    public void A_refusal_has_what_was_asked()
    {
        AccountCommand[] asked =
        [
            new AccountCommand.Withdraw(Amount("1 ETH"), "0xabc"), new AccountCommand.Close(), new AccountCommand.Deposit(Amount("1 ETH"), "r")
            {
                Origin = new DepositOrigin(CollateralForm.Staked, "ethereum", Finality.Pending) { Source = new SourceId("vault") },
            },
            new AccountCommand.Transfer(Bob, Amount("1 ETH")) { Reach = TransferReach.SameOwner },
            new AccountCommand.ReserveOrder(
                new OrderId("o1"), SubAccountId.Main, new InstrumentId(1), Side.Buy, new Quantity(100_000_000), new Price(6_000_000_000_000)),
        ];
        foreach (var command in asked)
        {
            var payload = new System.Buffers.ArrayBufferWriter<byte>();
            var refused = new AccountEvent.CommandRefused("x", Rejection.ExceedsBalance) { Asked = command };
            Grain.Encode((object)refused, payload);
            Grain.Decode(AccountEventNames.CommandRefused, payload.WrittenSpan).ShouldBe(refused);
            if (command is AccountCommand.ReserveOrder)
            {
                var bare = new System.Buffers.ArrayBufferWriter<byte>();
                Grain.Encode((object)(refused with { Asked = null }), bare);
                (payload.WrittenCount - bare.WrittenCount).ShouldBe(120);   // docs/adr/0008 says so
                Encoding.UTF8.GetString(payload.WrittenSpan).ShouldEndWith("""
                    "asked":{"type":"reserve-order","order":"o1","subAccount":0,"instrument":1,"side":"Buy","quantity":"1","price":"60000"}}
                    """);
            }
        }
    }

    [Theory]
    [InlineData("""{"amount":"1 USDC","balanceAfter":"1 USDC"}""")]                               // a field is missing
    [InlineData("""{"amount":"1 USDC","balanceAfter":"1 USDC","reference":"r","more":1}""")]      // one too many
    [InlineData("""{"amount":1,"balanceAfter":"1 USDC","reference":"r"}""")]                      // a number
    [InlineData("""{"amount":"1 XYZ","balanceAfter":"1 USDC","reference":"r"}""")]                // an unknown asset
    [InlineData("""{"amount":"1 USDC","balanceAfter":"1 USDC","reference":null}""")]              // null
    public void A_payload_that_is_not_exactly_right_is_not_read(string payload) =>
        Should.Throw<System.Text.Json.JsonException>(() => Grain.Decode(AccountEventNames.Deposited, Encoding.UTF8.GetBytes(payload)));
}
