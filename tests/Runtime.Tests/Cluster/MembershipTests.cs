using CrossMargin.Contracts;
using CrossMargin.Runtime.Cluster;
using CrossMargin.Runtime.Records;
using Shouldly;
using Xunit;

namespace CrossMargin.Runtime.Tests.Cluster;

/// <summary>The machine of one silo, told by hand what the tables and the clock say. Its own name comes first: "a".</summary>
public class MembershipTests
{
    private static readonly ShardMap Map = new(4);
    private static readonly SiloId A = new("a", 1), B = new("b", 1);
    private static readonly MembershipTimes Times = MembershipTimes.Default;

    private readonly Membership silo = new(A, Map, format: 1, Times);
    private long beats;

    private static SiloRow Row(SiloId id, long beat, SiloPhase phase = SiloPhase.Serving, int format = 1) => new(id, beat, phase, format, id.Name);

    private static OwnerRow[] AllOf(SiloId? owner, long term = 1) => [.. Map.Shards.Select(shard => new OwnerRow(shard, owner, term))];

    /// <summary>One beat, sent and answered at these times.</summary>
    private List<MembershipAct> Beat(long sent, long answered, OwnerRow[] owners, params SiloRow[] others)
    {
        silo.Nudge(sent);
        silo.TakeActs().ShouldHaveSingleItem().ShouldBeOfType<MembershipAct.Beat>();
        silo.BeatAnswered(sent, answered, new ClusterRows([Row(A, ++beats), .. others], owners, Format: 1));
        return [.. silo.TakeActs()];
    }

    private List<MembershipAct> Beat(long at, OwnerRow[] owners, params SiloRow[] others) => Beat(at, at + 2, owners, others);

    /// <summary>Owns all four shards under term 1.</summary>
    private void OwnEverything() => Beat(0, AllOf(A)).Count(act => act is MembershipAct.Begin).ShouldBe(4);

    [Fact]
    public void It_beats_in_its_rhythm_and_never_twice_at_once()
    {
        silo.Tick(0);
        silo.Tick(100);
        silo.Tick(900);
        silo.TakeActs().Count.ShouldBe(1);
        silo.BeatLost();
        silo.Tick(901);
        silo.TakeActs().ShouldHaveSingleItem();
    }

    [Fact]
    public void The_right_to_answer_counts_from_when_the_beat_was_sent()
    {
        silo.MayAnswer(0).ShouldBeFalse();
        Beat(sent: 1_000, answered: 2_000, AllOf(null));
        silo.MayAnswer(1_000 + Times.Ttl - Times.Margin - 1).ShouldBeTrue();
        silo.MayAnswer(1_000 + Times.Ttl - Times.Margin).ShouldBeFalse();
    }

    [Fact]
    public void A_shard_that_nobody_owns_is_claimed_and_begun_once_the_claim_is_stored()
    {
        var claims = Beat(0, AllOf(null, term: 7)).OfType<MembershipAct.Claim>().ToList();
        claims.Count.ShouldBe(4);
        silo.ClaimAnswered(claims[0].Shard, term: 7, stored: true);
        silo.TakeActs().ShouldHaveSingleItem().ShouldBe(new MembershipAct.Begin(claims[0].Shard, 8));
        silo.ClaimAnswered(claims[1].Shard, term: 7, stored: false);
        silo.TakeActs().ShouldBeEmpty();
    }

    [Fact]
    public void Rows_that_were_read_before_a_claim_was_stored_do_not_undo_it()
    {
        var claim = Beat(0, AllOf(null, term: 7)).OfType<MembershipAct.Claim>().First();
        silo.ClaimAnswered(claim.Shard, term: 7, stored: true);
        silo.TakeActs();
        Beat(600, AllOf(B, term: 7), Row(B, 1)).OfType<MembershipAct.Drop>().ShouldBeEmpty();
    }

    [Fact]
    public void A_silo_is_dead_only_when_an_answer_asked_for_a_ttl_later_still_shows_the_same_counter()
    {
        Beat(0, AllOf(B), Row(B, 5)).ShouldBeEmpty();
        for (var at = 1_000L; at < 3_000; at += 1_000) Beat(at, AllOf(B), Row(B, 5)).ShouldBeEmpty();

        // Asked too early, answered late: what the answer shows was so long ago.
        Beat(sent: 2_999, answered: 9_000, AllOf(B), Row(B, 5)).ShouldBeEmpty();
        Beat(sent: 9_100, answered: 9_101, AllOf(B), Row(B, 5)).OfType<MembershipAct.Claim>()
            .ShouldAllBe(claim => claim.Dead == Row(B, 5, SiloPhase.Serving, 1));
    }

    [Fact]
    public void A_counter_that_moves_keeps_its_silo_alive()
    {
        for (var at = 0L; at < 12_000; at += 1_000) Beat(at, AllOf(B), Row(B, at / 1_000)).OfType<MembershipAct.Claim>().ShouldBeEmpty();
        silo.Alive.ShouldBe(["a", "b"]);
    }

    [Fact]
    public void Time_in_which_nothing_was_heard_counts_against_nobody()
    {
        Beat(0, AllOf(B), Row(B, 1));
        Beat(500, AllOf(B), Row(B, 2));
        Beat(60_000, AllOf(B), Row(B, 2)).OfType<MembershipAct.Claim>().ShouldBeEmpty();
        silo.Alive.ShouldContain("b");
    }

    [Fact]
    public void A_row_that_names_another_owner_lets_the_shard_go()
    {
        OwnEverything();
        Beat(600, AllOf(B, term: 2), Row(B, 1)).OfType<MembershipAct.Drop>().Count().ShouldBe(4);
    }

    [Fact]
    public void A_shard_that_was_away_in_between_begins_anew()
    {
        OwnEverything();
        var acts = Beat(600, AllOf(A, term: 5));
        acts.OfType<MembershipAct.Drop>().Count().ShouldBe(4);
        acts.OfType<MembershipAct.Begin>().ShouldAllBe(begin => begin.Term == 5);
    }

    [Fact]
    public void The_row_moves_only_after_the_shard_is_drained()
    {
        OwnEverything();
        Beat(500, AllOf(A), Row(B, 1));
        var drained = Beat(1_000, AllOf(A), Row(B, 2)).OfType<MembershipAct.Drain>().Select(drain => drain.Shard).ToList();
        drained.ShouldBe(Map.Shards.Where(shard => Placement.OwnerOf(shard, [A, B]) == B));
        silo.Drained(drained[0]);
        silo.TakeActs().ShouldHaveSingleItem().ShouldBe(new MembershipAct.Move(drained[0], Term: 1, B));
        silo.MoveAnswered(1_010, drained[0], stored: true);
        silo.TakeActs().ShouldHaveSingleItem().ShouldBe(new MembershipAct.Drop(drained[0]));
    }

    [Fact]
    public void A_move_whose_answer_was_lost_is_tried_again_where_the_row_still_names_the_silo()
    {
        OwnEverything();
        Beat(500, AllOf(A), Row(B, 1));
        var shard = Beat(1_000, AllOf(A), Row(B, 2)).OfType<MembershipAct.Drain>().First().Shard;
        silo.Drained(shard);
        silo.TakeActs();
        silo.MoveAnswered(3_000, shard, stored: false);
        silo.TakeActs().ShouldBeEmpty();
        Beat(3_100, AllOf(A), Row(B, 5)).OfType<MembershipAct.Move>().ShouldHaveSingleItem().Shard.ShouldBe(shard);
    }

    [Fact]
    public void A_silo_never_seen_to_beat_is_given_nothing()
    {
        OwnEverything();
        Beat(600, AllOf(A), Row(B, 9)).OfType<MembershipAct.Drain>().ShouldBeEmpty();
    }

    [Fact]
    public void A_silo_that_cannot_read_what_the_venue_writes_is_given_nothing()
    {
        OwnEverything();
        Beat(500, AllOf(A), Row(B, 1, SiloPhase.Serving, format: 0));
        Beat(1_000, AllOf(A), Row(B, 2, SiloPhase.Serving, format: 0)).OfType<MembershipAct.Drain>().ShouldBeEmpty();
    }

    [Fact]
    public void Who_leaves_gives_everything_away_and_has_left_when_the_tables_know_it_and_nothing_is_held()
    {
        OwnEverything();
        silo.Leave(600);
        silo.TakeActs().ShouldHaveSingleItem().ShouldBe(new MembershipAct.Beat(SiloPhase.Leaving));
        silo.BeatAnswered(600, 601, new ClusterRows([Row(A, 2)], AllOf(A), Format: 1));
        foreach (var drain in silo.TakeActs().OfType<MembershipAct.Drain>().ToList())
        {
            silo.HasLeft.ShouldBeFalse();
            silo.Drained(drain.Shard);
            silo.TakeActs().OfType<MembershipAct.Move>().ShouldHaveSingleItem().To.ShouldBeNull();
            silo.MoveAnswered(700, drain.Shard, stored: true);
        }

        silo.HasLeft.ShouldBeTrue();
    }

    /// <summary>It does not hear the database and cannot know; whoever asks it should not have to wait until it does.</summary>
    [Fact]
    public void Who_hears_from_another_silo_that_it_took_a_shard_lets_go_of_it()
    {
        OwnEverything();
        silo.Heard(new OwnerRow(new ShardId(2), B, Term: 1));
        silo.TakeActs().ShouldBeEmpty("that is what it has itself");
        silo.Heard(new OwnerRow(new ShardId(2), B, Term: 2));
        silo.TakeActs().ShouldHaveSingleItem().ShouldBe(new MembershipAct.Drop(new ShardId(2)));
        silo.Heard(new OwnerRow(new ShardId(2), B, Term: 2));
        silo.TakeActs().ShouldBeEmpty();
    }

    /// <summary>The link is believed only until the tables speak.</summary>
    [Fact]
    public void What_was_let_go_for_a_word_that_is_not_true_is_begun_anew_by_the_next_beat()
    {
        OwnEverything();
        silo.Heard(new OwnerRow(new ShardId(2), B, Term: 2));
        silo.TakeActs();
        Beat(600, AllOf(A)).ShouldBe([new MembershipAct.Begin(new ShardId(2), Term: 1)]);
    }

    [Fact]
    public void Who_holds_nothing_has_not_left_before_the_tables_know_it()
    {
        silo.Leave(0);
        silo.HasLeft.ShouldBeFalse();
    }

    [Fact]
    public void The_successor_of_a_name_waits_until_the_one_before_it_cannot_answer_any_more()
    {
        var later = new Membership(new SiloId("a", 2), Map, format: 1, Times);
        var claimed = new List<long>();
        for (var at = 0L; at <= 4_000; at += 500)
        {
            later.Nudge(at);
            later.TakeActs();
            later.BeatAnswered(at, at + 1, new ClusterRows([Row(new SiloId("a", 2), at)], AllOf(A), Format: 1));
            if (later.TakeActs().OfType<MembershipAct.Claim>().Any()) claimed.Add(at);
        }

        claimed.ShouldHaveSingleItem().ShouldBe(3_500);
    }

    [Fact]
    public void A_silo_whose_name_was_taken_stops_and_answers_nothing()
    {
        OwnEverything();
        silo.Nudge(600);
        silo.TakeActs();
        silo.Replaced();
        silo.TakeActs().ShouldHaveSingleItem().ShouldBeOfType<MembershipAct.Stop>();
        silo.MayAnswer(601).ShouldBeFalse();
    }
}
