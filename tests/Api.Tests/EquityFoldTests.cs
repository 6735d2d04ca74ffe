using CrossMargin.Api.Margin;
using CrossMargin.Contracts;
using CrossMargin.Grains.Accounts;

namespace CrossMargin.Api.Tests;

/// <summary>Where readers of equity histories stand is kept, and not for ever.</summary>
public sealed class EquityFoldTests
{
    private static readonly AccountId Alice = AccountId.For(new PrincipalId("alice"), CommandKey.Issue(new Instant(0), 1, 1));

    private static EquityFold After(long sequence) => new(Account.Unopened(Alice) with { Version = sequence }, new Money(sequence));

    [Fact]
    public void A_fold_is_found_at_its_account_and_sequence_alone()
    {
        var folds = new EquityFolds();
        folds.Keep(After(7));
        folds.At(Alice, 7)!.Worth.ShouldBe(new Money(7));
        folds.At(Alice, 6).ShouldBeNull();
        folds.At(AccountId.For(new PrincipalId("bob"), CommandKey.Issue(new Instant(0), 1, 1)), 7).ShouldBeNull();
    }

    [Fact]
    public void The_oldest_gives_way_and_keeping_one_twice_takes_no_more_room()
    {
        var folds = new EquityFolds();
        for (var sequence = 1; sequence <= EquityFolds.Kept; sequence++)
        {
            folds.Keep(After(sequence));
            folds.Keep(After(sequence));
        }

        folds.At(Alice, 1).ShouldNotBeNull();
        folds.Keep(After(EquityFolds.Kept + 1));
        folds.At(Alice, 1).ShouldBeNull();
        folds.At(Alice, 2).ShouldNotBeNull();
    }
}
