using CrossMargin.DemoVenue.Clearing;

namespace CrossMargin.DemoVenue.Tests;

/// <summary>However often a run dies, an account is opened once.</summary>
public sealed class AccountFileTests : IDisposable
{
    private readonly string directory = Directory.CreateTempSubdirectory("accounts").FullName;
    private readonly Dictionary<string, string> venue = [];   // accounts by key

    private AccountFile Accounts => new(Path.Combine(directory, "accounts"));

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public async Task What_was_opened_is_found_and_what_is_missing_is_opened()
    {
        var three = await Accounts.Open(3, Open, Cancel);
        var five = await Accounts.Open(5, Open, Cancel);
        five.Take(3).ShouldBe(three);
        (await Accounts.Open(1, Open, Cancel)).ShouldBe(five);
        venue.Values.ShouldBe(five, ignoreOrder: true);
    }

    [Fact]
    public async Task A_run_that_died_behind_the_question_asks_again_under_the_same_keys()
    {
        await Should.ThrowAsync<OperationCanceledException>(Accounts.Open(3, key =>
        {
            Open(key);
            throw new OperationCanceledException("killed");
        }, Cancel));
        var three = await Accounts.Open(3, Open, Cancel);
        venue.Values.ShouldBe(three, ignoreOrder: true, "none was opened that is not in the file");
    }

    private Task<string> Open(string key)
    {
        if (!venue.TryGetValue(key, out var account)) venue[key] = account = $"account-{venue.Count}";
        return Task.FromResult(account);
    }
}
