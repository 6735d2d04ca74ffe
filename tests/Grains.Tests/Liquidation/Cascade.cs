using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Links;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Parameters;
using CrossMargin.Contracts.Pools;
using CrossMargin.Contracts.Trades;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Links;
using CrossMargin.Grains.Liquidation;
using CrossMargin.Grains.Margin;
using CrossMargin.Grains.Pools;
using CrossMargin.Grains.Tests.Margin;
using CrossMargin.Grains.Trades;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;
using Shouldly;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;
using static CrossMargin.Grains.Tests.Trades.GivenVenue;

namespace CrossMargin.Grains.Tests.Liquidation;

/// <summary>
/// A pool of three shards and their accounts, its coordinator, link, feed and engine, all of them the real deciders; messages are
/// carried in order and at once, or held back as long as a test likes. After every event the whole of it is checked.
/// </summary>
internal sealed class Cascade
{
    public const int Shards = 3;

    private static readonly Asset Usdc = Asset.Of("USDC");
    private static readonly Listing[] Listed = [BtcPerp];

    private readonly GrainCatalog catalog = new(
        new AccountGrain(), new TradeCaptureGrain(), new CoordinatorGrain(new ShardMap(Shards)), new VenueLinkGrain());
    private readonly SortedDictionary<GrainId, object> states = [];
    private readonly List<GrainSlot>[] slots = [[], [], []];
    private readonly Queue<(GrainId To, object Event)> mail = [];
    private readonly List<SliceOrder> ordered = [];
    private Int128 deposited, carried;
    private readonly ParametersInForce rules;
    private readonly List<(int Shard, object Event)> held = [];
    private MarginMarks marks;
    private Instant now = Noon;
    private long frame = 1;
    private int trades;

    public Cascade() : this(GivenMarks.WithoutDeleveraging)
    {
    }

    public Cascade(ParametersInForce rules)
    {
        this.rules = rules;
        marks = MarginMarks.Open(GivenMarks.Frame("60000", Listed) with { Parameters = rules });
        Send(Feed.Grain, new MarketEvent.FeedAdmitted(Feed, [new ListedInstrument(BtcPerp, default)]));
    }

    /// <summary>Slices that the engine has been told of and not ended.</summary>
    public IReadOnlyList<SliceOrder> AtEngine => ordered;

    /// <summary>What shards are told of an assignment waits until it is released: who was ranked may trade first.</summary>
    public bool HoldsAssignments { get; init; }

    public List<AccountEvent> Seen { get; } = [];

    public List<PoolEvent> SeenOfPool { get; } = [];

    public IEnumerable<Account> Accounts => states.Values.OfType<Account>();

    public Coordinator Pool => (Coordinator)StateOf(PoolId.Main.Grain);

    public static AccountId IdOf(int number) => AccountId.For(new PrincipalId($"owner{number}"), CommandKey.Issue(Noon, 1, (ulong)number));

    public AccountId Open(int number, long cash)
    {
        var id = IdOf(number);
        slots[number % Shards].Add(new GrainSlot(id.Grain, catalog.TypeOf(id.Grain)));
        Send(id.Grain, new AccountCommand.Open(Owner));
        if (cash > 0) Deposit(id, cash);
        return id;
    }

    public void Deposit(AccountId account, long units)
    {
        deposited += units;
        Send(account.Grain, new AccountCommand.Deposit(new AssetAmount(Usdc, units), ""));
    }

    public void Endow(long units)
    {
        if (units == 0) return;
        deposited += units;
        Send(PoolId.Main.Grain, new PoolCommand.DepositToFund(new AssetAmount(Usdc, units), "x"));
    }

    public void Register(AccountId backstop, long notional) => Send(
        PoolId.Main.Grain, new PoolCommand.RegisterBackstop(backstop, [new MarketAmount(BtcPerp.Id, new Money(notional * 1_000_000))]));

    public Account Of(AccountId account) => (Account)StateOf(account.Grain);

    public void Trade(AccountId buyer, AccountId seller, Quantity quantity, Price price, OrderId? sellersOrder = null, OrderId? buyersOrder = null)
    {
        var capture = new TradeCommand.Capture(
            new TradeId($"t{++trades}"), BtcPerp.Id, price, quantity,
            new TradeParty(buyer, SubAccountId.Main, Rate.Zero) { Order = buyersOrder },
            new TradeParty(seller, SubAccountId.Main, R("0.0005")) { Order = sellersOrder }, now);
        Send(Feed.Grain, capture);
    }

    /// <summary>The engine fills so much of a slice against the account, up to a lot.</summary>
    public void Fill(SliceOrder slice, AccountId against, Price price, int thousandths)
    {
        var lots = Math.Max(1, slice.Quantity.E8 / 100_000 * thousandths / 1_000);
        var owner = OwnerOf(slice);
        var quantity = new Quantity(lots * 100_000);
        if (slice.Side == Side.Sell) Trade(against, owner, quantity, price, sellersOrder: slice.Order);
        else Trade(owner, against, quantity, price, buyersOrder: slice.Order);
    }

    public void End(SliceOrder slice)
    {
        ordered.Remove(slice);
        Send(Feed.Grain, new TradeCommand.EndOrder(slice.Order, OwnerOf(slice)));
    }

    public void Reject(SliceOrder slice)
    {
        ordered.Remove(slice);
        if (((VenueLink)StateOf(LinkId.Main.Grain)).Open.ContainsKey(slice.Order))
            Send(LinkId.Main.Grain, new LinkCommand.Reject(slice.Order, "no"));
    }

    private AccountId OwnerOf(SliceOrder slice) =>
        Accounts.First(account => slice.Order.Name.Contains($"{account.Id.Grain.Low:x16}", StringComparison.Ordinal)).Id;

    /// <summary>Time passes, timers come, and every shard adopts a frame with this price and reports.</summary>
    public void Adopt(Price price, long afterMicros)
    {
        now = now.PlusMicros(afterMicros);
        foreach (var account in Accounts.ToArray())
            while (Of(account.Id).DueAt() is { } due && due <= now) Send(account.Id.Grain, TimerDue.Now);
        marks = MarginMarks.Open(GivenMarks.Frame(price.ToString(), Listed) with { Number = ++frame, Parameters = rules });
        for (var shard = 0; shard < Shards; shard++)
        {
            foreach (var slot in slots[shard].OrderBy(slot => slot.Id).ToArray()) Send(slot.Id, new FrameAdopted(frame));
            var shortfall = Money.Zero;
            foreach (var slot in slots[shard])
                if (marks.Of(Of(new AccountId(slot.Id))).Report is { MarginEquity: { IsNegative: true } owed }) shortfall -= owed;
            Send(PoolId.Main.Grain, new ShardEvent.FrameAdopted(
                new ShardId(shard), frame, slots[shard].Count, 0, 0, shortfall, "")
            {
                Demand = ShardCases.DemandOf(marks, Asking(shard), FundOf(shard)),
            });
        }
    }

    private List<GrainSlot> Asking(int shard)
    {
        foreach (var slot in slots[shard]) slot.State = StateOf(slot.Id);
        return [.. slots[shard].Where(slot => ((Account)slot.State).AsksSince() is not null)
            .OrderBy(slot => ((Account)slot.State).AsksSince()).ThenBy(slot => slot.Id)];
    }

    private ImmutableArray<FundShare> FundOf(int shard)
    {
        var shares = slots[shard].SelectMany(slot => Of(new AccountId(slot.Id)).FundShares).ToArray();
        return shares.Length == 0 ? [] :
        [
            new FundShare(
                shares.Aggregate(new AssetAmount(Usdc, 0), (sum, share) => sum + share.PaidIn),
                shares.Aggregate(new AssetAmount(Usdc, 0), (sum, share) => sum + share.Drawn)),
        ];
    }

    private void Send(GrainId to, object input)
    {
        Turn(to, input);
        Carry();
    }

    private void Carry()
    {
        while (mail.TryDequeue(out var message))
        {
            var shard = (int)(message.To.Low & 0xFFFF);
            if (message.To.Kind != GrainKind.Shard) Turn(message.To, message.Event);
            else if (IsHeld(shard, message.Event)) held.Add((shard, message.Event));
            else TellShard(shard, message.Event);
        }
    }

    /// <summary>What the coordinator says to a shard stays in order: behind what is held, all is held.</summary>
    private bool IsHeld(int shard, object message) =>
        HoldsAssignments && (message is PoolEvent.DeleverageAssigned || held.Any(one => one.Shard == shard));

    public void Release()
    {
        for (var shard = 0; shard < Shards; shard++) ReleaseOnly(shard);
    }

    public void ReleaseOnly(int shard)
    {
        var released = held.Where(one => one.Shard == shard).ToArray();
        held.RemoveAll(one => one.Shard == shard);
        foreach (var (_, message) in released)
        {
            TellShard(shard, message);
            Carry();
        }
    }

    public int ShardOf(AccountId account) => Array.FindIndex(slots, shard => shard.Any(slot => slot.Id == account.Grain));

    private void TellShard(int shard, object message)
    {
        switch (message)
        {
            case PoolEvent.BudgetGranted granted:
                foreach (var (slot, input) in ShardCases.Divide(marks, granted, Asking(shard), () => FundOf(shard))) Turn(slot.Id, input, slot);
                break;
            case PoolEvent.LossAsked asked:
                Asking(shard);
                foreach (var (slot, input) in ShardLosses.Ask(asked, slots[shard])) Turn(slot.Id, input, slot);
                var locked = slots[shard].Select(slot => Of(new AccountId(slot.Id)).Lock).OfType<GainLock>()
                    .Where(gain => gain.Round == asked.Round).Aggregate(new AssetAmount(Usdc, 0), (sum, gain) => sum + gain.Amount);
                var paidIn = FundOf(shard).Select(share => share.PaidIn).SingleOrDefault(new AssetAmount(Usdc, 0));
                mail.Enqueue((PoolId.Main.Grain, new ShardEvent.GainsLocked(new ShardId(shard), asked.Round, locked, paidIn)));
                break;
            case PoolEvent.DeleveragingAsked asked:
                foreach (var (slot, input) in ShardCloseOuts.Ask(asked, Asking(shard))) Turn(slot.Id, input, slot);
                var answer = ShardCloseOuts.Answer(asked, new ShardId(shard), marks, Asking(shard), slots[shard]);
                mail.Enqueue((PoolId.Main.Grain, answer));
                break;
            case PoolEvent.DeleverageAssigned assigned:
                foreach (var (slot, input) in ShardCloseOuts.Divide(assigned, Asking(shard), slots[shard])) Turn(slot.Id, input, slot);
                break;
            case PoolEvent.LossAllocated allocated:
                Asking(shard);
                foreach (var (slot, input) in ShardLosses.Divide(allocated, new ShardId(shard), slots[shard])) Turn(slot.Id, input, slot);
                break;
        }
    }

    private void Turn(GrainId to, object input, GrainSlot? slot = null)
    {
        var type = catalog.TypeOf(to);
        var before = StateOf(to);
        var decision = type.Decide(before, input, new Context(now, frame, marks));
        decision.Refused.ShouldBe(Rejection.None);
        foreach (var @event in decision.Events)
        {
            states[to] = type.Evolve(StateOf(to), @event);
            type.Verify(states[to]);
            if (slot is not null) slot.State = states[to];
            foreach (var addressee in type.AddresseesOf(@event)) mail.Enqueue((addressee, @event));
            Watch(before, @event);
        }

        // Whoever dies here is found again as it was: what it was about to do is in its state, or is asked for again.
        states[to] = type.Restore(to, type.Save(StateOf(to)));
        if (slot is not null) slot.State = states[to];
    }

    /// <summary>What must never happen.</summary>
    private void Watch(object before, object @event)
    {
        if (@event is AccountEvent seen) Seen.Add(seen);
        if (@event is PoolEvent told) SeenOfPool.Add(told);
        switch (@event)
        {
            case AccountEvent.CaseOpened { Status: MarginStatus.Liquidatable } e:
                e.Margin.MaintenanceMargin.ShouldBeGreaterThan(e.Margin.MarginEquity);
                break;
            case AccountEvent.SliceOrdered e:
                e.Margin.MarginEquity.ShouldBeLessThan(e.Margin.LiquidationEnd);
                ordered.Add(e.Slice);
                break;
            case AccountEvent.SliceEnded e:
                ordered.RemoveAll(slice => slice.Order == e.Order);
                break;
            case AccountEvent.HandedOver:
                marks.Of((Account)before).Report!.Value.EndsLiquidation.ShouldBeFalse();
                break;
            case AccountEvent.CloseOutOffered e:
                e.Margin.MarginEquity.ShouldBeLessThan(e.Margin.LiquidationEnd);
                break;
            case AccountEvent.Deleveraged { Transfer: { } taken } e:
                e.Change!.Quantity.ShouldBe(-taken.Quantity);
                var mark = marks.MarkOf(taken.Instrument)!.Value;
                if (e.Assigned.Quantity > Quantity.Zero ? e.Assigned.Price <= mark : e.Assigned.Price >= mark)
                    taken.Price.ShouldBe(e.Assigned.Price, "what is better than the mark for the holder is his");
                else taken.Price.ShouldBeInRange(mark < e.Assigned.Price ? mark : e.Assigned.Price, mark < e.Assigned.Price ? e.Assigned.Price : mark);
                break;
            case AccountEvent.LossShared e:
                e.Amount.ShouldBeLessThanOrEqualTo(((Account)before).Lock!.Amount);
                break;
            case PoolEvent.LossAllocated e:
                carried += e.Carried.Units;
                (e.Shares.Aggregate((Int128)0, (sum, share) => sum + share.Amount.Units) + e.Carried.Units).ShouldBe(e.Deficit.Units);
                break;
        }
    }

    /// <summary>Money to 1e-20, contracts to the last one, and a fund that was never overdrawn by more than is carried.</summary>
    public void Check()
    {
        Int128 unit = 100_000_000_000_000, sum = -deposited * unit, contracts = 0, fund = Pool.Deposited[Usdc].Units;
        sum += (((TradeCapture)StateOf(Feed.Grain)).Fees[Usdc].Units + Pool.Deposited[Usdc].Units) * unit;
        foreach (var account in Accounts)
        {
            sum += (account.Balances[Usdc].Units * unit) + account.HouseRounding[Usdc];
            foreach (var share in account.FundShares)
            {
                sum += (share.PaidIn.Units - share.Drawn.Units) * unit;
                fund += share.PaidIn.Units - share.Drawn.Units;
            }

            foreach (var held in account.Positions.All)
            {
                sum -= held.Cost.Units * unit;
                contracts += held.Quantity.E8;
            }
        }

        sum.ShouldBe(0);
        contracts.ShouldBe(0);
        (fund + carried).ShouldBeGreaterThanOrEqualTo(0);
    }

    /// <summary>What the coordinator knows, for whoever has to find out why a case does not end.</summary>
    public string Standing =>
        $"round {Pool.Round}, carried {string.Join(' ', Pool.Carried)}, fund {string.Join(' ', Pool.FundStandings)}, "
        + string.Join("; ", Pool.Shards.Select(shard =>
            $"limits {string.Join(' ', shard.FundLimits)} debts {string.Join(' ', shard.Demand?.Debts ?? [])} fund {string.Join(' ', shard.Demand?.Fund ?? [])}"));

    private object StateOf(GrainId grain) => states.TryGetValue(grain, out var state) ? state : catalog.TypeOf(grain).Unborn(grain);
}
