using System.Numerics;
using System.Text.Json;

namespace CrossMargin.Simulation.Audit;

/// <summary>
/// Holds the journal to its promises, row by row as it is committed or all at once. It shares nothing with the engine
/// but the
/// byte format: it computes the chain, the ids, the money and the answers by itself. The first contradiction is thrown.
/// </summary>
internal sealed partial class Auditor
{
    private readonly int shards;
    private readonly ClientLog? log;
    private readonly ShardBook[] books;
    private readonly Queue<long>[,] undelivered;   // by source and destination shard: addressed rows not yet taken in
    private readonly Dictionary<string, GrainBook> grains = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Grain, string Key), StoredRow> byKey = [];
    private readonly Dictionary<(string Grain, string Source, long Sequence), StoredRow> byNumber = [];
    private readonly Dictionary<(string Grain, string Source), long> counters = [];
    private readonly SortedDictionary<string, Purse> money = new(StringComparer.Ordinal);

    public Auditor(int shards, ClientLog? log)
    {
        this.shards = shards;
        this.log = log;
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

    public long VersionOf(string grain) => grains.TryGetValue(grain, out var book) ? book.Account.Version : 0;

    public BigInteger BalanceOf(string grain, string asset) =>
        grains.TryGetValue(grain, out var book) ? book.Account.Balance(asset) : 0;

    public BigInteger Suspense(string asset) => money.TryGetValue(asset, out var purse) ? purse.Suspense : 0;

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
            StoredFormat.Link(book.Chain, row).AsSpan().SequenceEqual(row.Chain), "I9",
            $"the chain is broken at {row.Address}");

        var id = StoredFormat.Uuid(row.Grain);
        AuditFailure.Unless(
            StoredFormat.ShardOf(row.Grain, shards) == row.Shard, "I5",
            $"{row.Address} is of a grain of another shard");
        var grain = GrainOf(id);
        AuditFailure.Unless(
            row.Version == grain.Account.Version + 1, "I5",
            $"{row.Address} is version {row.Version} of {id}, behind {grain.Account.Version}");

        book.Rows.Add(row);
        book.Epoch = row.Epoch;
        book.Chain = row.Chain;
        book.TimeMicros = row.TimeMicros;

        try
        {
            using var document = Parse(row);
            TakeIn(row, id, grain, document.RootElement);
            grain.States.Add(grain.State());
            Address(row, document.RootElement);
            if (StoredFormat.FrameIn(row) is { } published) Publish(row, published.Frame, published.Light);
        }
        catch (Exception unreadable) when (unreadable is KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new AuditFailure("I9", $"the payload of {row.Address} is not that of a {row.Type}: {unreadable.Message}");
        }
    }

    /// <summary>The rows of one commit of this shard end here; a message is never taken in by halves.</summary>
    public void EndOfBatch(int shard)
    {
        CheckNothingOwed(books[shard]);
        CloseUnit(books[shard]);
        CloseAdoption(books[shard]);
    }

    public void CheckHead(int shard, int epoch, long position, byte[] chain)
    {
        AuditFailure.Unless(
            position == books[shard].Rows.Count, "I5",
            $"the head of shard {shard} is at {position}, its last row at {books[shard].Rows.Count}");
        AuditFailure.Unless(
            chain.AsSpan().SequenceEqual(books[shard].Chain), "I9",
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

    /// <summary>Why the row exists decides what must stand in it.</summary>
    private void TakeIn(StoredRow row, string id, GrainBook grain, JsonElement payload)
    {
        var book = books[row.Shard];
        var cause = StoredCause.Read(row.Cause);
        if (cause is not StoredCause.Message) CloseUnit(book);
        if (cause is not StoredCause.Frame) CloseAdoption(book);
        string? expected = null;
        switch (cause)
        {
            case not null when book.Owed.TryDequeue(out var owed):
                expected = owed.Grain == id && row.Cause.AsSpan().SequenceEqual(book.Rows[^2].Cause) ? owed.Line : $"{owed.Line} of {owed.Grain}";
                break;
            case StoredCause.Key key:
                AuditFailure.Unless(
                    byKey.TryAdd((id, key.Hex), row), "I4", $"{row.Address} repeats the command of key {key.Hex}");
                expected = ExpectedOfCommand(row, id, grain);
                break;
            case StoredCause.Source source:
                var last = counters.GetValueOrDefault((id, source.Name));
                AuditFailure.Unless(
                    source.Sequence == last + 1, "I4",
                    $"{row.Address} has number {source.Sequence} of {source.Name}, after {last}");
                counters[(id, source.Name)] = source.Sequence;
                byNumber.Add((id, source.Name, source.Sequence), row);
                expected = ExpectedOfCommand(row, id, grain);
                break;
            case StoredCause.Message message:
                expected = ExpectedOfMessage(row, id, grain, message, payload);
                break;
            case StoredCause.Timer:
                expected = grain.Account.ExpectedOfTimer(row.TimeMicros);
                AuditFailure.Unless(
                    expected is not null, "I4", $"{row.Address} has a timer for its cause and nothing was due");
                break;
            case StoredCause.Frame frame:
                expected = ExpectedOfFrame(book, row, id, frame.Number);
                break;
        }

        var moved = grain.Fold(row, payload);
        if (moved.Asset.Length > 0) Move(row.Address, moved);
        var line = StoredFormat.Line(row.Type, payload);
        AuditFailure.Unless(
            expected is null || expected == line, "I4",
            $"{row.Address} is\n  {line}\nwhere the rules ask for\n  {expected}");
        if (StoredFormat.IsPool(id)) FollowPool(book, row, grain.Pool);
    }

    private string? ExpectedOfCommand(StoredRow row, string id, GrainBook grain)
    {
        CommandRecords++;
        if (log is null) return null;
        var intent = log.Find(id, row.Cause);
        AuditFailure.Unless(intent is not null, "I3", $"nobody asked for the command of {row.Address}");
        return grain.Expected(intent!.Request, row.TimeMicros, row.Frame)
            ?? throw new AuditFailure("I4", $"{row.Address} answers a command that is refused without a record");
    }

    // ---- messages --------------------------------------------------------------------------------------------------

    private void Address(StoredRow row, JsonElement payload)
    {
        var spokenTo = new SortedSet<int>();
        for (var at = 0; at < row.Addressees.Length; at += 16)
            spokenTo.Add(StoredFormat.ShardOf(row.Addressees.AsSpan(at, 16), shards));
        foreach (var to in spokenTo) undelivered[row.Shard, to].Enqueue(row.Position);

        var named = row.Type switch
        {
            "account.transfer-sent.v1" => [payload.GetProperty("to").GetString()!],
            "account.transfer-bounced.v1" => [payload.GetProperty("from").GetString()!],
            "shard.frame-adopted.v1" => [StoredFormat.MainPool],
            "pool.cleared.v1" => [.. payload.GetProperty("shards").EnumerateArray().Select(shard => StoredFormat.ShardGrain(shard.GetInt32()))],
            "circular.sent.v1" => payload.GetProperty("to").EnumerateArray().Select(to => to.GetString()!).ToArray(),
            _ => [],
        };
        var addressed = Enumerable.Range(0, row.Addressees.Length / 16)
            .Select(index => StoredFormat.Uuid(row.Addressees.AsSpan(index * 16, 16)));
        AuditFailure.Unless(named.SequenceEqual(addressed), "I4", $"{row.Address} is not addressed to whom it names");
    }

    /// <summary>
    /// A message that is being taken in: the rows of all its addressees here, in list order, in one commit.
    /// </summary>
    private sealed class Unit(StoredRow message, List<string> addressees)
    {
        public StoredRow Message { get; } = message;
        public List<string> Addressees { get; } = addressees;
        public int Next { get; set; }
    }

    private string? ExpectedOfMessage(StoredRow row, string id, GrainBook grain, StoredCause.Message cause, JsonElement payload)
    {
        var unit = UnitOf(row, cause);
        using var message = Parse(unit.Message);
        if (unit.Message.Type == "pool.cleared.v1") return ExpectedOfClearance(row, id, unit, message.RootElement);
        var isParked = row.Type == "shard.parked.v1";
        if (row.Type == "shard.consumed.v1")
        {
            AuditFailure.Unless(
                unit.Next == 0, "I4", $"{row.Address} says that {unit.Message.Address} caused nothing, which it did");
            return "shard.consumed.v1";
        }

        var addressee = isParked ? payload.GetProperty("grain").GetString()! : id;
        while (unit.Next < unit.Addressees.Count && unit.Addressees[unit.Next] != addressee) Skip(unit);
        AuditFailure.Unless(
            unit.Next < unit.Addressees.Count, "I4",
            $"{row.Address} takes {unit.Message.Address} in for a grain that it is not addressed to here");
        unit.Next++;

        if (unit.Message.Type.StartsWith("account.", StringComparison.Ordinal))
        {
            var (asset, units) = StoredFormat.Amount(message.RootElement.GetProperty("amount").GetString()!);
            Move(row.Address, new MoneyMoved(asset, InFlight: -units), intoSuspense: isParked ? units : 0);
        }

        if (!isParked)
            return grain.ExpectedOfMessage(unit.Message, message.RootElement, row.Frame);

        AuditFailure.Unless(
            GrainOf(addressee).MayPark(unit.Message, message.RootElement), "I4",
            $"{row.Address} parks what {addressee} could have taken");
        return StoredFormat.Line(row.Type, payload) is var line && payload.GetProperty("from").GetString() == unit.Message.Address
            && payload.GetProperty("type").GetString() == unit.Message.Type ? line : $"shard.parked.v1 from={unit.Message.Address}";
    }

    private Unit UnitOf(StoredRow row, StoredCause.Message cause)
    {
        var book = books[row.Shard];
        if (book.Unit is { } open && open.Message.Shard == cause.Shard && open.Message.Position == cause.Position)
            return open;

        CloseUnit(book);
        AuditFailure.Unless(
            cause.Shard < shards && undelivered[cause.Shard, row.Shard].TryDequeue(out var next) && next == cause.Position, "I4",
            $"{row.Address} takes {cause.Shard}:{cause.Position} in, which is not the next message of that shard");
        var message = Row(cause.Shard, cause.Position);
        AuditFailure.Unless(
            message.Frame <= row.Frame, "I15",
            $"{row.Address} of frame {row.Frame} takes in {message.Address}, which is of frame {message.Frame}");
        var here = Enumerable.Range(0, message.Addressees.Length / 16)
            .Select(index => message.Addressees.AsSpan(index * 16, 16).ToArray())
            .Where(addressee => StoredFormat.ShardOf(addressee, shards) == row.Shard)
            .Select(addressee => StoredFormat.Uuid(addressee)).ToList();
        return book.Unit = new Unit(message, here);
    }

    private static void CloseUnit(ShardBook book)
    {
        if (book.Unit is not { } unit) return;
        while (unit.Next < unit.Addressees.Count) Skip(unit);
        book.Unit = null;
    }

    private static void Skip(Unit unit)
    {
        using var message = Parse(unit.Message);
        var isIgnored = unit.Message.Type == "circular.sent.v1" && message.RootElement.GetProperty("text").GetString() == CircularText.Ignore;
        AuditFailure.Unless(
            isIgnored, "I4",
            $"{unit.Addressees[unit.Next]} has not taken {unit.Message.Address} in, and its shard moved on");
        unit.Next++;
    }

    // ---- money -----------------------------------------------------------------------------------------------------

    private sealed class Purse
    {
        public BigInteger Balances, Held, InFlight, Suspense, External;

        public BigInteger Sum => Balances + Held + InFlight + Suspense + External;
    }

    private readonly HashSet<string> unbalanced = [];

    private void Move(string address, MoneyMoved moved, BigInteger intoSuspense = default)
    {
        if (!money.TryGetValue(moved.Asset, out var purse)) money.Add(moved.Asset, purse = new Purse());
        purse.Balances += moved.Balances;
        purse.Held += moved.Held;
        purse.InFlight += moved.InFlight;
        purse.Suspense += intoSuspense;
        purse.External += moved.External;
        AuditFailure.Unless(
            purse.InFlight >= 0 && purse.Held >= 0, "I1", $"less than nothing is in flight or held at {address}");

        // A message leaves the flight with one movement and arrives with the next of the same record.
        if (purse.Sum.IsZero) unbalanced.Remove(moved.Asset);
        else unbalanced.Add(moved.Asset);
    }

    /// <summary>
    /// Per asset: balances, holds, in flight, suspense and what lies outside sum to zero, on this cut.
    /// </summary>
    public void CheckMoney()
    {
        foreach (var asset in unbalanced)
        {
            var purse = money[asset];
            throw new AuditFailure("I1", $"{asset} does not sum to zero: balances {purse.Balances}, held {purse.Held}, "
                + $"in flight {purse.InFlight}, suspense {purse.Suspense}, external {purse.External}");
        }
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
                    VersionOf(intent.Grain) > 0 && GrainOf(intent.Grain).Account.Expected(intent.Request, time: 0, frame: 0) is null, "I3",
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
            purse.InFlight.IsZero, "I13", $"{purse.InFlight} units are still in flight");
        foreach (var (id, grain) in grains)
        {
            if (!StoredFormat.IsAccount(id)) continue;
            AuditFailure.Unless(
                !grain.Account.IsOverdueAt(timeMicros), "I13",
                $"account {id} has an overdue withdrawal that it did not report");
        }
    }

    /// <summary>Whether <see cref="CheckDrained"/> would find nothing: what a healing world waits for.</summary>
    public bool IsDrained(long timeMicros)
    {
        foreach (var queue in undelivered)
            if (queue.Count > 0) return false;
        return !grains.Any(entry => StoredFormat.IsAccount(entry.Key) && entry.Value.Account.IsOverdueAt(timeMicros));
    }

    private sealed class ShardBook(byte[] genesis)
    {
        public List<StoredRow> Rows { get; } = [];
        public byte[] Chain { get; set; } = genesis;
        public int Epoch { get; set; }
        public int Raised { get; set; }
        public long TimeMicros { get; set; } = long.MinValue;
        public Unit? Unit { get; set; }
        public long Frame { get; set; }
        public Adoption? Adoption { get; set; }
        public bool HasAdopted { get; set; }

        /// <summary>The frame of the last adoption record.</summary>
        public long Adopted { get; set; }

        /// <summary>Rows that a turn has begun and must still write, with the same cause and next to each other.</summary>
        public Queue<(string Grain, string Line)> Owed { get; } = [];
    }
}
