using System.Text.RegularExpressions;
using CrossMargin.Api.Tests.Clearing;
using CrossMargin.Clients;

namespace CrossMargin.Api.Tests;

/// <summary>The example of docs/client.md, as it stands there.</summary>
public sealed partial class ClientExampleTests
{
    private const int Instrument = 1;

    [Fact]
    public async Task The_example_of_the_client_library_does_what_it_says()
    {
        var venue = new VenueFixture();
        await venue.InitializeAsync();
        await using (venue)
        {
            (await venue.Client.Post("operator", "/v1/feeds", """{"source":"engine"}""")).ShouldBe(201);
            (await venue.Client.Post("operator", "/v1/instruments", $$"""{"items":[{{ClearingFixture.Terms(Instrument, "perp", "BTC-PERP", "BTC").ToJsonString()}}]}"""))
                .ShouldBe(200);
            var (first, second, held) = await Example(
                [venue.Host.Address], Instrument, who => File.ReadAllText(Path.Combine(venue.Host.DataDirectory, "tokens", who)).Trim(),
                TestContext.Current.CancellationToken);
            first.ShouldAllBe(result => result.Status == "applied");
            second.ShouldAllBe(result => result.Status == "duplicate");
            held.Balances["USDC"].ShouldBe(10_000 - (60_000 * 0.01m * 0.0005m));
        }
    }

    [Fact]
    public void The_example_is_the_one_of_the_page()
    {
        var page = Block().Match(File.ReadAllText(Walk.PathOf("docs", "client.md"))).Groups[1].Value;
        var code = File.ReadAllText(Walk.PathOf("tests", "Api.Tests", "ClientExampleTests.cs"));
        WithoutIndent(code).ShouldContain(WithoutIndent(page));
    }

    private static async Task<(IReadOnlyList<ItemResult> First, IReadOnlyList<ItemResult> Second, Holdings Held)> Example(
        IReadOnlyList<Uri> silos, int instrument, Func<string, string> SecretOf, CancellationToken cancel)
    {
        using var clearinghouse = new Clearinghouse(silos);   // addresses of some of the venue's silos, or of the only one
        var broker = clearinghouse.As(Credential.Token(SecretOf("broker")));
        var custodian = clearinghouse.As(Credential.SigningKey("custodian-1", Convert.FromBase64String(SecretOf("custodian"))));
        var engine = clearinghouse.As(Credential.SigningKey("engine-1", Convert.FromBase64String(SecretOf("engine"))));

        // A command of a person goes under a key. Who keeps it before he sends, may ask again after a crash of his own.
        var buyer = await broker.OpenAccount(ClearingClient.NewKey(), cancel);
        var seller = await broker.OpenAccount(ClearingClient.NewKey(), cancel);

        // A custodian numbers what it reports for each account. Sent twice, a deposit is a duplicate and not another one.
        var deposits = new[] { new Deposit(buyer, 1, "USDC", 10_000, "wire 1"), new Deposit(seller, 1, "USDC", 10_000, "wire 2") };
        var first = await custodian.Deposits("vault", deposits).Send(cancel);
        var second = await custodian.Deposits("vault", deposits).Send(cancel);

        // An engine numbers what it reports. It goes on where the clearinghouse says that an earlier process has ended.
        var feed = await FillFeed.Resume(engine, "engine", cancel);
        feed.Add(new Fill(
            "t-1", instrument, Price: 60_000, Quantity: 0.01m, DateTimeOffset.UtcNow,
            Buyer: new TradeParty(buyer, SubAccount: 0, "b-1", FeeRate: 0.0005m), Seller: new TradeParty(seller, SubAccount: 0, "s-1", FeeRate: 0)));
        feed.AddEnd(buyer, "b-1");
        feed.AddEnd(seller, "s-1");
        await feed.Send(cancel);

        // What accounts in liquidation need, in the one order in which all engines read it.
        var stream = engine.LiquidationOrders(after: 0);
        await foreach (var order in stream.Read(cancel)) await engine.Reject(order, "there is no book", cancel);

        var held = await broker.Holdings(buyer, cancel);
        return (first, second, held);
    }

    private static string WithoutIndent(string text) => string.Join('\n', text.Split('\n').Select(line => line.Trim()));

    [GeneratedRegex("```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Block();
}
