using System.CommandLine;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace CrossMargin.Cli.Study;

/// <summary>One crash under several sets of rules, side by side; no server is asked.</summary>
internal static class StudyCommand
{
    private static readonly JsonSerializerOptions Written = new()
    {
        WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>A line of the table: what it is called, and what it says of a run.</summary>
    private sealed record Measure(string Name, string What, Func<WaterfallStudy, double> Of);

    private static readonly Measure[] Measures =
    [
        new("liquidated", "accounts that had a case", run => run.Tally.Liquidated),
        new("cases", "cases: an account may have several", run => run.Tally.Cases),
        new("cured", "cases that ended above the level", run => run.Tally.Cured),
        new("nothing left", "cases that ended with nothing at risk", run => run.Tally.NothingLeft),
        new("still open", "cases that were open in the last frame", run => run.Tally.StillOpen),
        new("slices", "orders into the books", run => run.Tally.Slices),
        new("closed, $", "positions sold, bought back, or given to others", run => run.Tally.Closed),
        new("over-liquidated, $", "of that, beyond the share of everything that maintenance asked for just then",
            run => run.Tally.OverLiquidated),
        new("taken beyond need, $", "margin equity above the level at which cured cases end", run => run.Tally.BeyondNeed),
        new("given up, $", "what positions went for worse than the mark", run => run.Tally.GivenUp),
        new("hedges broken", "steps after which an account had more of an underlying at risk", run => run.Tally.HedgesBroken),
        new("fund used, $", "debts that the fund paid", run => run.Tally.FundUsed),
        new("fund earned, $", "fees of fills better than bankruptcy", run => run.Tally.FundEarned),
        new("winners' profit taken, $", "shares of losses", run => run.Tally.WinnersTaken),
        new("owed at the end, $", "debts that nobody has paid", run => run.Owed),
        new("frames to cure, median", "from the frame that opened a case to the one that ended it",
            run => Quantile(run.Tally.FramesToCure, 0.5)),
        new("frames to cure, longest", "the same", run => Quantile(run.Tally.FramesToCure, 1)),
    ];

    public static Command Create()
    {
        var seed = new Option<long>("--seed")
        {
            Description = "Who holds what, and the course of prices.", HelpName = "N", DefaultValueFactory = _ => 1,
        };
        var file = new Option<string?>("--out")
        {
            Description = "Write the report there, with everything that it came from.", HelpName = "FILE",
        };
        var waterfall = new Command("waterfall", "One crash under our rules for liquidation, and under sets that act like those of others.")
        {
            seed, file,
        };
        waterfall.SetAction(asked => Waterfall(asked.GetValue(seed), asked.GetValue(file)));
        return new Command("study", "Experiments in one process: no server, no journal.") { waterfall };
    }

    private static int Waterfall(long seed, string? file)
    {
        var runs = WaterfallRules.All.AsParallel().AsOrdered()
            .Select(rules => (Rules: rules, Run: WaterfallStudy.Run(seed, rules))).ToArray();
        Table(seed, runs);
        if (file is not null) File.WriteAllText(file, Report(seed, runs));
        return runs.All(one => one.Run.IsConserved) ? ExitCode.Ok : ExitCode.Mismatch;
    }

    private static void Table(long seed, (WaterfallRules Rules, WaterfallStudy Run)[] runs)
    {
        Console.WriteLine(
            $"One crash under {runs.Length} sets of rules, seed {seed}: {Town.Crowd} in the crowd, {Town.Shorts} shorts, "
            + $"{Crash.Frames} frames.\n");
        Console.WriteLine($"| | {string.Join(" | ", runs.Select(one => one.Rules.Name))} |");
        Console.WriteLine($"|---|{string.Concat(runs.Select(_ => "---:|"))}");
        foreach (var measure in Measures)
            Console.WriteLine($"| {measure.Name} | {string.Join(" | ", runs.Select(one => Text(measure.Of(one.Run))))} |");
        Console.WriteLine($"| conserved to the unit | {string.Join(" | ", runs.Select(one => one.Run.IsConserved ? "yes" : "NO"))} |");
    }

    private static string Text(double value) => Math.Round(value).ToString("#,0", CultureInfo.InvariantCulture);

    public static string Report(long seed, (WaterfallRules Rules, WaterfallStudy Run)[] runs)
    {
        var results = new JsonArray();
        foreach (var (rules, run) in runs)
        {
            var measured = new JsonObject();
            foreach (var measure in Measures) measured[measure.Name] = Math.Round(measure.Of(run), 2);
            results.Add(new JsonObject
            {
                ["rules"] = rules.Name, ["like"] = rules.Like, ["parameters"] = rules.Liquidation, ["isConserved"] = run.IsConserved,
                ["results"] = measured,
            });
        }

        return new JsonObject
        {
            ["study"] = "waterfall", ["seed"] = seed,
            ["market"] = JsonSerializer.SerializeToNode(Crash.Inputs), ["town"] = JsonSerializer.SerializeToNode(Town.Inputs),
            ["measures"] = new JsonObject(Measures.Select(measure => KeyValuePair.Create(measure.Name, (JsonNode?)measure.What))),
            ["runs"] = results,
        }.ToJsonString(Written) + "\n";
    }

    private static double Quantile(IReadOnlyList<long> values, double part)
    {
        if (values.Count == 0) return 0;
        var sorted = values.Order().ToArray();
        return sorted[Math.Min(sorted.Length - 1, (int)(part * sorted.Length))];
    }
}
