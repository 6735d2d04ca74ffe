using System.Globalization;
using System.Text.Json.Nodes;
using CrossMargin.Clients;
using CrossMargin.Contracts;
using CrossMargin.Faults.Clients;
using CrossMargin.Faults.Processes;
using Answer = CrossMargin.Faults.Clients.Answer;

namespace CrossMargin.Cluster;

/// <summary>
/// A market at work beside the clients: three sources quote, an engine reports what members traded, funding is paid. All of it goes through the
/// client library, which follows owners; what the engine meant and heard is in a file like that of any client.
/// </summary>
internal sealed class Trading : IDisposable
{
    private const int Instrument = 1, Members = 12, LargestBatch = 20;
    private const string Underlying = "BTC", Funds = "1000000 USDC";

    private static readonly TimeSpan QuoteEvery = TimeSpan.FromMilliseconds(200), FundEvery = TimeSpan.FromSeconds(1);

    private readonly CancellationToken limit;
    private readonly Clearinghouse clearinghouse;
    private readonly ClearingClient @operator, owner, engine, oracle;
    private readonly ClientLog log;
    private readonly Random draws;
    private readonly List<AccountId> members = [];
    private readonly List<PriceSource> sources = [];
    private FillFeed feed = null!;
    private Task[] loops = [];
    private long trades, price = 60_000, period;
    private int reports, quotes, fundings;
    private volatile bool isClosing;

    private Trading(IReadOnlyList<Uri> silos, string directory, int seed, CancellationToken limit)
    {
        this.limit = limit;
        draws = new Random(seed);
        log = new ClientLog(Path.Combine(directory, "trading.jsonl"));
        clearinghouse = new Clearinghouse(silos);
        (@operator, owner, engine, oracle) = (As(Access.Operator), As(Access.Client(0)), As(Access.Engine), As(Access.Oracle));
    }

    public IReadOnlyList<AccountId> Accounts => members;

    public long Trades => Interlocked.Read(ref trades);

    /// <summary>What the engine and the members know at this moment.</summary>
    public IReadOnlyList<Told> Read() => log.Read();

    /// <summary>Lists the instrument, and opens and funds the members.</summary>
    public static async Task<Trading> Open(IReadOnlyList<Uri> silos, string directory, int seed, CancellationToken limit)
    {
        var trading = new Trading(silos, directory, seed, limit);
        await trading.SetUp();
        return trading;
    }

    public void Start()
    {
        isClosing = false;
        loops = [Task.Run(Trade, limit), Task.Run(Quote, limit), Task.Run(Fund, limit)];
    }

    /// <summary>Waits until trades and prices were taken in that were not yet sent when it was asked.</summary>
    public async Task Flows()
    {
        var (reported, quoted) = (Volatile.Read(ref reports), Volatile.Read(ref quotes));
        await Wait.Until(async () =>
        {
            if (loops.FirstOrDefault(loop => loop.IsFaulted) is { } failed) await failed;
            return Volatile.Read(ref reports) >= reported + 2 && Volatile.Read(ref quotes) >= quoted + 2;
        }, "trades and prices are taken in", limit);
    }

    /// <summary>Comes to rest: everything that was sent is known.</summary>
    public async Task End()
    {
        isClosing = true;
        await Task.WhenAll(loops);
    }

    public override string ToString() => $"{trades} trades, {quotes} rounds of prices, {fundings} of funding";

    public void Dispose()
    {
        isClosing = true;
        clearinghouse.Dispose();
        log.Dispose();
    }

    private ClearingClient As(string principal) => clearinghouse.As(Credential.Token(Access.TokenOf(principal)));

    private async Task SetUp()
    {
        await SetUp("/v1/feeds", new JsonObject { ["source"] = Access.Engine });
        foreach (var source in Access.Spot) await SetUp("/v1/sources", new JsonObject { ["source"] = source, ["weight"] = 1 });
        await SetUp("/v1/instruments", new JsonObject
        {
            ["items"] = new JsonArray(new JsonObject
            {
                ["id"] = Instrument, ["kind"] = "perp", ["symbol"] = "BTC-PERP", ["underlying"] = Underlying, ["settlement"] = "USDC",
                ["multiplier"] = "1", ["tick"] = "0.5", ["lot"] = "0.001",
            }),
        });
        for (var number = 0; number < Members; number++)
        {
            var key = ClearingClient.NewKey();
            if (!CommandKey.TryParse(key, out var named)) throw new InvalidOperationException($"{key} is no key");
            var account = AccountId.For(new PrincipalId(Access.Client(0)), named);
            await Do(owner, "/v1/accounts", [], new Intent($"{account}", $"key {key}", new Order.Open(Access.Client(0))));
            var deposit = new JsonObject { ["asset"] = "USDC", ["amount"] = Funds.Split(' ')[0], ["reference"] = $"member {number}" };
            await Do(@operator, $"/v1/accounts/{account}/deposits", deposit,
                new Intent($"{account}", $"key {ClearingClient.NewKey()}", new Order.Deposit(Funds, $"member {number}")));
            members.Add(account);
        }

        feed = await FillFeed.Resume(engine, Access.Engine, limit);
        foreach (var source in Access.Spot) sources.Add(await PriceSource.Resume(oracle, source, limit));
    }

    private async Task SetUp(string target, JsonObject body) => (await @operator.Post(target, body, limit)).Expect(target);

    private async Task Do(ClearingClient who, string target, JsonObject body, Intent intent)
    {
        var command = log.Intend(intent);
        var answer = (await who.Post(target, body, intent.Identity["key ".Length..], limit)).Expect(target);
        log.Hear(command, new Answer(Said.Applied, Code: null, (string)answer["address"]!, (long)answer["sequence"]!));
    }

    private async Task Trade()
    {
        var grain = FeedId.For(new SourceId(Access.Engine)).Grain.ToString();
        while (!isClosing)
        {
            var commands = new List<int>();
            for (var left = 1 + draws.Next(LargestBatch); left > 0; left--)
            {
                var fill = Draw();
                commands.Add(log.Intend(new Intent(
                    grain, $"source {Access.Engine} #{feed.Next}",
                    new Order.Fill(fill.TradeId, Decimals.Text(fill.Price), Decimals.Text(fill.Quantity)))));
                feed.Add(fill);
            }

            foreach (var (command, result) in commands.Zip(await Insist(() => feed.Send(limit)))) log.Hear(command, Heard(result));
            Interlocked.Add(ref trades, commands.Count);
            Interlocked.Increment(ref reports);
        }
    }

    private Fill Draw()
    {
        var buyer = draws.Next(Members);
        var seller = (buyer + 1 + draws.Next(Members - 1)) % Members;
        return new Fill(
            $"t-{feed.Next}", Instrument, Interlocked.Read(ref price) + (draws.Next(-20, 20) * 0.5m), draws.Next(1, 50) * 0.001m,
            DateTimeOffset.UtcNow, Party(members[buyer], 0.0005m), Party(members[seller], -0.0001m));

        static TradeParty Party(AccountId account, decimal feeRate) => new(account.ToString(), SubAccount: 0, "none", feeRate);
    }

    private static Answer Heard(ItemResult result) => result.Status switch
    {
        "applied" => new Answer(Said.Applied, Code: null, result.Address, result.Sequence),
        "duplicate" => new Answer(Said.Duplicate),
        _ => throw new InvalidOperationException($"no engine of this test should ever hear this: {result}"),
    };

    private async Task Quote()
    {
        var moves = new Random(draws.Next());
        while (!isClosing)
        {
            Interlocked.Add(ref price, moves.Next(-20, 21));
            var quote = new Quote.Prices([new IndexPrice(Underlying, Interlocked.Read(ref price))]);
            var wereTaken = true;
            foreach (var source in sources) wereTaken &= await source.Send(DateTimeOffset.UtcNow, [quote], limit);
            if (wereTaken) Interlocked.Increment(ref quotes);
            await Task.Delay(QuoteEvery, limit);
        }
    }

    /// <summary>Refused while there is no price that money may rest on; the period is then still due.</summary>
    private async Task Fund()
    {
        while (!isClosing)
        {
            var body = new JsonObject
            {
                ["instrument"] = Instrument, ["period"] = period + 1, ["premium"] = (period % 2 == 0 ? "0.0003" : "-0.0004"),
                ["terms"] = new JsonObject { ["interest"] = "0.0001", ["innerClamp"] = "0.0005", ["cap"] = "0.005", ["periodShare"] = "0.125" },
            };
            var answer = await Insist(() => @operator.Post("/v1/funding", body, limit));
            if (answer.IsGood || answer.Code == "funding-not-due") Interlocked.Increment(ref period);
            if (answer.IsGood) Interlocked.Increment(ref fundings);
            await Task.Delay(FundEvery, limit);
        }
    }

    /// <summary>A fault may last longer than a client's patience, and a market does not give up.</summary>
    private async Task<T> Insist<T>(Func<Task<T>> ask)
    {
        while (true)
        {
            try
            {
                return await ask();
            }
            catch (NoAnswer)
            {
                limit.ThrowIfCancellationRequested();
            }
        }
    }
}
