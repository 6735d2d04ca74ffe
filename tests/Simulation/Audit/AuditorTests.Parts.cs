using Xunit;

namespace CrossMargin.Simulation.Audit;

/// <summary>Isolated collateral, interest and deposits that are reversed: journals whose purses do not follow.</summary>
public partial class AuditorTests
{
    private static string Moving(string amount, string balance, string allocated) =>
        $$"""{"subAccount":2,"amount":"{{amount}} USDC","balanceAfter":"{{balance}} USDC","allocatedAfter":"{{allocated}} USDC"}""";

    /// <summary>Ann has ten dollars, four of them in an isolated sub-account.</summary>
    private static Book Allocated(string amount = "4", string balance = "6", string allocated = "4") => new Book()
        .Add(Ann, "account.opened.v1", """{"owner":"ann"}""", Key(1))
        .Add(Ben, "account.opened.v1", """{"owner":"ben"}""", Key(9))
        .Add(Ann, "account.deposited.v1", """{"amount":"10 USDC","balanceAfter":"10 USDC","reference":"r"}""", Source(1))
        .Add(Ann, "account.sub-account-isolated.v1", """{"subAccount":2}""", Key(2))
        .Add(Ann, "account.collateral-allocated.v1", Moving(amount, balance, allocated), Key(3));

    /// <summary>Ten dollars that are not final.</summary>
    private static Book Pending(string source = "custody") => new Book()
        .Add(Ann, "account.opened.v1", """{"owner":"ann"}""", Key(1))
        .Add(Ben, "account.opened.v1", """{"owner":"ben"}""", Key(9))
        .Add(Ann, "account.deposited.v1",
            $$$"""{"amount":"10 USDC","balanceAfter":"10 USDC","reference":"r","origin":{"form":"Plain","location":"x","finality":"Pending","source":"{{{source}}}"}}""",
            Source(1));

    /// <summary>Of the pending deposit eight dollars went for the fee of a trade with herself before it was reversed.</summary>
    private static Book Reversed(string amount = "10", string balance = "-8", string deposit = "2", string source = "custody") => Pending(source)
        .Add(TheFeed, "trade.captured.v1",
            Captured(seller: Side(AnnId, 0, "0")).Replace("0.3 USDC", "8 USDC", StringComparison.Ordinal).Replace("0.2 USDC", "8 USDC", StringComparison.Ordinal), Source(1), Ann)
        .Add(Ann, "account.fill-applied.v1", Booked(quantity: "0", paid: "0", fee: "8", cost: "0", balance: "2"), Message(0, 3))
        .Add(Ann, "account.deposit-reversed.v1",
            $$"""{"deposit":{{deposit}},"amount":"{{amount}} USDC","balanceAfter":"{{balance}} USDC"}""", Source(2));

    private static string Interest(string debt = "8", string interest = "0.000046", string balance = "-8.000046", long hour = 7) =>
        $$"""{"debt":"{{debt}} USDC","rate":"0.05","hour":{{hour}},"interest":"{{interest}} USDC","balanceAfter":"{{balance}} USDC"}""";

    private static Book Charged(string payload) => Reversed().Add(Ann, "account.interest-charged.v1", payload, Key(4));

    [Fact]
    public void Collateral_that_moves_inside_an_account_passes() =>
        Allocated().Add(Ann, "account.collateral-released.v1", Moving("1", "7", "3"), Key(4)).Audit();

    [Fact]
    public void Collateral_that_is_in_two_purses_is_seen() => Breaks("I1", Allocated(balance: "10"));

    [Fact]
    public void More_collateral_than_there_is_is_seen() => Breaks("I1", Allocated("11", "-1", "11"));

    [Fact]
    public void Releasing_more_than_was_allocated_is_seen() =>
        Breaks("I1", Allocated().Add(Ann, "account.collateral-released.v1", Moving("5", "11", "-1"), Key(4)));

    /// <summary>Ann buys three contracts in her isolated sub-account, for a fee of 0.3 out of its four dollars.</summary>
    private static Book TradedInAPart(string balance) => Allocated()
        .Add(TheFeed, "trade.captured.v1", Captured().Replace(Side(AnnId, 0, "0.3"), Side(AnnId, 2, "0.3"), StringComparison.Ordinal), Source(1), [.. Ann, .. Ben])
        .Add(Ann, "account.fill-applied.v1", Booked(balance: balance).Replace("\"subAccount\":0", "\"subAccount\":2", StringComparison.Ordinal), Message(0, 5))
        .Add(Ben, "account.fill-applied.v1", Booked(sign: "-", fee: "-0.1", balance: "0.1"), Message(0, 5));

    [Fact]
    public void A_fill_in_an_isolated_sub_account_passes() => TradedInAPart(balance: "3.7").Audit();

    [Fact]
    public void A_fill_in_an_isolated_sub_account_that_the_pool_pays_for_is_seen() => Breaks("I1", TradedInAPart(balance: "5.7"));

    [Fact]
    public void A_sub_account_that_is_isolated_with_something_in_it_is_seen() =>
        Breaks("I4", Traded().Add(Ann, "account.sub-account-isolated.v1", """{"subAccount":0}""", Key(3)));

    [Fact]
    public void A_status_of_what_is_not_isolated_is_seen() => Breaks("status", Allocated().Add(
        Ann, "account.margin-status-changed.v1", """{"status":"Frozen","before":"Healthy","subAccount":3,"unpriced":"x"}""", Key(4)));

    [Fact]
    public void A_status_of_a_part_that_follows_that_of_the_pool_is_seen() => Breaks("status", Allocated()
        .Add(Ann, "account.margin-status-changed.v1", """{"status":"Frozen","before":"Healthy","unpriced":"x"}""", Key(4))
        .Add(Ann, "account.margin-status-changed.v1", """{"status":"Healthy","before":"Frozen","subAccount":2}""", Key(5)));

    [Fact]
    public void A_deposit_that_is_reversed_after_it_was_spent_passes() => Reversed().Audit();

    [Fact]
    public void A_reversal_of_another_amount_is_seen() => Breaks("I1", Reversed(amount: "9", balance: "-7"));

    [Fact]
    public void A_reversal_of_what_is_final_is_seen() => Breaks("I1", Reversed(deposit: "9"));

    [Fact]
    public void A_reversal_that_leaves_the_money_is_seen() => Breaks("I1", Reversed(balance: "2"));

    [Fact]
    public void A_reversal_on_the_word_of_another_source_is_seen() => Breaks("finality", Reversed(source: "custody-b"));

    [Fact]
    public void A_withdrawal_of_what_is_not_final_is_seen() => Breaks("I1", Pending().Add(Ann, "account.withdrawal-held.v1",
        """{"withdrawal":3,"amount":"8 USDC","balanceAfter":"2 USDC","destination":"d","overdueAt":"2026-01-02T00:00:00.000000Z"}""", Key(2)));

    [Fact]
    public void Interest_by_the_hour_passes() => Charged(Interest()).Audit();

    [Theory]
    [InlineData("7", "0.00004", "-8.00004", 7)]          // on another debt
    [InlineData("8", "0.000045", "-8.000045", 7)]        // rounded down
    [InlineData("8", "0.000047", "-8.000047", 7)]        // a unit too much
    [InlineData("8", "0.000046", "-8", 7)]               // and not paid
    [InlineData("8", "0.000046", "-8.000046", 0)]        // for an hour before all
    public void Interest_that_is_wrong_is_seen(string debt, string interest, string balance, long hour) =>
        Breaks("I1", Charged(Interest(debt, interest, balance, hour)));

    [Fact]
    public void Interest_for_one_hour_twice_is_seen() =>
        Breaks("I1", Charged(Interest()).Add(Ann, "account.interest-charged.v1", Interest("8.000046", "0.000046", "-8.000092"), Key(5)));

    [Fact]
    public void An_account_that_is_closed_with_something_in_it_is_seen() =>
        Breaks("I1", Allocated().Add(Ann, "account.closed.v1", "{}", Key(4)));
}
