using CrossMargin.RiskBench;

if (args is not ["risk", ..])
{
    Console.Error.WriteLine("usage: RiskBench risk");
    return 2;
}

var figures = new Figures("risk");
SweepBench.Run(figures, accountCount: 100_000);
SweepBench.Run(figures, accountCount: 1_000_000);
ArraysBench.Run(figures);
SingleBench.Run(figures);
return figures.Finish();
