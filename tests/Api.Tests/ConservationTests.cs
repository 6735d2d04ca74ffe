using CrossMargin.Api.Audit;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Grains.Accounts;
using Shouldly;
using Xunit;

namespace CrossMargin.Api.Tests;

/// <summary>A cut may fall between two accounts that settle the same expiry; nothing is missing on it.</summary>
public sealed class ConservationTests
{
    private static readonly InstrumentId Future = new(3);

    [Fact]
    public void A_half_settled_expiry_is_even()
    {
        var settled = new AccountEvent.Settled(
            SubAccountId.Main, Future, SettlementOutcome.Closed, new Price(10_712_345_678), new Quantity(2_000_00000000), Usdc(214_246_913),
            Usdc(14_246_913), 56_000_000_000_000, Usdc(14_246_913));
        var (buyer, seller) = (Holding("buyer", sign: 1), Holding("seller", sign: -1));

        Totals([buyer, seller]).Uneven().ShouldBeEmpty();
        var half = Totals([Account.Evolve(buyer, settled), seller], settled);
        half.Uneven().ShouldBeEmpty();
        half.Views().ShouldHaveSingleItem().Difference.ShouldBe("0");

        // Without what the event says the cut looks as if the money were made.
        Totals([Account.Evolve(buyer, settled), seller]).Uneven().ShouldHaveSingleItem().Sum.ShouldBe("-2000");
    }

    private static Conservation Totals(Account[] accounts, params AccountEvent[] events)
    {
        var totals = new Conservation();
        foreach (var account in accounts) totals.Add(account);
        foreach (var @event in events) totals.Add(@event);
        return totals;
    }

    /// <summary>2000 contracts of a thousandth, entered at 100.</summary>
    private static Account Holding(string owner, int sign)
    {
        var id = AccountId.For(new PrincipalId(owner), CommandKey.Issue(new Instant(1_790_000_000_000_000), 1, 1));
        var opened = Account.Evolve(Account.Unopened(id), new AccountEvent.Opened(new PrincipalId(owner)));
        var (quantity, paid) = (new Quantity(sign * 2_000_00000000), Usdc(sign * 200_000_000));
        return Account.Evolve(opened, new AccountEvent.FillApplied(new TradeId("t"), new PositionChange(
            SubAccountId.Main, Future, quantity, paid, Usdc(0), Usdc(0), Usdc(0), 0, default, quantity, paid, Usdc(0))));
    }

    private static AssetAmount Usdc(long units) => new(Asset.Of("USDC"), units);
}
