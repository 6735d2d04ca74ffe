using System.Buffers.Binary;
using System.Security.Cryptography;

namespace CrossMargin.Simulation.Audit;

/// <summary>
/// Frames as a Lamport clock: none before it is durable, none that goes back, none below what a row rests on; and at each
/// adoption exactly the turns that the beam asks for.
/// </summary>
internal sealed partial class Auditor
{
    private readonly Dictionary<long, int> lights = [];   // by number of a durable frame

    public long LastFrame { get; private set; }

    public bool IsPublished(long frame) => lights.ContainsKey(frame);

    private void Publish(StoredRow row, long frame, int light)
    {
        AuditFailure.Unless(frame > LastFrame, "I15", $"{row.Address} publishes frame {frame} after frame {LastFrame}");
        lights.Add(frame, light);
        LastFrame = frame;
    }

    /// <summary>
    /// What a shard that adopts a frame has to write: the turns that are left, and what its own record must say.
    /// </summary>
    private sealed class Adoption(long frame, int light, Queue<string> turns, Results results, Waiters waiters)
    {
        public int Light => light;
        public Queue<string> Turns => turns;
        public int Changed { get; set; }
        public bool IsNews => Changed > 0 || waiters.Count > 0 || results.Shortfall > 0;
        public string Line(int shard) => AdoptionLine(shard, frame, Changed, results, waiters);
    }

    /// <summary>What the sweep of a shard comes to.</summary>
    private sealed record Results(int Valued, int Shortfall, string Digest);

    private static string AdoptionLine(int shard, long frame, int changed, Results results, Waiters waiters) =>
        $"shard.frame-adopted.v1 shard={shard} frame={frame} accounts={results.Valued} changed={changed} waiting={waiters.Count} "
        + $"shortfall={StoredFormat.Money(results.Shortfall)} digest={results.Digest}{(waiters.Count > 0 ? $" waitsSince={waiters.Since}" : "")}";

    /// <summary>With the first row that names it a frame was adopted; the grains are still as the sweep found them.</summary>
    private void CheckFrame(ShardBook book, StoredRow row)
    {
        AuditFailure.Unless(row.Frame >= book.Frame, "I15", $"the frame goes back at {row.Address}, from {book.Frame} to {row.Frame}");
        if (row.Frame == book.Frame) return;

        AuditFailure.Unless(lights.ContainsKey(row.Frame), "I15", $"{row.Address} names frame {row.Frame}, which is not durable");
        CloseAdoption(book);
        book.Frame = row.Frame;
        var light = lights[row.Frame];
        var valued = grains
            .Where(grain => StoredFormat.IsCircular(grain.Key) && StoredFormat.ShardOf(StoredFormat.Bytes(grain.Key), shards) == row.Shard)
            .Where(grain => grain.Value.Version > 0)
            .OrderBy(grain => grain.Key, StringComparer.Ordinal).ToList();
        var turns = valued.Where(grain =>
            (BinaryPrimitives.ReadUInt64BigEndian(StoredFormat.Bytes(grain.Key).AsSpan(8)) + (ulong)light) % 3 == 0);
        using var results = new MemoryStream();
        Span<byte> number = stackalloc byte[8];
        foreach (var (id, grain) in valued)
        {
            results.Write(StoredFormat.Bytes(id));
            BinaryPrimitives.WriteInt64BigEndian(number, light);
            results.Write(number);
            BinaryPrimitives.WriteInt64BigEndian(number, grain.Circulars);
            results.Write(number);
        }

        book.Adoption = new Adoption(
            row.Frame, light, new Queue<string>(turns.Select(grain => grain.Key)),
            new Results(valued.Count, light == 5 ? valued.Count : 0, Convert.ToHexStringLower(SHA256.HashData(results.ToArray()))),
            WaitersOf(row.Shard));
    }

    private string ExpectedOfFrame(ShardBook book, StoredRow row, string id, long frame)
    {
        AuditFailure.Unless(frame == row.Frame, "I15", $"{row.Address} of frame {row.Frame} has frame {frame} for its cause");
        if (frame == 0) return ExpectedBeforeAnyFrame(book, row, id);
        AuditFailure.Unless(book.Adoption is not null, "I15", $"{row.Address} comes after the adoption of frame {frame} was over");
        var adoption = book.Adoption!;
        var isRecord = StoredFormat.IsShardGrain(id);
        while (adoption.Turns.TryPeek(out var next) && next != id) Skip(adoption, row.Address);
        if (isRecord)
        {
            book.Adoption = null;
            book.HasAdopted = true;
            book.Adopted = frame;
            return adoption.Line(row.Shard);
        }

        AuditFailure.Unless(adoption.Turns.TryDequeue(out _), "I15", $"{row.Address} is of a grain that needed no turn at frame {frame}");
        adoption.Changed++;
        return $"circular.lit.v1 seen={frame} light={adoption.Light}";
    }

    /// <summary>The turns end without a record only where there were none, and after one that there was.</summary>
    private void CloseAdoption(ShardBook book)
    {
        if (book.Adoption is not { } adoption) return;
        var last = book.Rows[^1].Address;
        while (adoption.Turns.Count > 0) Skip(adoption, last);
        AuditFailure.Unless(!adoption.IsNews, "I15", $"frame {book.Frame} changed something and {last} ends its adoption without a record");
        AuditFailure.Unless(book.HasAdopted, "I15", $"the first adoption of a shard has no record before {last}");
        book.Adoption = null;
    }

    private void Skip(Adoption adoption, string where)
    {
        var left = adoption.Turns.Dequeue();
        AuditFailure.Unless(GrainOf(left).MayBeHalted, "I15", $"{left} had no turn at the frame that {where} names");
    }
}
