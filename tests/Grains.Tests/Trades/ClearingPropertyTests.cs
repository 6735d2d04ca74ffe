using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Trades;
using CrossMargin.Risk.Portfolios;
using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;
using static CrossMargin.Grains.Tests.Trades.GivenVenue;

namespace CrossMargin.Grains.Tests.Trades;

/// <summary>What holds whatever is traded, busted and funded, in whatever order.</summary>
public sealed class ClearingPropertyTests
{
    private static readonly Asset Settlement = Asset.Of("USDC");

    /// <summary>A trade, a bust of an earlier one, or the funding of a period.</summary>
    private sealed record Step(int Kind, int Quantity, int Ticks, int BuyerFee, int SellerFee, int Parties, int Index)
    {
        public bool IsOption => Kind % 4 == 3;
    }

    private static Arbitrary<Step[]> Steps => (
        from kind in Gen.Choose(0, 9)
        from quantity in Gen.Choose(1, 5_000)
        from ticks in Gen.Choose(1, 200_003)
        from buyerFee in Gen.Choose(-100_000, 100_000)
        from sellerFee in Gen.Choose(-100_000, 100_000)
        from parties in Gen.Choose(0, 7)
        from index in Gen.Choose(-2_000_000_000, 2_000_000_000)
        select new Step(kind, quantity, ticks, buyerFee, sellerFee, parties, index)).ArrayOf().ToArbitrary();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Money_and_quantity_are_conserved_after_every_record(bool isIsolated) => Prop.ForAll(Steps, steps =>
    {
        var isBalanced = true;
        var venue = new GivenVenue(BtcPerp, BtcCall)
        {
            AfterEach = after => isBalanced &=
                after.SumE20(Settlement) == 0 && after.QuantitySum(BtcPerp) == 0 && after.QuantitySum(BtcCall) == 0,
        };
        if (isIsolated) venue.Send(Alice.Grain, new AccountCommand.IsolateSubAccount(new SubAccountId(1)));
        Run(venue, steps);
        return isBalanced;
    }).QuickCheckThrowOnFailure();

    /// <summary>Everybody carries his risk: what a case has netted in between stays netted.</summary>
    [Fact]
    public void When_all_trades_are_busted_nothing_is_left_but_what_funding_rounded() => Prop.ForAll(Steps, steps =>
    {
        var venue = new GivenVenue(BtcPerp, BtcCall);
        var wealth = Amount("1000000000000 USDC");
        foreach (var account in venue.Accounts.ToArray()) venue.Send(account.Id.Grain, new AccountCommand.Deposit(wealth, ""));
        Run(venue, steps);
        foreach (var known in venue.Capture.Trades.All.Where(known => known.Standing == Grains.Trades.TradeStanding.Standing).ToArray())
            venue.Busts(known.Trade.Trade.Name);

        var paid = venue.Accounts.Aggregate((Int128)0, (sum, account) => sum + wealth.Units - account.Balances[Settlement].Units);
        var rounding = venue.Accounts.Aggregate((Int128)0, (sum, account) => sum + account.HouseRounding[Settlement]);
        return venue.Accounts.All(account => account.Positions.All.IsEmpty)
            && venue.Capture.Fees.Amounts.IsEmpty
            && paid * 100_000_000_000_000 == rounding;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_what_if_is_the_fill_to_the_unit() => Prop.ForAll(Steps, steps =>
    {
        var venue = new GivenVenue(BtcPerp, BtcCall);
        var portfolio = Portfolio.Empty;
        foreach (var step in steps)
        {
            if (step.Parties > 3) continue;   // with oneself: a what-if has no other side
            var listing = step.IsOption ? BtcCall : BtcPerp;
            Trade(venue, step);
            var trade = venue.Capture.Trades.All.Last().Trade;
            var isBuyer = trade.Buyer.Account == Alice;
            portfolio.WithFill(
                listing.Terms(),
                new Fill(
                    listing.Id, isBuyer ? trade.Quantity : -trade.Quantity, isBuyer ? trade.Paid : -trade.Paid,
                    isBuyer ? trade.Buyer.Fee : trade.Seller.Fee),
                out var after).IsNone.ShouldBeTrue();
            portfolio = after!;

            var alice = venue.Of(Alice);
            if (!portfolio.Balances.SequenceEqual(alice.Balances.Amounts)) return false;
            if (!portfolio.Positions.SequenceEqual(alice.Positions.All.Select(held =>
                    new Position(held.Instrument, held.Quantity, held.Cost)))) return false;
        }

        return true;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void The_order_in_which_funding_and_fills_arrive_changes_no_account_by_more_than_a_unit_a_rounding() => Prop.ForAll(Steps, steps =>
    {
        // Bob hears of every fixing before the trades that were captured ahead of it; what both owe is the same.
        var prompt = new GivenVenue(BtcPerp);
        var late = new GivenVenue(BtcPerp);
        long period = 0, index = 0;
        foreach (var step in steps.Where(step => !step.IsOption && step.Parties <= 3))
        {
            index += step.Index;
            var text = DecimalText.Format(index, Contracts.Markets.FundingPoint.IndexScale);
            Trade(prompt, step);
            prompt.Fixes(BtcPerp, ++period, text);

            var captured = Grains.Trades.TradeCapture.Decide(late.Capture, CommandOf(step, period)).Events[0];
            late.Fixes(BtcPerp, period, text);
            foreach (var account in (AccountId[])[Alice, Bob]) late.Send(account.Grain, captured);
        }

        late.Fixes(BtcPerp, ++period, DecimalText.Format(index, Contracts.Markets.FundingPoint.IndexScale));
        return prompt.Accounts.All(account =>
        {
            var other = late.Of(account.Id);
            var same = other.Positions.All.Select(held => (held.Quantity, held.Cost))
                .SequenceEqual(account.Positions.All.Select(held => (held.Quantity, held.Cost)));
            return same && Math.Abs((other.Balances[Settlement] - account.Balances[Settlement]).Units) <= 2 * period;
        });
    }).QuickCheckThrowOnFailure();

    private static void Run(GivenVenue venue, Step[] steps)
    {
        long period = 0, index = 0;
        var count = 0;
        foreach (var step in steps)
        {
            if (step.Kind == 0 && count > 0)
            {
                var known = venue.Capture.Trades.Find(new TradeId($"t{1 + (step.Quantity % count)}"))!;
                if (known.Standing == Grains.Trades.TradeStanding.Standing) venue.Busts(known.Trade.Trade.Name);
            }
            else if (step.Kind == 1)
            {
                index += step.Index;
                venue.Fixes(BtcPerp, ++period, DecimalText.Format(index, Contracts.Markets.FundingPoint.IndexScale));
            }
            else
            {
                Trade(venue, step);
                count++;
            }
        }
    }

    private static void Trade(GivenVenue venue, Step step)
    {
        var (buyer, seller) = PartiesOf(step);
        var listing = step.IsOption ? BtcCall : BtcPerp;
        venue.Trades(buyer, seller, QuantityOf(step), PriceOf(step), listing);
    }

    private static TradeCommand.Capture CommandOf(Step step, long number)
    {
        var (buyer, seller) = PartiesOf(step);
        return new TradeCommand.Capture(new TradeId($"t{number}"), BtcPerp.Id, P(PriceOf(step)), Q(QuantityOf(step)), buyer, seller, Noon);
    }

    private static (TradeParty Buyer, TradeParty Seller) PartiesOf(Step step)
    {
        var (buyerFee, sellerFee) = (DecimalText.Format(step.BuyerFee, 8), DecimalText.Format(step.SellerFee, 8));
        var (first, second) = step.Parties switch
        {
            0 or 1 => (Party(Alice, buyerFee), Party(Bob, sellerFee)),
            2 or 3 => (Party(Bob, buyerFee), Party(Alice, sellerFee)),
            4 => (Party(Alice, buyerFee), Party(Alice, sellerFee)),
            5 => (Party(Alice, buyerFee, subAccount: 1), Party(Alice, sellerFee)),
            6 => (Party(Alice, buyerFee, subAccount: 1), Party(Bob, sellerFee)),
            _ => (Party(Bob, buyerFee), Party(Alice, sellerFee, subAccount: 1)),
        };
        return (first, second);
    }

    private static string QuantityOf(Step step) => DecimalText.Format(step.Quantity, step.IsOption ? 1 : 3);

    private static string PriceOf(Step step) => DecimalText.Format(step.IsOption ? step.Ticks : step.Ticks * 5L, step.IsOption ? 2 : 1);
}
