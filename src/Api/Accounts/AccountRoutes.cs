using System.ComponentModel;
using CrossMargin.Api.Access;
using CrossMargin.Api.Bodies;
using CrossMargin.Api.Events;
using CrossMargin.Api.Hosting;
using CrossMargin.Api.OpenApi;
using CrossMargin.Api.Problems;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Grains.Accounts;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;

namespace CrossMargin.Api.Accounts;

/// <summary>Accounts as their owners and the venue's operators see them.</summary>
internal static class AccountRoutes
{
    public static void Map(IEndpointRouteBuilder routes)
    {
        var accounts = routes.MapGroup("/v1/accounts").WithTags("Accounts");
        accounts.MapPost("", Open).Needs(Scopes.AccountWrite, AccessTarget.Venue).WithName("OpenAccount")
            .WithSummary("Open an account of one's own").TakesKey().Accepts<EmptyRequest>("application/json").Produces<OpenedReceipt>(201);
        accounts.MapGet("/{id}", View).Needs(Scopes.AccountRead, AccessTarget.Account).WithName("GetAccount")
            .WithSummary("An account, now or as it was").Produces<AccountView>();
        accounts.MapGet("/{id}/events", Events).Needs(Scopes.AccountRead, AccessTarget.Account).WithName("ListAccountEvents")
            .WithSummary("What happened to an account, in order").Produces<EventPage>();
        accounts.MapPost("/{id}/close", Close).Needs(Scopes.AccountWrite, AccessTarget.Account).WithName("CloseAccount")
            .WithSummary("Close an account that holds, owes and expects nothing").TakesKey().Accepts<EmptyRequest>("application/json")
            .Produces<PhaseReceipt>();
        accounts.MapPost("/{id}/reopen", Reopen).Needs(Scopes.OpsAdmin, AccessTarget.Account).WithName("ReopenAccount")
            .WithSummary("Open a closed account again").TakesKey().Accepts<EmptyRequest>("application/json").Produces<PhaseReceipt>();
        accounts.MapPost("/{id}/deposits", Deposit).Needs(Scopes.OpsAdmin, AccessTarget.Account).WithName("Deposit")
            .WithSummary("Credit an account by hand").TakesKey().Accepts<DepositRequest>("application/json").Produces<DepositReceipt>();
        accounts.MapPost("/{id}/withdrawals", Withdraw).Needs(Scopes.AccountWrite, AccessTarget.Account).WithName("Withdraw")
            .WithSummary("Set an amount aside; once it is cleared the custodian pays it").TakesKey()
            .Accepts<WithdrawRequest>("application/json")
            .Produces<WithdrawalReceipt>(201);
        accounts.MapGet("/{id}/withdrawals/{withdrawalId}", Withdrawal).Needs(Scopes.AccountRead, AccessTarget.Account)
            .WithName("GetWithdrawal").WithSummary("What became of a withdrawal").Produces<WithdrawalAnswer>();
        accounts.MapPost("/{id}/withdrawals/{withdrawalId}/cancel", Cancel).Needs(Scopes.AccountWrite, AccessTarget.Account)
            .WithName("CancelWithdrawal").WithSummary("Take a withdrawal back before it is cleared").TakesKey()
            .Accepts<EmptyRequest>("application/json").Produces<CancellationReceipt>();
        accounts.MapPost("/{id}/transfers", Transfer).Needs(Scopes.AccountWrite, AccessTarget.Account).WithName("Transfer")
            .WithSummary("Send an amount to another account").TakesKey().Accepts<TransferRequest>("application/json")
            .Produces<TransferReceipt>();
        accounts.MapPost("/{id}/transfers/{transferId}/cancel", CancelTransfer).Needs(Scopes.AccountWrite, AccessTarget.Account)
            .WithName("CancelTransfer").WithSummary("Take a transfer back before it is cleared").TakesKey()
            .Accepts<EmptyRequest>("application/json").Produces<TransferCancellationReceipt>();
    }

    private static async Task<IResult> Open(HttpContext http, Venue venue)
    {
        if (KeyedCommands.ReadKey(http, out var key) is { } badKey) return badKey;
        var asking = http.Asking();
        var owner = asking.Principal.Id;
        if (EmptyRequest.Refuse(asking.Body.Span) is { } refusal) return refusal;

        return await venue.Send(http, AccountId.For(owner, key), key, new AccountCommand.Open(owner), (record, @event) =>
        {
            http.Response.Headers.Location = $"/v1/accounts/{record.Grain}";
            return TypedResults.Json(OpenedReceipt.Of(record, (AccountEvent.Opened)@event), ApiJson.Default.OpenedReceipt, statusCode: 201);
        });
    }

    private static Task<IResult> Close(string id, HttpContext http, Venue venue) =>
        Turn(id, http, venue, new AccountCommand.Close());

    private static Task<IResult> Reopen(string id, HttpContext http, Venue venue) =>
        Turn(id, http, venue, new AccountCommand.Reopen());

    private static async Task<IResult> Turn(string id, HttpContext http, Venue venue, AccountCommand phase)
    {
        if (KeyedCommands.ReadKey(http, out var key) is { } badKey) return badKey;
        if (EmptyRequest.Refuse(http.Asking().Body.Span) is { } refusal) return refusal;
        return await venue.Send(http, Parsed(id), key, phase, (record, @event) =>
            TypedResults.Json(PhaseReceipt.Of(record, @event), ApiJson.Default.PhaseReceipt));
    }

    private static async Task<IResult> Deposit(string id, HttpContext http, Venue venue)
    {
        if (KeyedCommands.ReadKey(http, out var key) is { } badKey) return badKey;
        var command = StrictObject.Read(http.Asking().Body.Span, DepositRequest.Read, out var refusal);
        if (command is null) return refusal!;

        return await venue.Send(http, Parsed(id), key, command, (record, @event) =>
            TypedResults.Json(DepositReceipt.Of(record, (AccountEvent.Deposited)@event), ApiJson.Default.DepositReceipt));
    }

    private static async Task<IResult> Withdraw(string id, HttpContext http, Venue venue)
    {
        if (KeyedCommands.ReadKey(http, out var key) is { } badKey) return badKey;
        var command = StrictObject.Read(http.Asking().Body.Span, WithdrawRequest.Read, out var refusal);
        if (command is null) return refusal!;

        return await venue.Send(http, Parsed(id), key, command, (record, @event) =>
        {
            var receipt = WithdrawalReceipt.Of(record, (AccountEvent.WithdrawalHeld)@event);
            http.Response.Headers.Location = $"/v1/accounts/{record.Grain}/withdrawals/{receipt.WithdrawalId}";
            return TypedResults.Json(receipt, ApiJson.Default.WithdrawalReceipt, statusCode: 201);
        });
    }

    private static async Task<IResult> Cancel(string id, string withdrawalId, HttpContext http, Venue venue)
    {
        if (KeyedCommands.ReadKey(http, out var key) is { } badKey) return badKey;
        if (Query.Sequence(withdrawalId) is not { } version) return Refusal.Of(EdgeCode.MalformedId, "a withdrawal's id is an integer");
        if (EmptyRequest.Refuse(http.Asking().Body.Span) is { } refusal) return refusal;

        var cancellation = new AccountCommand.CancelWithdrawal(new WithdrawalId(version));
        return await venue.Send(http, Parsed(id), key, cancellation, (record, @event) => TypedResults.Json(
            CancellationReceipt.Of(record, (AccountEvent.WithdrawalCancelled)@event), ApiJson.Default.CancellationReceipt));
    }

    private static async Task<IResult> Transfer(string id, HttpContext http, Venue venue)
    {
        if (KeyedCommands.ReadKey(http, out var key) is { } badKey) return badKey;
        var command = StrictObject.Read(http.Asking().Body.Span, TransferRequest.Read, out var refusal);
        if (command is null) return refusal!;

        return await venue.Send(http, Parsed(id), key, command, (record, @event) =>
            TypedResults.Json(TransferReceipt.Of(record, @event), ApiJson.Default.TransferReceipt));
    }

    private static async Task<IResult> CancelTransfer(string id, string transferId, HttpContext http, Venue venue)
    {
        if (KeyedCommands.ReadKey(http, out var key) is { } badKey) return badKey;
        if (Query.Sequence(transferId) is not { } version) return Refusal.Of(EdgeCode.MalformedId, "a transfer's id is an integer");
        if (EmptyRequest.Refuse(http.Asking().Body.Span) is { } refusal) return refusal;

        var cancellation = new AccountCommand.CancelTransfer(new TransferId(version));
        return await venue.Send(http, Parsed(id), key, cancellation, (record, @event) => TypedResults.Json(
            TransferCancellationReceipt.Of(record, (AccountEvent.TransferCancelled)@event),
            ApiJson.Default.TransferCancellationReceipt));
    }

    private static Task<IResult> View(
        string id, HttpContext http, Venue venue, TimeProvider clock, [AsParameters] MomentQuery query) =>
        AccountMoments.Answer(http, venue, clock, Parsed(id), query, moment => new(
            TypedResults.Json(AccountView.Of(moment.State, moment.Last, moment.AsOf, moment.Frame), ApiJson.Default.AccountView)));

    private static async Task<IResult> Events(
        string id, HttpContext http, Venue venue,
        [Description("1 to 1000; 100 without it.")] string? limit = null,
        [Description("nextCursor of the page before.")] string? cursor = null)
    {
        if (Query.RefuseUnknown(http, "limit", "cursor") is { } unknown) return unknown;
        if (Query.Limit(limit) is not { } size) return Refusal.Of(EdgeCode.MalformedParameter, $"limit is 1 to {Query.MaxLimit}");

        var account = Parsed(id);
        var after = 0L;
        if (cursor is not null && !EventCursor.TryParse(cursor, account.Grain, out after))
            return Refusal.Of(EdgeCode.MalformedCursor, ProblemTable.For(EdgeCode.MalformedCursor).Title);

        var records = await venue.Journal.ReadGrain(account.Grain, after, size, http.RequestAborted);
        var next = records.Count == size ? EventCursor.Of(account.Grain, records[^1].Version) : null;
        return new EventPageResult(account.Grain, records, next);
    }

    private static async Task<IResult> Withdrawal(string id, string withdrawalId, HttpContext http, Venue venue)
    {
        if (Query.Sequence(withdrawalId) is not { } version) return Refusal.Of(EdgeCode.MalformedId, "a withdrawal's id is an integer");
        var (account, withdrawal) = (Parsed(id), new WithdrawalId(version));
        var now = await venue.Read(account.Grain);
        if (now.View is not { } live) return Refusal.Of(now.Rejection);
        if (((Account)live.State).HoldOf(withdrawal) is { } hold)
        {
            return Answer(new WithdrawalAnswer(
                account.ToString(), AccountView.ViewOf(hold), live.Version, live.LastRecord.ToString(), live.AsOf.ToString(), live.Frame));
        }

        if (await AccountHistory.FindWithdrawal(venue, account, withdrawal, http.RequestAborted) is not var (held, record, end)
            || end is null)
            return Refusal.Of(EdgeCode.NotFound, "the account has no such withdrawal");
        var view = new WithdrawalView(
            withdrawal.Version, held.Amount.Asset.ToString(), held.Amount.ToDecimal(), held.Destination,
            end switch
            {
                AccountEvent.WithdrawalPosted => "posted",
                AccountEvent.WithdrawalVoided => "voided",
                _ => "cancelled",
            },
            held.OverdueAt.ToString(), Overdue: false);
        return Answer(new WithdrawalAnswer(
            account.ToString(), view, record.Version, record.Address.ToString(), record.Time.ToString(), record.Frame));

        static IResult Answer(WithdrawalAnswer answer) => TypedResults.Json(answer, ApiJson.Default.WithdrawalAnswer);
    }

    // The gate has parsed it before and let nothing else through.
    internal static AccountId Parsed(string id) =>
        AccountId.TryParse(id, out var account) ? account : throw new InvalidOperationException("the gate let a malformed id through");
}
