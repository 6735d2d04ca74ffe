using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Journal;
using CrossMargin.Runtime;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;
using CrossMargin.Silos.Cluster;

namespace CrossMargin.Silos;

/// <summary>
/// One thread and its shards: takes everything that waits, runs it, commits what came of it in one transaction, and sends. What
/// arrives meanwhile makes the next transaction larger. It waits for the journal itself, because handing batches to another thread
/// and their outcomes back cost more than what it could do in between (docs/adr/0003).
/// </summary>
internal sealed partial class ShardThread
{
    /// <summary>
    /// So many turns may run between an order's arrival and its own. What one shard does for all of its accounts at once is one unit,
    /// and not interrupted: the adoption of a frame, and what the coordinator told it.
    /// </summary>
    private const int TurnsAheadOfOrders = 64;

    private readonly Inbox<Inbound> inbox;
    private readonly List<Shard> shards;
    private readonly Shard?[] byNumber;
    private readonly Router router;
    private readonly IJournal journal;
    private readonly CommitQueue queue;
    private readonly SiloOptions options;
    private readonly TimeProvider clock;
    private readonly Action<int, IReadOnlyList<ShardMessage>> send;
    private readonly Action saidAll;
    private readonly Action<Shard, Exception> failed;
    private readonly int places;
    private readonly Thread thread;
    private List<Inbound> orders = [];
    private int turns;                   // since those who wait with a trade were looked at
    private volatile bool isStopping;

    /// <summary>
    /// Something for one shard of this thread: what is to be done, and a caller where somebody waits for an answer.
    /// </summary>
    internal readonly record struct Inbound(ShardId Shard, object Body, ICaller? Caller);

    /// <summary>Reads wait behind the commands that came before them.</summary>
    internal sealed record Read(GrainId Grain);

    internal sealed record Collect(Func<object, bool> Wanted);

    public ShardThread(
        int place, int places, IReadOnlyList<int> placeOfShard, IReadOnlyList<Shard> shards, IJournal journal, SiloOptions options,
        TimeProvider clock, Action<int, IReadOnlyList<ShardMessage>> send, Action saidAll, Action<Shard, Exception> failed)
    {
        this.places = places;
        this.shards = [.. shards];
        this.options = options;
        this.clock = clock;
        this.send = send;
        this.saidAll = saidAll;
        this.journal = journal;
        this.failed = failed;
        inbox = new Inbox<Inbound>(options.InboxLimit);
        router = new Router(placeOfShard, places);
        queue = new CommitQueue(options.RowsPerTransaction);
        byNumber = new Shard?[placeOfShard.Count];
        foreach (var shard in shards) byNumber[shard.Id.Number] = shard;
        thread = new Thread(Run) { Name = $"shards {place}", IsBackground = true };
    }

    public void Start() => thread.Start();

    public void Stop()
    {
        isStopping = true;
        inbox.Add(new Inbound(default, Nudge, Caller: null));
        thread.Join();
    }

    /// <summary>From outside: answered as overloaded when too much waits.</summary>
    public void Submit(ShardId shard, object body, ICaller caller)
    {
        var inbound = new Inbound(shard, body, caller);
        var isTaken = IsOrder(body) ? inbox.TryAddUrgent(inbound) : inbox.TryAddOutside(inbound);
        if (!isTaken) caller.Answer(Reply.Refused(Rejection.Overloaded));
    }

    /// <summary>A matching engine has a trade waiting until it hears whether the account can carry it.</summary>
    private static bool IsOrder(object body) => body is Command { Body: AccountCommand.ReserveOrder, Identity: Cause.Key };

    /// <summary>What came from another silo in one block belongs into one round, and so into one commit; orders go before it.</summary>
    public void Submit(List<Inbound> together)
    {
        foreach (var order in together)
            if (IsOrder(order.Body)) Submit(order.Shard, order.Body, order.Caller!);
        var others = together.FindAll(one => !IsOrder(one.Body));
        for (var i = inbox.AddOutside(others); i < others.Count; i++) others[i].Caller!.Answer(Reply.Refused(Rejection.Overloaded));
    }

    /// <summary>Messages of other shards may be dropped: the gap repairs them.</summary>
    public void Post(IReadOnlyList<ShardMessage> parcel) => inbox.TryAddOutside(new Inbound(default, parcel, Caller: null));

    /// <summary>Runs on the thread, at its turn.</summary>
    public void Post(ShardId shard, Action<Shard> answer) => inbox.Add(new Inbound(shard, answer, Caller: null));

    // Called by this thread's shards.
    public Shard? Find(ShardId shard) => byNumber[shard.Number];
    public void Add(Batch batch) => queue.Add(batch);
    public void Add(ShardMessage message) => router.Add(message);

    private static readonly object Nudge = new();

    /// <summary>A commit of one row takes as much processor time as so many further rows of a large one (docs/adr/0003).</summary>
    private const int RowsThatACommitCosts = 32;

    private void Run()
    {
        var spare = new List<Inbound>();
        var nextTick = clock.GetTimestamp();
        while (!isStopping)
        {
            var untilTick = options.Tick - clock.GetElapsedTime(nextTick);
            spare = inbox.Take(spare, untilTick > TimeSpan.Zero && behind.Count == 0 ? untilTick : TimeSpan.Zero);
            AdoptFrames();
            HandleAll(spare);
            spare = Gather(spare);

            if (clock.GetElapsedTime(nextTick) >= options.Tick)
            {
                nextTick = clock.GetTimestamp();
                var now = Now();
                foreach (var shard in shards.Where(shard => !IsHandedOver(shard)))
                {
                    Guarded(shard, s => s.Tick(now));
                    HandleOrders();
                }
            }

            foreach (var shard in shards) Guarded(shard, static s => s.Flush());
            SendAll();
            CommitAll();
            SendAll();
            if (draining.Count > 0) TellDrained();
        }
    }

    /// <summary>
    /// Takes what comes meanwhile into the commit that leaves next: whoever was answered asks again, one after the other. As long as they
    /// do, and until there is as much as a commit by itself costs.
    /// </summary>
    private List<Inbound> Gather(List<Inbound> taken)
    {
        for (var gathered = taken.Count; ; )
        {
            taken = inbox.Take(taken, TimeSpan.Zero);
            if (taken.Count == 0) return taken;
            HandleAll(taken);
            gathered += taken.Count;
            if (gathered >= RowsThatACommitCosts) return taken;
            Thread.SpinWait(100);
        }
    }

    private Instant Now() => Instant.From(clock.GetUtcNow());

    /// <summary>At a time that is read after all of it was asked: nothing is decided before it was said.</summary>
    private void HandleAll(List<Inbound> taken)
    {
        HandleOrders();
        if (taken.Count == 0) return;
        var now = Now();
        foreach (var inbound in taken)
        {
            Handle(now, inbound);
            NoteTurns(1);
        }
    }

    private void NoteTurns(int more)
    {
        turns += more;
        if (turns >= TurnsAheadOfOrders) HandleOrders();
    }

    private void HandleOrders()
    {
        turns = 0;
        orders = inbox.TakeUrgent(orders);
        if (orders.Count == 0) return;
        var now = Now();
        foreach (var order in orders) Handle(now, order);
    }

    /// <summary>In parts, of which each is a delivery by itself: it holds everything behind its predecessor.</summary>
    private void HandleParcel(Instant now, IReadOnlyList<ShardMessage> parcel)
    {
        foreach (var whole in parcel)
        {
            ShardMessage? rest = whole;
            while (rest is not null)
            {
                (var message, rest, var records) = rest is ShardMessage.Delivery delivery
                    ? delivery.Split(TurnsAheadOfOrders - turns)
                    : (rest, null, 1);

                // One message at a time, so that a shard that throws stops alone.
                foreach (var shard in Router.ReceiversOf(message, shards))
                    if (!IsDraining(shard)) Guarded(shard, s => s.Receive(now, message));
                NoteTurns(records);
            }
        }
    }

    private void Handle(Instant now, Inbound inbound)
    {
        if (inbound.Body is IReadOnlyList<ShardMessage> parcel)
        {
            HandleParcel(now, parcel);
            return;
        }

        if (inbound.Body is Ownership ownership)
        {
            Change(now, inbound.Shard, ownership);
            return;
        }

        if (byNumber[inbound.Shard.Number] is not { } one || (inbound.Caller is not null && IsDraining(one))
            || inbound.Caller is ICallerInOrder { MayBeDecided: false })
        {
            // The shard is, or will be in a moment, somebody else's; or one that came before this could not be done.
            inbound.Caller?.Answer(Reply.Refused(Rejection.ShardUnavailable));
            return;
        }

        try
        {
            switch (inbound.Body)
            {
                case Command command: one.Submit(now, command, inbound.Caller!); break;
                case Read read: one.Read(now, read.Grain, inbound.Caller!); break;
                case Collect collect: one.Collect(collect.Wanted, inbound.Caller!); break;
                case Action<Shard> answer: answer(one); break;
            }
        }
        catch (Exception thrown) when (thrown is not OutOfMemoryException)
        {
            failed(one, thrown);
            inbound.Caller?.Answer(Reply.Refused(Rejection.ShardUnavailable));   // it was not held yet, and what it wrote is dropped
        }
    }

    /// <summary>A shard that throws is wrong in itself: it stops, and the others go on.</summary>
    private void Guarded(Shard shard, Action<Shard> call)
    {
        try
        {
            call(shard);
        }
        catch (Exception thrown) when (thrown is not OutOfMemoryException)
        {
            failed(shard, thrown);
        }
    }

    /// <summary>Until every batch has an outcome that its shard can be told; what a rollback took along is tried alone.</summary>
    private void CommitAll()
    {
        while (!queue.IsEmpty)
        {
            var batches = queue.Take();
            foreach (var (batch, outcome) in queue.Settle(batches, journal.Commit(batches)))
                if (byNumber[batch.Shard.Number] is { } owner) Guarded(owner, s => s.CommitSettled(batch, outcome));
        }
    }

    private void SendAll()
    {
        for (var place = 0; place < places; place++)
            if (router.Take(place) is { } parcel) send(place, parcel);
        saidAll();
    }
}
