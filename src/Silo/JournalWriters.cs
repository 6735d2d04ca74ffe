using CrossMargin.Journal;
using CrossMargin.Runtime;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Silos;

/// <summary>
/// A few threads, each with one transaction at a time: a writer takes what several shards have ready and commits it. While all
/// are busy, what arrives makes the next transaction larger.
/// </summary>
internal sealed class JournalWriters
{
    private readonly IJournal journal;
    private readonly Action<Batch, CommitOutcome> settled;
    private readonly CommitQueue queue;
    private readonly object gate = new();
    private readonly Thread[] threads;
    private bool isStopping;

    public JournalWriters(IJournal journal, int count, int rowsPerTransaction, Action<Batch, CommitOutcome> settled)
    {
        this.journal = journal;
        this.settled = settled;
        queue = new CommitQueue(rowsPerTransaction);
        threads = [.. Enumerable.Range(0, count).Select(number => new Thread(Run) { Name = $"writer {number}", IsBackground = true })];
        foreach (var thread in threads) thread.Start();
    }

    public void Add(IReadOnlyList<Batch> batches)
    {
        lock (gate)
        {
            foreach (var batch in batches) queue.Add(batch);
            Monitor.Pulse(gate);
        }
    }

    public void Stop()
    {
        lock (gate)
        {
            isStopping = true;
            Monitor.PulseAll(gate);
        }

        foreach (var thread in threads) thread.Join();
    }

    private void Run()
    {
        while (Next() is { } batches)
        {
            var outcomes = journal.Commit(batches);
            IEnumerable<(Batch Batch, CommitOutcome Outcome)> told;
            lock (gate)
            {
                told = queue.Settle(batches, outcomes);
                if (!queue.IsEmpty) Monitor.Pulse(gate);
            }

            foreach (var (batch, outcome) in told) settled(batch, outcome);
        }
    }

    /// <summary>Waits for something to commit; null when the silo stops and nothing is left.</summary>
    private IReadOnlyList<Batch>? Next()
    {
        lock (gate)
        {
            while (queue.IsEmpty && !isStopping) Monitor.Wait(gate);
            return queue.IsEmpty ? null : queue.Take();
        }
    }
}
