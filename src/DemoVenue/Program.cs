using System.Runtime.InteropServices;
using CrossMargin.DemoVenue;
using CrossMargin.DemoVenue.Clearing;
using CrossMargin.Clients;
using CrossMargin.DemoVenue.Scenarios;

using var stop = new CancellationTokenSource();
using var onTerminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
using var onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
try
{
    var options = DemoOptions.Read(args);
    using var clearinghouse = new Clearinghouse(options.Servers);
    var principals = new Principals(clearinghouse, options.DataDirectory);
    var session = await Session.Open(principals, options, DateTimeOffset.UtcNow, stop.Token);
    if (options.Scenario is { } scenario)
        return await new ScenarioRun(principals, session, scenario, Console.Out).UntilItsEnd(stop.Token) ? 0 : 2;
    await new LiveRun(principals, session, Console.Out).UntilStopped(stop.Token);
    return 0;
}
catch (OperationCanceledException) when (stop.IsCancellationRequested)
{
    return args.Contains("--scenario") ? 1 : 0;   // a scenario that was stopped has shown nothing
}
catch (Exception failed) when (failed is DemoFailed or ClearingFailed)
{
    Console.Error.WriteLine($"demo venue: {failed.Message}");
    return 1;
}

void Stop(PosixSignalContext signal)
{
    signal.Cancel = true;
    stop.Cancel();
}
