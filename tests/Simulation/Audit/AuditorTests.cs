using System.Text;
using CrossMargin.Simulation.Reference;
using Shouldly;
using Xunit;

namespace CrossMargin.Simulation.Audit;

/// <summary>
/// The auditor against journals that are wrong. The chain would give most forgeries away at once, so all but the first few are chained
/// again behind the forged row, as whoever owns the database could do.
/// </summary>
public partial class AuditorTests
{
    private static readonly byte[] Ann = Account(shard: 0), Ben = Account(shard: 1), Nobody = Account(shard: 1, from: 100);
    private static readonly string AnnId = StoredFormat.Uuid(Ann), BenId = StoredFormat.Uuid(Ben), NobodyId = StoredFormat.Uuid(Nobody);

    // ---- a good journal --------------------------------------------------------------------------------------------

    /// <summary>
    /// Two shards: a deposit, a transfer that arrives, one that bounces, a withdrawal that is paid and one that is
    /// not.
    /// </summary>
    private static Book Good() => new Book()
        .Add(Ann, "account.opened.v1", """{"owner":"ann"}""", Key(1))
        .Add(Ben, "account.opened.v1", """{"owner":"ann"}""", Key(2))
        .Add(Ann, "account.deposited.v1", """{"amount":"10 USDC","balanceAfter":"10 USDC","reference":"r"}""", Source(1))
        .Add(Ann, "account.transfer-sent.v1", $$"""{"from":"{{AnnId}}","to":"{{BenId}}","amount":"4 USDC","balanceAfter":"6 USDC","owner":"ann"}""", Key(3), Ben)
        .Add(Ben, "account.transfer-received.v1", $$"""{"from":"{{AnnId}}","amount":"4 USDC","balanceAfter":"4 USDC"}""", Message(0, 3))
        .Add(Ann, "account.transfer-sent.v1", $$"""{"from":"{{AnnId}}","to":"{{NobodyId}}","amount":"1 USDC","balanceAfter":"5 USDC","owner":"ann"}""", Key(4), Nobody)
        .Add(Nobody, "account.transfer-bounced.v1", $$"""{"from":"{{AnnId}}","to":"{{NobodyId}}","amount":"1 USDC","reason":"account-not-found"}""", Message(0, 4), Ann)
        .Add(Ann, "account.transfer-returned.v1", $$"""{"to":"{{NobodyId}}","amount":"1 USDC","balanceAfter":"6 USDC","reason":"account-not-found"}""", Message(1, 3))
        .Add(Ann, "account.withdrawal-held.v1", """{"withdrawal":6,"amount":"2.5 USDC","balanceAfter":"3.5 USDC","destination":"d","overdueAt":"2026-01-02T00:00:00.000000Z"}""", Source(2))
        .Add(Shard0, "shard.frame-adopted.v1", WaitingAtNoFrame(shard: 0), Frame(0), Pool)
        .Add(Pool, "pool.shard-reported.v1", """{"shard":0,"frame":0,"waiting":1,"shortfall":"0","waitsSince":0}""", Message(0, 7))
        .Add(Pool, "pool.cleared.v1", """{"frame":0,"shards":[0]}""", Message(0, 7), Shard0)
        .Add(Ann, "account.withdrawal-cleared.v1", """{"withdrawal":6,"frame":0}""", Message(0, 9))
        .Add(Ann, "account.withdrawal-instructed.v1", """{"withdrawal":6,"amount":"2.5 USDC","destination":"d"}""", Message(0, 9))
        .Add(Ann, "account.withdrawal-posted.v1", """{"withdrawal":6,"amount":"2.5 USDC"}""", Source(3))
        .Add(Ben, "account.withdrawal-held.v1", """{"withdrawal":3,"amount":"4 USDC","balanceAfter":"0 USDC","destination":"d","overdueAt":"2026-01-02T00:00:00.000000Z"}""", Source(1))
        .Add(Shard1, "shard.frame-adopted.v1", WaitingAtNoFrame(shard: 1), Frame(0), Pool)
        .Add(Pool, "pool.shard-reported.v1", """{"shard":1,"frame":0,"waiting":1,"shortfall":"0","waitsSince":0}""", Message(1, 5))
        .Add(Pool, "pool.cleared.v1", """{"frame":0,"shards":[1]}""", Message(1, 5), Shard1)
        .Add(Ben, "account.withdrawal-cleared.v1", """{"withdrawal":3,"frame":0}""", Message(0, 14))
        .Add(Ben, "account.withdrawal-instructed.v1", """{"withdrawal":3,"amount":"4 USDC","destination":"d"}""", Message(0, 14))
        .Add(Ben, "account.withdrawal-voided.v1", """{"withdrawal":3,"amount":"4 USDC","balanceAfter":"4 USDC"}""", Source(2));

    [Fact]
    public void A_good_journal_passes() => Good().Audit();

    // ---- forgeries that leave the chain as it was ------------------------------------------------------------------

    [Fact]
    public void An_edited_payload_breaks_the_chain() =>
        Breaks("I9", Good().Edit(0, 1, row => row with { Payload = Text("""{"amount":"11 USDC","balanceAfter":"11 USDC","reference":"r"}""") }, Chained.AsBefore));

    [Fact]
    public void A_row_taken_out_of_the_middle_leaves_a_hole() => Breaks("I5", Good().Remove(0, 2, Chained.AsBefore));

    [Fact]
    public void A_tail_cut_off_is_missed_by_the_head() => Breaks("I5", Good().CutOff(1));

    [Fact]
    public void Two_rows_that_changed_places_are_seen()
    {
        var book = Good();
        (book.Shards[0][1], book.Shards[0][2]) = (book.Shards[0][2], book.Shards[0][1]);
        Breaks("I5", book);
    }

    [Fact]
    public void A_head_with_another_chain_is_seen()
    {
        var book = Good();
        var auditor = book.Audit();
        Should.Throw<AuditFailure>(() => auditor.CheckHead(0, 1, book.Shards[0].Count, new byte[32])).Invariant.ShouldBe("I9");
    }

    // ---- forgeries with a good chain -------------------------------------------------------------------------------

    [Fact]
    public void A_version_left_out_is_seen() =>
        Breaks("I5", Good().Edit(0, 2, row => row with { Version = row.Version + 1 }));

    [Fact]
    public void An_epoch_that_goes_back_is_seen() => Breaks("I5", Good().Edit(0, 3, row => row with { Epoch = 0 }));

    [Fact]
    public void Time_that_goes_back_is_seen() =>
        Breaks("I5", Good().Edit(0, 3, row => row with { TimeMicros = row.TimeMicros - 1_000_000 }));

    [Fact]
    public void A_row_in_a_shard_that_its_grain_does_not_live_in_is_seen() =>
        Breaks("I5", Good().Edit(0, 2, row => row with { Grain = Ben }));

    [Fact]
    public void A_balance_that_does_not_follow_from_its_amount_is_seen() =>
        Breaks("I1", Good().Edit(0, 1, row => row with { Payload = Text("""{"amount":"10 USDC","balanceAfter":"11 USDC","reference":"r"}""") }));

    [Fact]
    public void More_received_than_was_sent_is_seen() =>
        Breaks("I4", Good().Edit(1, 1, row => row with { Payload = Text($$"""{"from":"{{AnnId}}","amount":"5 USDC","balanceAfter":"5 USDC"}""") }));

    [Fact]
    public void A_withdrawal_posted_for_less_than_was_held_is_seen() =>
        Breaks("I1", Good().Edit(0, 11, row => row with { Payload = Text("""{"withdrawal":6,"amount":"2 USDC"}""") }));

    [Fact]
    public void A_withdrawal_posted_twice_is_seen() =>
        Breaks("I4", Good().Add(Ann, "account.withdrawal-posted.v1", """{"withdrawal":6,"amount":"2.5 USDC"}""", Source(4)));

    [Fact]
    public void A_negative_balance_is_seen() =>
        Breaks("I1", Good().Add(Ben, "account.transfer-sent.v1", $$"""{"from":"{{BenId}}","to":"{{AnnId}}","amount":"5 USDC","balanceAfter":"-1 USDC","owner":"ann"}""", Key(9), Ann));

    [Fact]
    public void An_amount_in_another_form_is_seen() =>
        Breaks("I1", Good().Edit(0, 1, row => row with { Payload = Text("""{"amount":"10.0 USDC","balanceAfter":"10 USDC","reference":"r"}""") }));

    [Fact]
    public void A_message_taken_in_twice_is_seen() =>
        Breaks("I4", Good().Add(Ben, "account.transfer-received.v1", $$"""{"from":"{{AnnId}}","amount":"4 USDC","balanceAfter":"8 USDC"}""", Message(0, 3)));

    [Fact]
    public void A_message_passed_over_is_seen() => Breaks("I4", Good().Remove(1, 1));

    [Fact]
    public void A_message_counted_as_consumed_is_seen() => Breaks("I4", Good().Edit(1, 1, row => row with
    {
        Grain = StoredFormat.Bytes("01000000-0000-8000-8000-000000000001"), Version = 1, Type = "shard.consumed.v1", Payload = Text("{}"),
    }));

    [Fact]
    public void Parked_money_that_could_have_been_taken_is_seen() => Breaks("I4", Good().Edit(1, 1, row => row with
    {
        Grain = StoredFormat.Bytes("01000000-0000-8000-8000-000000000001"), Version = 1, Type = "shard.parked.v1",
        Payload = Text($$"""{"from":"0:3","grain":"{{BenId}}","type":"account.transfer-sent.v1","reason":"no"}"""),
    }));

    [Fact]
    public void A_message_addressed_to_somebody_else_is_seen() =>
        Breaks("I4", Good().Edit(0, 2, row => row with { Addressees = Nobody }));

    [Fact]
    public void A_message_that_nobody_ever_took_in_is_seen()
    {
        var auditor = Good().Add(Ann, "account.transfer-sent.v1", $$"""{"from":"{{AnnId}}","to":"{{BenId}}","amount":"1 USDC","balanceAfter":"2.5 USDC","owner":"ann"}""", Key(9), Ben).Audit();
        Should.Throw<AuditFailure>(() => auditor.CheckDrained(timeMicros: 0)).Invariant.ShouldBe("I13");
    }

    [Fact]
    public void A_key_used_twice_is_seen() =>
        Breaks("I4", Good().Add(Ann, "account.command-refused.v1", """{"command":"transfer","reason":"exceeds-balance","available":"3.5 USDC"}""", Key(3)));

    [Fact]
    public void A_number_left_out_is_seen() => Breaks("I4", Good().Edit(0, 11, row => row with { Cause = Source(4) }));

    [Fact]
    public void A_timer_before_its_time_is_seen() =>
        Breaks("I4", Good().Add(Ann, "account.withdrawal-overdue.v1", """{"withdrawal":6}""", [4]));

    [Fact]
    public void A_row_stored_under_an_epoch_that_was_over_is_seen()
    {
        var book = Good();
        var auditor = new Auditor(shards: 2, log: null);
        auditor.Raised(0, 1);
        auditor.Append(book.Shards[0][0]);
        auditor.Raised(0, 2);
        Should.Throw<AuditFailure>(() => auditor.Append(book.Shards[0][1])).Invariant.ShouldBe("I5");
        Should.Throw<AuditFailure>(() => auditor.Raised(0, 2)).Invariant.ShouldBe("I5");
    }

    [Fact]
    public void A_record_that_no_client_asked_for_is_seen()
    {
        var auditor = new Auditor(shards: 2, new ClientLog());
        Should.Throw<AuditFailure>(() => auditor.Append(Good().Shards[0][0])).Invariant.ShouldBe("I3");
    }

    [Fact]
    public void A_record_that_is_not_what_was_asked_for_is_seen()
    {
        var log = new ClientLog();
        log.Write("ann", AnnId, Key(1), new Request.Open("somebody-else"));
        Should.Throw<AuditFailure>(() => new Auditor(shards: 2, log, new ReferenceModel()).Append(
            Good().Shards[0][0])).Invariant.ShouldBe("reference");
    }

    [Fact]
    public void A_view_that_is_not_the_replay_at_its_version_is_seen()
    {
        var auditor = Good().Audit();
        const string Shown = """{"version":2,"phase":"Open","owner":"ann","balances":["10 USDC"],"holds":[],"positions":[],"orders":[],"houseRounding":[],"isolated":[],"fundShares":[],"lots":[],"interestHours":[],"houseInterest":[],"status":"Healthy"}""";
        auditor.CheckRead(AnnId, version: 2, Text(Shown));
        Should.Throw<AuditFailure>(() => auditor.CheckRead(AnnId, version: 3, Text(Shown))).Invariant.ShouldBe("I12");
        Should.Throw<AuditFailure>(() => auditor.CheckRead(AnnId, version: 99, Text(Shown))).Invariant.ShouldBe("I12");
    }

    [Fact]
    public void An_acknowledgement_without_a_record_and_a_denial_with_one_are_seen()
    {
        foreach (var (told, holds) in (IEnumerable<(Told, bool)>)
            [
                (new Told.Applied("0:1", "account.opened.v1 owner=ann", IsReplay: false), true),
                (new Told.Applied("0:9", "account.opened.v1 owner=ann", IsReplay: false), false),
                (new Told.NotApplied("shard-unavailable", Expected: 0), false),
                (new Told.Unknown(), true),
            ])
        {
            var log = new ClientLog();
            var intent = log.Write("ann", AnnId, Key(1), new Request.Open("ann"));
            intent.Sendings.Add(new Sending { Outcome = told });
            var auditor = new Auditor(shards: 2, log);
            auditor.Append(Good().Shards[0][0]);
            if (holds) auditor.Join();
            else Should.Throw<AuditFailure>(auditor.Join).Invariant.ShouldBe("I3");
        }
    }

    [Fact]
    public void An_answer_that_leaves_before_its_record_is_stored_is_seen()
    {
        var log = new ClientLog();
        var intent = log.Write("ann", AnnId, Key(1), new Request.Open("ann"));
        var told = new Told.Applied("0:1", "account.opened.v1 owner=ann", IsReplay: false);
        var auditor = new Auditor(shards: 2, log);
        Should.Throw<AuditFailure>(() => auditor.CheckAnswer(intent, told)).Invariant.ShouldBe("I3");
        auditor.Append(Good().Shards[0][0]);
        auditor.CheckAnswer(intent, told);
    }

    // ---- the journal of a test -------------------------------------------------------------------------------------

    private static void Breaks(string invariant, Book book) =>
        Should.Throw<AuditFailure>(() => book.Audit()).Invariant.ShouldBe(invariant);

    private enum Chained
    {
        Again,
        AsBefore,
    }

    private sealed class Book
    {
        private readonly long[] heads = new long[2];

        public List<StoredRow>[] Shards { get; } = [[], []];

        public Book Add(byte[] grain, string type, string payload, byte[] cause, byte[]? to = null)
        {
            var shard = StoredFormat.ShardOf(grain, 2);
            var version = Shards[shard].Count(row => row.Grain.AsSpan().SequenceEqual(grain)) + 1;
            Shards[shard].Add(new StoredRow(
                shard, Shards[shard].Count + 1, Epoch: 1, grain, version, type, 1_767_225_600_000_000, Frame: 0, cause, to ?? [], Text(payload), []));
            heads[shard]++;
            Chain(shard);
            return this;
        }

        public Book Edit(int shard, int index, Func<StoredRow, StoredRow> forge, Chained chained = Chained.Again)
        {
            Shards[shard][index] = forge(Shards[shard][index]);
            if (chained == Chained.Again) Chain(shard);
            return this;
        }

        /// <summary>The rows behind the removed one move up when the chain is made again.</summary>
        public Book Remove(int shard, int index, Chained chained = Chained.Again)
        {
            var removed = Shards[shard][index];
            Shards[shard].RemoveAt(index);
            if (chained == Chained.AsBefore) return this;
            heads[shard]--;
            for (var i = index; i < Shards[shard].Count; i++)
            {
                var row = Shards[shard][i];
                var isSameGrain = row.Grain.AsSpan().SequenceEqual(removed.Grain);
                Shards[shard][i] = row with { Position = row.Position - 1, Version = isSameGrain ? row.Version - 1 : row.Version };
            }

            Chain(shard);
            return this;
        }

        public Book CutOff(int shard)
        {
            Shards[shard].RemoveAt(Shards[shard].Count - 1);
            return this;
        }

        private void Chain(int shard)
        {
            List<byte[]> links = [StoredFormat.Genesis(shard)];
            for (var i = 0; i < Shards[shard].Count; i++)
            {
                links.Add(StoredFormat.Link(links, Shards[shard][i]));
                Shards[shard][i] = Shards[shard][i] with { Chain = links[^1] };
            }
        }

        public Auditor Audit()
        {
            var auditor = new Auditor(shards: 2, log: null);
            foreach (var row in Chronicle.InSomeOrder(Shards))
            {
                auditor.Append(row);
                auditor.CheckMoney();
            }

            for (var shard = 0; shard < 2; shard++) auditor.EndOfBatch(shard);
            for (var shard = 0; shard < 2; shard++)
                auditor.CheckHead(shard, epoch: 1, heads[shard], Shards[shard] is [.., var last] ? last.Chain : StoredFormat.Genesis(shard));
            return auditor;
        }
    }

    private static byte[] Account(int shard, int from = 0)
    {
        var id = new byte[16];
        id[0] = 2;
        for (id[15] = (byte)from; StoredFormat.ShardOf(id, 2) != shard; id[15]++) { }
        return id;
    }

    private static byte[] Text(string text) => Encoding.UTF8.GetBytes(text);
    private static byte[] Key(byte number) => [1, .. new byte[15], number, .. new byte[16]];
    private static byte[] Source(byte number) => [2, .. new byte[7], number, .. new byte[16], .. "custody"u8];
    private static byte[] Message(byte shard, byte position) => [3, 0, shard, .. new byte[7], position];
}
