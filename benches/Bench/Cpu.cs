using System.Diagnostics;
using CrossMargin.Journal.Embedded;

namespace CrossMargin.Bench;

/// <summary>
/// Processor time up to now, in seconds: this process, the server with all its processes, and the whole machine.
/// </summary>
public readonly record struct Cpu(double OursSeconds, double ServerSeconds, double MachineSeconds)
{
    private const double TicksPerSecond = 100;

    public static Cpu Now(EmbeddedPostgres server)
    {
        using var self = Process.GetCurrentProcess();
        return new Cpu(self.TotalProcessorTime.TotalSeconds, OfServer(server.Pid), OfMachine());
    }

    public static Cpu operator -(Cpu after, Cpu before) => new(
        after.OursSeconds - before.OursSeconds, after.ServerSeconds - before.ServerSeconds,
            after.MachineSeconds - before.MachineSeconds);

    /// <summary>Cores that somebody else used meanwhile.</summary>
    public double ForeignCores(TimeSpan elapsed) =>
        Math.Max(0, (MachineSeconds - OursSeconds - ServerSeconds) / elapsed.TotalSeconds);

    /// <summary>The first process with the children it has buried, and every child that lives.</summary>
    private static double OfServer(int pid)
    {
        var children = File.ReadAllText($"/proc/{pid}/task/{pid}/children")
            .Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return (Ticks($"/proc/{pid}/stat", fields: 4)
            + children.Sum(child => Ticks($"/proc/{child}/stat", fields: 2))) / TicksPerSecond;
    }

    private static long Ticks(string stat, int fields)
    {
        try
        {
            // utime, stime, cutime, cstime are the 12th to 15th fields after the name, which stands in parentheses.
            var text = File.ReadAllText(stat);
            return text[(text.LastIndexOf(')') + 2)..].Split(' ').Skip(11).Take(fields).Sum(long.Parse);
        }
        catch (IOException)
        {
            return 0;   // ended since it was listed
        }
    }

    private static double OfMachine()
    {
        // user, nice, system, (idle, iowait,) irq, softirq
        var fields = File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(1)
            .Select(long.Parse).ToArray();
        return (fields[0] + fields[1] + fields[2] + fields[5] + fields[6]) / TicksPerSecond;
    }
}

/// <summary>A measured run: how many rows, how long, and what it cost whom.</summary>
public readonly record struct Run(int Rows, TimeSpan Elapsed, Cpu Cpu)
{
    public double RowsPerSecond => Rows / Elapsed.TotalSeconds;
    public double OurMicrosPerRow => Cpu.OursSeconds * 1e6 / Rows;
    public double ServerMicrosPerRow => Cpu.ServerSeconds * 1e6 / Rows;
    public double ForeignCores => Cpu.ForeignCores(Elapsed);

    public static Run Measure(EmbeddedPostgres server, int rows, Action work)
    {
        GC.Collect();
        var before = Cpu.Now(server);
        var watch = Stopwatch.StartNew();
        work();
        return new Run(rows, watch.Elapsed, Cpu.Now(server) - before);
    }
}
