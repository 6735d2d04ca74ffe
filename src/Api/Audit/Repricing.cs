using System.Buffers;
using System.Collections.Immutable;
using System.ComponentModel;
using System.Text;
using CrossMargin.Api.Bodies;
using CrossMargin.Api.Hosting;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Margin;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Api.Audit;

[Description("Nothing: the whole journal.")]
public sealed record RepriceRequest
{
    internal static RepriceRequest? Read(ref StrictObject body)
    {
        while (body.NextField([], out _)) { }
        return new RepriceRequest();
    }
}

[Description("What the models say today about what was decided under them, from the recorded frames and parameters.")]
public sealed record RepriceAnswer(
    [property: Description("agrees or differs")] string Verdict,
    [property: Description("Records of accounts that were folded.")] long Records,
    [property: Description("Turns that were decided anew, and gave the recorded events to the byte.")] long Decisions,
    [property: Description("Figures of margin among them.")] long Figures,
    [property: Description("Refusals, and slices of liquidations: what was asked or granted is not in the record.")]
    long NotAsked,
    [property: Description("Frames that were priced for it.")] long Frames,
    [property: Description("At most 100.")] IReadOnlyList<Finding> Findings,
    [property: Description("The hash of the cut that was read, as GET /v1/audit/head gives it.")] string Hash, string AsOf);

/// <summary>
/// Replay applies what was decided; this decides it again. All shards are walked together in the order of frames, so that each
/// frame is read and priced once; a turn's records are then held against what today's code decides from the state before it,
/// under the frame that they name.
/// </summary>
internal sealed class Repricing(Venue venue, CancellationToken cancel)
{
    private const int PageSize = 4_096, MaxFindings = 100;

    private readonly Dictionary<GrainId, Account> accounts = [];
    private readonly List<Finding> findings = [];
    private FrameReader frames = null!;
    private long records, decisions, figures, notAsked;

    public async Task<RepriceAnswer> Whole(DateTimeOffset now)
    {
        var heads = await venue.Journal.ReadHeads(cancel);
        var next = new PriorityQueue<TurnReader, (long Frame, int Shard)>();
        frames = new FrameReader(venue, cancel);
        foreach (var head in heads)
        {
            var reader = new TurnReader(venue, head, cancel);
            if (await reader.Advance()) next.Enqueue(reader, (reader.Turn[0].Frame, head.Shard.Number));
        }

        while (next.TryDequeue(out var reader, out var at) && findings.Count < MaxFindings)
        {
            do
            {
                await Decide(reader.Turn);
            }
            while (await reader.Advance() && reader.Turn[0].Frame == at.Frame);

            if (reader.Turn.Count > 0) next.Enqueue(reader, (reader.Turn[0].Frame, at.Shard));
        }

        return new RepriceAnswer(
            findings.Count == 0 ? "agrees" : "differs", records, decisions, figures, notAsked, frames.Opened, findings,
            AuditHead.HashOf(heads), Instant.From(now).ToString());
    }

    private async Task Decide(List<JournalRecord> turn)
    {
        var events = ImmutableArray.CreateBuilder<AccountEvent>(turn.Count);
        foreach (var record in turn)
        {
            records++;
            if (venue.Catalog.Decode(record) is not AccountEvent @event)
            {
                findings.Add(new Finding("unreadable", record.Address.ToString(), $"this build cannot read a {record.Type}"));
                return;
            }

            events.Add(@event);
        }

        var grain = turn[0].Grain;
        var before = accounts.GetValueOrDefault(grain) ?? Account.Unopened(new AccountId(grain));
        if (events.Any(@event => IsOfAnUnrecordedInput(@event, turn[0].Cause))) notAsked++;
        else Compare(turn, Expected(before, turn[0], events.ToImmutable(), await frames.MarksOf(turn[0].Frame)));
        try
        {
            accounts[grain] = events.Aggregate(before, Account.Evolve);
        }
        catch (Exception broken) when (broken is InvariantViolation or OverflowException)
        {
            findings.Add(new Finding("fold-broken", turn[0].Address.ToString(), broken.Message));
        }
    }

    /// <summary>
    /// What was granted is asked for again, and what a frame caused is caused again. Of what came otherwise the facts stand, and
    /// how the account stands after them is judged again.
    /// </summary>
    private static ImmutableArray<AccountEvent> Expected(
        Account before, JournalRecord first, ImmutableArray<AccountEvent> events, MarginMarks? marks)
    {
        var context = new Context(first.Time, first.Frame, marks);
        object? asked = events[0] switch
        {
            AccountEvent.OrderReserved e =>
                new AccountCommand.ReserveOrder(e.Order, e.SubAccount, e.Instrument, e.Side, e.Quantity, e.Price),
            AccountEvent.WithdrawalHeld e => new AccountCommand.Withdraw(e.Amount, e.Destination),
            AccountEvent.TransferHeld e => new AccountCommand.Transfer(e.To, e.Amount),
            AccountEvent.TransferSent e => new AccountCommand.Transfer(e.To, e.Amount) { Reach = TransferReach.SameOwner },
            AccountEvent.CollateralAllocated e => new AccountCommand.AllocateCollateral(e.SubAccount, e.Amount),
            AccountEvent.CollateralReleased e => new AccountCommand.ReleaseCollateral(e.SubAccount, e.Amount),
            _ => first.Cause is Cause.Frame frame ? new FrameAdopted(frame.Number) : null,
        };
        return asked is null
            ? Account.Judged(before, [.. events.TakeWhile(@event => !IsJudgement(@event))], context)
            : Account.Decide(before, asked, context).Events;
    }

    private static bool IsOfAnUnrecordedInput(AccountEvent @event, Cause cause) =>
        @event is AccountEvent.CommandRefused or AccountEvent.SliceOrdered
        || (@event is AccountEvent.ConversionOrdered && cause is not Cause.Frame);

    /// <summary>What follows from how an account stands; the first of them stands behind the last fact.</summary>
    private static bool IsJudgement(AccountEvent @event) => @event
        is AccountEvent.MarginStatusChanged or AccountEvent.CaseOpened or AccountEvent.CaseEnded or AccountEvent.SliceCalledBack
        or AccountEvent.SliceEnded { Ending: SliceEnding.GivenUp } or AccountEvent.ConversionCalledBack
        or AccountEvent.ConversionEnded { Ending: SliceEnding.GivenUp };

    private void Compare(List<JournalRecord> turn, ImmutableArray<AccountEvent> expected)
    {
        decisions++;
        var type = venue.Catalog.TypeOf(turn[0].Grain);
        for (var i = 0; i < Math.Max(turn.Count, expected.Length); i++)
        {
            var recorded = i < turn.Count ? $"{turn[i].Type} {Encoding.UTF8.GetString(turn[i].Payload.Span)}" : "nothing";
            var decided = i < expected.Length ? Text(type, expected[i]) : "nothing";
            if (recorded.Contains("\"margin\":", StringComparison.Ordinal)) figures++;
            if (recorded == decided) continue;
            findings.Add(new Finding(
                "decision-differs", turn[Math.Min(i, turn.Count - 1)].Address.ToString(), $"recorded {recorded}, decided anew {decided}"));
            return;
        }
    }

    private static string Text(GrainType type, AccountEvent @event)
    {
        var payload = new ArrayBufferWriter<byte>();
        type.Encode(@event, payload);
        return $"{type.NameOf(@event)} {Encoding.UTF8.GetString(payload.WrittenSpan)}";
    }

    /// <summary>The turns of a shard's accounts, one after the other: neighbouring records of one grain, cause and time.</summary>
    private sealed class TurnReader(Venue venue, Head head, CancellationToken cancel)
    {
        private readonly Queue<JournalRecord> ahead = [];
        private long position;

        public List<JournalRecord> Turn { get; private set; } = [];

        /// <summary>False at the end of the cut; there is no turn then.</summary>
        public async Task<bool> Advance()
        {
            Turn = [];
            while (await Peek() is { } record)
            {
                var belongs = Turn.Count == 0
                    || (record.Grain == Turn[0].Grain && record.Cause == Turn[0].Cause && record.Time == Turn[0].Time);
                if (Turn.Count > 0 && !belongs) return true;
                ahead.Dequeue();
                if (record.Grain.Kind == GrainKind.Account) Turn.Add(record);
            }

            return Turn.Count > 0;
        }

        private async Task<JournalRecord?> Peek()
        {
            if (ahead.Count == 0 && position < head.Position)
            {
                var limit = (int)Math.Min(PageSize, head.Position - position);
                foreach (var record in await venue.Journal.ReadShard(head.Shard, position, limit, cancel)) ahead.Enqueue(record);
                if (ahead.Count < limit) throw new InvalidDataException($"record {head.Shard}:{position + ahead.Count + 1} is missing");
                position += limit;
            }

            return ahead.TryPeek(out var next) ? next : null;
        }
    }

    /// <summary>The market's frames in order, each priced when it is first asked for.</summary>
    private sealed class FrameReader(Venue venue, CancellationToken cancel)
    {
        private readonly Queue<MarkFrame> ahead = [];
        private long version;
        private MarkFrame? last;
        private MarginMarks? marks;

        public long Opened { get; private set; }

        /// <summary>Numbers may only rise. Null before the first frame.</summary>
        public async Task<MarginMarks?> MarksOf(long number)
        {
            if (number == 0) return null;
            if (marks is not null && marks.Frame.Number == number) return marks;
            while (last is null || last.Number < number)
            {
                if (ahead.TryDequeue(out var next)) last = next;
                else if (!await Read()) break;
            }

            if (last?.Number != number) throw new InvalidDataException($"a record names frame {number}, which the market did not publish");
            Opened++;
            return marks = MarginMarks.Open(last);
        }

        private async Task<bool> Read()
        {
            var page = await venue.Journal.ReadGrain(venue.Market.Grain, version, PageSize, cancel);
            foreach (var record in page)
            {
                version = record.Version;
                if (venue.Catalog.FrameIn(record) is { } frame) ahead.Enqueue(frame);
            }

            return page.Count > 0;
        }
    }
}
