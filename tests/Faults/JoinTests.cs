using System.Text;
using CrossMargin.Faults.Audit;
using CrossMargin.Faults.Clients;
using Shouldly;
using Xunit;

namespace CrossMargin.Faults;

/// <summary>
/// The judge is judged first: it agrees with what is right, and sees each of these wrongs, which are made by hand.
/// </summary>
public sealed class JoinTests
{
    [Fact]
    public void A_journal_that_keeps_every_promise_is_not_contradicted()
    {
        var join = new HandMade().Join();

        join.Contradictions.ShouldBeEmpty();
        (join.Acknowledged, join.NotTaken, join.Unknown, join.UnknownButStored).ShouldBe((7, 1, 1, 0));
    }

    [Fact]
    public void An_acknowledged_command_that_the_journal_lacks_is_lost()
    {
        var made = new HandMade();
        made.Rows.Remove(made.Row("account.command-refused.v1"));

        var join = made.Join();
        join.Lost.ShouldBe(1);
        Only(join, $"I3: {HandMade.Named(5)} of {HandMade.Alice}");
    }

    [Fact]
    public void A_command_that_was_applied_twice_is_seen()
    {
        var made = new HandMade();
        made.Write(1, HandMade.Bob, HandMade.Person(4), "account.withdrawal-held.v1",
            """{"withdrawal":5,"amount":"1.5 USDC","balanceAfter":"1 USDC","destination":"bank"}""");

        Sees(made, $"I4: {HandMade.Named(4)} of {HandMade.Bob} has 2 records");
        Sees(made, "was acknowledged and has 2 records");
    }

    [Fact]
    public void An_unknown_command_may_be_stored_once_and_not_twice()
    {
        var made = new HandMade();
        made.Write(0, HandMade.Alice, HandMade.Person(7), "account.deposited.v1",
            """{"amount":"2 USDC","balanceAfter":"8 USDC","reference":"lost"}""");
        made.Join().Contradictions.ShouldBeEmpty();
        made.Join().UnknownButStored.ShouldBe(1);

        made.Write(0, HandMade.Alice, HandMade.Person(7), "account.deposited.v1",
            """{"amount":"2 USDC","balanceAfter":"10 USDC","reference":"lost"}""");
        Sees(made, "has 2 records");
    }

    [Fact]
    public void A_command_that_was_not_taken_in_must_not_be_stored()
    {
        var made = new HandMade();
        made.Write(0, HandMade.Alice, HandMade.Person(6), "account.deposited.v1",
            """{"amount":"1 USDC","balanceAfter":"7 USDC","reference":"later"}""");

        Sees(made, "was not taken in and has 1 records");
    }

    [Fact]
    public void A_record_that_nobody_sent_is_seen()
    {
        var made = new HandMade();
        made.Write(0, HandMade.Alice, HandMade.Person(8), "account.deposited.v1",
            """{"amount":"1 USDC","balanceAfter":"7 USDC","reference":"?"}""");

        Only(made.Join(), $"I3: {HandMade.Named(8)} of {HandMade.Alice} has a record and nobody sent it");
    }

    [Fact]
    public void An_answer_must_say_what_its_record_says()
    {
        var right = new Answer(Said.Applied, null, "0:3", 3);
        Answering(right).Join().Contradictions.ShouldBeEmpty();
        Sees(Answering(right with { Address = "0:2" }), "was answered");
        Sees(Answering(right with { Sequence = 4 }), "was answered");
        Sees(Answering(right with { Said = Said.Refused, Code = "exceeds-balance" }), "was answered");
        Sees(Answering(right, right with { Address = "0:9", Sequence = 9 }), "was answered");

        static HandMade Answering(params List<Answer> answers)
        {
            var made = new HandMade();
            var transfer = made.Logs.FindIndex(told => told.Intent.Identity == HandMade.Named(3));
            made.Logs[transfer] = made.Logs[transfer] with { Answers = answers };
            return made;
        }
    }

    [Fact]
    public void A_record_must_say_what_the_client_asked()
    {
        var made = new HandMade();
        var deposit = made.Logs.FindIndex(told => told.Intent.Identity == HandMade.Numbered(1));
        var told = made.Logs[deposit];
        made.Logs[deposit] = told with { Intent = told.Intent with { Order = new Order.Deposit("11 USDC", "tx") } };

        Sees(made, "is stored as something else at 0:2");
    }

    [Fact]
    public void A_number_that_a_source_skipped_is_seen() => Sees(
        Changed("account.deposited.v1", row => row with { Cause = HandMade.Machine(2) }),
        $"0:2: vault tells {HandMade.Alice} #2 after #0");

    [Fact]
    public void A_transfer_that_arrives_twice_or_as_another_amount_is_seen()
    {
        var twice = new HandMade();
        twice.Write(1, HandMade.Bob, HandMade.Message(0, 3), "account.transfer-received.v1",
            $$"""{"from":"{{HandMade.Alice}}","amount":"4 USDC","balanceAfter":"6.5 USDC"}""");
        Sees(twice, "I4: 0:3 is taken in by 1:5 a second time");
        Sees(twice, "I1: 4 USDC came from nowhere");

        var more = Changed("account.transfer-received.v1", Saying("4 USDC", "5 USDC"));
        Sees(more, "I1: 1:2 is not what its message carried");
        Sees(more, "I1: 1 USDC came from nowhere");
    }

    [Fact]
    public void A_transfer_that_never_arrived_is_in_flight_and_not_lost()
    {
        var made = new HandMade();
        made.Rows.RemoveAll(row => row.Shard == 1 && row.Type != "account.opened.v1");
        made.Logs.RemoveAll(told => told.Intent.Account == HandMade.Bob && told.Intent.Order is not Order.Open);

        made.Join().Contradictions.ShouldBeEmpty();
        JournalAudit.Of(made.Sealed()).InFlight.ShouldBe(1);
    }

    [Fact]
    public void A_balance_that_does_not_follow_from_the_records_is_seen() => Sees(
        Changed("account.transfer-sent.v1", Saying("6 USDC", "7 USDC")),
        "I1: 0:3 says 7 USDC and the records come to 6 USDC");

    [Fact]
    public void A_withdrawal_that_ends_with_another_amount_is_seen() => Sees(
        Changed("account.withdrawal-posted.v1", Saying("1.5 USDC", "1 USDC")),
        "I1: 1:4 ends withdrawal 3 of 1 USDC where 1.5 USDC is held");

    [Fact]
    public void A_journal_that_was_rewritten_is_seen()
    {
        var whole = new HandMade().Sealed();
        var second = whole.Rows[1];

        Breaks([.. whole.Rows.Where(row => row != second)], "I9: 0:3 follows position 1");
        Breaks([.. whole.Rows.SkipLast(1)], "I9: the head of shard 1 is at 4 and its records end at 3");
        Breaks(With(second with { TimeMicros = 2 }), "I9: the chain is broken at 0:2");
        Breaks(With(second with { Epoch = 2 }), "I5: 0:2 is of epoch 2");
        Breaks(With(second with { Version = 5 }), "I5: 0:2 is version 5");

        List<StoredRow> With(StoredRow other) => [.. whole.Rows.Select(row => row == second ? other : row)];

        void Breaks(List<StoredRow> rows, string with) => JournalAudit.Of(whole with { Rows = rows }).Contradictions
            .ShouldContain(line => line.StartsWith(with, StringComparison.Ordinal));
    }

    private static HandMade Changed(string type, Func<StoredRow, StoredRow> change)
    {
        var made = new HandMade();
        var row = made.Row(type);
        made.Replace(row, change(row));
        return made;
    }

    private static Func<StoredRow, StoredRow> Saying(string before, string after) => row =>
    {
        var payload = Encoding.UTF8.GetString(row.Payload).Replace(before, after, StringComparison.Ordinal);
        return row with { Payload = Encoding.UTF8.GetBytes(payload) };
    };

    private static void Sees(HandMade made, string words) =>
        made.Join().Contradictions.ShouldContain(line => line.Contains(words, StringComparison.Ordinal));

    private static void Only(Join join, string beginning) =>
        join.Contradictions.ShouldHaveSingleItem().ShouldStartWith(beginning);
}
