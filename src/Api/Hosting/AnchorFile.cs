using System.Text;
using CrossMargin.Journal;
using CrossMargin.Journal.Proofs;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Api.Hosting;

/// <summary>
/// The heads of the chain, kept outside of the database: a line a shard, as <c>crossmargin verify --anchor</c> takes it. A journal that
/// does not lead through them is not the one that this process served: an older backup, another database, a rewritten one.
/// Whoever can write the file can make it say anything; it belongs on another disk, under another user.
/// </summary>
internal sealed class AnchorFile(string path)
{
    /// <summary>Throws <see cref="JournalRefused"/> where the journal ends before the anchor, or has another record there.</summary>
    public async Task Check(IJournal journal, CancellationToken cancel) => await Check(await journal.ReadHeads(cancel), journal, cancel);

    /// <summary>Never over an anchor that the journal does not lead through: it is the evidence.</summary>
    public async Task Advance(IJournal journal, CancellationToken cancel)
    {
        var heads = await journal.ReadHeads(cancel);
        await Check(heads, journal, cancel);
        await Write(heads, cancel);
    }

    private async Task Check(IReadOnlyList<Head> heads, IJournal journal, CancellationToken cancel)
    {
        if (!File.Exists(path)) return;   // the first start
        var ends = heads.ToDictionary(head => head.Shard, head => head.Position);
        foreach (var line in await File.ReadAllLinesAsync(path, cancel))
        {
            if (!Anchor.TryParse(line, out var anchor))
                throw new JournalRefused($"The anchor {path} has a line that is none: \"{line}\".");
            await Check(anchor!, ends.GetValueOrDefault(anchor!.Shard), journal, cancel);
        }
    }

    private async Task Check(Anchor anchor, long end, IJournal journal, CancellationToken cancel)
    {
        if (end < anchor.Position)
        {
            throw new JournalRefused($"The journal ends at {anchor.Shard}:{end} and the anchor {path} knows {anchor}: records that "
                + "were acknowledged are missing, as after the restore of an older backup. To go on without them, move the anchor away.");
        }

        if (await journal.ReadShard(anchor.Shard, anchor.Position - 1, limit: 1, cancel) is not [var there] || there.Chain != anchor.Chain)
        {
            throw new JournalRefused($"The record {anchor.Shard}:{anchor.Position} is not the one that the anchor {path} knows: "
                + "this is another journal, or it was rewritten.");
        }
    }

    /// <summary>Whole or not at all, and on the disk before it counts.</summary>
    private async Task Write(IReadOnlyList<Head> heads, CancellationToken cancel)
    {
        var anchors = heads.Where(head => head.Position > 0)
            .Select(head => $"{new Anchor(head.Shard, head.Position, head.Chain)}\n");
        var aside = path + ".new";
        await using (var file = new FileStream(aside, FileMode.Create, FileAccess.Write))
        {
            await file.WriteAsync(Encoding.ASCII.GetBytes(string.Concat(anchors)), cancel);
            file.Flush(flushToDisk: true);
        }

        File.Move(aside, path, overwrite: true);
    }
}
