using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Pools;
using CrossMargin.Grains.Accounts;
using CrossMargin.Runtime.Grains;
using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using Xunit;

namespace CrossMargin.Grains.Tests.Accounts;

/// <summary>What holds for every account, whatever it is asked in whatever order.</summary>
public sealed class AccountPropertyTests
{
    private static readonly Asset[] Assets = [Asset.Of("BTC"), Asset.Of("USDC"), Asset.Of("ETH")];

    private static Arbitrary<object[]> Inputs
    {
        get
        {
            var amount = from asset in Gen.Elements(Assets)
                         from units in Gen.OneOf(Gen.Choose(-1, 20).Select(n => (long)n), Gen.Constant(Account.MaxAmountUnits))
                         select new AssetAmount(asset, units);
            var withdrawal = Gen.Choose(1, 40).Select(version => new WithdrawalId(version));
            return Gen.OneOf(
                amount.Select(object (a) => new AccountCommand.Deposit(a, "ref")),
                amount.Select(object (a) => new AccountCommand.Deposit(a, "ref")
                {
                    Origin = new DepositOrigin(CollateralForm.Plain, "chain", Finality.Pending),
                }),
                withdrawal.Select(object (d) => new AccountCommand.FinalizeDeposit(new DepositId(d.Version), new SourceId("vault"))),
                withdrawal.Select(object (d) => new AccountCommand.ReverseDeposit(new DepositId(d.Version), new SourceId("vault"))),
                amount.Select(object (a) => new AccountCommand.Withdraw(a, "there")),
                amount.Select(object (a) => new AccountCommand.Transfer(GivenAccount.Bob, a)),
                amount.Select(object (a) => new AccountCommand.Transfer(GivenAccount.Bob, a) { Reach = TransferReach.SameOwner }),
                withdrawal.Select(object (w) => new AccountCommand.CancelTransfer(new TransferId(w.Version))),
                withdrawal.Select(object (w) => new AccountCommand.CancelWithdrawal(w)),
                Gen.Choose(0, 40).Select(object (frame) => new PoolEvent.Cleared(frame, [])),
                withdrawal.Select(object (w) => new AccountCommand.PostWithdrawal(w)),
                withdrawal.Select(object (w) => new AccountCommand.VoidWithdrawal(w))).ArrayOf().ToArbitrary();
        }
    }

    [Fact]
    public void Money_in_equals_money_held_free_and_gone() => Prop.ForAll(Inputs, inputs =>
    {
        var (account, events) = Run(inputs);
        foreach (var asset in Assets)
        {
            Int128 deposited = 0, gone = 0;
            foreach (var @event in events)
            {
                if (@event is AccountEvent.Deposited d && d.Amount.Asset == asset) deposited += d.Amount.Units;
                if (@event is AccountEvent.DepositReversed r && r.Amount.Asset == asset) deposited -= r.Amount.Units;
                if (@event is AccountEvent.WithdrawalPosted p && p.Amount.Asset == asset) gone += p.Amount.Units;
                if (@event is AccountEvent.TransferSent s && s.Amount.Asset == asset) gone += s.Amount.Units;
                if (@event is AccountEvent.TransferCleared c && c.Amount.Asset == asset) gone += c.Amount.Units;
            }

            var held = account.Holds.Select(hold => hold.Amount).Concat(account.TransferHolds.Select(hold => hold.Amount))
                .Where(amount => amount.Asset == asset).Aggregate((Int128)0, (sum, amount) => sum + amount.Units);
            if (account.Balances[asset].Units + held + gone != deposited) return false;
        }

        return true;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void The_lines_of_the_ledger_add_up_to_the_balances() => Prop.ForAll(Inputs, inputs =>
    {
        var (account, events) = Run(inputs);
        var ledger = Balances.Empty;
        foreach (var cash in events.SelectMany(@event => CashChange.Of(@event)))
        {
            ledger = ledger.Add(cash.Change);
            if (ledger[cash.Change.Asset] != cash.BalanceAfter) return false;
        }

        return ledger.Amounts.SequenceEqual(account.Balances.Amounts);
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Stop_and_replay_gives_the_same_bytes() => Prop.ForAll(Inputs, inputs =>
    {
        var grain = new AccountGrain();
        var (account, events) = Run(inputs);
        var replayed = events.Aggregate(Account.Unopened(GivenAccount.Alice), (state, @event) =>
            Account.Evolve(state, (AccountEvent)Rewritten(grain, @event)));
        var restored = (Account)grain.Restore(GivenAccount.Alice.Grain, grain.Save((object)account));
        return grain.Save((object)replayed).AsSpan().SequenceEqual(grain.Save((object)account))
            && grain.Save((object)restored).AsSpan().SequenceEqual(grain.Save((object)account));
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void The_order_of_assets_in_commands_changes_no_balance() => Prop.ForAll(Inputs, inputs =>
    {
        // Commands of different assets do not meet, so each asset's own order decides alone; withdrawal numbers do meet.
        var alone = inputs.Where(c => c is AccountCommand.Deposit or AccountCommand.Transfer).ToArray();
        var sorted = alone.OrderBy(c => c is AccountCommand.Deposit d ? d.Amount.Asset : ((AccountCommand.Transfer)c).Amount.Asset).ToArray();
        return Run(alone).Account.Balances.Amounts.SequenceEqual(Run(sorted).Account.Balances.Amounts);
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void What_a_custodian_is_told_to_pay_was_cleared_at_the_frame_of_its_hold_or_later() => Prop.ForAll(Inputs, inputs =>
    {
        var frames = new Dictionary<WithdrawalId, long>();
        var cleared = new HashSet<WithdrawalId>();
        foreach (var @event in Run(inputs).Events)
        {
            switch (@event)
            {
                case AccountEvent.WithdrawalHeld e: frames.Add(e.Withdrawal, e.Frame); break;
                case AccountEvent.WithdrawalCleared e when e.Frame < frames[e.Withdrawal] || !cleared.Add(e.Withdrawal): return false;
                case AccountEvent.WithdrawalInstructed e when !cleared.Contains(e.Withdrawal): return false;
                case AccountEvent.WithdrawalCancelled e when cleared.Contains(e.Withdrawal): return false;
                case AccountEvent.WithdrawalPosted e when !cleared.Contains(e.Withdrawal): return false;
                case AccountEvent.WithdrawalVoided e when !cleared.Contains(e.Withdrawal): return false;
            }
        }

        return true;
    }).QuickCheckThrowOnFailure();

    private static object Rewritten(AccountGrain grain, AccountEvent @event)
    {
        var bytes = new System.Buffers.ArrayBufferWriter<byte>();
        grain.Encode((object)@event, bytes);
        return grain.Decode(grain.NameOf((object)@event), bytes.WrittenSpan);
    }

    private static (Account Account, ImmutableArray<AccountEvent> Events) Run(object[] inputs)
    {
        var account = Account.Evolve(Account.Unopened(GivenAccount.Alice), new AccountEvent.Opened(GivenAccount.Owner));
        var events = ImmutableArray.CreateBuilder<AccountEvent>();
        events.Add(new AccountEvent.Opened(GivenAccount.Owner));
        foreach (var input in inputs)
        {
            foreach (var @event in Account.Decide(account, input, new Context(GivenAccount.Noon, Frame: events.Count)).Events)
            {
                account = Account.Evolve(account, @event);
                account.Verify();
                events.Add(@event);
            }
        }

        return (account, events.ToImmutable());
    }
}
