using System.Text.Json.Nodes;

namespace CrossMargin.Api.Tests;

/// <summary>What-ifs on a book that comes whole: every number is in the answer, and the venue is as it was.</summary>
[Collection(VenueFixture.TheVenue)]
public sealed class SimulationTests(VenueFixture venue)
{
    private readonly VenueClient client = venue.Client;

    [Fact]
    public async Task The_example_of_the_docs_is_margined_and_explained_and_writes_nothing()
    {
        var before = await client.JournalHash();

        var answer = (await Simulate(Example())).ShouldBe(200).Json;

        (await client.JournalHash()).ShouldBe(before);
        answer["model"]!.ToString().ShouldBe("scenario");
        var margin = answer["margin"]!;
        // 40,000 and 5 ETH; a perp bought at 98,000 and marked 100,020; half a future sold at 100,000 and marked 100,600; a put worth 2,250.
        Number(margin["equity"]).ShouldBe(40_000 + 15_000 + 2_020 - 300 + 2_250);
        Number(margin["freeCollateral"]).ShouldBe(Number(margin["marginEquity"]) - Number(margin["initialMargin"]));
        Number(margin["initialMargin"]).ShouldBeGreaterThan(Number(margin["maintenanceMargin"]));
        Number(answer["maintenance"]!["amount"]).ShouldBe(Number(margin["maintenanceMargin"]));
        Number(answer["initial"]!["amount"]).ShouldBe(Number(margin["initialMargin"]));
        Number(answer["marginEquity"]!["amount"]).ShouldBe(Number(margin["marginEquity"]));
        answer["positions"]!.AsArray().Select(position => (string?)position!["instrument"])
            .ShouldBe(["BTC-PERP", "BTC-25DEC26", "BTC-25DEC26-90000-P"]);
        answer["expiries"]!.AsArray().Select(row => (string?)row!["expiryAt"]).ShouldBe([null, "2026-12-25T08:00:00.000000Z"]);
        answer["comparison"]!.AsArray().Select(row => (string?)row!["parameterSet"])
            .ShouldBe(["grid-pm", "isolated", "delta-netting", "standard", "span16"]);
        var down = answer["liquidationPrices"]!.AsArray().Single(price => (string?)price!["direction"] == "down")!;
        (down["index"] is null).ShouldBe(down["reason"] is not null);
    }

    [Fact]
    public async Task The_same_book_has_the_same_answer_to_the_byte() =>
        (await Simulate(Example())).Text.ShouldBe((await Simulate(Example())).Text);

    [Fact]
    public async Task A_book_that_cannot_be_read_is_refused_at_the_place()
    {
        var book = Example();
        book["positions"]![1]!["quantity"] = "much";
        book["leverage"] = "10";

        var answer = (await Simulate(book)).ShouldBeProblem("malformed-book");

        answer.Json["errors"]!.AsArray().Select(error => (string?)error!["pointer"]).ShouldBe(["/positions/1/quantity", "/leverage"]);
    }

    [Fact]
    public async Task A_book_that_cannot_be_margined_is_refused_by_the_field()
    {
        var book = Example();
        book["assets"]!.AsArray().RemoveAt(1);

        (await Simulate(book)).ShouldBeProblem("book-refused").Field("detail").ShouldBe("assets[ETH].price is missing");
    }

    [Fact]
    public async Task Sub_accounts_that_cancel_may_come_as_both_sides_or_as_the_cost_that_they_leave()
    {
        var (sides, left) = (Example(), Example());
        sides["positions"]!.AsArray().Add(new JsonObject { ["instrument"] = "BTC-PERP", ["quantity"] = "-1", ["cost"] = "-98500" });
        sides["positions"]![0]!["quantity"] = "1";
        sides["positions"]![0]!["cost"] = "98000";
        left["positions"]![0]!["quantity"] = "0";
        left["positions"]![0]!["cost"] = "-500";

        var answer = (await Simulate(left)).ShouldBe(200);

        answer.Json["positions"]![0]!["quantity"]!.ToString().ShouldBe("0");
        answer.Json["positions"]![0]!["maintenanceContribution"]!.ToString().ShouldBe("0");
        answer.Text.ShouldBe((await Simulate(sides)).ShouldBe(200).Text);
    }

    [Fact]
    public async Task A_body_beyond_the_limit_is_refused_unread() =>
        (await client.Post("alice", "/v1/simulate", new string(' ', (4 * 1024 * 1024) + 1), key: null)).ShouldBeProblem("body-too-large");

    private Task<Answer> Simulate(JsonNode book) => client.Post("alice", "/v1/simulate", book.ToJsonString(), key: null);

    private static JsonNode Example() => JsonNode.Parse(DocumentTests.CheckedIn("examples/book.json"))!;

    private static decimal Number(JsonNode? text) => decimal.Parse((string)text!, System.Globalization.CultureInfo.InvariantCulture);
}
