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

    internal ClearingClient(Clearinghouse clearinghouse, Credential credential) =>
        (this.clearinghouse, this.credential) = (clearinghouse, credential);

    /// <summary>A version 7 UUID in lower case. Who keeps it before he sends, may ask again after a crash of his own.</summary>
    public static string NewKey() => Guid.CreateVersion7().ToString("d");

    // ---- by target --------------------------------------------------------------------------------------------------

    public Task<Answer> Get(string target, CancellationToken cancel) => Ask(HttpMethod.Get, target, body: null, key: null, cancel);

    public Task<Answer> Post(string target, JsonObject body, CancellationToken cancel) => Post(target, body, NewKey(), cancel);

    public Task<Answer> Post(string target, JsonObject body, string key, CancellationToken cancel) =>
        Ask(HttpMethod.Post, target, body, key, cancel);

    public Task<Answer> Put(string target, JsonObject body, CancellationToken cancel) =>
        Ask(HttpMethod.Put, target, body, NewKey(), cancel);

    public Task<Answer> Delete(string target, CancellationToken cancel) => Ask(HttpMethod.Delete, target, body: null, NewKey(), cancel);

    /// <summary>What has numbers of its own, or changes nothing: it goes without a key.</summary>
    public Task<Answer> Report(string target, JsonObject body, CancellationToken cancel) =>
        Ask(HttpMethod.Post, target, body, key: null, cancel);

    /// <summary>A long answer as it comes. It is not asked for again by itself.</summary>
    public Task<Answer> Download(string target, Stream destination, CancellationToken cancel) =>
        clearinghouse.Download(new Request(HttpMethod.Get, target, [], Key: null, credential), destination, cancel);

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

    /// <summary>
    /// Deposits of a source, numbered by account; the answers are in the order of the deposits. Each silo gets those of its own accounts,
    /// and what was not taken in is sent again as it was, in order.
    /// </summary>
    public async Task<IReadOnlyList<ItemResult>> Deposit(string source, IReadOnlyList<Deposit> deposits, CancellationToken cancel)
    {
        var batch = new DepositBatch(clearinghouse, credential, source, deposits);
        await batch.Send(cancel);
        return batch.Results;
    }

    internal Task Pause(CancellationToken cancel) => clearinghouse.Pause(cancel);

    private Task<Answer> Ask(HttpMethod method, string target, JsonObject? body, string? key, CancellationToken cancel)
    {
        var bytes = body is null ? [] : Encoding.UTF8.GetBytes(body.ToJsonString());
        return clearinghouse.Ask(new Request(method, target, bytes, key, credential), cancel);
    }
}
