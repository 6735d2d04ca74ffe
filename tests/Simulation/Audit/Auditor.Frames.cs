using System.Buffers.Binary;
using System.Numerics;
using System.Security.Cryptography;
using System.Text.Json;
using CrossMargin.Simulation.Reference;

namespace CrossMargin.Simulation.Audit;

/// <summary>
/// Frames as a Lamport clock: none before it is durable, none that goes back, none below what a row rests on; and at each
/// adoption exactly the turns that the rules ask for.
/// </summary>
internal sealed partial class Auditor
{
    private readonly Dictionary<long, Marks> frames = [];   // the durable ones, by number

    public long LastFrame { get; private set; }

    public bool IsPublished(long frame) => frames.ContainsKey(frame);

    /// <summary>What the last durable frame says; null before the first.</summary>
    public Marks? LastMarks => frames.GetValueOrDefault(LastFrame);

    private void Publish(StoredRow row, Marks marks)
    {
        AuditFailure.Unless(marks.Number > LastFrame, "I15", $"{row.Address} publishes frame {marks.Number} after frame {LastFrame}");
        frames.Add(marks.Number, marks);
        LastFrame = marks.Number;
    }

    /// <summary>
    /// What a shard that adopts a frame has to write: the turns that are left, and what its own record must say. Without the rules
    /// any account with something at risk may have a turn.
    /// </summary>
    private sealed class Adoption(
        Marks marks, IReadOnlyList<string> concerned, IReadOnlyDictionary<string, Outcome>? outcomes, Results results, Func<Waiters> waiters)
    {
        private readonly Queue<string> turns = new(concerned);

        public Marks Marks => marks;
        public IReadOnlyList<string> Concerned => concerned;
        public Queue<string> Turns => turns;
        public Results Results => results;
        public int Changed { get; set; }
        public bool IsNews => Changed > 0 || waiters().Count > 0 || results.Shortfall?.Sign > 0;
        public Outcome? OutcomeOf(string account) => outcomes?.GetValueOrDefault(account);
        public string Line(int shard, JsonElement said) => AdoptionLine(
            shard, marks.Number, Changed, results.Or(said), waiters(), said.TryGetProperty("demand", out var demand) ? $" demand={demand}" : "");
    }

    /// <summary>What the sweep of a shard comes to, as far as the rules here can tell.</summary>
    private sealed record Results(int Valued, BigInteger? Shortfall, string? Digest)
    {
        /// <summary>With what the record says where nobody here can tell.</summary>
        public Results Or(JsonElement said) => this with
        {
            Shortfall = Shortfall ?? StoredFormat.Micros(said.GetProperty("shortfall").GetString()!),
            Digest = Digest ?? said.GetProperty("digest").GetString(),
        };
    }

    private static string AdoptionLine(int shard, long frame, int changed, Results results, Waiters waiters, string demand = "") =>
        $"shard.frame-adopted.v1 shard={shard} frame={frame} accounts={results.Valued} changed={changed} waiting={waiters.Count} "
        + $"shortfall={StoredFormat.Money(results.Shortfall!.Value)} digest={results.Digest}{(waiters.Count > 0 ? $" waitsSince={waiters.Since}" : "")}{demand}";

    /// <summary>With the first row that names it a frame was adopted; the grains are still as the sweep found them.</summary>
    private void CheckFrame(ShardBook book, StoredRow row)
    {
        AuditFailure.Unless(row.Frame >= book.Frame, "I15", $"the frame goes back at {row.Address}, from {book.Frame} to {row.Frame}");
        if (row.Frame == book.Frame) return;

        AuditFailure.Unless(frames.TryGetValue(row.Frame, out var marks), "I15", $"{row.Address} names frame {row.Frame}, which is not durable");
        CloseTurn(book);
        CloseUnit(book);
        CloseAdoption(book);
        book.Frame = row.Frame;
        var concerned = grains
            .Where(grain => StoredFormat.IsAccount(grain.Key) && (grain.Value.Account.IsAtRisk || grain.Value.Account.Asks))
            .Where(grain => StoredFormat.ShardOf(StoredFormat.Bytes(grain.Key), shards) == row.Shard)
            .Select(grain => grain.Key).Order(StringComparer.Ordinal).ToList();
        var valued = concerned.FindAll(account => GrainOf(account).Account.IsAtRisk);
        var results = reference is null || valued.Exists(reference.IsForgotten)
            ? new Results(valued.Count, Shortfall: null, Digest: null)
            : ResultsOf(valued, marks!);
        var outcomes = reference is null ? null : concerned.Where(account => !reference.IsForgotten(account))
            .ToDictionary(account => account, account => reference.Adopt(account, marks!));
        book.Adoption = new Adoption(marks!, concerned, outcomes, results, () => WaitersOf(row.Shard));
    }

    /// <summary>Whoever owes has paid for the hour of the frame when its adoption is over.</summary>
    private void CheckInterest(Adoption adoption, string where)
    {
        foreach (var account in adoption.Concerned)
        {
            var unpaid = GrainOf(account).Account.Unpaid(adoption.Marks);
            AuditFailure.Unless(unpaid is null, "interest", $"{account} owes {unpaid} and has not paid for hour {adoption.Marks.Hour} at {where}");
        }
    }

    /// <summary>What is missing, and the sum, word by word, of the hashes of all results: account, version, sub-account, status.</summary>
    private Results ResultsOf(List<string> accounts, Marks marks)
    {
        var (missing, digest, words) = ((BigInteger?)BigInteger.Zero, (string?)"", new ulong[4]);
        var result = new byte[29];
        foreach (var (account, subAccount, standing) in accounts.SelectMany(account => reference!.Values(account, marks), (account, part) => (account, part.SubAccount, part.Standing)))
        {
            if (standing is { IsPriced: true, MarginEquity.Sign: < 0 }) missing = standing.MayBeFrozen || IsTooLarge(standing) ? null : missing - standing.MarginEquity;
            if (standing.Status is null) digest = null;
            if (digest is null) continue;
            Array.Clear(result);
            StoredFormat.Bytes(account).CopyTo(result.AsSpan());
            BinaryPrimitives.WriteInt64BigEndian(result.AsSpan(16), VersionOf(account));
            BinaryPrimitives.WriteInt32BigEndian(result.AsSpan(24), subAccount);
            result[^1] = (byte)Array.IndexOf(AccountBook.Statuses, standing.Status);
            var hash = SHA256.HashData(result);
            for (var i = 0; i < words.Length; i++) words[i] = unchecked(words[i] + BinaryPrimitives.ReadUInt64BigEndian(hash.AsSpan(8 * i)));
        }

        return new Results(accounts.Count, missing, digest is null ? null : string.Concat(words.Select(word => $"{word:x16}")));
    }

    /// <summary>A requirement that nobody here computes may not fit into money, where what is owed nearly does not: then there is no figure.</summary>
    private static bool IsTooLarge(Standing standing) => standing.Requirement is null && standing.MarginEquity < -BigInteger.Pow(10, 17);

    private Turn BeginAdoption(ShardBook book, StoredRow row, string id, long frame, JsonElement payload)
    {
        AuditFailure.Unless(frame == row.Frame, "I15", $"{row.Address} of frame {row.Frame} has frame {frame} for its cause");
        if (frame == 0) return OneFact(row, id, ExpectedBeforeAnyFrame(book, row, id));
        AuditFailure.Unless(book.Adoption is not null, "I15", $"{row.Address} comes after the adoption of frame {frame} was over");
        var adoption = book.Adoption!;
        var isRecord = StoredFormat.IsShardGrain(id);
        while (adoption.Turns.TryPeek(out var next) && next != id) Skip(adoption, row.Address);
        if (isRecord)
        {
            CheckInterest(adoption, row.Address);
            book.Adoption = null;
            book.HasAdopted = true;
            book.Adopted = frame;
            return OneFact(row, id, adoption.Line(row.Shard, payload));
        }

        AuditFailure.Unless(adoption.Turns.TryDequeue(out _), "I15", $"{row.Address} is of a grain that needed no turn at frame {frame}");
        adoption.Changed++;
        if (adoption.OutcomeOf(id) is not { } outcome) return Unjudged(row, id);
        AuditFailure.Unless(
            outcome.Facts.Count > 0 || outcome.MayChangeStatus || row.Type == CaseOpened || AccountBook.ReturnReason(row.Type, payload) is not null, "I15", $"{row.Address} is of an account that nothing happens to at frame {frame}");
        return Ruled(row, id, outcome);
    }

    /// <summary>The turns end without a record only where there were none, and after one that there was.</summary>
    private void CloseAdoption(ShardBook book)
    {
        if (book.Adoption is not { } adoption) return;
        var last = book.Rows[^1].Address;
        CheckInterest(adoption, last);
        while (adoption.Turns.Count > 0) Skip(adoption, last);
        AuditFailure.Unless(!adoption.IsNews, "I15", $"frame {book.Frame} changed something and {last} ends its adoption without a record");
        AuditFailure.Unless(book.HasAdopted, "I15", $"the first adoption of a shard has no record before {last}");
        book.Adoption = null;
    }

    private static void Skip(Adoption adoption, string where)
    {
        var left = adoption.Turns.Dequeue();
        var due = adoption.OutcomeOf(left) switch
        {
            { Facts: [var first, ..] } => first.Line,
            { MustChangeStatus: true } => "a record of how it stands",
            _ => null,
        };
        AuditFailure.Unless(due is null, "I15", $"{left} had no turn at the frame that {where} names, for\n  {due}");
    }
}
