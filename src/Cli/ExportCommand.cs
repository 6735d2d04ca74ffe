using System.CommandLine;

namespace CrossMargin.Cli;

/// <summary>Takes a proof out of a venue, to keep it or to give it to somebody who has no access there.</summary>
internal static class ExportCommand
{
    public static Command Create()
    {
        var subject = new Argument<string>("account") { Description = "An account's id, or the address of one record, shard:position." };
        var to = new Option<string?>("--to") { Description = "The file. Without it standard output.", HelpName = "FILE" };
        var through = new Option<long?>("--through")
        {
            Description = "A position of the account's shard that the proof leads through, to hold a kept head against it.",
            HelpName = "POSITION",
        };
        var (output, server, token) = (Options.Output(), Options.Server(), Options.TokenFile());
        var command = new Command(
            "export", "Everything that happened to an account, or one record, as NDJSON with the proof that it is in the journal.")
        {
            subject, to, through, server, token, output,
        };
        command.SetAction(async (asked, cancel) =>
        {
            using var venue = Server.From(asked.GetValue(server), asked.GetValue(token));
            var path = PathOf(asked.GetValue(subject)!, asked.GetValue(through));
            if (asked.GetValue(to) is not { } file)
            {
                await using var standard = Console.OpenStandardOutput();
                await venue.Download(path, standard, cancel);
                return ExitCode.Ok;
            }

            await Download(venue, path, file, cancel);
            return VerifyCommand.Offline(file, anchor: null, asked.Form(output));
        });
        return command;
    }

    public static string PathOf(string subject, long? through)
    {
        var escaped = Uri.EscapeDataString(subject);
        if (!subject.Contains(':')) return $"/v1/accounts/{escaped}/export{(through is null ? "" : $"?through={through}")}";
        if (through is not null) throw new CommandFailed("--through is for the export of an account");
        return $"/v1/audit/proofs/{escaped}";
    }

    private static async Task Download(Server venue, string path, string file, CancellationToken cancel)
    {
        try
        {
            await using var destination = File.Create(file);
            await venue.Download(path, destination, cancel);
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailed($"{file} cannot be written: {failed.Message}");
        }
    }
}
