using CrossMargin.Bench.Journal;

namespace CrossMargin.Bench.Clearing;

/// <summary>What a trade and a frame cost a venue, how long it is away when its process dies, and how fast its past is read again; parts by name.</summary>
internal static class ClearingBench
{
    public static readonly string[] Parts = ["trades", "scale", "frames", "replay"];

    public static async Task Run(Report report, string[] parts)
    {
        if (parts.Except(Parts).FirstOrDefault() is { } unknown)
            throw new ArgumentException($"the clearing bench has no part {unknown}", nameof(parts));
        var chosen = parts.Length > 0 ? parts : Parts;

        if (chosen.Contains("scale")) ScaleBench.Run(report);
        if (!chosen.Except(["scale"]).Any()) return;

        using var server = await BenchServer.Start();
        if (chosen.Contains("trades")) await TradesBench.Run(report, server);
        if (chosen.Contains("frames")) await FramesBench.Run(report, server);
        if (chosen.Contains("replay")) await ReplayBench.Replay(report, server);
    }
}
