using System.CommandLine;
using CrossMargin.Contracts;
using CrossMargin.Journal.Proofs;

namespace CrossMargin.Cli;

/// <summary>The options that more than one command has, spelt and explained once.</summary>
internal static class Options
{
    public static Option<OutputForm?> Output() => new("--output", "-o")
    {
        Description = "table or json. Without it a table on a terminal, JSON elsewhere.", HelpName = "FORM",
    };

    public static Option<string?> Server() => new("--server")
    {
        Description = "The venue, or several of its silos with commas. Without it CROSSMARGIN_SERVER, or http://127.0.0.1:8080.",
        HelpName = "URL",
    };

    public static Option<string?> TokenFile() => new("--token-file")
    {
        Description = "A file with the token of the one who asks. Without it CROSSMARGIN_TOKEN.", HelpName = "FILE",
    };

    public static Option<Anchor?> Anchor() => new("--anchor")
    {
        Description = "A head that was kept elsewhere, shard:position:hash. The proof has to lead through it.",
        HelpName = "HEAD",
        CustomParser = result =>
        {
            if (Journal.Proofs.Anchor.TryParse(result.Tokens[0].Value, out var anchor)) return anchor;
            result.AddError("--anchor is shard:position:hash, as an export's head is printed");
            return null;
        },
    };

    public static Option<Instant?> At() => new("--at")
    {
        Description = "As it was then, RFC 3339 in UTC, such as 2026-01-31T16:00:00Z.",
        HelpName = "TIME",
        CustomParser = result =>
        {
            if (Instant.TryParse(result.Tokens[0].Value, out var instant)) return instant;
            result.AddError("--at is RFC 3339 in UTC with at most six decimals, such as 2026-01-31T16:00:00Z");
            return null;
        },
    };

    public static OutputForm Form(this ParseResult asked, Option<OutputForm?> output) =>
        asked.GetValue(output) ?? (Console.IsOutputRedirected ? OutputForm.Json : OutputForm.Table);
}
