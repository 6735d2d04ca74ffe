namespace CrossMargin.Api.Tests;

/// <summary>Where tokens lie, and where they must not.</summary>
[Collection(VenueFixture.TheVenue)]
public sealed class SecretTests(VenueFixture venue)
{
    [Fact]
    public void Secrets_lie_in_files_that_only_their_owner_can_read()
    {
        foreach (var file in Directory.GetFiles(Path.Combine(venue.Host.DataDirectory, "tokens")).Append(Path.Combine(venue.Host.DataDirectory, "access.json")))
            File.GetUnixFileMode(file).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite, file);
        File.ReadAllText(Path.Combine(venue.Host.DataDirectory, "access.json")).ShouldNotContain(venue.Client.Token("alice"));
    }

    [Fact]
    public async Task The_log_has_no_secret_and_nothing_of_a_body()
    {
        var account = await venue.Client.Open("alice");
        const string canary = "canary-7d3f";
        await venue.Client.Post("operator", $"/v1/accounts/{account}/deposits", VenueClient.DepositBody("1", reference: canary));
        await venue.Client.Post("operator", $"/v1/accounts/{account}/deposits", $"{{\"{canary}\":");
        await venue.Client.Get("alice", $"/v1/accounts/{account}?{canary}=1");
        venue.Host.Said.ShouldNotContain(canary);
        foreach (var who in new[] { "alice", "bob", "operator", "auditor", "custodian" }) venue.Host.Said.ShouldNotContain(venue.Client.Token(who));
    }
}
