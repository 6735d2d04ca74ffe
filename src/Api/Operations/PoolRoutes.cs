using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using CrossMargin.Api.Access;
using CrossMargin.Api.Accounts;
using CrossMargin.Api.Bodies;
using CrossMargin.Api.Hosting;
using CrossMargin.Api.OpenApi;
using CrossMargin.Api.Problems;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Pools;
using CrossMargin.Grains.Pools;
using CrossMargin.Runtime.Records;
using Microsoft.AspNetCore.Http.HttpResults;

namespace CrossMargin.Api.Operations;

[Description("Nobody waits for the shard any longer, nobody in it is cleared, and what its accounts may owe counts as missing.")]
public sealed record SetAsideRequest(
    [property: Description("What its accounts may owe at the most, in the reference currency. More than the fund stops every clearance.")]
    [property: RegularExpression(AmountText.Pattern), DefaultValue("0")] string Exposure,
    [property: StringLength(SetAsideRequest.MaxReason, MinimumLength = 1), DefaultValue("its disk is gone; nothing at risk in it")]
    string Reason)
{
    public const int MaxReason = 140;

    private static readonly string[] Fields = ["exposure", "reason"];

    internal static PoolCommand.SetAside? Read(ref StrictObject body, ShardId shard, PrincipalId by)
    {
        var exposure = 0L;
        string? reason = null;
        while (body.NextField(Fields, out var field))
        {
            if (field == 0) exposure = body.Decimal("exposure", Money.Scale);
            else reason = body.Text("reason", MaxReason);
        }

        body.RequireAll(Fields);
        return body.HasErrors ? null : new PoolCommand.SetAside(shard, new Money(exposure), reason!) { By = by.Name };
    }
}

[Description("The shard counts again by what it says of itself.")]
public sealed record BringBackRequest(
    [property: StringLength(SetAsideRequest.MaxReason, MinimumLength = 1), DefaultValue("it was recovered")] string Reason)
{
    private static readonly string[] Fields = ["reason"];

    internal static PoolCommand.BringBack? Read(ref StrictObject body, ShardId shard, PrincipalId by)
    {
        string? reason = null;
        while (body.NextField(Fields, out _)) reason = body.Text("reason", SetAsideRequest.MaxReason);
        body.RequireAll(Fields);
        return body.HasErrors ? null : new PoolCommand.BringBack(shard, reason!) { By = by.Name };
    }
}

public sealed record StandingReceipt(int Shard, string By, string Reason, long Sequence, string Address, string AsOf, long Frame);

[Description("What the coordinator knows of a shard: its last report, less what was granted since.")]
public sealed record ShardStandingView(
    int Shard, long Frame, [property: Description("Accounts that wait for clearance.")] int Waiting, string Shortfall)
{
    [Description("What counts as missing while an officer has set it aside.")]
    public string? SetAsideFor { get; init; }
}

[Description("Nothing is cleared while `shortfall` is above `fund`, a loss is carried, or a shard that counts has not come far enough.")]
public sealed record PoolAnswer(
    string Shortfall, string Fund,
    [property: Description("Drawn from the fund, or perhaps drawn, and not there, by asset, until it is repaid: \"12.5 USDC\".")]
    IReadOnlyList<string> Deficits,
    IReadOnlyList<ShardStandingView> Shards, long Sequence, string Address, string AsOf, long Frame);

/// <summary>What officers may do about a shard that keeps everybody's money waiting.</summary>
internal static class PoolRoutes
{
    public static void Map(IEndpointRouteBuilder routes)
    {
        var pool = routes.MapGroup("/v1/pool").WithTags("Operations");
        pool.MapGet("", Read).Needs(Scopes.RiskApprove, AccessTarget.Venue).WithName("GetPool")
            .WithSummary("How far every shard has come, and what is missing").Produces<PoolAnswer>();
        pool.MapPost("/shards/{shard}/set-aside", SetAside).Needs(Scopes.RiskApprove, AccessTarget.Venue).WithName("SetShardAside")
            .WithSummary("Wait for a shard no longer").TakesKey().Accepts<SetAsideRequest>("application/json").Produces<StandingReceipt>();
        pool.MapPost("/shards/{shard}/bring-back", BringBack).Needs(Scopes.RiskApprove, AccessTarget.Venue).WithName("BringShardBack")
            .WithSummary("Count a shard by its own reports again").TakesKey().Accepts<BringBackRequest>("application/json")
            .Produces<StandingReceipt>();
    }

    private static async Task<IResult> Read(HttpContext http, Venue venue)
    {
        if (Query.RefuseUnknown(http) is { } unknown) return unknown;
        var reply = await venue.Read(PoolId.Main.Grain);
        if (reply.View is not { } view) return Refusal.Of(reply.Rejection);
        var pool = (Coordinator)view.State;
        return TypedResults.Json(
            new PoolAnswer(
                Missing(pool), Coordinator.Fund.ToString(),
                [.. pool.Deficits.Select(deficit => deficit.ToString())],
                [.. pool.Shards.Select(ViewOf)],
                view.Version, view.LastRecord.ToString(), view.AsOf.ToString(), view.Frame),
            ApiJson.Default.PoolAnswer);
    }

    private static async Task<IResult> SetAside(string shard, HttpContext http, Venue venue)
    {
        if (KeyedCommands.ReadKey(http, out var key) is { } badKey) return badKey;
        var asking = http.Asking();
        var command = StrictObject.Read(
            asking.Body.Span, (ref body) => SetAsideRequest.Read(ref body, Parsed(shard), asking.Principal.Id), out var refusal);
        return command is null ? refusal! : await venue.Send(http, PoolId.Main.Grain, key, command, (record, @event) =>
        {
            var e = (PoolEvent.ShardSetAside)@event;
            return Receipt(record, e.Shard, e.By, e.Reason);
        });
    }

    private static async Task<IResult> BringBack(string shard, HttpContext http, Venue venue)
    {
        if (KeyedCommands.ReadKey(http, out var key) is { } badKey) return badKey;
        var asking = http.Asking();
        var command = StrictObject.Read(
            asking.Body.Span, (ref body) => BringBackRequest.Read(ref body, Parsed(shard), asking.Principal.Id), out var refusal);
        return command is null ? refusal! : await venue.Send(http, PoolId.Main.Grain, key, command, (record, @event) =>
        {
            var e = (PoolEvent.ShardBroughtBack)@event;
            return Receipt(record, e.Shard, e.By, e.Reason);
        });
    }

    private static ShardStandingView ViewOf(ShardStanding shard, int number) =>
        new(number, shard.Frame, shard.Waiting, shard.Shortfall.ToString()) { SetAsideFor = shard.Exposure?.ToString() };

    /// <summary>As far as it fits into an amount of money.</summary>
    private static string Missing(Coordinator pool) => new Money((long)Int128.Min(pool.Shortfall, long.MaxValue)).ToString();

    /// <summary>What is no number is no shard; the coordinator says so.</summary>
    private static ShardId Parsed(string shard) => new(int.TryParse(shard, System.Globalization.NumberStyles.None, null, out var number)
        && number < ShardMap.MaxCount ? number : ShardMap.MaxCount);

    private static JsonHttpResult<StandingReceipt> Receipt(
        JournalRecord record, ShardId shard, string? by, string reason) => TypedResults.Json(
        new StandingReceipt(
            shard.Number, by!, reason, record.Version, record.Address.ToString(), record.Time.ToString(), record.Frame),
        ApiJson.Default.StandingReceipt);
}
