using System.Buffers;
using System.Globalization;
using CrossMargin.Api.Hosting;
using CrossMargin.Api.Problems;
using CrossMargin.Contracts;
using Microsoft.AspNetCore.Http.Features;

namespace CrossMargin.Api.Access;

/// <summary>Who asks, and what was sent. There is one for every request that a handler sees.</summary>
internal sealed record Asking(Principal Principal, ReadOnlyMemory<byte> Body);

internal static class AskingExtensions
{
    public static Asking Asking(this HttpContext http) =>
        http.Features.Get<Asking>() ?? throw new InvalidOperationException("the request did not pass the gate");
}

/// <summary>
/// The one place where a request is let in: (who, what account or source, what scope), deny by default. It reads the body too, because
/// a signature is over it, and so nothing behind the gate ever waits for a client.
/// </summary>
public sealed class AccessGate(
    RequestDelegate next, Venue venue, AccessList access, AccountOwners owners, SignatureWindow signatures, RequestRates rates,
    TimeProvider clock)
{
    private const string Bearer = "Bearer ", OwnershipHeader = "CrossMargin-Ownership";

    public async Task InvokeAsync(HttpContext http)
    {
        var endpoint = http.GetEndpoint();
        if (endpoint is null)
        {
            await Refusal.Of(EdgeCode.NotFound, "there is no such route").ExecuteAsync(http);
            return;
        }

        if (endpoint.Metadata.GetMetadata<OpenToAll>() is not null)
        {
            await next(http);
            return;
        }

        if (endpoint.Metadata.GetMetadata<AccessPolicy>() is not { } policy)
        {
            await TurnAwayUnmatched(http);
            return;
        }

        var (shown, refusal) = Identify(http);
        if (refusal is not null)
        {
            await refusal.ExecuteAsync(http);
            return;
        }

        var limit = endpoint.Metadata.GetMetadata<BodyLimit>()?.Bytes ?? BodyLimit.Default;
        if (await ReadBody(http, limit) is not { } body)
        {
            await Refusal.Of(EdgeCode.BodyTooLarge, $"at most {limit} bytes").ExecuteAsync(http);
            return;
        }

        try
        {
            SayOwnership(http);
            refusal = CheckSignature(http, shown, body.Memory.Span)
                ?? rates.Refuse(shown.Principal, http)
                ?? await Authorize(http, policy, shown.Principal);
            if (refusal is not null)
            {
                await refusal.ExecuteAsync(http);
                return;
            }

            http.Features.Set(new Asking(shown.Principal, body.Memory));
            await next(http);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(body.Rented);
        }
    }

    /// <summary>So that a client that knows the owners of shards hears with any answer that one has changed.</summary>
    private void SayOwnership(HttpContext http)
    {
        if (venue.Silo is { IsAlone: false } silo)
            http.Response.Headers[OwnershipHeader] = silo.Ownership.ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>Routing has answered by itself: a method or a media type that no route here takes.</summary>
    private async Task TurnAwayUnmatched(HttpContext http)
    {
        if (http.GetEndpoint() is RouteEndpoint route) throw new InvalidOperationException($"{route.DisplayName} has no access policy");
        await next(http);
        var code = http.Response.StatusCode == StatusCodes.Status405MethodNotAllowed
            ? EdgeCode.MethodNotAllowed
            : EdgeCode.UnsupportedMediaType;
        await Refusal.Of(code, ProblemTable.For(code).Title).ExecuteAsync(http);
    }

    /// <summary>
    /// What the header claims: a token proves itself, a signature is yet to be checked against the body.
    /// </summary>
    private readonly record struct Credentials(Principal Principal, RequestSignature? Signature, byte[] Secret);

    private (Credentials Shown, Refusal? Refusal) Identify(HttpContext http)
    {
        var header = http.Request.Headers.Authorization.ToString();
        if (header.Length == 0)
            return (default, Refusal.Of(EdgeCode.MissingCredentials, "send Authorization: Bearer, or sign the request"));
        if (header.StartsWith(Bearer, StringComparison.Ordinal))
            return access.ByToken(header[Bearer.Length..], clock.GetUtcNow()) is { } person
                ? (new Credentials(person, null, []), null)
                : (default, Bad());
        if (!header.StartsWith(RequestSignature.Scheme + " ", StringComparison.Ordinal)) return (default, Bad());

        if (RequestSignature.Parse(header[(RequestSignature.Scheme.Length + 1)..]) is not { } signature) return (default, Bad());
        if (access.BySigningKey(signature.KeyId, clock.GetUtcNow()) is not var (machine, secret)) return (default, Bad());
        return signatures.Accepts(signature.TimestampMs)
            ? (new Credentials(machine, signature, secret), null)
            : (default, Stale());
    }

    private Refusal? CheckSignature(HttpContext http, Credentials shown, ReadOnlySpan<byte> body)
    {
        if (shown.Signature is not { } signature) return null;

        // The target as it was sent: what is signed is then what is routed, without a second reading of escapes.
        var target = http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        var question = target.IndexOf('?');
        var (path, query) = question < 0 ? (target, "") : (target[..question], target[(question + 1)..]);
        if (!signature.Fits(shown.Secret, http.Request.Method, path, query, body)) return Bad();
        return signatures.Use(signature.KeyId, signature.Nonce, signature.TimestampMs) switch
        {
            SignatureUse.Counts => null,
            SignatureUse.Reused => Refusal.Of(EdgeCode.ReusedNonce, ProblemTable.For(EdgeCode.ReusedNonce).Title),
            _ => Stale(),
        };
    }

    private static Refusal Stale() => Refusal.Of(EdgeCode.StaleSignature, ProblemTable.For(EdgeCode.StaleSignature).Title);

    // One sentence for every reason: which part was wrong is for whoever has the secret to find out.
    private static Refusal Bad() => Refusal.Of(EdgeCode.BadCredentials, ProblemTable.For(EdgeCode.BadCredentials).Title);

    private async ValueTask<Refusal?> Authorize(HttpContext http, AccessPolicy policy, Principal principal)
    {
        if (!principal.Scopes.HasFlag(policy.Scope))
            return Refusal.Of(EdgeCode.Forbidden, $"this needs the scope {ScopeNames.NameOf(policy.Scope)}");
        if (venue.Silo is null && policy.Target != AccessTarget.Process)
            return Refusal.Of(EdgeCode.NotReady, ProblemTable.For(EdgeCode.NotReady).Title);

        switch (policy.Target)
        {
            case AccessTarget.Account:
                if (!AccountId.TryParse(Named(http, "id", "account"), out var account))
                    return Refusal.Of(EdgeCode.MalformedId, "an account id is a lower-case UUID whose first byte is 02");
                return await owners.Check(principal, account) switch
                {
                    Rejection.None => null,
                    Rejection.AccountNotFound => Refusal.Of(EdgeCode.NotFound, ProblemTable.For(EdgeCode.NotFound).Title),
                    var rejection => Refusal.Of(rejection),
                };

            case AccessTarget.Source:
                return SourceId.TryParse(Named(http, "source", "source"), out var source) && principal.Sources.Contains(source)
                    ? null
                    : Refusal.Of(EdgeCode.Forbidden, "these credentials do not speak for this source");

            default:
                return null;
        }
    }

    /// <summary>What the path names, or the query where the path does not. One that stands twice names nothing.</summary>
    private static string? Named(HttpContext http, string inPath, string inQuery) =>
        (string?)http.GetRouteValue(inPath) ?? (http.Request.Query[inQuery] is [var only] ? only : null);

    private readonly record struct Body(byte[] Rented, ReadOnlyMemory<byte> Memory);

    /// <summary>
    /// The whole body, or null when it is longer than the route takes; then no more of it is read than that.
    /// </summary>
    private static async Task<Body?> ReadBody(HttpContext http, int limit)
    {
        if (http.Request.ContentLength > limit) return null;
        var rented = ArrayPool<byte>.Shared.Rent((int)(http.Request.ContentLength ?? 4_096));
        var length = 0;
        while (true)
        {
            if (length == rented.Length) rented = Grown(rented);
            var read = await http.Request.Body.ReadAsync(rented.AsMemory(length), http.RequestAborted);
            if (read == 0) return new Body(rented, rented.AsMemory(0, length));
            length += read;
            if (length > limit)
            {
                ArrayPool<byte>.Shared.Return(rented);
                return null;
            }
        }
    }

    private static byte[] Grown(byte[] full)
    {
        var larger = ArrayPool<byte>.Shared.Rent(full.Length * 2);
        full.CopyTo(larger, 0);
        ArrayPool<byte>.Shared.Return(full);
        return larger;
    }
}
