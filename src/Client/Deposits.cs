using System.Text;
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

/// <summary>One batch until every item has an answer that counts. An item behind one of the same account never overtakes it.</summary>
internal sealed class DepositBatch(Clearinghouse clearinghouse, Credential credential, string source, IReadOnlyList<Deposit> deposits)
{
    private const int MostItems = 1_000;

    private readonly ItemResult[] results = new ItemResult[deposits.Count];

    public IReadOnlyList<ItemResult> Results => results;

    public async Task Send(CancellationToken cancel)
    {
        List<int> open = [.. Enumerable.Range(0, deposits.Count)];
        while (open.Count > 0)
        {
            var shards = new Dictionary<string, int?>();
            foreach (var account in open.Select(item => deposits[item].Account).Distinct())
                shards[account] = await clearinghouse.ShardOf(account, credential, cancel);
            var parts = open.GroupBy(item => clearinghouse.OwnerOf(shards[deposits[item].Account]))
                .SelectMany(part => part.Chunk(MostItems));
            await Task.WhenAll(parts.Select(part => Send(part, shards[deposits[part[0]].Account], cancel)));

            open = StillOpen(open);
            if (open.Count > 0) await clearinghouse.Pause(cancel);
        }
    }

    private async Task Send(int[] part, int? shard, CancellationToken cancel)
    {
        var body = new JsonObject { ["items"] = new JsonArray([.. part.Select(item => deposits[item].ToJson())]) };
        var request = new Request(
            HttpMethod.Post, $"/v1/custody/{source}/deposits", Encoding.UTF8.GetBytes(body.ToJsonString()), Key: null, credential)
        {
            Shard = shard,
        };
        var answers = ItemResult.ReadAll((await clearinghouse.Ask(request, cancel)).Expect("reporting deposits"));
        for (var i = 0; i < part.Length; i++) results[part[i]] = answers[i];
    }

    /// <summary>What may be taken in the next time, with what stands behind it in the same account's numbers.</summary>
    private List<int> StillOpen(List<int> asked)
    {
        var stopped = new HashSet<string>();
        return asked.FindAll(item =>
        {
            var (account, result) = (deposits[item].Account, results[item]);
            var mayPass = result.Code is "overloaded" or "shard-unavailable" or "outcome-unknown"
                || (result.Code == "sequence-gap" && stopped.Contains(account));
            if (mayPass) stopped.Add(account);
            return mayPass;
        });
    }
}
