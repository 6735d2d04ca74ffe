using System.Collections.Concurrent;
using System.Globalization;
using CrossMargin.Api.Problems;

namespace CrossMargin.Api.Access;

/// <summary>
/// So many requests a second for each principal, with a burst of one second's worth. It keeps one busy client from being everybody's;
/// what the shards can take is guarded by their own queues.
/// </summary>
public sealed class RequestRates(TimeProvider clock)
{
    public const int PerSecond = 1_000;

    private readonly ConcurrentDictionary<string, Bucket> buckets = new(StringComparer.Ordinal);

    /// <summary>Null when there is room. Either way the answer says how much is left.</summary>
    public Refusal? Refuse(Principal principal, HttpContext http)
    {
        var left = buckets.GetOrAdd(principal.Id.Name, static (_, now) => new Bucket(now), clock.GetTimestamp()).Take(clock);
        var headers = http.Response.Headers;
        headers["RateLimit-Policy"] = string.Create(CultureInfo.InvariantCulture, $"\"principal\";q={PerSecond};w=1");
        headers["RateLimit"] = string.Create(CultureInfo.InvariantCulture, $"\"principal\";r={Math.Max(0, left)};t=1");
        return left >= 0 ? null : Refusal.Of(EdgeCode.RateLimited, $"at most {PerSecond} requests a second");
    }

    /// <summary>
    /// Tokens drip in with time and are counted in ticks of the clock, so that nothing is rounded away.
    /// </summary>
    private sealed class Bucket(long createdAt)
    {
        private readonly object gate = new();
        private long fullAt = createdAt;   // when the bucket will be full again, if nothing more is taken

        public long Take(TimeProvider clock)
        {
            var second = clock.TimestampFrequency;
            var cost = second / PerSecond;
            lock (gate)
            {
                var now = clock.GetTimestamp();
                var next = Math.Max(now, fullAt) + cost;
                var left = (second - (next - now)) / cost;
                if (next - now > second) return -1;
                fullAt = next;
                return left;
            }
        }
    }
}
