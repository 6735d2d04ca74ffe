using System.Diagnostics;
using System.Text;
using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Bench.Journal;

/// <summary>
/// What it costs a commit that the chain links digests and jumps, and how long the proof of one record is. Behind ADR 0004.
/// </summary>
internal static class ChainBench
{
    private const string Bench = "journal chain";
    private const int Records = 100_000;
    private const int Repetitions = 9;
    private const int Proofs = 10_000;

    public static void Run(Report report)
    {
        Cost(report);
        Proof(report);
    }

    /// <summary>Sealing against hashing the same content once, which is the least that any chain costs.</summary>
    private static void Cost(Report report)
    {
        report.Heading($"sealing {Records:n0} deposits, {Repetitions} repetitions after one to warm up");
        JournalRecord[] records = [.. Enumerable.Range(1, Records).Select(position => Record(position))];
        var (digests, seals) = (new List<double>(), new List<double>());
        for (var repetition = 0; repetition <= Repetitions; repetition++)
        {
            var digest = Micros(() =>
            {
                foreach (var record in records) Chain.Digest(record);
            });
            var seal = Micros(() =>
            {
                var end = ChainEnd.Genesis(new ShardId(5));
                foreach (var record in records) end = record.Seal(epoch: 1, end);
            });
            if (repetition == 0) continue;
            digests.Add(digest);
            seals.Add(seal);
        }

        var ratio = new Spread(seals.Zip(digests, (seal, digest) => seal / digest));
        report.Line($"one hash of the content {new Spread(digests).Text("0.000")} µs, sealed {new Spread(seals).Text("0.000")} µs, "
            + $"{ratio.Text("0.00")} times");
        report.Add(new Figure(Bench, "content hashed once", new Spread(digests).Median, "µs/record"));
        report.Add(new Figure(Bench, "sealed", new Spread(seals).Median, "µs/record", ratio));
    }

    /// <summary>A link in a proof is a digest and, but for a jump of one step, one more hash: 64 bytes at most.</summary>
    private static void Proof(Report report)
    {
        var random = new Random(1);
        foreach (var head in (long[])[1_000, 131_072, 1_000_000, 10_000_000])
        {
            var links = new Spread(Enumerable.Range(0, Proofs)
                .Select(_ => (double)ChainPath.Between([random.NextInt64(1, head + 1)], head).Count));
            report.Line($"chain of {head,10:n0}: {links.Text("0")} links a proof, at most {links.Max * 2 * Hash256.Size:n0} bytes");
            report.Add(new Figure(Bench, $"proof, chain of {head}", links.Median, "links"));
            report.Add(new Figure(Bench, $"longest proof, chain of {head}", links.Max * 2 * Hash256.Size, "bytes"));
        }
    }

    private static double Micros(Action work)
    {
        var since = Stopwatch.GetTimestamp();
        work();
        return Stopwatch.GetElapsedTime(since).TotalMicroseconds / Records;
    }

    private static JournalRecord Record(long position)
    {
        var record = new JournalRecord
        {
            Shard = new ShardId(5), Position = position, Grain = Workload.Account((int)position % 1_000), Version = (position / 1_000) + 1,
            Type = "account.deposited.v1", Time = new Instant(1_767_225_600_000_000 + position), Frame = 9,
            Cause = new Cause.Source(new SourceId("vault"), position, new Fingerprint(1, 2)),
            Payload = Encoding.UTF8.GetBytes($$"""{"amount":"{{position}}.5 USDC","balanceAfter":"{{position * 3}}.5 USDC","reference":"wire {{position}}"}"""),
        };
        _ = record.CauseBytes;   // made once when the turn runs, whatever the chain is
        return record;
    }
}
