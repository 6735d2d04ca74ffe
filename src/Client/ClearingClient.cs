using System.Text;
using System.Text.Json.Nodes;

namespace CrossMargin.Clients;

/// <summary>
/// The clearinghouse as one principal has it. Calls by target are for every route of docs/api.md; those with a type are what a venue does
/// all day. Whatever does something goes out under one key, or under the caller's own, so that it happens once however often it is sent.
/// </summary>
public sealed class ClearingClient
{
    private readonly Clearinghouse clearinghouse;
    private readonly Credential credential;
    private readonly TimeSpan patience;

    internal ClearingClient(Clearinghouse clearinghouse, Credential credential, TimeSpan patience) =>
        (this.clearinghouse, this.credential, this.patience) = (clearinghouse, credential, patience);

    /// <summary>The same principal, who asks every silo once and no more.</summary>
    internal ClearingClient Once => new(clearinghouse, credential, TimeSpan.Zero);

    /// <summary>A version 7 UUID in lower case. Who keeps it before he sends, may ask again after a crash of his own.</summary>
    public static string NewKey() => Guid.CreateVersion7().ToString("d");

    // ---- by target --------------------------------------------------------------------------------------------------

    public Task<Answer> Get(string target, CancellationToken cancel) => Ask(Reading(target), cancel);

    /// <summary>A question with a body: it changes nothing.</summary>
    public Task<Answer> Query(string target, JsonObject body, CancellationToken cancel) =>
        Ask(new Request(HttpMethod.Post, target, Bytes(body), Key: null, credential) { ChangesNothing = true }, cancel);

    public Task<Answer> Post(string target, JsonObject body, CancellationToken cancel) => Post(target, body, NewKey(), cancel);

    public Task<Answer> Post(string target, JsonObject body, string key, CancellationToken cancel) =>
        Ask(new Request(HttpMethod.Post, target, Bytes(body), key, credential), cancel);

    public Task<Answer> Put(string target, JsonObject body, CancellationToken cancel) => Put(target, body, NewKey(), cancel);

    public Task<Answer> Put(string target, JsonObject body, string key, CancellationToken cancel) =>
        Ask(new Request(HttpMethod.Put, target, Bytes(body), key, credential), cancel);

    public Task<Answer> Delete(string target, CancellationToken cancel) => Delete(target, NewKey(), cancel);

    public Task<Answer> Delete(string target, string key, CancellationToken cancel) =>
        Ask(new Request(HttpMethod.Delete, target, [], key, credential), cancel);

    /// <summary>What has numbers of its own, and so goes without a key.</summary>
    public Task<Answer> Report(string target, JsonObject body, CancellationToken cancel) =>
        Ask(new Request(HttpMethod.Post, target, Bytes(body), Key: null, credential), cancel);

    /// <summary>A long answer as it comes. It is not asked for again by itself.</summary>
    public Task<Answer> Download(string target, Stream destination, CancellationToken cancel) =>
        clearinghouse.Download(Reading(target), destination, cancel);

    // ---- accounts ---------------------------------------------------------------------------------------------------

    /// <returns>The account's id, which follows from who asks and the key.</returns>
    public async Task<string> OpenAccount(string key, CancellationToken cancel) =>
        (string)(await Post("/v1/accounts", [], key, cancel)).Expect("opening an account")["account"]!;

    public async Task<Holdings> Holdings(string account, CancellationToken cancel) =>
        Clients.Holdings.Read((await Get($"/v1/accounts/{account}", cancel)).Expect("what an account holds"));

    /// <summary>Good where the order is reserved; a refusal of the account is an answer too, with its code.</summary>
    public async Task<Answer> Reserve(OrderTerms order, CancellationToken cancel)
    {
        var answer = await Put($"/v1/orders/{order.OrderId}?account={order.Account}", order.ToJson(), cancel);
        if (answer.Status is not (409 or 422)) answer.Expect("reserving an order");
        return answer;
    }

    // ---- what a matching engine is asked ----------------------------------------------------------------------------

    /// <summary>From a place in the stream on; 0 is its beginning.</summary>
    public LiquidationOrderStream LiquidationOrders(long after) => new(this, after);

    /// <summary>Not good where it is not open any more: it is not to be traded for.</summary>
    public Task<Answer> Acknowledge(LiquidationOrder order, CancellationToken cancel) =>
        Post($"{LiquidationOrderStream.Target}/{order.OrderId}/ack", [], cancel);

    public Task<Answer> Reject(LiquidationOrder order, string reason, CancellationToken cancel) =>
        Post($"{LiquidationOrderStream.Target}/{order.OrderId}/reject", new JsonObject { ["reason"] = reason }, cancel);

    // ---- what a custodian reports -----------------------------------------------------------------------------------

    /// <summary>Deposits of a source, numbered by account, to be sent.</summary>
    public DepositBatch Deposits(string source, IReadOnlyList<Deposit> deposits) => new(this, source, deposits);

    internal Task<int?> ShardOf(string account, CancellationToken cancel) => clearinghouse.ShardOf(account, credential, cancel);

    internal string? OwnerOf(int? shard) => clearinghouse.OwnerOf(shard);

    /// <summary>For accounts of one shard's owner.</summary>
    internal Task<Answer> Report(string target, JsonObject body, int? shard, CancellationToken cancel) =>
        Ask(new Request(HttpMethod.Post, target, Bytes(body), Key: null, credential) { Shard = shard }, cancel);

    internal Task Pause(TimeSpan asked, CancellationToken cancel) => clearinghouse.Pause(asked, cancel);

    private Task<Answer> Ask(Request request, CancellationToken cancel) => clearinghouse.Ask(request, patience, cancel);

    private Request Reading(string target) => new(HttpMethod.Get, target, [], Key: null, credential) { ChangesNothing = true };

    private static byte[] Bytes(JsonObject body) => Encoding.UTF8.GetBytes(body.ToJsonString());
}
