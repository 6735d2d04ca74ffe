using System.ComponentModel;
using CrossMargin.Api.Bodies;
using CrossMargin.Api.Hosting;
using CrossMargin.Api.Problems;
using CrossMargin.Contracts;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Margin;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;
using Microsoft.AspNetCore.Mvc;

namespace CrossMargin.Api.Accounts;

/// <summary>An account at one instant. Every view of it is a function of this and of nothing else that moves.</summary>
internal sealed record AccountMoment(Account State, RecordAddress Last, Instant AsOf, long Frame, MomentChosen Chosen)
{
    /// <summary>Of a live read: what a decision at this instant would see.</summary>
    public MarginMarks? Marks { get; init; }
}

/// <summary>By what a request chose its instant.</summary>
internal enum MomentChosen
{
    Now,
    BySequence,
    ByTime,
}

/// <summary>The three parameters of the query that choose one; at most one of them stands in a request.</summary>
internal readonly record struct MomentQuery
{
    [FromQuery(Name = "asOf"), Description("As it was then: RFC 3339 in UTC, or ms since 1970. In the past.")]
    public string? AsOf { get; init; }

    [FromQuery(Name = "atSequence"), Description("As it was after this many events.")]
    public string? AtSequence { get; init; }

    [FromQuery(Name = "minSequence"), Description("Not before this sequence: waits up to 2 s, then 503 behind.")]
    public string? MinSequence { get; init; }

    public static readonly string[] Names = ["asOf", "atSequence", "minSequence"];

    public int Count => (AsOf is null ? 0 : 1) + (AtSequence is null ? 0 : 1) + (MinSequence is null ? 0 : 1);
}

/// <summary>Which instant a request asks about: now, or one of the three that the query may name.</summary>
internal static class AccountMoments
{
    private static readonly TimeSpan BehindPatience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan BehindPause = TimeSpan.FromMilliseconds(10);

    /// <summary>Answers with a view of the account at the instant, its ETag, and 304 to who has it already.</summary>
    public static async Task<IResult> Answer(
        HttpContext http, Venue venue, TimeProvider clock, AccountId account, MomentQuery query,
        Func<AccountMoment, ValueTask<IResult>> view)
    {
        if (Query.RefuseUnknown(http, MomentQuery.Names) is { } unknown) return unknown;
        var (moment, refusal) = await Find(http, venue, clock, account, query);
        if (moment is null) return refusal!;

        var etag = KeyedCommands.ETagOf(account, moment.State.Version);
        http.Response.Headers.ETag = etag;
        return moment.Chosen == MomentChosen.Now && http.Request.Headers.IfNoneMatch == etag
            ? TypedResults.StatusCode(StatusCodes.Status304NotModified)
            : await view(moment);
    }

    public static async Task<(AccountMoment? Moment, Refusal? Refusal)> Find(
        HttpContext http, Venue venue, TimeProvider clock, AccountId account, MomentQuery query)
    {
        var (asOf, atSequence, minSequence) = (query.AsOf, query.AtSequence, query.MinSequence);
        if (query.Count > 1)
            return (null, Refusal.Of(EdgeCode.MalformedParameter, "asOf, atSequence and minSequence exclude each other"));
        if (minSequence is not null)
            return Query.Sequence(minSequence) is { } least
                ? await AtLeast(http, venue, clock, account, least)
                : (null, Query.NotASequence("minSequence"));

        var now = await venue.Read(account.Grain);
        if (now.View is not { } live) return (null, Refusal.Of(now.Rejection));
        if (atSequence is not null)
        {
            if (Query.Sequence(atSequence) is not { } sequence) return (null, Query.NotASequence("atSequence"));
            if (sequence > live.Version)
                return (null, Refusal.Of(EdgeCode.NotReached, $"the account is at sequence {live.Version}"));
            return Of(await AccountHistory.AtSequence(venue, account, sequence, http.RequestAborted));
        }

        if (asOf is not null)
        {
            if (Query.Instant(asOf) is not { } instant)
                return (null, Refusal.Of(
                    EdgeCode.MalformedParameter, "asOf is RFC 3339 in UTC (…Z) with at most six decimals, or ms since 1970"));
            if (instant >= live.AsOf)
                return (null, Refusal.Of(EdgeCode.NotReached, $"the account was read as of {live.AsOf}"));
            return Of(await AccountHistory.AsOf(venue, account, instant, http.RequestAborted), instant);
        }

        return (Of(live), null);
    }

    /// <summary>Read your writes: waits a little for a sequence that another answer has named.</summary>
    private static async Task<(AccountMoment? Moment, Refusal? Refusal)> AtLeast(
        HttpContext http, Venue venue, TimeProvider clock, AccountId account, long least)
    {
        var since = clock.GetTimestamp();
        while (true)
        {
            var reply = await venue.Read(account.Grain);
            if (reply.View is not { } live) return (null, Refusal.Of(reply.Rejection));
            if (live.Version >= least) return (Of(live), null);
            if (clock.GetElapsedTime(since) >= BehindPatience)
                return (null, Refusal.Of(EdgeCode.Behind, $"the account is at sequence {live.Version}"));
            await Task.Delay(BehindPause, clock, http.RequestAborted);
        }
    }

    private static AccountMoment Of(GrainView live) =>
        new((Account)live.State, live.LastRecord, live.AsOf, live.Frame, MomentChosen.Now) { Marks = live.Marks as MarginMarks };

    private static (AccountMoment? Moment, Refusal? Refusal) Of(AccountHistory.Past past, Instant? asOf = null)
    {
        if (past.Last is not { } last) return (null, Refusal.Of(EdgeCode.NotFound, "the account was not open then"));
        var chosen = asOf is null ? MomentChosen.BySequence : MomentChosen.ByTime;
        return (new AccountMoment(past.State, last.Address, asOf ?? last.Time, last.Frame, chosen), null);
    }
}
