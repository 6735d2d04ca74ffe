using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Runtime.Cluster;

/// <summary>
/// One silo's part in dividing the shards; docs/cluster.md has the whole of it. It is told the answers to its beats and what
/// became of its acts, each with the silo's own monotonic clock in milliseconds, and says what to do next. Nothing here makes
/// anything safe: epochs do. It makes two owners rare and stale answers impossible.
/// <para>Three files: time and shards here, who is alive, hand-over.</para>
/// </summary>
public sealed partial class Membership
{
    private readonly SiloId self;
    private readonly int format;
    private readonly MembershipTimes times;
    private readonly Holding[] holdings;
    private readonly List<MembershipAct> acts = [];
    private IReadOnlyList<SiloId> eligible = [];
    private bool isBeating;              // a beat is on its way
    private long nextBeat;
    private long servesUntil = long.MinValue;
    private long? firstAnswer;
    private SiloPhase said;              // in the beat that is on its way, or was last
    private bool isLeaving;
    private bool isKnownToLeave;         // the tables say so: nobody gives this silo another shard

    public Membership(SiloId self, ShardMap map, int format, MembershipTimes times)
    {
        this.self = self;
        this.format = format;
        this.times = times;
        holdings = [.. map.Shards.Select(shard => new Holding(shard))];
    }

    private enum Grip
    {
        None,

        /// <summary>A claim is on its way.</summary>
        Claiming,

        /// <summary>The row names this silo, and the shard was begun.</summary>
        Held,

        /// <summary>Its last batch is being committed and saved.</summary>
        Draining,

        /// <summary>The change of its row is on its way.</summary>
        Moving,
    }

    /// <summary>What this silo does with one shard.</summary>
    private sealed class Holding(ShardId shard)
    {
        public ShardId Shard { get; } = shard;
        public Grip Grip { get; set; }

        /// <summary>The highest term that is known; while the shard is held, the one under which the row names this silo.</summary>
        public long Term { get; set; }
    }

    public SiloId Self => self;

    /// <summary>
    /// Whether an answer may leave now: nobody can have taken any of this silo's shards since the beat that this rests on was
    /// sent.
    /// </summary>
    public bool MayAnswer(long now) => now < servesUntil;

    /// <summary>Until when <see cref="MayAnswer"/> holds, for those who ask on other threads.</summary>
    public long ServesUntil => servesUntil;

    /// <summary>It has given all shards away: the last beat may say that it is gone.</summary>
    public bool HasLeft => isKnownToLeave && Array.TrueForAll(holdings, holding => holding.Grip == Grip.None);

    /// <summary>The acts since this was asked last, in order.</summary>
    public IReadOnlyList<MembershipAct> TakeActs()
    {
        if (acts.Count == 0) return [];
        MembershipAct[] taken = [.. acts];
        acts.Clear();
        return taken;
    }

    // ---- time ------------------------------------------------------------------------------------------------------

    public void Tick(long now)
    {
        if (!isBeating && now >= nextBeat) Beat(now);
    }

    /// <summary>Something has changed: look at the tables now.</summary>
    public void Nudge(long now)
    {
        nextBeat = now;
        Tick(now);
    }

    private void Beat(long now)
    {
        isBeating = true;
        nextBeat = now + times.BeatEvery;
        said = isLeaving ? SiloPhase.Leaving : SiloPhase.Serving;
        acts.Add(new MembershipAct.Beat(said));
    }

    /// <summary>
    /// The beat that was sent at <paramref name="sent"/> is stored, and <paramref name="rows"/> were read behind it.
    /// </summary>
    public void BeatAnswered(long sent, long now, ClusterRows rows)
    {
        isBeating = false;
        servesUntil = Math.Max(servesUntil, sent + times.Ttl - times.Margin);
        firstAnswer ??= now;
        isKnownToLeave = said == SiloPhase.Leaving;
        Observe(sent, now, rows);
        eligible = ListEligible(rows);
        foreach (var row in rows.Owners) Look(sent, holdings[row.Shard.Number], row);
        YieldSome();
    }

    /// <summary>The beat may or may not be stored.</summary>
    public void BeatLost() => isBeating = false;

    /// <summary>The silo's row is of another incarnation.</summary>
    public void Replaced()
    {
        servesUntil = long.MinValue;
        acts.Add(new MembershipAct.Stop());
    }

    // ---- shards ----------------------------------------------------------------------------------------------------

    /// <summary>What the row says, beside what this silo does.</summary>
    private void Look(long sent, Holding holding, OwnerRow row)
    {
        if (row.Term < holding.Term) return;   // read before an act of this silo's own was stored
        if (row.Owner == self)
        {
            if (holding.Grip is Grip.None or Grip.Claiming) Begin(holding, row.Term);
            else if (holding.Term != row.Term) BeginAnew(holding, row.Term);
            else if (holding.Grip == Grip.Moving) Drained(holding.Shard);   // the answer to the move was lost, and it did not happen
            return;
        }

        if (holding.Grip is Grip.Held or Grip.Draining or Grip.Moving)
        {
            holding.Grip = Grip.None;
            acts.Add(new MembershipAct.Drop(holding.Shard));
        }

        if (holding.Grip != Grip.None || Placement.OwnerOf(holding.Shard, eligible) != self) return;
        if (row.Owner is null) Claim(holding, row.Term, dead: null);
        else if (IsDead(sent, row.Owner, out var dead)) Claim(holding, row.Term, dead);
    }

    private void Claim(Holding holding, long term, SiloRow? dead)
    {
        holding.Grip = Grip.Claiming;
        acts.Add(new MembershipAct.Claim(holding.Shard, term, dead));
    }

    /// <summary>
    /// True when the row names this silo under the term after the one that was claimed; false when it does not, or when nobody
    /// knows: the next beat reads it.
    /// </summary>
    public void ClaimAnswered(ShardId shard, long term, bool stored)
    {
        var holding = holdings[shard.Number];
        if (holding.Grip != Grip.Claiming) return;
        if (stored) Begin(holding, term + 1);
        else holding.Grip = Grip.None;
    }

    /// <summary>The shard found out by itself that somebody raised its epoch: the tables know who.</summary>
    public void Lost(long now, ShardId shard)
    {
        var holding = holdings[shard.Number];
        if (holding.Grip == Grip.None) return;
        holding.Grip = Grip.None;
        Nudge(now);
    }

    private void Begin(Holding holding, long term)
    {
        holding.Grip = Grip.Held;
        holding.Term = term;
        acts.Add(new MembershipAct.Begin(holding.Shard, term));
    }

    /// <summary>The shard was somebody else's in between: what is in memory may be behind.</summary>
    private void BeginAnew(Holding holding, long term)
    {
        acts.Add(new MembershipAct.Drop(holding.Shard));
        Begin(holding, term);
    }
}
