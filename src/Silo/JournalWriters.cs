using CrossMargin.Journal;
using CrossMargin.Runtime;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Silos;

/// <summary>What became of one batch.</summary>
internal readonly record struct Settlement(Batch Batch, CommitOutcome Outcome);

/// <summary>
/// A few threads, each with one transaction at a time and shards of its own: while it is busy, what its shards have ready
/// makes its next transaction larger. A transaction then touches few heads, and while one writer waits for the disk the
/// shards of the other fill theirs.
/// </summary>
internal sealed class JournalWriters(IJournal journal, SiloOptions options, Action<IReadOnlyList<Settlement>> settled)
{
    private readonly Writer[] writers = [.. Enumerable.Range(0, options.JournalWriters)
        .Select(number => new Writer(number, journal, options.RowsPerTransaction, settled))];

    public void Add(IReadOnlyList<Batch> batches)
    {
        foreach (var writer in writers) writer.Add(batches, writers.Length);
    }

    public void Stop()
    {
        foreach (var writer in writers) writer.Stop();
    }

    private sealed class Writer
    {
        private readonly int number;
        private readonly IJournal journal;
        private readonly Action<IReadOnlyList<Settlement>> settled;
        private readonly CommitQueue queue;
        private readonly object gate = new();
        private readonly Thread thread;
        private bool isStopping;

        public Writer(int number, IJournal journal, int rowsPerTransaction, Action<IReadOnlyList<Settlement>> settled)
        {
            this.number = number;
            this.journal = journal;
            this.settled = settled;
            queue = new CommitQueue(rowsPerTransaction);
            thread = new Thread(Run) { Name = $"writer {number}", IsBackground = true };
            thread.Start();
        }

        /// <summary>Takes those of its own shards.</summary>
        public void Add(IReadOnlyList<Batch> batches, int writers)
        {
            lock (gate)
            {
                foreach (var batch in batches)
                    if (batch.Shard.Number % writers == number) queue.Add(batch);
                if (!queue.IsEmpty) Monitor.Pulse(gate);
            }
        }

        public void Stop()
        {
            lock (gate)
            {
                isStopping = true;
                Monitor.Pulse(gate);
            }

            thread.Join();
        }

        private void Run()
        {
            while (Next() is { } batches)
            {
                var outcomes = journal.Commit(batches);
                IReadOnlyList<Settlement> told;
                lock (gate) told = [.. queue.Settle(batches, outcomes).Select(one => new Settlement(one.Batch, one.Outcome))];
                settled(told);
            }
        }

        /// <summary>Waits for something to commit; null when the silo stops and nothing is left.</summary>
        private IReadOnlyList<Batch>? Next()
        {
            lock (gate)
            {
                while (!isStopping && queue.IsEmpty) Monitor.Wait(gate);
                return queue.IsEmpty ? null : queue.Take();
            }
        }
    }
}
