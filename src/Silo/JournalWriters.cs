using CrossMargin.Journal;
using CrossMargin.Runtime;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Silos;

/// <summary>
/// A few threads, each with one transaction at a time: a writer takes what several shards have ready and commits it.
/// While all
/// are busy, what arrives makes the next transaction larger. Under light load one is enough: a second transaction
/// beside it would
/// only split what fits into one, at the price of another flush of the log.
/// </summary>
internal sealed class JournalWriters
{
    private readonly IJournal journal;
    private readonly Action<Batch, CommitOutcome> settled;
    private readonly CommitQueue queue;
    private readonly object gate = new();
    private readonly Thread[] threads;
    private readonly int rowsToShare;
    private int busy;
    private bool isStopping;

    public JournalWriters(IJournal journal, SiloOptions options, Action<Batch, CommitOutcome> settled)
    {
        this.journal = journal;
        this.settled = settled;
        rowsToShare = options.RowsToShare;
        queue = new CommitQueue(options.RowsPerTransaction);
        threads = [.. Enumerable.Range(0, options.JournalWriters)
            .Select(number => new Thread(Run) { Name = $"writer {number}", IsBackground = true })];
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
                busy--;
                told = queue.Settle(batches, outcomes);
            }

            foreach (var (batch, outcome) in told) settled(batch, outcome);
        }
    }

    /// <summary>Waits for something to commit; null when the silo stops and nothing is left.</summary>
    private IReadOnlyList<Batch>? Next()
    {
        lock (gate)
        {
            while (!isStopping && (queue.IsEmpty || (busy > 0 && queue.Rows < rowsToShare))) Monitor.Wait(gate);
            if (queue.IsEmpty) return null;
            busy++;
            return queue.Take();
        }
    }
}
