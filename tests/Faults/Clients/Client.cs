using CrossMargin.Contracts;

namespace CrossMargin.Faults.Clients;

/// <summary>
/// One client: opens accounts and then does what clients do, one thing after the other, until it is told to come to an
/// end. It asks again, under the same name, until it knows what became of a command; some it gives up, but only when it
/// was told that nothing was taken in; some it sends twice at once, or again long after they were answered.
/// </summary>
internal sealed class Client(int number, int seed, Town town, Func<AccountId, bool> isHome, ClientLog log) : IDisposable
{
    private const int Accounts = 4, LargestBatch = 8;
    private const string Usdc = "USDC", Bitcoin = "BTC";

    private readonly Random draws = new(seed);
    private readonly Door door = new(), secondDoor = new();
    private readonly string name = Access.Client(number);
    private readonly List<AccountId> mine = [];
    private readonly Dictionary<AccountId, long> numbers = [];   // the last that the custody system gave, by account
    private readonly Queue<(AccountId Account, long Withdrawal)> held = [];
    private long references;
    private int done;

    /// <summary>Where this client sends what it sends next.</summary>
    public Uri Host { get; set; } = town.Host;

    /// <summary>How many things it has done, each to its end.</summary>
    public int Done => Volatile.Read(ref done);

    public ClientLog Log => log;

    public async Task Run()
    {
        while (mine.Count < Accounts) await Open();
        while (!town.IsClosing)
        {
            switch (draws.Next(100))
            {
                case < 35: await DepositByCustody(); break;
                case < 45: await EndWithdrawals(); break;
                case < 60: await Do(Any(mine), new Order.Deposit(Amount(), Reference()), Access.Operator); break;
                case < 75: await Withdraw(); break;
                default: await Transfer(); break;
            }

            Interlocked.Increment(ref done);
        }
    }

    public void Dispose()
    {
        door.Dispose();
        secondDoor.Dispose();
        log.Dispose();
    }

    private async Task Open()
    {
        CommandKey key;
        AccountId account;
        do
        {
            key = NewKey();
            account = AccountId.For(new PrincipalId(name), key);
        }
        while (!isHome(account));
        var intent = new Intent(account.ToString(), $"key {key}", new Order.Open(name));
        if (await Ask(intent, name) is not { Said: Said.Applied }) return;
        mine.Add(account);
        town.Add(account);
    }

    private async Task Withdraw()
    {
        var account = Any(mine);
        if (await Do(account, new Order.Withdraw(Amount(), "bank"), name) is { Said: Said.Applied } answer)
            held.Enqueue((account, answer.Sequence!.Value));
    }

    private Task<Answer?> Transfer()
    {
        var from = Any(mine);
        var reach = draws.Next(2) == 0 ? "same-owner" : "any-owner";
        return Do(from, new Order.Transfer(town.Partner(from, draws).ToString(), Amount(), reach), name);
    }

    private Task<IReadOnlyList<Answer>> DepositByCustody()
    {
        var batch = Enumerable.Range(0, 1 + draws.Next(LargestBatch)).Select(_ => Any(mine))
            .Select(account => Number(account, new Order.Deposit(Amount(), Reference())));
        return AskBatch([.. batch]);
    }

    private async Task EndWithdrawals()
    {
        var batch = new List<Intent>();
        var ending = new List<(AccountId Account, long Withdrawal)>();
        while (held.TryDequeue(out var one))
        {
            ending.Add(one);
            Order end = draws.Next(2) == 0 ? new Order.Post(one.Withdrawal) : new Order.Void(one.Withdrawal);
            batch.Add(Number(one.Account, end));
        }

        if (batch.Count == 0) return;
        var answers = await AskBatch(batch);
        for (var i = 0; i < answers.Count; i++)   // what is not cleared yet is ended another time
            if (answers[i].Said == Said.Refused) held.Enqueue(ending[i]);
    }

    private Task<Answer?> Do(AccountId account, Order order, string sender) =>
        Ask(new Intent(account.ToString(), $"key {NewKey()}", order), sender);

    /// <summary>Null when it was given up.</summary>
    private async Task<Answer?> Ask(Intent intent, string sender)
    {
        var command = log.Intend(intent);
        var mayStop = true;   // as long as every answer has said that nothing was taken in
        while (true)
        {
            var answers = await Send(twice: draws.Next(16) == 0 || (!mayStop && draws.Next(2) == 0));
            if (answers.Find(answer => answer.Said is Said.Applied or Said.Refused) is { } settled)
            {
                if (draws.Next(16) == 0) await Send(twice: false);
                return settled;
            }

            mayStop &= answers.TrueForAll(answer => answer.Said == Said.NotTaken);
            if (mayStop && draws.Next(4) == 0) return null;
            await town.Pause(draws);
        }

        async Task<List<Answer>> Send(bool twice)
        {
            Task<Answer>[] sendings = twice ? [One(door), One(secondDoor)] : [One(door)];
            return [.. await Task.WhenAll(sendings)];
        }

        async Task<Answer> One(Door through)
        {
            var to = Host;
            var answer = await town.Counted(to, 1, () => through.Send(to, Access.TokenOf(sender), intent));
            log.Hear(command, answer);
            town.Count(answer);
            return answer;
        }
    }

    /// <summary>A source never gives up a number: the next one would not be taken.</summary>
    private async Task<IReadOnlyList<Answer>> AskBatch(List<Intent> batch)
    {
        var commands = batch.Select(log.Intend).ToList();
        while (true)
        {
            var to = Host;
            var token = Access.TokenOf(Access.Custodian);
            var answers = await town.Counted(to, batch.Count, () => door.SendBatch(to, token, batch));
            for (var i = 0; i < answers.Count; i++)
            {
                log.Hear(commands[i], answers[i]);
                town.Count(answers[i]);
            }

            if (answers.All(answer => answer.Said is Said.Applied or Said.Refused or Said.Duplicate)) return answers;
            await town.Pause(draws);
        }
    }

    private Intent Number(AccountId account, Order order)
    {
        var sequence = numbers[account] = numbers.GetValueOrDefault(account) + 1;
        return new Intent(account.ToString(), $"source {Door.Source} #{sequence}", order);
    }

    private AccountId Any(List<AccountId> accounts) => accounts[draws.Next(accounts.Count)];

    /// <summary>
    /// Deposits and withdrawals are of one size, so some withdrawals and transfers are more than there is.
    /// </summary>
    private string Amount() =>
        new AssetAmount(Asset.Of(draws.Next(3) == 0 ? Bitcoin : Usdc), 1 + draws.NextInt64(100_000_000)).ToString();

    private string Reference() => $"{name}-{++references}";

    private CommandKey NewKey() =>
        CommandKey.Issue(Instant.From(DateTimeOffset.UtcNow), (ulong)draws.NextInt64(), (ulong)draws.NextInt64());
}
