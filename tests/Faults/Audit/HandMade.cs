using System.Buffers.Binary;
using System.Text;
using CrossMargin.Faults.Clients;

namespace CrossMargin.Faults.Audit;

/// <summary>
/// A small healthy journal written by hand, with what its clients heard: two accounts of two shards, a deposit of the
/// custody system, a transfer between them, a withdrawal and its end, and a refusal. Tests break one thing in it.
/// </summary>
internal sealed class HandMade
{
    public const string Alice = "02000000-0000-8000-8000-00000000000a", Bob = "02000000-0000-8000-8000-00000000000b";

    private const string Key = "01900000-0000-7000-8000-00000000000";

    public HandMade()
    {
        Write(0, Alice, Person(1), "account.opened.v1", """{"owner":"alice"}""");
        Write(1, Bob, Person(2), "account.opened.v1", """{"owner":"bob"}""");
        Write(0, Alice, Machine(1), "account.deposited.v1",
            """{"amount":"10 USDC","balanceAfter":"10 USDC","reference":"tx"}""");
        Write(0, Alice, Person(3), "account.transfer-sent.v1",
            $$"""{"from":"{{Alice}}","to":"{{Bob}}","amount":"4 USDC","balanceAfter":"6 USDC"}""", to: Bob);
        Write(1, Bob, Message(0, 3), "account.transfer-received.v1",
            $$"""{"from":"{{Alice}}","amount":"4 USDC","balanceAfter":"4 USDC"}""");
        Write(1, Bob, Person(4), "account.withdrawal-held.v1",
            """{"withdrawal":3,"amount":"1.5 USDC","balanceAfter":"2.5 USDC","destination":"bank"}""");
        Write(1, Bob, Machine(1), "account.withdrawal-posted.v1", """{"withdrawal":3,"amount":"1.5 USDC"}""");
        Write(0, Alice, Person(5), "account.command-refused.v1",
            """{"command":"transfer","reason":"exceeds-balance"}""");

        Tell(Alice, Named(1), new Order.Open("alice"), new Answer(Said.Applied, null, "0:1", 1));
        Tell(Bob, Named(2), new Order.Open("bob"), new Answer(Said.Unknown), new Answer(Said.Applied, null, "1:1", 1));
        Tell(Alice, Numbered(1), new Order.Deposit("10 USDC", "tx"),
            new Answer(Said.Unknown), new Answer(Said.Duplicate));
        Tell(Alice, Named(3), new Order.Transfer(Bob, "4 USDC", "same-owner"), new Answer(Said.Applied, null, "0:3", 3));
        Tell(Bob, Named(4), new Order.Withdraw("1.5 USDC", "bank"), new Answer(Said.Applied, null, "1:3", 3));
        Tell(Bob, Numbered(1), new Order.Post(3), new Answer(Said.Applied, null, "1:4", 4));
        Tell(Alice, Named(5), new Order.Transfer(Bob, "100 USDC", "same-owner"),
            new Answer(Said.Refused, "exceeds-balance", "0:4", 4));
        Tell(Alice, Named(6), new Order.Deposit("1 USDC", "later"), new Answer(Said.NotTaken, "overloaded"));
        Tell(Alice, Named(7), new Order.Deposit("2 USDC", "lost"), new Answer(Said.Unknown));
    }

    /// <summary>
    /// In order of shard and position, but for the chain, which is computed when the journal is read.
    /// </summary>
    public List<StoredRow> Rows { get; } = [];

    public List<Told> Logs { get; } = [];

    /// <summary>Sealed as a silo would have: positions, versions and chain are right whatever the rows say.</summary>
    public StoredJournal Sealed()
    {
        var (rows, heads, versions) = (new List<StoredRow>(), new List<StoredHead>(), new Dictionary<string, long>());
        foreach (var shard in new[] { 0, 1 })
        {
            var (position, links) = (0L, new List<byte[]> { Format.Genesis(shard) });
            foreach (var row in Rows.Where(row => row.Shard == shard))
            {
                var grain = Format.Uuid(row.Grain);
                var version = versions[grain] = versions.GetValueOrDefault(grain) + 1;
                var placed = row with { Position = ++position, Version = version };
                links.Add(Format.Link(links, placed));
                rows.Add(placed with { Chain = links[^1] });
            }

            heads.Add(new StoredHead(shard, 1, position, links[^1]));
        }

        return new StoredJournal(heads, rows);
    }

    public Join Join() => Audit.Join.Of(Logs, JournalAudit.Of(Sealed()));

    public StoredRow Row(string type) => Rows.Single(row => row.Type == type);

    public void Replace(StoredRow row, StoredRow by) => Rows[Rows.IndexOf(row)] = by;

    public void Write(int shard, string account, byte[] cause, string type, string payload, string? to = null) =>
        Rows.Add(new StoredRow(
            shard, Position: 0, Epoch: 1, Bytes(account), Version: 0, type, TimeMicros: 1, Frame: 0, cause,
            to is null ? [] : Bytes(to), Encoding.UTF8.GetBytes(payload), Chain: []));

    public void Tell(string account, string identity, Order order, params List<Answer> answers) =>
        Logs.Add(new Told(new Intent(account, identity, order), answers));

    public static string Named(int number) => $"key {Key}{number}";

    public static string Numbered(int sequence) => $"source vault #{sequence}";

    public static byte[] Person(int number) => [1, .. Bytes($"{Key}{number}"), .. new byte[16]];

    public static byte[] Machine(long sequence)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteInt64BigEndian(bytes, sequence);
        return [2, .. bytes, .. new byte[16], .. "vault"u8];
    }

    public static byte[] Message(byte shard, byte position) => [3, 0, shard, 0, 0, 0, 0, 0, 0, 0, position];

    private static byte[] Bytes(string uuid) => Convert.FromHexString(uuid.Replace("-", "", StringComparison.Ordinal));
}
