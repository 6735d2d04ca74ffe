using System.Globalization;
using System.Text.Json.Nodes;
using CrossMargin.DemoVenue.Prices;
using CrossMargin.Clients;
using CrossMargin.DemoVenue.Traders;

namespace CrossMargin.DemoVenue.Clearing;

/// <summary>
/// What has to be there before anybody trades: sources, instruments, members with accounts and money. What an earlier run has
/// done is found and not done again.
/// </summary>
public sealed class Opening(Principals principals, string directory)
{
    private const string AlreadyAdmitted = "-already-admitted";
    private const decimal BitcoinTick = 0.5m;
    private const decimal BitcoinLot = 0.001m;

    private const decimal BackstopFunds = 2_000_000;

    private static readonly decimal[] Strikes = [50_000, 60_000, 70_000];
    private static readonly TimeSpan ShortestLife = TimeSpan.FromDays(20);

    private readonly AccountFile membersFile = new(Path.Combine(directory, "demo-members"));
    private readonly AccountFile backstopFile = new(Path.Combine(directory, "demo-backstop"));
    private readonly string registered = Path.Combine(directory, "demo-backstop-registered");

    public async Task AdmitSources(CancellationToken cancel)
    {
        await Admit("/v1/feeds", new JsonObject { ["source"] = Feed.Source }, cancel);
        foreach (var source in PriceFeeds.Spot.Append(PriceFeeds.Volatilities))
            await Admit("/v1/sources", new JsonObject { ["source"] = source, ["weight"] = 1 }, cancel);
    }

    /// <summary>
    /// Somebody who takes over, at the bankruptcy price, what books will not take, up to so much of each market. It never trades.
    /// </summary>
    public async Task<string> RegisterBackstop(IReadOnlyList<Instrument> instruments, decimal quota, CancellationToken cancel)
    {
        var account = (await backstopFile.Open(1, key => OpenAccount(key, cancel), cancel))[0];
        if (File.Exists(registered)) return account;   // otherwise all of it again: that changes nothing of what was done
        await Deposit([new Deposit(account, 1, "USDC", BackstopFunds, "demo backstop")], cancel);
        var quotas = new JsonArray([.. instruments.Where(instrument => !instrument.IsOption)
            .Select(instrument => new JsonObject { ["instrument"] = instrument.Id, ["notional"] = Decimals.Text(quota) })]);
        var body = new JsonObject { ["account"] = account, ["quotas"] = quotas };
        (await principals.Operator.Post("/v1/backstops", body, cancel)).Expect("registering a backstop");
        await File.WriteAllTextAsync(registered, account, cancel);
        return account;
    }

    /// <summary>Once: a fund that was endowed before keeps what it has.</summary>
    public async Task EndowFund(decimal amount, CancellationToken cancel)
    {
        var fund = (await principals.Auditor.Get("/v1/insurance-fund", cancel)).Expect("what is in the fund");
        if (fund["data"]!.AsArray().Any(asset => (string?)asset!["asset"] == "USDC" && Decimals.Read(asset["deposited"]) > 0)) return;
        var deposit = new JsonObject { ["asset"] = "USDC", ["amount"] = Decimals.Text(amount), ["reference"] = "demo endowment" };
        (await principals.Operator.Post("/v1/insurance-fund/deposits", deposit, cancel)).Expect("endowing the fund");
    }

    private async Task Admit(string target, JsonObject body, CancellationToken cancel)
    {
        var answer = await principals.Operator.Post(target, body, cancel);
        if (!answer.Code.EndsWith(AlreadyAdmitted, StringComparison.Ordinal)) answer.Expect("admitting a source");
    }

    /// <summary>Everything that is listed and has not expired; what is missing of what we want is listed first.</summary>
    public async Task<IReadOnlyList<Instrument>> List(DateTimeOffset now, CancellationToken cancel)
    {
        var listed = await Listed(cancel);
        var id = listed.Select(instrument => instrument.Id).DefaultIfEmpty(0).Max();
        var missing = Wanted(now).Where(wanted => !listed.Exists(one => one.Symbol == wanted.Symbol))
            .Select(wanted => wanted with { Id = ++id }).ToList();
        if (missing.Count > 0)
        {
            var items = new JsonArray([.. missing.Select(Terms)]);
            var answer = await principals.Operator.Post("/v1/instruments", new JsonObject { ["items"] = items }, cancel);
            answer.Expect("listing instruments");
            listed = await Listed(cancel);
        }

        return [.. listed.Where(instrument => instrument.Expiry is not { } expiry || expiry > now)];
    }

    /// <summary>Two perpetuals, a future, and a chain at three strikes, both expiring on the first of a month.</summary>
    private static IEnumerable<Instrument> Wanted(DateTimeOffset now)
    {
        var earliest = now + ShortestLife;
        var expiry = new DateTimeOffset(earliest.Year, earliest.Month, 1, 8, 0, 0, TimeSpan.Zero).AddMonths(1);
        var date = expiry.ToString("yyyyMMdd", CultureInfo.InvariantCulture);
        yield return new Instrument(0, "BTC-PERP", InstrumentKind.Perp, PriceProcess.Bitcoin, BitcoinTick, BitcoinLot);
        yield return new Instrument(0, "ETH-PERP", InstrumentKind.Perp, PriceProcess.Ether, 0.05m, 0.01m);
        yield return new Instrument(0, $"BTC-{date}", InstrumentKind.Future, PriceProcess.Bitcoin, BitcoinTick, BitcoinLot)
        {
            Expiry = expiry,
        };
        foreach (var strike in Strikes)
        {
            foreach (var kind in new[] { InstrumentKind.Call, InstrumentKind.Put })
            {
                var symbol = $"BTC-{date}-{Decimals.Text(strike)}-{(kind == InstrumentKind.Call ? 'c' : 'p')}";
                yield return new Instrument(0, symbol, kind, PriceProcess.Bitcoin, BitcoinTick, 0.01m)
                {
                    Expiry = expiry, Strike = strike,
                };
            }
        }
    }

    private async Task<List<Instrument>> Listed(CancellationToken cancel)
    {
        var page = (await principals.Auditor.Get("/v1/instruments?limit=1000", cancel)).Expect("what is listed");
        return [.. page["data"]!.AsArray().Select(view => Read(view!))];
    }

    private static Instrument Read(JsonNode view)
    {
        var kind = (string?)view["right"] switch
        {
            "call" => InstrumentKind.Call,
            "put" => InstrumentKind.Put,
            _ => (string?)view["kind"] == "future" ? InstrumentKind.Future : InstrumentKind.Perp,
        };
        return new Instrument(
            (int)view["id"]!, (string)view["symbol"]!, kind, (string)view["underlying"]!, Decimals.Read(view["tick"]),
            Decimals.Read(view["lot"]))
        {
            Expiry = view["expiryAt"] is { } expiry ? DateTimeOffset.Parse((string)expiry!, CultureInfo.InvariantCulture) : null,
            Strike = view["strike"] is { } strike ? Decimals.Read(strike) : 0,
        };
    }

    private static JsonObject Terms(Instrument instrument)
    {
        var terms = new JsonObject
        {
            ["id"] = instrument.Id, ["kind"] = KindOf(instrument), ["symbol"] = instrument.Symbol,
            ["underlying"] = instrument.Underlying, ["settlement"] = "USDC", ["multiplier"] = "1",
            ["tick"] = Decimals.Text(instrument.Tick), ["lot"] = Decimals.Text(instrument.Lot),
        };
        if (instrument.Expiry is { } expiry) terms["expiryAt"] = expiry.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
        if (!instrument.IsOption) return terms;
        terms["strike"] = Decimals.Text(instrument.Strike);
        terms["right"] = instrument.Kind == InstrumentKind.Call ? "call" : "put";
        return terms;
    }

    private static string KindOf(Instrument instrument) => instrument.Kind switch
    {
        InstrumentKind.Perp => "perp",
        InstrumentKind.Future => "future",
        _ => "option",
    };

    /// <summary>Whose accounts are whose is known to nobody but us: it stands in a file beside the clearinghouse's data.</summary>
    public async Task<IReadOnlyList<Member>> OpenAccounts(int count, CancellationToken cancel)
    {
        var accounts = await membersFile.Open(count, key => OpenAccount(key, cancel), cancel);
        List<Member> members = [.. accounts.Select((account, place) => new Member(place, account))];
        await Fund(members, cancel);
        return members;
    }

    /// <summary>Under a key of days ago nothing is done. What it opened, if it did, is empty: money comes when it is in the file.</summary>
    private async Task<string> OpenAccount(string key, CancellationToken cancel)
    {
        var answer = await principals.Broker.Post("/v1/accounts", [], key, cancel);
        return answer.Code == "key-expired"
            ? await principals.Broker.OpenAccount(ClearingClient.NewKey(), cancel)
            : (string)answer.Expect("opening an account")["account"]!;
    }

    /// <summary>Always the same numbers with the same amounts: who has them already keeps what he has.</summary>
    private async Task Fund(List<Member> members, CancellationToken cancel)
    {
        var deposits = members.Select(member => new Deposit(member.Account, 1, "USDC", member.Funds, $"demo {member.Place}"))
            .Concat(members.Where(member => member.Ether > 0)
                .Select(member => new Deposit(member.Account, 2, "ETH", member.Ether, $"demo {member.Place}")));
        await Deposit([.. deposits], cancel);
    }

    private async Task Deposit(IReadOnlyList<Deposit> deposits, CancellationToken cancel)
    {
        var results = await principals.Custodian.Deposits("vault", deposits).Send(cancel);
        if (results.FirstOrDefault(result => result.Status is not ("applied" or "duplicate")) is { } bad)
            throw new DemoFailed($"funding: the clearinghouse answered {bad}");
    }

    /// <summary>
    /// What members hold, and the orders that an earlier run has left reserved. The books were in its memory: those orders end.
    /// </summary>
    public async Task Resume(IReadOnlyList<Member> members, FillFeed feed, CancellationToken cancel) =>
        await Task.WhenAll(members.Select(async member =>
        {
            var holding = (await principals.Engine.Get($"/v1/accounts/{member.Account}/positions", cancel)).Expect("what a member holds");
            foreach (var position in holding["positions"]!.AsArray())
                member.SetHeld((int)position!["instrument"]!, Decimals.Read(position["quantity"]));
            var reserved = (await principals.Engine.Get($"/v1/accounts/{member.Account}/orders", cancel)).Expect("a member's orders");
            lock (feed)
                foreach (var order in reserved["orders"]!.AsArray()) feed.AddEnd(member.Account, (string)order!["orderId"]!);
        }));
}
