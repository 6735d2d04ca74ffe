using System.Xml.Linq;
using Shouldly;
using Xunit;

namespace CrossMargin.Architecture.Tests;

/// <summary>Who may know whom. An arrow that is not here is a decision, and starts with an ADR.</summary>
public sealed class ArrowTests
{
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Contracts"] = [],
        ["Runtime"] = ["Contracts"],
        ["Risk"] = ["Contracts"],
        ["Grains"] = ["Contracts", "Runtime", "Risk"],
        ["Journal"] = ["Contracts", "Runtime"],
        ["Silo"] = ["Contracts", "Runtime", "Risk", "Grains", "Journal"],
        ["Api"] = ["Contracts", "Runtime", "Risk", "Grains", "Journal", "Silo"],
        ["Client"] = [],   // it knows the public API and nothing else of ours (docs/adr/0007)
        ["Cli"] = ["Contracts", "Runtime", "Journal", "Risk", "Grains", "Client"],
        ["DemoVenue"] = ["Client"],
    };

    public static TheoryData<string> Projects =>
        [.. Directory.EnumerateDirectories(Path.Combine(Repository.Root, "src")).Select(folder => Path.GetFileName(folder)).Order()];

    [Theory]
    [MemberData(nameof(Projects))]
    public void A_project_knows_only_what_it_may(string project)
    {
        var file = XDocument.Load(Path.Combine(Repository.Root, "src", project, $"{project}.csproj"));
        var known = file.Descendants("ProjectReference").Select(reference => Path.GetFileNameWithoutExtension((string)reference.Attribute("Include")!));
        known.ShouldBeSubsetOf(Allowed[project]);
    }

    /// <summary>A library with one caller would be a part of it.</summary>
    [Fact]
    public void The_client_library_serves_the_demo_venue_the_command_line_and_the_tests_of_clusters()
    {
        foreach (var user in (string[])["src/DemoVenue/DemoVenue.csproj", "src/Cli/Cli.csproj", "tests/Cluster/Cluster.csproj"])
            XDocument.Load(Path.Combine(Repository.Root, user)).Descendants("ProjectReference")
                .ShouldContain(reference => ((string)reference.Attribute("Include")!).EndsWith("/Client/Client.csproj"), user);
    }

    [Theory]
    [InlineData("Contracts")]
    [InlineData("Runtime")]
    [InlineData("Risk")]
    [InlineData("Grains")]
    public void The_pure_core_is_built_under_the_list_of_banned_symbols(string project)
    {
        var path = Path.Combine(Repository.Root, "src", project, $"{project}.csproj");
        Assert.SkipUnless(File.Exists(path), $"{project} does not exist yet");
        var file = XDocument.Load(path);
        file.Descendants("PureCore").ShouldHaveSingleItem().Value.ShouldBe("true");
        file.Descendants("NoWarn").ShouldBeEmpty();
        file.Descendants("FrameworkReference").ShouldBeEmpty();
        file.Descendants("PackageReference").ShouldBeEmpty();
    }

    [Fact]
    public void Each_banned_symbol_names_what_to_use_instead()
    {
        foreach (var line in File.ReadLines(Path.Combine(Repository.Root, "BannedSymbols.txt")))
        {
            var parts = line.Split(';', 2);
            parts.Length.ShouldBe(2, line);
            parts[1].Length.ShouldBeGreaterThan(10, line);
        }
    }
}
