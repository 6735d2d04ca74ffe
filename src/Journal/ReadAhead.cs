using System.Runtime.CompilerServices;
using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Journal;

/// <summary>
/// A shard page by page, where the next page is read while the last one is worked on: whoever folds a whole shard pays for the slower
/// of the two and not for their sum.
/// </summary>
public static class ReadAhead
{
    private const int PageSize = 4_096;

    /// <summary>Records in order of position behind <paramref name="after"/>, up to <paramref name="through"/>.</summary>
    public static async IAsyncEnumerable<IReadOnlyList<JournalRecord>> ReadPages(
        this IJournal journal, ShardId shard, long after, long through, [EnumeratorCancellation] CancellationToken cancel = default)
    {
        var next = Next(after);
        try
        {
            while (await next is { Count: > 0 } page)
            {
                next = Next(page[^1].Position);
                yield return page;
            }
        }
        finally
        {
            await ((Task)next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);   // of a page that nobody wants any more
        }

        Task<IReadOnlyList<JournalRecord>> Next(long behind) => behind >= through
            ? Task.FromResult<IReadOnlyList<JournalRecord>>([])
            : Task.Run(async () => await Page(behind), CancellationToken.None);

        ValueTask<IReadOnlyList<JournalRecord>> Page(long behind) =>
            journal.ReadShard(shard, behind, (int)Math.Min(PageSize, through - behind), cancel);
    }
}
