using CrossMargin.Runtime.Records;

namespace CrossMargin.Runtime.Shards;

/// <summary>Records that are not durable yet, and the answers that rest on them.</summary>
internal sealed class OpenBatch
{
    public List<JournalRecord> Records { get; } = [];
    public List<(ICaller Caller, Reply Reply)> Held { get; } = [];
    public SnapshotSet? Snapshots { get; set; }

    /// <summary>The latest frame that one of the records publishes.</summary>
    public Contracts.MarkFrame? Published { get; set; }

    public void Release()
    {
        foreach (var (caller, reply) in Held) caller.Answer(reply);
        Held.Clear();
    }

    /// <summary>Answers everybody with the same refusal instead.</summary>
    public void Refuse(Contracts.Rejection rejection)
    {
        foreach (var (caller, _) in Held) caller.Answer(Reply.Refused(rejection));
        Held.Clear();
    }
}
