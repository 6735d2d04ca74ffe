using System.Text.Json;
using CrossMargin.Faults.Clients;

namespace CrossMargin.Faults.Audit;

/// <summary>
/// What clients heard, held against what the journal has. An answer is a promise: done or refused means exactly one
/// record that says the same, not taken means none, unknown means one or none. And no command has a record that nobody
/// sent.
/// </summary>
internal sealed record Join(
    int Acknowledged, int Unknown, int UnknownButStored, int NotTaken, int Rows, IReadOnlyList<string> Contradictions)
{
    private const int Shown = 12;
    private const string AndHasNone = "was acknowledged and has 0 records";

    public static Join Of(IEnumerable<Told> logs, JournalAudit journal)
    {
        var (acknowledged, unknown, unknownButStored, notTaken) = (0, 0, 0, 0);
        var contradictions = new List<string>(journal.Contradictions);
        var unexplained = journal.ByCommand.Keys.ToHashSet();
        foreach (var told in logs)
        {
            var name = (told.Intent.Account, told.Intent.Identity);
            var rows = journal.ByCommand.GetValueOrDefault(name, []);
            unexplained.Remove(name);

            if (told.IsSettled)
            {
                acknowledged++;
                if (rows.Count == 0) contradictions.Add($"I3: {Describe(told)} {AndHasNone}");
                else if (rows.Count > 1) contradictions.Add($"I3: {Describe(told)} was acknowledged and has {rows.Count} records");
                else Compare(told, rows[0], contradictions);
            }
            else if (told.Answers.Count > 0 && told.Answers.TrueForAll(answer => answer.Said == Said.NotTaken))
            {
                notTaken++;
                if (rows.Count != 0) contradictions.Add($"I3: {Describe(told)} was not taken in and has {rows.Count} records");
            }
            else
            {
                unknown++;
                if (rows.Count > 0) unknownButStored++;
                if (rows.Count > 1) contradictions.Add($"I3: {Describe(told)} has {rows.Count} records");
                else if (rows.Count == 1) Compare(told, rows[0], contradictions);
            }
        }

        foreach (var (account, identity) in unexplained)
            contradictions.Add($"I3: {identity} of {account} has a record and nobody sent it");
        return new Join(acknowledged, unknown, unknownButStored, notTaken, journal.Rows, contradictions)
        {
            Doubled = journal.ByCommand.Values.Count(rows => rows.Count > 1),
        };
    }

    /// <summary>Acknowledged commands that the journal does not have.</summary>
    public int Lost => Contradictions.Count(line => line.EndsWith(AndHasNone, StringComparison.Ordinal));

    /// <summary>Commands that the journal has more than once.</summary>
    public int Doubled { get; private init; }

    public override string ToString() =>
        $"{Acknowledged} acknowledged, {Unknown} unknown ({UnknownButStored} stored), {NotTaken} not taken, {Rows} records, "
        + (Contradictions.Count == 0 ? "no contradiction"
            : $"{Contradictions.Count} contradictions:\n  {string.Join("\n  ", Contradictions.Take(Shown))}");

    private static void Compare(Told told, StoredRow row, List<string> contradictions)
    {
        using var document = JsonDocument.Parse(row.Payload);
        var payload = document.RootElement;
        var isRefusal = row.Type == "account.command-refused.v1";
        if (!isRefusal && !Says(told.Intent.Order, row.Type, payload))
            contradictions.Add($"I3: {Describe(told)} is stored as something else at {row.Address}");

        foreach (var answer in told.Answers)
        {
            var isTrue = answer.Said switch
            {
                Said.Applied => !isRefusal,
                Said.Refused => isRefusal && payload.GetProperty("reason").GetString() == answer.Code,
                _ => true,
            };
            isTrue &= (answer.Address ?? row.Address) == row.Address && (answer.Sequence ?? row.Version) == row.Version;
            if (!isTrue)
            {
                contradictions.Add($"I3: {Describe(told)} was answered {answer} and its record at {row.Address} "
                    + $"is version {row.Version}, {row.Type}");
            }
        }
    }

    private static bool Says(Order order, string type, JsonElement payload)
    {
        (string Type, (string Name, string Value)[] Fields) due = order switch
        {
            Order.Open one => ("account.opened.v1", [("owner", one.Owner)]),
            Order.Deposit one => ("account.deposited.v1", [("amount", one.Amount), ("reference", one.Reference)]),
            Order.Withdraw one => ("account.withdrawal-held.v1", [("amount", one.Amount), ("destination", one.Destination)]),
            Order.Post one => ("account.withdrawal-posted.v1", [("withdrawal", $"{one.Withdrawal}")]),
            Order.Void one => ("account.withdrawal-voided.v1", [("withdrawal", $"{one.Withdrawal}")]),
            Order.Fill one => ("trade.captured.v1", [("trade", one.Trade), ("price", one.Price), ("quantity", one.Quantity)]),
            Order.Transfer { Reach: "same-owner" } one when type == "account.transfer-sent.v1" => (type, [("amount", one.Amount), ("to", one.To)]),
            Order.Transfer one => ("account.transfer-held.v1", [("amount", one.Amount), ("to", one.To)]),
            var other => throw new ArgumentException($"{other} is no order", nameof(order)),
        };
        return type == due.Type && Array.TrueForAll(due.Fields, field => payload.GetProperty(field.Name).ToString() == field.Value);
    }

    private static string Describe(Told told) =>
        $"{told.Intent.Identity} of {told.Intent.Account} ({told.Intent.Order})";
}
