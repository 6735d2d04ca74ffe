using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using CrossMargin.Contracts;
using Microsoft.Net.Http.Headers;

namespace CrossMargin.Api.Problems;

/// <summary>One thing that is wrong with a request, and where.</summary>
public sealed record RequestError(
    [property: Description("JSON pointer into the body, or the name of a header or parameter.")] string Pointer,
    string Code, string Detail);

/// <summary>RFC 9457, with a stable code and the numbers that a refusal is about.</summary>
[Description("RFC 9457. `code` is stable; 5xx with code outcome-unknown or internal: repeat with the same key.")]
public sealed record Problem(
    string Type, string Title, int Status, string Detail, string Instance, string Code, string TraceId)
{
    public IReadOnlyList<RequestError>? Errors { get; init; }

    [Description("What the account had, in units of the asset; with insufficient-margin the margin equity.")]
    public string? Available { get; init; }

    [Description("What the request asked for; with insufficient-margin the initial margin afterwards.")]
    public string? Required { get; init; }

    [Description("required − available.")]
    public string? Shortfall { get; init; }

    [Description("The account's sequence of the journaled refusal.")]
    public long? Sequence { get; init; }

    [Description("Where the refusal stands in the journal.")]
    public string? Address { get; init; }
    public string? AsOf { get; init; }
    public long? Frame { get; init; }
}

/// <summary>An answer that is a problem. Everything that turns a request away goes through here.</summary>
public sealed class Refusal(ProblemKind kind, string detail, params IReadOnlyList<RequestError> errors) : IResult
{
    private const int RetryAfterSeconds = 1;

    public ProblemKind Kind => kind;
    public string Detail => detail;
    public IReadOnlyList<RequestError> Errors => errors;

    /// <summary>Fills in what the journaled refusal says.</summary>
    public Func<Problem, Problem> Complete { get; init; } = static problem => problem;

    public static Refusal Of(EdgeCode code, string detail) => new(ProblemTable.For(code), detail);

    public static Refusal Of(Rejection rejection) => new(ProblemTable.For(rejection), ProblemTable.For(rejection).Title);

    public static Refusal Of(RequestError first, params IReadOnlyList<RequestError> others) =>
        new(ProblemTable.For(first.Code), first.Detail, [first, .. others]);

    public Task ExecuteAsync(HttpContext httpContext)
    {
        var response = httpContext.Response;
        response.StatusCode = kind.Status;
        if (kind.Transience == Transience.Transient)
            response.Headers.RetryAfter = RetryAfterSeconds.ToString(CultureInfo.InvariantCulture);
        if (kind.Status == StatusCodes.Status401Unauthorized)
            response.Headers[HeaderNames.WWWAuthenticate] = "Bearer, CM-HMAC-SHA256";

        var problem = Complete(new Problem(
            $"urn:crossmargin:problem:{kind.Code}", kind.Title, kind.Status, detail, httpContext.Request.Path, kind.Code,
            Activity.Current?.TraceId.ToString() ?? httpContext.TraceIdentifier)
        {
            Errors = errors.Count == 0 ? null : errors,
        });
        return response.WriteAsJsonAsync(problem, ApiJson.Default.Problem, "application/problem+json", httpContext.RequestAborted);
    }
}
