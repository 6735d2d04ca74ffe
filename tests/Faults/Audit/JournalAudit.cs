using System.Text.Json;

namespace CrossMargin.Faults.Audit;

/// <summary>
/// Holds a journal to what it must be by itself: whole from its genesis to its heads, every message taken in at most
/// once, every source without a gap, and no money made or lost. It computes all of that again and trusts no line of the
/// engine.
/// </summary>
internal sealed partial class JournalAudit
{
    private readonly List<string> contradictions = [];
    private readonly Dictionary<string, StoredRow> messages = [];   // address → row that is addressed to somebody
    private readonly Dictionary<(string Message, int Shard), StoredRow> takers = [];   // the last row of the unit that took it in there
    private readonly HashSet<string> taken = [];
    private readonly Dictionary<(string Grain, string Source), long> counters = [];
    private readonly Dictionary<string, Purse> purses = [];
    private readonly SortedDictionary<string, decimal> totals = new(StringComparer.Ordinal);

    /// <summary>What a host journals by itself: no client has sent it.</summary>
    private const string HostsOwn = "access.in-force.v1";

    private JournalAudit(StoredJournal journal)
    {
        Rows = journal.Rows.Count;
        Chains(journal);
        foreach (var row in journal.Rows.Where(row => row.Addressees.Length > 0)) messages.Add(row.Address, row);
        foreach (var row in journal.Rows) Causes(row);
        foreach (var stream in journal.Rows.GroupBy(row => Format.Uuid(row.Grain)))
            Stream(stream.Key, [.. stream.OrderBy(row => row.Version)]);
        foreach (var (address, row) in messages)
            if (IsInFlight(address)) Count(row, sign: +1);
        foreach (var (asset, total) in totals)   // balances + held + in flight + external
            Require(total == 0, "I1", $"{total:0.########} {asset} came from nowhere");
    }

    public int Rows { get; }

    /// <summary>Messages with money in them that nobody has taken in, and sides of trades; none, once a healthy venue has come to rest.</summary>
    public int InFlight => messages.Keys.Count(IsInFlight) + messages.Sum(message => SidesInFlight(message.Value));

    private bool IsInFlight(string message) =>
        HasMoney(messages[message]) && !taken.Contains(message);

    private static bool HasMoney(StoredRow message) => message.Type.StartsWith("account.transfer", StringComparison.Ordinal);

    public IReadOnlyList<string> Contradictions => contradictions;

    /// <summary>The rows that commands caused, by account and identity of the command.</summary>
    public Dictionary<(string Account, string Identity), List<StoredRow>> ByCommand { get; } = [];

    public static JournalAudit Of(StoredJournal journal) => new(journal);

    // ---- each shard: positions, epochs, chain, head -----------------------------------------------------------------

    private void Chains(StoredJournal journal)
    {
        var rows = journal.Rows.ToLookup(row => row.Shard);
        foreach (var head in journal.Heads)
        {
            var (position, epoch, links) = (0L, 0, new List<byte[]> { Format.Genesis(head.Shard) });
            foreach (var row in rows[head.Shard])
            {
                Require(row.Position == position + 1, "I9", $"{row.Address} follows position {position}");
                Require(row.Epoch >= epoch && row.Epoch <= head.Epoch, "I5",
                    $"{row.Address} is of epoch {row.Epoch} behind epoch {epoch}");
                Require(Format.Link(links, row).AsSpan().SequenceEqual(row.Chain), "I9", $"the chain is broken at {row.Address}");
                links.Add(row.Chain);
                (position, epoch) = (row.Position, row.Epoch);
            }

            Require(head.Position == position && links[^1].AsSpan().SequenceEqual(head.Chain), "I9",
                $"the head of shard {head.Shard} is at {head.Position} and its records end at {position}");
        }
    }

    // ---- why each row exists ----------------------------------------------------------------------------------------

    private void Causes(StoredRow row)
    {
        var grain = Format.Uuid(row.Grain);
        var cause = Format.Cause(row.Cause);
        var words = cause?.Split(' ') ?? ["unreadable"];
        switch (words[0])
        {
            case "key":
                if (row.Type != HostsOwn && !IsMarket(grain)) Add(grain, cause!, row);
                break;
            case "source":
                if (!IsMarket(grain)) Add(grain, cause!, row);
                var sequence = long.Parse(words[2].AsSpan(1));
                var last = counters.GetValueOrDefault((grain, words[1]));
                Require(sequence == last + 1, "I4", $"{row.Address}: {words[1]} tells {grain} #{sequence} after #{last}");
                counters[(grain, words[1])] = sequence;
                break;
            case "message":
                if (!messages.TryGetValue(words[1], out var message)) contradictions.Add($"I4: {row.Address} takes in {words[1]}, which is no message");
                else
                {
                    // A message is one unit: what a shard writes because of it stands next to each other, one row where there is money.
                    taken.Add(words[1]);
                    var isFirst = takers.TryAdd((words[1], row.Shard), row);
                    var isOfTheUnit = isFirst
                        || (!HasMoney(message) && takers[(words[1], row.Shard)].Position == row.Position - 1);
                    Require(isOfTheUnit, "I4", $"{words[1]} is taken in by {row.Address} a second time");
                    takers[(words[1], row.Shard)] = row;
                }

                break;
            default:
                Require(words[0] is "timer" or "frame", "I9", $"{row.Address} has a cause that cannot be read");
                break;
        }
    }

    private void Add(string grain, string identity, StoredRow row)
    {
        if (!ByCommand.TryGetValue((grain, identity), out var rows)) ByCommand.Add((grain, identity), rows = []);
        rows.Add(row);
        Require(rows.Count == 1, "I4", $"{identity} of {grain} has {rows.Count} records, now also {row.Address}");
    }

    // ---- each account: versions and money ---------------------------------------------------------------------------

    private void Stream(string grain, List<StoredRow> rows)
    {
        for (var i = 0; i < rows.Count; i++)
        {
            Require(rows[i].Version == i + 1, "I5",
                $"{rows[i].Address} is version {rows[i].Version} of {grain} where {i + 1} was due");
        }

        foreach (var row in rows)
        {
            if (IsOf("02", grain)) Apply(grain, row);
            else if (IsOf("01", grain))
                Require(row.Type is "shard.consumed.v1" or "shard.frame-adopted.v1", "I1", $"{row.Address} is a {row.Type}, and money in suspense");
        }
    }

    /// <summary>What operators set up and price sources say is nobody's money: their numbers count, and not what became of each.</summary>
    private static bool IsMarket(string grain) => IsOf("04", grain);

    private static bool IsOf(string kind, string grain) => grain.StartsWith(kind, StringComparison.Ordinal);

    /// <summary>
    /// Folds the account's own purse, and books every movement out of it or into it against the rest of the world.
    /// </summary>
    private void Apply(string account, StoredRow row)
    {
        using var document = JsonDocument.Parse(row.Payload);
        var payload = document.RootElement;
        var purse = purses.TryGetValue(account, out var known) ? known : purses[account] = new Purse();
        switch (row.Type)
        {
            case "account.deposited.v1":
                Move(into: +1);
                External(-1);
                break;
            case "account.withdrawal-held.v1":
                Move(into: -1);
                purse.Holds.Add(payload.GetProperty("withdrawal").GetInt64(), Text("amount"));
                Count(row, sign: +1);
                break;
            case "account.withdrawal-posted.v1":
                Release();
                External(+1);
                break;
            case "account.withdrawal-voided.v1" or "account.withdrawal-cancelled.v1":
                Release();
                Move(into: +1);
                break;
            case "account.transfer-held.v1":
                Move(into: -1);
                purse.Sendings.Add(payload.GetProperty("transfer").GetInt64(), Text("amount"));
                Count(row, sign: +1);
                break;
            case "account.transfer-cancelled.v1":
                EndSending();
                Move(into: +1);
                break;
            case "account.transfer-cleared.v1":   // counted in flight from here on, by what takes it in
                EndSending();
                break;
            case "account.transfer-sent.v1":
                Move(into: -1);
                break;
            case "account.transfer-received.v1" or "account.transfer-returned.v1":
                Move(into: +1);
                Taken();
                break;
            case "account.transfer-bounced.v1":
                Taken();
                break;
            case "account.fill-applied.v1":
                Fill(account, purse, row, payload);
                break;
            case "account.funding-applied.v1":
                Funding(account, purse, row, payload);
                break;
            case "account.margin-status-changed.v1" or "account.opened.v1" or "account.command-refused.v1" or "account.withdrawal-overdue.v1"
                or "account.withdrawal-cleared.v1" or "account.withdrawal-instructed.v1" or "account.transfer-overdue.v1":
                break;
            default:
                contradictions.Add($"I9: {row.Address} is a {row.Type}, which an account does not have");
                break;
        }

        string Text(string field) => payload.GetProperty(field).GetString()!;

        void Move(int into)
        {
            var (number, asset) = Format.Amount(Text("amount"));
            var balance = purse.Balances.GetValueOrDefault(asset) + (into * number);
            purse.Balances[asset] = balance;
            totals[asset] = totals.GetValueOrDefault(asset) + (into * number);
            Require(number > 0 && balance >= 0, "I1", $"{row.Address} takes {account} to {balance:0.########} {asset}");
            Require(Format.Amount(Text("balanceAfter")) == (balance, asset), "I1",
                $"{row.Address} says {Text("balanceAfter")} and the records come to {balance:0.########} {asset}");
        }

        void External(int sign) => Count(row, sign);

        void Release()
        {
            var withdrawal = payload.GetProperty("withdrawal").GetInt64();
            Require(purse.Holds.Remove(withdrawal, out var held) && held == Text("amount"), "I1",
                $"{row.Address} ends withdrawal {withdrawal} of {Text("amount")} where {held ?? "nothing"} is held");
            Count(row, sign: -1);
        }

        void EndSending()
        {
            var transfer = payload.GetProperty("transfer").GetInt64();
            Require(purse.Sendings.Remove(transfer, out var held) && held == Text("amount"), "I1",
                $"{row.Address} ends transfer {transfer} of {Text("amount")} where {held ?? "nothing"} is held");
            Count(row, sign: -1);
        }

        void Taken()
        {
            var cause = Format.Cause(row.Cause);
            var message = cause is not null && cause.StartsWith("message ", StringComparison.Ordinal)
                ? messages.GetValueOrDefault(cause["message ".Length..])
                : null;
            Require(message is not null && AmountOf(message) == Text("amount"), "I1",
                $"{row.Address} is not what its message carried");
        }
    }

    /// <summary>Money of this row that is somewhere else than in a balance: held, in flight, or outside.</summary>
    private void Count(StoredRow row, int sign)
    {
        var (number, asset) = Format.Amount(AmountOf(row));
        totals[asset] = totals.GetValueOrDefault(asset) + (sign * number);
    }

    private static string AmountOf(StoredRow row)
    {
        using var document = JsonDocument.Parse(row.Payload);
        return document.RootElement.GetProperty("amount").GetString()!;
    }

    private void Require(bool holds, string invariant, string otherwise)
    {
        if (!holds) contradictions.Add($"{invariant}: {otherwise}");
    }

    private sealed class Purse
    {
        public Dictionary<string, decimal> Balances { get; } = [];

        public Dictionary<int, Position> Positions { get; } = [];

        public Dictionary<long, string> Holds { get; } = [];

        public Dictionary<long, string> Sendings { get; } = [];
    }
}
