using System.Runtime.Versioning;
using CrossMargin.Bench;
using CrossMargin.Bench.Clearing;
using CrossMargin.Bench.Journal;
using CrossMargin.Bench.Liquidation;

[assembly: SupportedOSPlatform("linux")]

// Every bench prints its figures as lines for people and as one JSON line each; the exit code is 1 when a bar is missed.
var report = new Report(Console.Out);
switch (args)
{
    case ["journal", .. var parts]:
        await JournalBench.Run(report, parts);
        break;

    case ["clearing", .. var parts]:
        await ClearingBench.Run(report, parts);
        break;

    case ["liquidation", .. var parts]:
        await LiquidationBench.Run(report, parts);
        break;

    default:
        Console.Error.WriteLine(
            $"usage: ./bench journal [{string.Join('|', JournalBench.Parts)}] … | ./bench clearing [{string.Join('|', ClearingBench.Parts)}] … "
                + $"| ./bench liquidation [{string.Join('|', LiquidationBench.Parts)}] …");
        return 2;
}

report.Table();
return report.ExitCode;
