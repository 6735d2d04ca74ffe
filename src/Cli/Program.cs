using System.CommandLine;
using CrossMargin.Cli;
using CrossMargin.Cli.Study;

var root = new RootCommand("CrossMargin from the command line: what the journal says, and whether it is true.")
{
    VerifyCommand.Create(), ReplayCommand.Create(), ExportCommand.Create(), StudyCommand.Create(),
};
var parsed = root.Parse(args);
if (parsed.Errors.Count > 0)
{
    foreach (var error in parsed.Errors) Console.Error.WriteLine($"crossmargin: {error.Message}");
    Console.Error.WriteLine("Try crossmargin --help.");
    return ExitCode.Error;
}

using var stopped = new CancellationTokenSource();
Console.CancelKeyPress += (_, pressed) =>
{
    pressed.Cancel = true;
    stopped.Cancel();
};
try
{
    return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false }, stopped.Token);
}
catch (CommandFailed failed)
{
    Console.Error.WriteLine($"crossmargin: {failed.Message}");
    if (failed.Remedy is not null) Console.Error.WriteLine(failed.Remedy);
    return failed.Code;
}
catch (OperationCanceledException)
{
    Console.Error.WriteLine("crossmargin: stopped");
    return ExitCode.Error;
}
