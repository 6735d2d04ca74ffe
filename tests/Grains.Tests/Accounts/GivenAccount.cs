using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Margin;
using CrossMargin.Runtime.Grains;
using Shouldly;

namespace CrossMargin.Grains.Tests.Accounts;

/// <summary>Given what happened, when this is asked, then that happens: the whole test harness of a decider.</summary>
internal sealed class GivenAccount
{
    public static readonly AccountId Alice = Named("alice");
    public static readonly AccountId Bob = Named("bob");
    public static readonly PrincipalId Owner = new("alice");
    public static readonly Instant Noon = new(1_790_000_000_000_000);

    private Account account;
    private MarginMarks? marks;
    private Decision<AccountEvent> decision;

    private GivenAccount(Account account) => this.account = account;

    public Account State => account;

    /// <summary>Of the last decision, folded or not.</summary>
    public IEnumerable<AccountEvent> Events => decision.Events;

    public static GivenAccount Unopened => new(Account.Unopened(Alice));

    public static GivenAccount Open => Unopened.After(new AccountEvent.Opened(Owner));

    public static GivenAccount With(string balance) =>
        Open.When(new AccountCommand.Deposit(Amount(balance), "seed")).Then<AccountEvent.Deposited>();

    public static AssetAmount Amount(string text) =>
        AssetAmount.TryParse(text, out var amount) ? amount : throw new ArgumentException(text, nameof(text));

    public GivenAccount After(params AccountEvent[] events)
    {
        foreach (var @event in events)
        {
            account = Account.Evolve(account, @event);
            account.Verify();
        }

        return this;
    }

    public GivenAccount When(object input) => When(input, Noon);

    /// <summary>What the account decides under from here on.</summary>
    public GivenAccount Under(MarginMarks? seen)
    {
        marks = seen;
        return this;
    }

    public GivenAccount When(object input, Instant now, long frame = 0)
    {
        decision = Account.Decide(account, input, new Context(now, marks?.Frame.Number ?? frame, marks));
        return this;
    }

    /// <summary>Exactly these events, which are folded.</summary>
    public GivenAccount ThenAll(params AccountEvent[] expected)
    {
        decision.Refused.ShouldBe(Rejection.None);
        decision.Events.ShouldBe(expected);
        return After(expected);
    }

    /// <summary>One event of this type, which is folded.</summary>
    public GivenAccount Then<TEvent>(TEvent? expected = null) where TEvent : AccountEvent
    {
        decision.Refused.ShouldBe(Rejection.None);
        var @event = decision.Events.ShouldHaveSingleItem().ShouldBeOfType<TEvent>();
        if (expected is not null) @event.ShouldBe(expected);
        return After(@event);
    }

    /// <summary>These events, in this order, which are folded.</summary>
    public GivenAccount ThenAll(params Type[] types)
    {
        decision.Refused.ShouldBe(Rejection.None);
        decision.Events.Select(@event => @event.GetType()).ShouldBe(types);
        return After([.. decision.Events]);
    }

    /// <summary>The first event, folded or not.</summary>
    public TEvent First<TEvent>() where TEvent : AccountEvent => decision.Events[0].ShouldBeOfType<TEvent>();

    /// <summary>The last event, folded or not.</summary>
    public TEvent Last<TEvent>() where TEvent : AccountEvent => decision.Events[^1].ShouldBeOfType<TEvent>();

    public void ThenAccepted()
    {
        decision.Refused.ShouldBe(Rejection.None);
        decision.Events.ShouldHaveSingleItem().ShouldNotBeOfType<AccountEvent.CommandRefused>();
    }

    public GivenAccount ThenNothing()
    {
        decision.Refused.ShouldBe(Rejection.None);
        decision.Events.ShouldBeEmpty();
        return this;
    }

    /// <summary>Refused by a reply alone.</summary>
    public void ThenRefused(Rejection reason)
    {
        decision.Events.ShouldBeEmpty();
        decision.Refused.ShouldBe(reason);
    }

    /// <summary>Refused by an event: the answer is the same for ever.</summary>
    public GivenAccount ThenJournaledRefusal(Rejection reason)
    {
        var before = account.Balances.Amounts;
        var refused = decision.Events.ShouldHaveSingleItem().ShouldBeOfType<AccountEvent.CommandRefused>();
        refused.Reason.ShouldBe(reason);
        After(refused);
        account.Balances.Amounts.ShouldBe(before);
        return this;
    }

    private static AccountId Named(string name) =>
        AccountId.For(new PrincipalId(name), CommandKey.Issue(new Instant(1_790_000_000_000_000), 1, 1));
}
