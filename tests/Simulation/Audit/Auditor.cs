using System.Numerics;
using System.Text.Json;
using CrossMargin.Simulation.Reference;

namespace CrossMargin.Simulation.Audit;

/// <summary>
/// Holds the journal to its promises, row by row as it is committed or all at once. It shares nothing with the engine but the byte
/// format: it computes the chain, the ids, the money and the answers by itself. The first contradiction is thrown.
/// </summary>
internal sealed partial class Auditor
{
    private readonly int shards;
    private readonly ClientLog? log;
    private readonly ReferenceModel? reference;
    private readonly ShardBook[] books;
    private readonly Queue<long>[,] undelivered;   // by source and destination shard: addressed rows not yet taken in
    private readonly Dictionary<string, GrainBook> grains = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Grain, string Key), StoredRow> byKey = [];
    private readonly Dictionary<(string Grain, string Source, long Sequence), StoredRow> byNumber = [];
    private readonly Dictionary<(string Grain, string Source), long> counters = [];

    /// <param name="log">What was asked for; without it the rows are judged by themselves.</param>
    /// <param name="reference">The rules, told what the log says. Without it only what must hold for any rules is checked.</param>
    public Auditor(int shards, ClientLog? log, ReferenceModel? reference = null)
    {
        this.shards = shards;
        this.log = log;
        this.reference = reference;
        books = [.. Enumerable.Range(0, shards).Select(shard => new ShardBook(StoredFormat.Genesis(shard)))];
        undelivered = new Queue<long>[shards, shards];
        for (var from = 0; from < shards; from++)
            for (var to = 0; to < shards; to++) undelivered[from, to] = new Queue<long>();
    }

    /// <summary>Records that answered a command, refused ones included.</summary>
    public long CommandRecords { get; private set; }

    public long PositionOf(int shard) => books[shard].Rows.Count;

    /// <summary>The epoch under which rows of this shard are stored now.</summary>
    public int EpochOf(int shard) => books[shard].Raised;

    public StoredRow Row(int shard, long position) => books[shard].Rows[(int)position - 1];

    public long VersionOf(string grain) => grains.TryGetValue(grain, out var book) ? book.Version : 0;

    public BigInteger BalanceOf(string grain, string asset) =>
        grains.TryGetValue(grain, out var book) ? book.Account.Balance(asset) : 0;

    /// <summary>By the last figures that the account wrote down: margin equity less initial margin, in micros.</summary>
    public BigInteger FreeOf(string grain) => grains.TryGetValue(grain, out var book) ? book.Account.Free : 0;

    /// <summary>What a side of an instrument still has room for under its limit; null without one.</summary>
    public BigInteger? RoomOf(string grain, int instrument, string side) =>
        LastMarks is { } marks && grains.TryGetValue(grain, out var book) ? book.Account.RoomOf(instrument, side, marks) : null;

    /// <summary>What was deposited and is not final.</summary>
    public BigInteger PendingOf(string grain, string asset) => grains.TryGetValue(grain, out var book) ? book.Account.PendingOf(asset) : 0;

    /// <summary>How many hours of interest an account has paid.</summary>
    public int HoursCharged(string grain) => grains.TryGetValue(grain, out var book) ? book.Account.HoursCharged : 0;

    public int DayOf(string market, int future) => GrainOf(market).Market.DayOf(future);

    public bool HasRules(string market) => GrainOf(market).Market.HasRules;

    public bool Admits(string market, string source) => GrainOf(market).Market.Admits(source);

    public int PublishedBy(string parameters) => GrainOf(parameters).Parameters.Published;

    public BigInteger QuantityOf(string account, int subAccount, int instrument) =>
        grains.TryGetValue(account, out var book) ? book.Account.Quantity(subAccount, instrument) : 0;

    public IReadOnlyCollection<string> TradesOf(string feed) => GrainOf(feed).Feed.Trades;

    public bool IsOverdue(string market, int instrument) => GrainOf(market).Market.IsOverdue(instrument);

    public long PeriodOf(string market, int instrument) => GrainOf(market).Market.PeriodOf(instrument);

    // ---- rows ------------------------------------------------------------------------------------------------------

    /// <summary>Somebody raised the epoch of this shard; nothing of an earlier one may be stored from now on.</summary>
    public void Raised(int shard, int epoch)
    {
        AuditFailure.Unless(
            epoch > books[shard].Raised, "I5", $"shard {shard} was taken over under epoch {epoch}, which is not new");
        books[shard].Raised = epoch;
    }

    public void Append(StoredRow row)
    {
        var book = books[row.Shard];
        AuditFailure.Unless(
            row.Position == book.Rows.Count + 1, "I5", $"{row.Address} follows position {book.Rows.Count}");
        AuditFailure.Unless(
            row.Epoch >= book.Epoch, "I5", $"{row.Address} is of epoch {row.Epoch}, behind one of {book.Epoch}");
        AuditFailure.Unless(
            row.Epoch >= book.Raised, "I5",
            $"{row.Address} of epoch {row.Epoch} was stored after epoch {book.Raised} had begun");
        AuditFailure.Unless(row.TimeMicros >= book.TimeMicros, "I5", $"time goes back at {row.Address}");
        CheckFrame(book, row);
        AuditFailure.Unless(
            StoredFormat.Link(book.Links, row).AsSpan().SequenceEqual(row.Chain), "I9",
            $"the chain is broken at {row.Address}");

        var id = StoredFormat.Uuid(row.Grain);
        AuditFailure.Unless(
            StoredFormat.ShardOf(row.Grain, shards) == row.Shard, "I5",
            $"{row.Address} is of a grain of another shard");
        var grain = GrainOf(id);
        AuditFailure.Unless(
            row.Version == grain.Version + 1, "I5",
            $"{row.Address} is version {row.Version} of {id}, behind {grain.Version}");

        book.Rows.Add(row);
        book.Epoch = row.Epoch;
        book.Links.Add(row.Chain);
        book.TimeMicros = row.TimeMicros;

        try
        {
            using var document = Parse(row);
            TakeIn(row, id, grain, document.RootElement);
            grain.States.Add(grain.State());
            Address(row, document.RootElement);
            if (row.Type == "market.frame-published.v2") Publish(row, Marks.Of(document.RootElement));
        }
        catch (Exception unreadable) when (unreadable is KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new AuditFailure("I9", $"the payload of {row.Address} is not that of a {row.Type}: {unreadable.Message}");
        }
    }

    /// <summary>The rows of one commit of this shard end here; a message is never taken in by halves.</summary>
    public void EndOfBatch(int shard)
    {
        CheckTakenWhole(books[shard]);
        CloseTurn(books[shard]);
        CloseUnit(books[shard]);
        CloseAdoption(books[shard]);
    }

    public void CheckHead(int shard, int epoch, long position, byte[] chain)
    {
        AuditFailure.Unless(
            position == books[shard].Rows.Count, "I5",
            $"the head of shard {shard} is at {position}, its last row at {books[shard].Rows.Count}");
        AuditFailure.Unless(
            chain.AsSpan().SequenceEqual(books[shard].Links[^1]), "I9",
            $"the head of shard {shard} has another chain than its last row");
        AuditFailure.Unless(
            epoch >= books[shard].Epoch, "I5", $"the head of shard {shard} is of an earlier epoch than its last row");
    }

    private static JsonDocument Parse(StoredRow row)
    {
        try
        {
            return JsonDocument.Parse(row.Payload);
        }
        catch (JsonException)
        {
            throw new AuditFailure("I9", $"the payload of {row.Address} is not JSON");
        }
    }

    private GrainBook GrainOf(string id)
    {
        if (grains.TryGetValue(id, out var grain)) return grain;
        grain = new GrainBook(id);
        grain.Pool.Shards = shards;
        grains.Add(id, grain);
        return grain;
    }

    // ---- answers and reads -----------------------------------------------------------------------------------------

    /// <summary>Whatever an answer rests on is in the journal at the moment at which the answer leaves.</summary>
    public void CheckAnswer(Intent intent, Told told)
    {
        switch (told)
        {
            case Told.Applied applied:
                var row = Find(applied.Record);
                AuditFailure.Unless(
                    row is not null, "I3", $"{intent.Client} was told of {applied.Record} before it was durable");
                AuditFailure.Unless(
                    Convert.ToHexString(row!.Cause) == intent.CauseHex && StoredFormat.Uuid(row.Grain) == intent.Grain, "I3",
                    $"{intent.Client} was told of {applied.Record}, which answers another command");
                using (var document = Parse(row))
                {
                    AuditFailure.Unless(
                        StoredFormat.Line(row.Type, document.RootElement) == applied.Line, "I3",
                        $"{intent.Client} was told otherwise than {applied.Record} says");
                }

                break;
            case Told.NotApplied { Code: "key-conflict" }:
                AuditFailure.Unless(
                    byKey.TryGetValue((intent.Grain, ((StoredCause.Key)intent.Identity).Hex), out var first)
                    && Convert.ToHexString(first.Cause) != intent.CauseHex, "I3",
                    $"{intent.Client} was told of a conflict with a command that is not durable");
                break;
            case Told.NotApplied { Code: "account-already-open" }:
                AuditFailure.Unless(
                    intent.Request is Request.Open && GrainOf(intent.Grain).Account.IsOpen, "I3",
                    $"{intent.Client} was told that an account is open whose opening is not durable");
                break;
            case Told.TakenBefore or Told.NotApplied { Code: "sequence-conflict" }:
                AuditFailure.Unless(
                    LastOf(intent) >= Number(intent), "I3",
                    $"{intent.Client} was told of a number taken before that is not durable");
                break;
            case Told.NotApplied { Code: "sequence-gap" } gap:
                AuditFailure.Unless(
                    gap.Expected >= 1 && gap.Expected < Number(intent) && LastOf(intent) >= gap.Expected - 1, "I3",
                    $"{intent.Client} sent number {Number(intent)} and was told to send {gap.Expected} first, after {LastOf(intent)}");
                break;
        }
    }

    /// <summary>An owner that knew of the number before sees no gap.</summary>
    public static void CheckGap(Intent intent, long lastWhenAsked) =>
        AuditFailure.Unless(
            Number(intent) > lastWhenAsked + 1, "I4",
            $"{intent.Client} sent number {Number(intent)} after {lastWhenAsked} and was told of a gap");

    public long LastNumberOf(Intent intent) => intent.Identity is StoredCause.Source ? LastOf(intent) : 0;

    private long LastOf(Intent intent) =>
        counters.GetValueOrDefault((intent.Grain, ((StoredCause.Source)intent.Identity).Name));

    private static long Number(Intent intent) => ((StoredCause.Source)intent.Identity).Sequence;

    private StoredRow? Find(string address)
    {
        var parts = address.Split(':');
        var (shard, position) = (int.Parse(parts[0]), long.Parse(parts[1]));
        return position <= PositionOf(shard) ? Row(shard, position) : null;
    }

    /// <summary>A read names its version, is durable, and is the replay at that version.</summary>
    public void CheckRead(string grain, long version, ReadOnlyMemory<byte> saved)
    {
        var durable = VersionOf(grain);
        AuditFailure.Unless(
            version <= durable, "I12", $"{grain} was shown at version {version}, of which {durable} are durable");
        var shown = GrainBook.StateOf(grain, saved);
        var replayed = version == 0 ? new GrainBook(grain).State() : GrainOf(grain).States[(int)version - 1];
        AuditFailure.Unless(
            shown == replayed, "I12",
            $"{grain} was shown at version {version} as\n  {shown}\nand the replay is\n  {replayed}");
    }

    // ---- the end ---------------------------------------------------------------------------------------------------

    /// <summary>
    /// The client log joined with the journal: what was acknowledged is there once, what was denied is not there.
    /// </summary>
    public void Join()
    {
        foreach (var intent in log!.Intents)
        {
            var row = intent.Identity switch
            {
                StoredCause.Key key => byKey.GetValueOrDefault((intent.Grain, key.Hex)),
                StoredCause.Source source => byNumber.GetValueOrDefault((intent.Grain, source.Name, source.Sequence)),
                _ => null,
            };
            var isApplied = row is not null && Convert.ToHexString(row.Cause) == intent.CauseHex;
            foreach (var sending in intent.Sendings)
            {
                if (sending.Outcome is Told.Applied applied)
                    AuditFailure.Unless(
                        isApplied && row!.Address == applied.Record, "I3",
                        $"{intent.Client} was told of {applied.Record}, which is not in the journal");
                if (sending.Outcome is Told.TakenBefore)
                    AuditFailure.Unless(
                        row is not null, "I3",
                        $"{intent.Client} was told of a number taken before, which is not in the journal");
            }

            AuditFailure.Unless(
                intent.Sendings.Count(sending => sending.Outcome is Told.Applied { IsReplay: false }) <= 1, "I3",
                $"{intent.Client} got two first answers for {row?.Address}");
            var isDenied = intent.Sendings.Count > 0 && intent.Sendings.TrueForAll(sending => sending.Outcome is Told.NotApplied);
            AuditFailure.Unless(
                !(isDenied && isApplied), "I3",
                $"{intent.Client} was told that nothing was done, and {row?.Address} did it");
        }
    }

    /// <summary>Nothing is on its way any more, and nothing is due that was not done.</summary>
    public void CheckDrained(long timeMicros)
    {
        for (var from = 0; from < shards; from++)
            for (var to = 0; to < shards; to++)
                AuditFailure.Unless(
                    undelivered[from, to].Count == 0, "I13",
                    $"{undelivered[from, to].Count} messages of shard {from} never came to shard {to}, the first {from}:{undelivered[from, to].FirstOrDefault()}");
        foreach (var purse in money.Values) AuditFailure.Unless(
            purse.InFlight.IsZero && purse.LegsE20.IsZero, "I13", $"{purse.InFlight} units and {purse.LegsE20} E-20 of legs are still in flight");
        foreach (var (id, grain) in grains)
        {
            if (!StoredFormat.IsAccount(id)) continue;
            AuditFailure.Unless(
                grain.Account.ExpectedOfTimer(timeMicros) is null, "I13",
                $"account {id} has an overdue withdrawal that it did not report");
            AuditFailure.Unless(
                !grain.Account.HasOverdueOrder(timeMicros), "I13", $"account {id} has an order whose deadline is over: {grain.State()}");
        }
    }

    /// <summary>Whether <see cref="CheckDrained"/> would find nothing: what a healing world waits for.</summary>
    public bool IsDrained(long timeMicros)
    {
        foreach (var queue in undelivered)
            if (queue.Count > 0) return false;
        return !grains.Any(entry => StoredFormat.IsAccount(entry.Key)
                && (entry.Value.Account.ExpectedOfTimer(timeMicros) is not null || entry.Value.Account.HasOverdueOrder(timeMicros)))
            && reference?.IsDue(timeMicros) != true;
    }

    private sealed class ShardBook(byte[] genesis)
    {
        public List<StoredRow> Rows { get; } = [];
        public List<byte[]> Links { get; } = [genesis];
        public int Epoch { get; set; }
        public int Raised { get; set; }
        public long TimeMicros { get; set; } = long.MinValue;
        public Turn? Turn { get; set; }
        public Unit? Unit { get; set; }

        /// <summary>What was written for a parked message that its shard has not named yet.</summary>
        public List<(StoredRow Row, JsonElement Payload)> TakenAfterAll { get; } = [];
        public long Frame { get; set; }
        public Adoption? Adoption { get; set; }
        public bool HasAdopted { get; set; }

        /// <summary>The frame of the last adoption record.</summary>
        public long Adopted { get; set; }
    }
}
