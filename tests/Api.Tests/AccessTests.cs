using System.Text.Json.Nodes;

namespace CrossMargin.Api.Tests;

/// <summary>
/// Every route, every principal, every kind of account. The routes come from the document that the host serves, so a
/// new one is
/// in the matrix without being added here, and one that this test knows no expectation for fails.
/// </summary>
[Collection(VenueFixture.TheVenue)]
public sealed class AccessTests(VenueFixture venue)
{
    private static readonly string[] Principals = ["nobody", "alice", "bob", "operator", "auditor", "custodian", "engine", "oracle", "officer"];

    /// <summary>Who may use a route at all. Deny is the default here as it is there.</summary>
    private static readonly Dictionary<string, string[]> Scoped = new()
    {
        ["POST /v1/accounts"] = ["alice", "bob"],
        ["GET /v1/accounts/{id}"] = ["alice", "bob", "operator", "auditor", "engine", "officer"],
        ["GET /v1/accounts/{id}/events"] = ["alice", "bob", "operator", "auditor", "engine", "officer"],
        ["GET /v1/accounts/{id}/export"] = ["alice", "bob", "operator", "auditor", "engine", "officer"],
        ["GET /v1/accounts/{id}/state"] = ["alice", "bob", "operator", "auditor", "engine", "officer"],
        ["POST /v1/accounts/{id}/close"] = ["alice", "bob"],
        ["POST /v1/accounts/{id}/reopen"] = ["operator"],
        ["POST /v1/accounts/{id}/deposits"] = ["operator"],
        ["POST /v1/accounts/{id}/withdrawals"] = ["alice", "bob"],
        ["GET /v1/accounts/{id}/withdrawals/{withdrawalId}"] = ["alice", "bob", "operator", "auditor", "engine", "officer"],
        ["POST /v1/accounts/{id}/withdrawals/{withdrawalId}/cancel"] = ["alice", "bob"],
        ["POST /v1/accounts/{id}/transfers"] = ["alice", "bob"],
        ["POST /v1/accounts/{id}/transfers/{transferId}/cancel"] = ["alice", "bob"],
        ["POST /v1/custody/{source}/deposits"] = ["custodian", "engine", "oracle"],
        ["POST /v1/custody/{source}/finality"] = ["custodian", "engine", "oracle"],
        ["POST /v1/custody/{source}/withdrawals"] = ["custodian", "engine", "oracle"],
        ["GET /v1/ingest/{source}"] = ["custodian", "engine", "oracle"],
        ["GET /v1/accounts/{id}/positions"] = ["alice", "bob", "operator", "auditor", "engine", "officer"],
        ["GET /v1/accounts/{id}/orders"] = ["alice", "bob", "operator", "auditor", "engine", "officer"],
        ["GET /v1/accounts/{id}/collateral"] = ["alice", "bob", "operator", "auditor", "engine", "officer"],
        ["GET /v1/accounts/{id}/ledger"] = ["alice", "bob", "operator", "auditor", "engine", "officer"],
        ["GET /v1/accounts/{id}/funding"] = ["alice", "bob", "operator", "auditor", "engine", "officer"],
        ["GET /v1/accounts/{id}/equity-history"] = ["alice", "bob", "operator", "auditor", "engine", "officer"],
        ["GET /v1/accounts/{id}/settlements"] = ["alice", "bob", "operator", "auditor", "engine", "officer"],
        ["GET /v1/accounts/{id}/sub-accounts"] = ["alice", "bob", "operator", "auditor", "engine", "officer"],
        ["POST /v1/accounts/{id}/sub-accounts"] = ["alice", "bob"],
        ["POST /v1/accounts/{id}/sub-accounts/{subAccount}/allocations"] = ["alice", "bob"],
        ["POST /v1/accounts/{id}/sub-accounts/{subAccount}/releases"] = ["alice", "bob"],
        ["GET /v1/accounts/{id}/summary"] = ["alice", "bob", "operator", "auditor", "engine", "officer"],
        ["GET /v1/accounts/{id}/margin"] = ["alice", "bob", "operator", "auditor", "engine", "officer"],
        ["GET /v1/accounts/{id}/margin/explain"] = ["alice", "bob", "operator", "auditor", "engine", "officer"],
        ["GET /v1/accounts/{id}/greeks"] = ["alice", "bob", "operator", "auditor", "engine", "officer"],
        ["GET /v1/accounts/{id}/liquidation-prices"] = ["alice", "bob", "operator", "auditor", "engine", "officer"],
        ["GET /v1/accounts/{id}/limits"] = ["alice", "bob", "operator", "auditor", "engine", "officer"],
        ["GET /v1/accounts/{id}/risk-matrix"] = ["alice", "bob", "operator", "auditor", "engine", "officer"],
        ["GET /v1/accounts/{id}/adl-rank"] = ["alice", "bob", "operator", "auditor", "engine", "officer"],
        ["GET /v1/accounts/{id}/compare"] = ["alice", "bob", "operator", "auditor", "engine", "officer"],
        ["POST /v1/accounts/{id}/simulate"] = ["alice", "bob", "operator", "auditor", "engine", "officer"],
        ["POST /v1/orders/check"] = ["alice", "bob", "operator", "auditor", "engine", "officer"],
        ["POST /v1/instruments"] = ["operator"],
        ["GET /v1/instruments"] = ["alice", "bob", "operator", "auditor", "engine", "officer"],
        ["GET /v1/instruments/{instrument}"] = ["alice", "bob", "operator", "auditor", "engine", "officer"],
        ["POST /v1/sources"] = ["operator"],
        ["POST /v1/settlements"] = ["operator"],
        ["GET /v1/parameters"] = ["alice", "bob", "operator", "auditor", "engine", "officer"],
        ["GET /v1/parameters/versions"] = ["alice", "bob", "operator", "auditor", "engine", "officer"],
        ["POST /v1/parameters"] = ["officer"],
        ["POST /v1/feeds"] = ["operator"],
        ["POST /v1/prices"] = ["custodian", "engine", "oracle"],
        ["GET /v1/frames/latest"] = ["alice", "bob", "operator", "auditor", "engine", "officer"],
        ["POST /v1/funding"] = ["operator"],
        ["POST /v1/fills"] = ["custodian", "engine", "oracle"],
        ["PUT /v1/orders/{orderId}"] = ["custodian", "engine", "oracle"],
        ["DELETE /v1/orders/{orderId}"] = ["alice", "bob"],
        ["POST /v1/orders/mass-end"] = ["alice", "bob"],
        ["POST /v1/feeds/{source}/mass-end"] = ["operator"],
        ["GET /v1/feeds/{source}/end-requests"] = ["custodian", "engine", "oracle"],
        ["GET /v1/custody/{source}/withdrawals"] = ["custodian", "engine", "oracle"],
        ["GET /v1/pool"] = ["officer"],
        ["POST /v1/pool/shards/{shard}/set-aside"] = ["officer"],
        ["POST /v1/pool/shards/{shard}/bring-back"] = ["officer"],
        ["GET /v1/liquidation-orders"] = ["custodian", "engine", "oracle"],
        ["POST /v1/liquidation-orders/{orderId}/ack"] = ["custodian", "engine", "oracle"],
        ["POST /v1/liquidation-orders/{orderId}/reject"] = ["custodian", "engine", "oracle"],
        ["GET /v1/liquidations"] = ["auditor"],
        ["GET /v1/liquidations/{liquidation}"] = ["auditor"],
        ["GET /v1/accounts/{id}/liquidations"] = ["alice", "bob", "operator", "auditor", "engine", "officer"],
        ["POST /v1/backstops"] = ["operator"],
        ["GET /v1/insurance-fund"] = ["alice", "bob", "operator", "auditor", "engine", "officer"],
        ["POST /v1/insurance-fund/deposits"] = ["operator"],
        ["GET /v1/parked"] = ["operator"],
        ["POST /v1/parked/{address}/resolve"] = ["operator"],
        ["POST /v1/parked/{address}/set-aside"] = ["operator"],
        ["GET /v1/events/{address}"] = ["auditor"],
        ["GET /v1/audit/proofs/{address}"] = ["auditor"],
        ["GET /v1/audit/head"] = ["auditor"],
        ["POST /v1/audit/reprice"] = ["auditor"],
        ["GET /v1/audit/access"] = ["auditor"],
        ["POST /v1/audit/replays"] = ["auditor"],
        ["POST /v1/audit/verify"] = ["auditor"],
        ["POST /v1/simulate"] = ["alice", "bob", "operator", "auditor", "engine", "officer"],
        ["GET /v1/cluster"] = ["operator"],
        ["GET /v1/cluster/owners"] = Principals,
        ["GET /metrics"] = ["operator"],
    };

    private static readonly string[] OpenToAll = ["GET /health/startup", "GET /health/ready", "GET /health/live", "GET /health/audit"];

    private readonly VenueClient client = venue.Client;

    [Fact]
    public async Task The_matrix_of_routes_principals_and_accounts_holds_in_every_cell()
    {
        var (alices, bobs) = (await client.Funded("alice", "10"), await client.Funded("bob", "10"));
        var absent = "02" + alices[2..^4] + "0000";
        while ((await client.Get("auditor", "/v1/audit/access")).Status != 200)   // the start of the host is a record of its own
            await Task.Delay(10, TestContext.Current.CancellationToken);
        var before = await client.JournalHash();
        var routes = await Routes();
        routes.Except(OpenToAll).Order().ShouldBe(Scoped.Keys.Order());

        var cells = 0;
        foreach (var route in routes.Except(OpenToAll))
        {
            var (method, template) = (route.Split(' ')[0], route.Split(' ')[1]);
            string[] accounts = template.Contains("{id}") || InQuery(template) ? [alices, bobs, absent, "malformed"] : [""];
            foreach (var account in accounts)
            {
                foreach (var who in Principals)
                {
                    var path = template.Replace("{id}", account).Replace("{withdrawalId}", "1").Replace("{transferId}", "1").Replace("{source}", "vault")
                        .Replace("{address}", "0:9007199254740991").Replace("{instrument}", "1").Replace("{subAccount}", "1").Replace("{orderId}", "1").Replace("{shard}", "1")
                        .Replace("{liquidation}", $"{absent}:1");
                    if (template is "/v1/fills" or "/v1/prices") path += "?source=vault";
                    if (InQuery(template)) path += $"?account={account}";

                    // A body that the gate lets through is refused behind it, so that no cell changes anything.
                    var body = template == "/v1/parameters" ? "[]"u8.ToArray() : "{\"?\":1}"u8.ToArray();
                    var answer = await client.Send(
                        new HttpMethod(method), who, path, method is "GET" ? null : body, VenueClient.NewKey());
                    var seen = answer.Status < 400 ? "in" : answer.Code!;
                    seen.ShouldBe(Expected(route, who, account, alices, bobs), $"{who} {method} {path}");
                    cells++;
                }
            }
        }

        cells.ShouldBeGreaterThan(150);
        (await client.JournalHash()).ShouldBe(before);
    }

    private static bool InQuery(string template) => template.StartsWith("/v1/orders/", StringComparison.Ordinal);

    /// <summary>Of the machines here, only the custodian speaks for the source that the matrix names.</summary>
    private static bool NamesSource(string route) => (route.Contains("{source}") && route != "POST /v1/feeds/{source}/mass-end") || route is "POST /v1/fills" or "POST /v1/prices";

    private static string Expected(string route, string who, string account, string alices, string bobs)
    {
        if (who == "nobody") return "missing-credentials";
        if (!Scoped[route].Contains(who)) return "forbidden";
        if (NamesSource(route) && who != "custodian") return "forbidden";
        if (account == "malformed") return "malformed-id";
        if (account.Length > 0 && account != alices && account != bobs) return "not-found";
        if (account.Length > 0 && who is "alice" or "bob" && account.Length > 0 && account != (who == "alice" ? alices : bobs)) return "not-found";
        return route switch
        {
            "GET /v1/accounts/{id}/withdrawals/{withdrawalId}" or "GET /v1/events/{address}" or "GET /v1/audit/proofs/{address}"
                or "GET /v1/feeds/{source}/end-requests" or "GET /v1/liquidations/{liquidation}" or "GET /v1/instruments/{instrument}" or "GET /v1/frames/latest" => "not-found",
            "POST /v1/simulate" => "malformed-book",
            "POST /v1/parameters" or "DELETE /v1/orders/{orderId}" => "malformed-body",
            "GET /v1/accounts/{id}/margin" or "GET /v1/accounts/{id}/margin/explain" or "GET /v1/accounts/{id}/greeks"
                or "GET /v1/accounts/{id}/liquidation-prices" or "GET /v1/accounts/{id}/risk-matrix" or "GET /v1/accounts/{id}/compare" => "unpriced",
            _ when route.StartsWith("POST") || route.StartsWith("PUT") => "unknown-field",
            _ => "in",
        };
    }

    [Fact]
    public async Task A_foreign_account_and_an_absent_one_cannot_be_told_apart()
    {
        var bobs = await client.Open("bob");
        var absent = "02" + bobs[2..^4] + "0000";
        foreach (var rest in new[] { "", "/events", "/export", "/state", "/withdrawals/1", "?atSequence=1", "?minSequence=9", "/liquidations" })
        {
            var (foreign, missing) = (await client.Get("alice", $"/v1/accounts/{bobs}{rest}"), await client.Get("alice", $"/v1/accounts/{absent}{rest}"));
            Comparable(foreign, bobs).ShouldBe(Comparable(missing, absent));
        }

        static string Comparable(Answer answer, string account)
        {
            var json = (JsonObject)answer.ShouldBeProblem("not-found").Json;
            json.Remove("traceId");
            var headers = string.Join('\n', answer.Headers.Where(header => header.Key is not ("Date" or "RateLimit")).Select(header => header.Key).Order());
            return json.ToJsonString().Replace(account, "ACCOUNT") + headers;
        }
    }

    [Fact]
    public async Task A_source_is_granted_by_name()
    {
        (await client.Post("custodian", "/v1/custody/other/deposits", """{"items":[]}""", key: null)).ShouldBeProblem("forbidden");
        (await client.Get("custodian", "/v1/ingest/other?account=x")).ShouldBeProblem("forbidden");
    }

    [Fact]
    public async Task A_token_that_is_not_known_lets_nobody_in()
    {
        var token = client.Token("alice");
        foreach (var header in new[]
        {
            "Bearer ", "Bearer x", $"Bearer {token}x", $"Bearer {token[..^1]}", $"Bearer {token.ToUpperInvariant()}", $"Basic {token}",
            $"bearer {token}", token, "CM-HMAC-SHA256", "CM-HMAC-SHA256 ", "CM-HMAC-SHA256 keyId=custodian-1", $"Bearer {client.Token("custodian")}",
        })
        {
            var answer = await client.Get("nobody", "/v1/cluster", request => request.Headers.TryAddWithoutValidation("Authorization", header));
            answer.ShouldBeProblem("bad-credentials").Headers.WwwAuthenticate.ShouldNotBeEmpty();
        }
    }

    [Fact]
    public async Task Probes_answer_anybody_and_tell_nothing_else()
    {
        foreach (var (path, status) in new[] { ("/health/startup", "started"), ("/health/ready", "ready"), ("/health/live", "live"), ("/health/audit", "off") })
            (await client.Get("nobody", path)).ShouldBe(200).Text.ShouldBe($$"""{"status":"{{status}}"}""");
    }

    [Fact]
    public async Task The_metrics_show_every_shard_active_and_name_no_account()
    {
        var answer = (await client.Get("operator", "/metrics")).ShouldBe(200);
        answer.Text.ShouldContain("crossmargin_ready 1\n");
        answer.Text.ShouldContain("crossmargin_shards{database=\"main\",phase=\"active\"} 64\n");
        answer.Text.ShouldContain("crossmargin_alarms_total 0\n");
    }

    [Fact]
    public async Task The_cluster_shows_every_shard_active()
    {
        var silo = (await client.Get("operator", "/v1/cluster")).ShouldBe(200).Json["silos"]![0]!;
        silo["shards"]!.ToJsonString().ShouldBe("""{"active":64}""");
        silo["isReady"]!.GetValue<bool>().ShouldBeTrue();
    }

    [Fact]
    public async Task Answers_are_not_kept_by_caches_and_say_how_much_more_may_be_asked()
    {
        var answer = await client.Get("operator", "/v1/cluster");
        answer.Headers.CacheControl!.NoStore.ShouldBeTrue();
        answer.Headers.GetValues("X-Content-Type-Options").ShouldBe(["nosniff"]);
        answer.Headers.GetValues("RateLimit-Policy").Single().ShouldMatch("q=[0-9]+;w=1");
        answer.Headers.GetValues("RateLimit").Single().ShouldMatch("r=[0-9]+;t=1");
        answer.Headers.Contains("Server").ShouldBeFalse();
    }

    private async Task<List<string>> Routes()
    {
        var paths = (await client.Get("nobody", "/openapi/v1.json")).ShouldBe(200).Json["paths"]!.AsObject();
        return [.. paths.SelectMany(path => path.Value!.AsObject().Select(operation => $"{operation.Key.ToUpperInvariant()} {path.Key}"))];
    }
}
