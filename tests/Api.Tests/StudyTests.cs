using CrossMargin.Cli.Study;

namespace CrossMargin.Api.Tests;

/// <summary>What <c>crossmargin study</c> writes follows from its seed. One set of rules stands for all: they run the same code.</summary>
public sealed class StudyTests
{
    private static readonly WaterfallRules Auction = WaterfallRules.All.Single(rules => rules.Name == "auction");

    private static (string Report, bool IsConserved) Run(long seed)
    {
        var run = WaterfallStudy.Run(seed, Auction);
        return (StudyCommand.Report(seed, [(Auction, run)]), run.IsConserved);
    }

    [Fact]
    public async Task The_same_seed_writes_the_same_report_to_the_byte_and_another_seed_another_one()
    {
        var runs = await Task.WhenAll(new long[] { 1, 1, 2 }.Select(seed => Task.Run(() => Run(seed), TestContext.Current.CancellationToken)));
        runs[1].Report.ShouldBe(runs[0].Report);
        runs[2].Report.Replace("\"seed\": 2", "\"seed\": 1", StringComparison.Ordinal).ShouldNotBe(runs[0].Report);
        runs.ShouldAllBe(run => run.IsConserved);
    }
}
