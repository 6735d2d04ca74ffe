using System.Runtime.InteropServices;
using CrossMargin.DemoVenue;
using CrossMargin.DemoVenue.Clearing;
using CrossMargin.DemoVenue.Scenarios;

using var stop = new CancellationTokenSource();
using var onTerminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
using var onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
try
{
    var options = DemoOptions.Read(args);
    using var api = new ClearingApi(options.Server, new Credentials(options.DataDirectory));
    var session = await Session.Open(api, options, DateTimeOffset.UtcNow, stop.Token);
    if (options.Scenario is { } scenario) return await new ScenarioRun(api, session, scenario, Console.Out).UntilItsEnd(stop.Token) ? 0 : 2;
    await new LiveRun(api, session, Console.Out).UntilStopped(stop.Token);
    return 0;
}
catch (OperationCanceledException) when (stop.IsCancellationRequested)
{
    return args.Contains("--scenario") ? 1 : 0;   // a scenario that was stopped has shown nothing
}
catch (DemoFailed failed)
{
    Console.Error.WriteLine($"demo venue: {failed.Message}");
    return 1;
}

void Stop(PosixSignalContext signal)
{
    signal.Cancel = true;
    stop.Cancel();
}
