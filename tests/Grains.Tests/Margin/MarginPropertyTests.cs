using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Trades;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Margin;
using CrossMargin.Grains.Tests.Trades;
using CrossMargin.Risk.Portfolios;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Shards;
using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;
using static CrossMargin.Grains.Tests.Trades.GivenVenue;

namespace CrossMargin.Grains.Tests.Margin;

/// <summary>What holds whatever is traded, ordered and fixed, under whatever frames.</summary>
public sealed class MarginPropertyTests
{
    private static readonly Listing Other = BtcPerp with { Id = new InstrumentId(3), Symbol = "BTC-PERP-SMALL", Multiplier = Q("0.1") };
    private static readonly Listing[] Listed = [BtcPerp, Other];
    private static readonly AccountGrain Grain = new();

    private static readonly SubAccountId Isolated = new(1);

    /// <summary>A trade, an order, a withdrawal, collateral for the isolated sub-account of Alice, or a new frame.</summary>
    private sealed record Step(int Kind, int Quantity, int Ticks, int Index, bool IsBuy, bool IsOther, bool IsIsolated)
    {
        public SubAccountId Of => IsIsolated ? Isolated : SubAccountId.Main;
        public Listing Listing => IsOther ? Other : BtcPerp;
        public string Price => DecimalText.Format(500_000 + (Ticks / 5 * 5), 1);
        public string Size => DecimalText.Format(Quantity, 3);
    }

    private static Arbitrary<Step[]> Steps => (
        from kind in Gen.Choose(0, 6)
        from quantity in Gen.Choose(1, 2_000)
        from ticks in Gen.Choose(0, 200_000)
        from index in Gen.Choose(50_000, 70_000)
        from isBuy in Gen.Elements(true, false)
        from isOther in Gen.Elements(true, false)
        from isIsolated in Gen.Elements(true, false)
        select new Step(kind, quantity, ticks, index, isBuy, isOther, isIsolated)).ArrayOf().ToArbitrary();

    [Fact]
    public void After_every_event_the_status_is_what_the_margin_says_and_free_and_used_are_all_there_is() => Prop.ForAll(Steps, steps =>
    {
        var venue = Venue();
        var holds = true;
        foreach (var step in steps)
        {
            Take(venue, step);
            foreach (var (account, part) in venue.Accounts.SelectMany(account => account.Parts, (account, part) => (account, part)))
            {
                var margin = venue.Marks!.Of(account, part);
                holds &= margin.Status == part.Status;
                if (margin.Report is not { } report) continue;
                holds &= report.FreeCollateral + report.InitialMargin == report.MarginEquity
                    && report.MaintenanceMargin <= report.LiquidationEnd && report.LiquidationEnd <= report.InitialHard
                    && report.InitialHard <= report.InitialMargin
                    && (part.Status is MarginStatus.Liquidatable or MarginStatus.Bankrupt) == (report.MaintenanceMargin > report.MarginEquity)
                    && (part.Status != MarginStatus.Liquidatable || HasSomethingToTake(part));
            }
        }

        return holds;
    }).QuickCheckThrowOnFailure();

    /// <summary>A position, or an asset beside a debt.</summary>
    private static bool HasSomethingToTake(AccountPart part) =>
        !part.Positions.All.IsEmpty || part.Balances.Amounts.Any(balance => !balance.IsNegative);

    [Fact]
    public void The_simulated_margin_of_an_order_is_the_margin_after_it() => Prop.ForAll(Steps, steps =>
    {
        var venue = Venue();
        foreach (var step in steps)
        {
            var before = venue.Of(Alice);
            var marks = venue.Marks!;
            var holdings = marks.HoldingsOf(before, before.PartOf(step.Of)).Portfolio!;
            Portfolio.Of(
                before.Version + 1, holdings.Balances, holdings.Positions, holdings.UnsettledFunding,
                [.. holdings.Orders, new OpenOrder(step.Listing.Id, step.IsBuy ? OrderSide.Buy : OrderSide.Sell, Q(step.Size), P(step.Price))],
                holdings.OwnInitialRates, out var simulated).IsNone.ShouldBeTrue();
            var simulation = marks.Evaluate(simulated!);
            var expected = simulation.IsRefused ? null : MarginFigures.Of(simulation.Value);

            var answer = venue.Send(Alice.Grain, Order(step, before))[0];
            var decided = answer is AccountEvent.OrderReserved reserved ? reserved.Margin : ((AccountEvent.CommandRefused)answer).Margin;
            if (decided != expected) return false;
            if (answer is AccountEvent.OrderReserved)
            {
                var after = marks.Evaluate(marks.HoldingsOf(venue.Of(Alice), venue.Of(Alice).PartOf(step.Of)).Portfolio!).Value;
                if (MarginFigures.Of(after) != expected) return false;
            }

            Take(venue, step);
        }

        return true;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void The_largest_order_is_taken_and_one_lot_more_is_not() => Prop.ForAll(Steps, steps =>
    {
        var venue = Venue();
        foreach (var step in steps)
        {
            Take(venue, step);
            var account = venue.Of(Alice);
            var context = new Context(Noon, 1, venue.Marks);
            var order = Order(step, account);
            var most = MarginRule.LargestOrder(account, order, step.Listing.Lot, context);
            if (most > Quantity.Zero && !IsTaken(most)) return false;
            if (IsTaken(new Quantity(most.E8 + step.Listing.Lot.E8))) return false;

            bool IsTaken(Quantity quantity) => Account.Decide(account, order with { Quantity = quantity }, context).Events
                is [AccountEvent.OrderReserved, ..];
        }

        return true;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void What_a_withdrawal_may_take_is_granted_and_a_unit_more_is_not() => Prop.ForAll(Steps, steps =>
    {
        var venue = Venue();
        var usdc = Asset.Of("USDC");
        foreach (var step in steps)
        {
            Take(venue, step);
            var account = venue.Of(Alice);
            var most = MarginRule.Withdrawable(account, account.Cross, usdc, venue.Marks);
            if (most.IsPositive && Answer(most) is AccountEvent.CommandRefused) return false;
            if (most < account.Balances[usdc] && Answer(most + new AssetAmount(usdc, 1)) is not AccountEvent.CommandRefused) return false;

            AccountEvent Answer(AssetAmount amount) => Account.Decide(
                account, new AccountCommand.Withdraw(amount, "bc1"), new Context(Noon, 1, venue.Marks)).Events[0];
        }

        return true;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void The_order_of_fills_at_one_price_changes_no_margin() => Prop.ForAll(Steps, steps =>
    {
        var fills = steps.Where(step => step.Kind > 2).Select(step => step with { Ticks = 0 }).ToArray();
        var (forward, backward) = (Venue(), Venue());
        foreach (var step in fills) Trade(forward, step);
        foreach (var step in fills.Reverse()) Trade(backward, step);
        return forward.Accounts.All(account =>
        {
            return account.Parts.Zip(backward.Of(account.Id).Parts).All(parts =>
            {
                var (a, b) = (forward.Marks!.Of(account, parts.First), forward.Marks!.Of(backward.Of(account.Id), parts.Second));
                return (a.Report is null) == (b.Report is null) && (a.Report is null || Comparable(a) == Comparable(b));
            });
        });

        static MarginFigures Comparable(AccountMargin margin) => margin.Figures!;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_sweep_that_remembers_finds_what_a_fresh_one_finds() => Prop.ForAll(Steps, steps =>
    {
        var venue = Venue();
        var remembering = new MarginSweep(new FrameTables());
        var slots = new List<GrainSlot>();
        var holds = true;
        foreach (var (step, number) in steps.Select((step, number) => (step, number)))
        {
            if (step.Kind == 5) venue.Marks = MarksOf(step, number);   // accounts are not told: the sweep has to find them
            else Take(venue, step);

            var changed = new List<GrainSlot>();
            foreach (var account in venue.Accounts)
            {
                var slot = slots.Find(known => known.Id == account.Id.Grain);
                if (slot is null) slots.Add(slot = new GrainSlot(account.Id.Grain, Grain) { Number = slots.Count });
                if (ReferenceEquals(slot.State, account)) continue;
                slot.State = account;
                changed.Add(slot);
            }

            var results = remembering.Sweep(venue.Marks!, slots, changed);
            var fresh = new MarginSweep(new FrameTables()).Sweep(venue.Marks!, [.. slots.AsEnumerable().Reverse()], [.. slots.AsEnumerable().Reverse()]);
            holds &= results.Digest == fresh.Digest && results.Valued == fresh.Valued && results.Turns.SequenceEqual(fresh.Turns);

            // Exactly those get a turn that have something to say in it. Who asks has one anyway: the shard sees to that.
            var saying = slots.Where(slot => ((Account)slot.State).AsksSince() is null && !Account.Decide(
                (Account)slot.State, new FrameAdopted(1), new Context(Noon, 1, venue.Marks)).Events.IsEmpty).OrderBy(slot => slot.Id);
            holds &= results.Turns.Where(slot => ((Account)slot.State).AsksSince() is null).SequenceEqual(saying);
        }

        return holds;
    }).QuickCheckThrowOnFailure();

    private static GivenVenue Venue()
    {
        var venue = new GivenVenue(Listed) { Marks = GivenMarks.At("60000", Listed) };
        foreach (var account in (AccountId[])[Alice, Bob])
            venue.Send(account.Grain, new AccountCommand.Deposit(Amount("5000 USDC"), ""));
        venue.Send(Alice.Grain, new AccountCommand.IsolateSubAccount(Isolated));
        venue.Send(Alice.Grain, new AccountCommand.AllocateCollateral(Isolated, Amount("1000 USDC")));
        return venue;
    }

    private static void Take(GivenVenue venue, Step step)
    {
        switch (step.Kind)
        {
            case 0:
                venue.Send(Alice.Grain, Order(step, venue.Of(Alice)));
                break;
            case 1:
                venue.Send(Bob.Grain, new AccountCommand.Withdraw(new AssetAmount(Asset.Of("USDC"), step.Quantity * 1_000_000L), "bc1"));
                break;
            case 6:
                var moved = new AssetAmount(Asset.Of("USDC"), step.Quantity * 1_000_000L);
                venue.Send(Alice.Grain, step.IsBuy
                    ? new AccountCommand.AllocateCollateral(Isolated, moved)
                    : new AccountCommand.ReleaseCollateral(Isolated, moved));
                break;
            case 2:
                venue.Marks = MarksOf(step, step.Ticks);
                foreach (var account in venue.Accounts.ToArray()) venue.Send(account.Id.Grain, new FrameAdopted(2));
                break;
            default:
                Trade(venue, step);
                break;
        }
    }

    private static void Trade(GivenVenue venue, Step step)
    {
        var (buyer, seller) = step.IsBuy ? (Party(Alice, subAccount: step.Of.Number), Party(Bob, "0.0005"))
            : (Party(Bob, "-0.0001"), Party(Alice, "0.0005", subAccount: step.Of.Number));
        venue.Trades(buyer, seller, step.Size, step.Price, step.Listing);
    }

    /// <summary>Another index, and now and then another funding point, or a halt.</summary>
    private static MarginMarks MarksOf(Step step, int period) => step.Quantity % 10 == 0
        ? MarginMarks.Open(GivenMarks.Frame(null, Listed))
        : MarginMarks.Open(GivenMarks.Frame(
            step.Index.ToString(), Listed, new FundingMark(BtcPerp.Id, new FundingPoint(period, step.Ticks * 1_000_000_000L))) with
        {
            At = Noon.PlusMicros(period * Instant.MicrosPerHour), Parameters = GivenMarks.Charging,
        });

    private static AccountCommand.ReserveOrder Order(Step step, Account account) => new(
        new OrderId($"o{account.Version}"), step.Of, step.Listing.Id, step.IsBuy ? Side.Buy : Side.Sell, Q(step.Size),
        P(step.Price));
}
