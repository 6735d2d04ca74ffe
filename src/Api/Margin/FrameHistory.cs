using CrossMargin.Api.Accounts;
using CrossMargin.Api.Hosting;
using CrossMargin.Contracts;
using CrossMargin.Grains.Margin;

namespace CrossMargin.Api.Margin;

/// <summary>
/// The marks that belong to a moment of an account: those of the read itself, or of a frame of the past, found in the
/// market's own stream. Frames are numbered and timed in the order of their records, so that they are found by halving.
/// </summary>
internal static class FrameHistory
{
    private const int PageSize = 64;

    /// <summary>
    /// At a sequence: the frame that the account's last event names. At an instant: the last frame published by then. Null
    /// where there was none.
    /// </summary>
    public static async Task<MarginMarks?> MarksOf(Venue venue, AccountMoment moment, CancellationToken cancel) => moment.Chosen switch
    {
        MomentChosen.Now => moment.Marks,
        MomentChosen.BySequence => await MarksOf(venue, moment.Frame, cancel),
        _ => await Last(venue, frame => frame.At <= moment.AsOf, cancel),
    };

    /// <summary>The marks of a numbered frame; null for 0, which is none.</summary>
    public static async Task<MarginMarks?> MarksOf(Venue venue, long number, CancellationToken cancel) =>
        number == 0 ? null : await Last(venue, frame => frame.Number <= number, cancel);

    private static async Task<MarginMarks?> Last(Venue venue, Func<MarkFrame, bool> holds, CancellationToken cancel)
    {
        var market = (await venue.Read(venue.Market.Grain)).View ?? throw new InvalidOperationException("the market cannot be read");
        var (low, high) = (0L, market.Version);
        MarkFrame? last = null;
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (await FirstBehind(venue, middle, high, cancel) is var (version, frame) && holds(frame)) (last, low) = (frame, version);
            else high = middle;
        }

        return last is null ? null : MarginMarks.Open(last);
    }

    /// <summary>The first frame behind a version of the market, up to another one.</summary>
    private static async Task<(long Version, MarkFrame Frame)?> FirstBehind(Venue venue, long version, long upTo, CancellationToken cancel)
    {
        while (version < upTo)
        {
            var page = await venue.Journal.ReadGrain(venue.Market.Grain, version, PageSize, cancel);
            foreach (var record in page)
            {
                if (record.Version > upTo) return null;
                if (venue.Catalog.FrameIn(record) is { } frame) return (record.Version, frame);
            }

            if (page.Count < PageSize) return null;
            version = page[^1].Version;
        }

        return null;
    }
}
