using System.Text.RegularExpressions;
using Shouldly;
using Xunit;

namespace CrossMargin.Architecture.Tests;

/// <summary>What the compiler does not check: purity that only shows in the text, and the size of things.</summary>
public sealed partial class SourceTests
{
    private static readonly string[] PureCore = ["src/Contracts", "src/Runtime", "src/Risk", "src/Grains"];

    /// <summary>The order of a hashed collection is no order. It may be looked into by key, and never walked.</summary>
    [Fact]
    public void No_hashed_collection_is_walked_in_the_pure_core()
    {
        var found = new List<string>();
        foreach (var file in Repository.Sources(PureCore))
        {
            var text = File.ReadAllText(file);
            foreach (Match declared in HashedCollection().Matches(text))
            {
                var name = Regex.Escape(declared.Groups["name"].Value);
                if (Regex.IsMatch(text, $@"foreach\s*\([^)]*\bin\s+{name}(\.(Keys|Values))?\s*\)|\b{name}(\.(Keys|Values))?\.(Select|Where|ToArray|ToList|Any|Sum|First|Aggregate)\("))
                    found.Add($"{Repository.Relative(file)}: {declared.Groups["name"].Value}");
            }
        }

        found.ShouldBeEmpty();
    }

    [Fact]
    public void The_pure_core_has_no_async_code() => Lines(PureCore, AsyncCode()).ShouldBeEmpty();

    [Fact]
    public void Double_is_for_risk_only() =>
        Lines(["src/Contracts/Numbers", "src/Contracts/Accounts", "src/Runtime", "src/Grains"], FloatingPoint()).ShouldBeEmpty();

    [Fact]
    public void Decimal_stays_at_the_edges() => Lines(["src/Contracts", "src/Runtime", "src/Risk", "src/Grains", "src/Journal"], DecimalType()).ShouldBeEmpty();

    /// <summary>Whoever catches everything and goes on hides the bug: the few places that may are named here.</summary>
    [Fact]
    public void Everything_is_caught_only_where_somebody_is_told() =>
        Repository.Sources("src").Where(file => EmptyCatch().IsMatch(File.ReadAllText(file))).Select(Repository.Relative).ShouldBeEmpty();

    [Fact]
    public void No_folder_is_named_after_nothing() => Repository.Sources("src", "tests", "bench")
        .Select(Repository.Relative)
        .Where(file => MeaninglessFolder().IsMatch(file)).ShouldBeEmpty();

    [Fact]
    public void A_file_over_600_lines_says_why_on_its_first_line() => Repository.Sources("src", "tests", "bench")
        .Where(file => File.ReadLines(file).Count() > 600 && !File.ReadLines(file).First().StartsWith("// Long because", StringComparison.Ordinal))
        .Select(Repository.Relative).ShouldBeEmpty();

    [Fact]
    public void No_line_is_longer_than_140_characters() => Repository.Sources("src")
        .SelectMany(file => File.ReadLines(file).Select((line, index) => (File: Repository.Relative(file), Line: index + 1, line.Length)))
        .Where(line => line.Length > 140).Select(line => $"{line.File}:{line.Line}").ShouldBeEmpty();

    private static IEnumerable<string> Lines(string[] folders, Regex pattern) => Repository.Sources(folders)
        .SelectMany(file => File.ReadLines(file).Select((line, index) => (File: Repository.Relative(file), Number: index + 1, Text: line)))
        .Where(line => !line.Text.TrimStart().StartsWith("//", StringComparison.Ordinal) && pattern.IsMatch(line.Text))
        .Select(line => $"{line.File}:{line.Number}: {line.Text.Trim()}");

    [GeneratedRegex(@"(?<!Frozen)(?<!Sorted)(Dictionary|HashSet)<[^;=]*>\??\s+(?<name>\w+)")]
    private static partial Regex HashedCollection();

    [GeneratedRegex(@"\b(async|await)\b")]
    private static partial Regex AsyncCode();

    [GeneratedRegex(@"\b(double|float)\b")]
    private static partial Regex FloatingPoint();

    [GeneratedRegex(@"\bdecimal\b(?! (places|string|text|form))")]
    private static partial Regex DecimalType();

    [GeneratedRegex(@"catch\s*(\([^)]*\))?\s*(when[^{]*)?\{\s*\}")]
    private static partial Regex EmptyCatch();

    [GeneratedRegex(@"/(Common|Helpers|Utils|Services|Managers)/")]
    private static partial Regex MeaninglessFolder();
}
