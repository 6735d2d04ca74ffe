using System.Text.Json.Nodes;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Grains.Accounts;
using CrossMargin.Journal.Proofs;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Cli;

/// <summary>An exported proof on this machine, and the account that its records fold to.</summary>
internal static class ProofFile
{
    private static readonly GrainCatalog Catalog = new(new AccountGrain());

    public static Proof Read(string path)
    {
        try
        {
            using var file = new StreamReader(path);
            return Proof.Read(file);
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailed($"the file cannot be read: {failed.Message}");
        }
    }

    /// <summary>The account after its first records, as long as they belong; null when not even the first does.</summary>
    public static Replayed? Fold(GrainId account, IEnumerable<JournalRecord> records, Func<JournalRecord, bool> belongs)
    {
        var type = Catalog.TypeOf(account);
        var state = type.Unborn(account);
        JournalRecord? last = null;
        foreach (var record in records.TakeWhile(belongs))
        {
            try
            {
                var @event = Catalog.Decode(record) ?? throw new InvalidDataException($"this build cannot read a {record.Type}");
                state = type.Evolve(state, @event);
                type.Verify(state);
            }
            catch (Exception broken) when (broken is InvariantViolation or InvalidDataException or OverflowException)
            {
                throw new FoldBroken(record.Address, broken.Message);
            }

            last = record;
        }

        return last is null ? null : new Replayed(last, type.Save(state));
    }
}

/// <summary>A grain's state and the record that it ends with.</summary>
internal sealed record Replayed(JournalRecord Last, byte[] State)
{
    public Hash256 Hash { get; } = Hash256.Of(State);

    public JsonObject Json => (JsonObject)JsonNode.Parse(State)!;
}

/// <summary>The records are as they were written, and still cannot be the history of an account.</summary>
internal sealed class FoldBroken(RecordAddress address, string why) : Exception($"{address}: {why}");
