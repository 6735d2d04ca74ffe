using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using CrossMargin.Api.Access;
using CrossMargin.Api.Accounts;
using CrossMargin.Api.Bodies;
using CrossMargin.Api.Events;
using CrossMargin.Api.Hosting;
using CrossMargin.Api.Problems;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Margin;
using CrossMargin.Risk.Collateral;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Api.Margin;

[Description("What the account was worth after an event, under the frame that its record names.")]
public sealed record EquityLine(
    long Sequence, string Address, string RecordedAt, long Frame, string Type,
    [property: Description(
        "What came in with the event, or left with it (negative), in the reference currency; 0 for all but deposits, withdrawals "
        + "and transfers.")]
    [property: RegularExpression(AmountText.Pattern)]
    string Deposited)
{
    [Description("Of all parts together. Not there where something in it had no price.")]
    public string? Equity { get; init; }

    [Description("How much more than after the event before, what was deposited apart: prices, fees, funding and interest.")]
    public string? Pnl { get; init; }
}

[Description("In order of sequence. `nextCursor` is null when nothing follows yet.")]
public sealed record EquityPage(string Account, IReadOnlyList<EquityLine> Data, string? NextCursor);

/// <summary>
/// What an account was worth, event by event: its own records folded again, each state under the marks of the frame that the record
/// names. Nothing is sampled, so that the lines of two readers are the same for ever.
/// </summary>
internal static class EquityRoutes
{
    /// <summary>Each line may need a frame of its own.</summary>
    private const int MaxLines = 100;

    private static readonly string[] Flows =
    [
        "deposit", "deposit-reversed", "withdrawal", "withdrawal-cancelled", "withdrawal-voided", "transfer", "transfer-cancelled",
        "transfer-sent", "transfer-received", "transfer-returned",
    ];

    public static void Map(IEndpointRouteBuilder routes) =>
        routes.MapGet("/v1/accounts/{id}/equity-history", History).WithTags("Margin").Needs(Scopes.AccountRead, AccessTarget.Account)
            .WithName("ListEquity").WithSummary("What the account was worth after each of its events").Produces<EquityPage>();

    private static async Task<IResult> History(
        string id, HttpContext http, Venue venue, EquityFolds folds,
        [Description("1 to 100; 100 without it.")] string? limit = null,
        [Description("nextCursor of the page before.")] string? cursor = null)
    {
        if (Query.RefuseUnknown(http, "limit", "cursor") is { } unknown) return unknown;
        if (Query.Limit(limit) is not { } size || size > MaxLines)
            return Refusal.Of(EdgeCode.MalformedParameter, $"limit is 1 to {MaxLines}");
        var account = AccountRoutes.Parsed(id);
        var after = 0L;
        if (cursor is not null && !EventCursor.TryParse(cursor, account.Grain, out after))
            return Refusal.Of(EdgeCode.MalformedCursor, ProblemTable.For(EdgeCode.MalformedCursor).Title);

        var walk = new Walk(venue, account, folds, http.RequestAborted);
        var lines = await walk.Lines(after, size);
        var next = lines.Count == size ? EventCursor.Of(account.Grain, lines[^1].Sequence) : null;
        return TypedResults.Json(new EquityPage(id, lines, next), ApiJson.Default.EquityPage);
    }

    /// <summary>The fold of an account with the worth of each of its states.</summary>
    private sealed class Walk(Venue venue, AccountId id, EquityFolds folds, CancellationToken cancel)
    {
        private readonly Dictionary<long, MarginMarks?> frames = [];
        private Account state = Account.Unopened(id);

        /// <summary>So many lines behind a sequence; what is before it is folded and not shown, where no earlier page left it.</summary>
        public async Task<List<EquityLine>> Lines(long after, int size)
        {
            var (lines, before) = (new List<EquityLine>(), await Begin(after));
            foreach (var record in await venue.Journal.ReadGrain(id.Grain, after, size, cancel))
            {
                var @event = (AccountEvent)venue.Catalog.Decode(record)!;
                state = Account.Evolve(state, @event);
                var marks = await MarksOf(record.Frame);
                var worth = WorthUnder(marks);
                lines.Add(LineOf(record, @event, marks, worth, before));
                before = worth;
            }

            if (lines.Count == size) folds.Keep(new EquityFold(state, before));
            return lines;
        }

        /// <summary>What the account was worth there. To fold it from its beginning takes a turn, like every look at the past.</summary>
        private async Task<Money?> Begin(long after)
        {
            if (after == 0) return null;
            if (folds.At(id, after) is { } left)
            {
                state = left.State;
                return left.Worth;
            }

            var (past, last) = await AccountHistory.AtSequence(venue, id, after, cancel);
            state = past;
            return last is null ? null : WorthUnder(await MarksOf(last.Frame));
        }

        private static EquityLine LineOf(JournalRecord record, AccountEvent @event, MarginMarks? marks, Money? worth, Money? before)
        {
            var deposited = DepositedBy(@event, marks);
            return new EquityLine(
                record.Version, record.Address.ToString(), record.Time.ToString(), record.Frame, record.Type,
                (deposited ?? Money.Zero).ToString())
            {
                Equity = worth?.ToString(),
                Pnl = deposited is { } flow && worth is { } now && before is { } then ? (now - then - flow).ToString() : null,
            };
        }

        /// <summary>Null where what moved has no price.</summary>
        private static Money? DepositedBy(AccountEvent @event, MarginMarks? marks)
        {
            var sum = Int128.Zero;
            foreach (var cash in CashChange.Of(@event))
            {
                if (!Flows.Contains(cash.Type)) continue;
                if (marks?.PriceOf(cash.Change.Asset) is not { } price) return null;
                sum += CollateralWeights.ToE16(cash.Change) * price.E8;
            }

            return new Money((long)Rounding.Floor(sum, MicrosE24));
        }

        /// <summary>One micro in 1e-24.</summary>
        private static readonly Int128 MicrosE24 = 1_000_000_000_000_000_000;

        private Money? WorthUnder(MarginMarks? marks)
        {
            var sum = Money.Zero;
            foreach (var part in state.Parts)
            {
                if (MarginSummary.Of(state, part, marks).Report is not { } report) return null;
                sum += report.Equity;
            }

            return sum;
        }

        private async Task<MarginMarks?> MarksOf(long frame)
        {
            if (frames.TryGetValue(frame, out var known)) return known;
            return frames[frame] = await FrameHistory.MarksOf(venue, frame, cancel);
        }
    }
}
