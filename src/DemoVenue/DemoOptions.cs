using System.Globalization;
using CrossMargin.DemoVenue.Clearing;
using CrossMargin.DemoVenue.Scenarios;
using CrossMargin.DemoVenue.Traders;

namespace CrossMargin.DemoVenue;

public sealed record DemoOptions(IReadOnlyList<Uri> Servers, string DataDirectory)
{
    public const string Usage =
        "usage: CrossMargin.DemoVenue [--server URL[,URL …]] [--data DIRECTORY] [--accounts N] [--seed N] [--scenario NAME]";

    public int Accounts { get; init; } = 300;

    public int Seed { get; init; } = 1;

    /// <summary>Null: people trade until they are stopped.</summary>
    public Scenario? Scenario { get; init; }

    public static DemoOptions Read(string[] args)
    {
        var options = new DemoOptions([new Uri("http://127.0.0.1:8080")], ".data");
        for (var i = 0; i < args.Length; i += 2)
        {
            var value = i + 1 < args.Length ? args[i + 1] : throw new DemoFailed(Usage);
            options = args[i] switch
            {
                "--server" => options with { Servers = Addresses(value) },
                "--data" => options with { DataDirectory = value },
                "--accounts" => options with { Accounts = Number(value, min: Member.Makers + 1) },
                "--seed" => options with { Seed = Number(value, min: 0) },
                "--scenario" => options with { Scenario = Named(value) },
                _ => throw new DemoFailed(Usage),
            };
        }

        return options;
    }

    /// <summary>Of one silo or of several.</summary>
    private static List<Uri> Addresses(string text) => [.. text.Split(',').Select(
        address => Uri.TryCreate(address, UriKind.Absolute, out var server) ? server : throw new DemoFailed(Usage))];

    private static Scenario Named(string name) => Scenario.All.FirstOrDefault(scenario => scenario.Name == name)
        ?? throw new DemoFailed($"{name} is no scenario: {string.Join(", ", Scenario.All.Select(scenario => scenario.Name))}");

    private static int Number(string text, int min) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= min && number <= 100_000
            ? number
            : throw new DemoFailed($"{text} is not a number from {min} to 100000");
}
