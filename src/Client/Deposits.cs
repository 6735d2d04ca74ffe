using System.Text.Json.Nodes;

namespace CrossMargin.Clients;

/// <summary>What came in at a custodian for an account; numbered by source and account, 1, 2, 3, …</summary>
public sealed record Deposit(string Account, long SourceSequence, string Asset, decimal Amount, string Reference)
{
    internal JsonObject ToJson() => new()
    {
        ["account"] = Account, ["sourceSequence"] = SourceSequence, ["asset"] = Asset, ["amount"] = Decimals.Text(Amount),
        ["reference"] = Reference,
    };
}

/// <summary>
/// Deposits until every one has an answer that counts. Each silo gets those of its own accounts; one behind another of the same account
/// never overtakes it.
/// </summary>
public sealed class DepositBatch
{
    private const int MostItems = 1_000;

    private readonly ClearingClient client;
    private readonly string source;
    private readonly IReadOnlyList<Deposit> deposits;
    private readonly ItemResult?[] results;

    internal DepositBatch(ClearingClient client, string source, IReadOnlyList<Deposit> deposits) =>
        (this.client, this.source, this.deposits, results) = (client, source, deposits, new ItemResult?[deposits.Count]);

    /// <summary>In the order of the deposits; null where there is no answer yet.</summary>
    public IReadOnlyList<ItemResult?> Results => results;

    /// <summary>Where it throws, nothing is lost: called again it goes on with what has no answer that counts.</summary>
    /// <returns>In the order of the deposits.</returns>
    public async Task<IReadOnlyList<ItemResult>> Send(CancellationToken cancel)
    {
        for (var open = Open(); open.Count > 0;)
        {
            var shards = new Dictionary<string, int?>();
            foreach (var account in open.Select(item => deposits[item].Account).Distinct())
                shards[account] = await client.ShardOf(account, cancel);
            var asked = await Task.WhenAll(open.GroupBy(item => client.OwnerOf(shards[deposits[item].Account]))
                .Select(ofOwner => SendInOrder(ofOwner, shards[deposits[ofOwner.First()].Account], cancel)));

            open = Open();
            if (open.Count > 0) await client.Pause(asked.Max(), cancel);
        }

        return [.. results.Select(result => result!)];
    }

    /// <returns>How long the silo asks to be left alone; behind that nothing more was sent to it.</returns>
    private async Task<TimeSpan> SendInOrder(IEnumerable<int> items, int? shard, CancellationToken cancel)
    {
        foreach (var part in items.Chunk(MostItems))
        {
            var body = new JsonObject { ["items"] = new JsonArray([.. part.Select(item => deposits[item].ToJson())]) };
            var answer = await client.Report($"/v1/custody/{source}/deposits", body, shard, cancel);
            var said = ItemResult.ReadAll(answer, "reporting deposits", part.Length);
            for (var i = 0; i < part.Length; i++) results[part[i]] = said[i];
            if (said.Any(result => result.MayPass)) return answer.RetryAfter;
        }

        return TimeSpan.Zero;
    }

    /// <summary>What may be taken in the next time, with what stands behind it in the same account's numbers.</summary>
    private List<int> Open()
    {
        var (stopped, first) = (new HashSet<string>(), new Dictionary<string, long>());
        var open = new List<int>();
        for (var item = 0; item < results.Length; item++)
        {
            var account = deposits[item].Account;
            first.TryAdd(account, deposits[item].SourceSequence);
            var isOpen = results[item] is not { } result || result.MayPass || result.HasOvertaken(first[account])
                || (result.Code == "sequence-gap" && stopped.Contains(account));
            if (!isOpen) continue;
            stopped.Add(account);
            open.Add(item);
        }

        return open;
    }
}
