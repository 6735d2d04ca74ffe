using CrossMargin.Clients;

namespace CrossMargin.DemoVenue.Clearing;

/// <summary>
/// Accounts that this venue has opened, one a line. The key of one that is to be opened stands there before anybody is asked, so that a
/// run that was killed in between does not leave an account that nobody knows.
/// </summary>
public sealed class AccountFile(string path)
{
    private const string Key = "key ";

    /// <param name="open">Under a key, the account.</param>
    /// <returns>All that are in the file, so many at least.</returns>
    public async Task<IReadOnlyList<string>> Open(int count, Func<string, Task<string>> open, CancellationToken cancel)
    {
        List<string> lines = File.Exists(path) ? [.. await File.ReadAllLinesAsync(path, cancel)] : [];
        while (lines.Count < count) lines.Add(Key + ClearingClient.NewKey());
        if (!lines.Exists(IsKey)) return lines;

        await Write(lines, cancel);
        string[] opened = await Task.WhenAll(lines.Select(line => IsKey(line) ? open(line[Key.Length..]) : Task.FromResult(line)));
        await Write(opened, cancel);
        return opened;
    }

    private static bool IsKey(string line) => line.StartsWith(Key, StringComparison.Ordinal);

    private async Task Write(IEnumerable<string> lines, CancellationToken cancel)
    {
        await File.WriteAllLinesAsync(path + ".new", lines, cancel);
        File.Move(path + ".new", path, overwrite: true);
    }
}
