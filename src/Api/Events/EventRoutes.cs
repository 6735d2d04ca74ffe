using System.Globalization;
using CrossMargin.Api.Access;
using CrossMargin.Api.Hosting;
using CrossMargin.Api.Problems;
using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Api.Events;

/// <summary>Any record of the journal by its address: for auditors, and for following causes.</summary>
internal static class EventRoutes
{
    public static void Map(IEndpointRouteBuilder routes) =>
        routes.MapGet("/v1/events/{address}", Get).WithTags("Events").Needs(Scopes.AuditRead, AccessTarget.Venue)
            .WithName("GetEvent").WithSummary("One record of the journal").Produces<EventView>();

    private static async Task<IResult> Get(string address, HttpContext http, Venue venue)
    {
        if (!TryParse(address, out var at)) return Refusal.Of(EdgeCode.MalformedId, "an address is shard:position");
        if (at.Shard.Number >= venue.Map.Count) return NotFound();
        var found = await venue.Journal.ReadShard(at.Shard, at.Position - 1, limit: 1, http.RequestAborted);
        return found is [var record] && record.Position == at.Position ? new EventResult(record) : NotFound();

        static Refusal NotFound() => Refusal.Of(EdgeCode.NotFound, "the journal has no such record");
    }

    internal static bool TryParse(string text, out RecordAddress address)
    {
        address = default;
        var colon = text.IndexOf(':');
        if (colon < 0) return false;
        if (!int.TryParse(text.AsSpan(0, colon), NumberStyles.None, CultureInfo.InvariantCulture, out var shard)) return false;
        if (!long.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var position)) return false;
        if (position == 0 || shard >= ShardMap.MaxCount) return false;
        address = new RecordAddress(new ShardId(shard), position);
        return text == address.ToString();
    }
}
