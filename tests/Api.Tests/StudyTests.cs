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
    public async Task The_same_seed_writes_the_same_report_to_the_byte_and_money_and_contracts_are_conserved()
    {
        var runs = await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => Task.Run(() => Run(seed: 1), TestContext.Current.CancellationToken)));
        runs[1].Report.ShouldBe(runs[0].Report);
        runs.ShouldAllBe(run => run.IsConserved);
    }
}
