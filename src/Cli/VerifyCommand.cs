using System.CommandLine;
using System.Text.Json.Nodes;
using CrossMargin.Journal.Proofs;

namespace CrossMargin.Cli;

/// <summary>Is it true? Asked of a file alone, or of a venue about all of its journal.</summary>
internal static class VerifyCommand
{
    public static Command Create()
    {
        var offline = new Option<string?>("--offline")
        {
            Description = "A proof that was exported. No server is asked and no network used.", HelpName = "FILE",
        };
        var reprice = new Option<bool>("--reprice")
        {
            Description = "Let the venue decide every turn of every account again, from recorded frames and parameters, and compare.",
        };
        var (anchor, output, server, token) = (Options.Anchor(), Options.Output(), Options.Server(), Options.TokenFile());
        var command = new Command(
            "verify", "Compute an exported proof again; or let a venue read its whole journal again and compare: chain, live state, money. "
                + "Ends with 4 when something differs.") { offline, reprice, anchor, server, token, output };
        command.SetAction(async (asked, cancel) =>
        {
            var form = asked.Form(output);
            if (asked.GetValue(reprice) && asked.GetValue(offline) is not null)
                throw new CommandFailed("--reprice needs the market's frames, which are not in the file", "Leave --offline out.");
            if (asked.GetValue(offline) is { } file) return Offline(file, asked.GetValue(anchor), form);
            if (asked.GetValue(anchor) is not null)
                throw new CommandFailed("--anchor is held against a file", "Name the file with --offline.");
            using var venue = Server.From(asked.GetValue(server), asked.GetValue(token));
            return await Online(venue, asked.GetValue(reprice) ? "/v1/audit/reprice" : "/v1/audit/verify", form, cancel);
        });
        return command;
    }

    /// <summary>Every hash, then the fold of the records, then the head that the reader knows from elsewhere.</summary>
    public static int Offline(string file, Anchor? anchor, OutputForm form)
    {
        var findings = new Findings().Say("file", file);
        var broken = Check(file, anchor, findings);
        if (broken is not null) findings.Say("broken", broken);
        findings.Say("verdict", broken is null ? "agrees" : "differs").Write(form, Console.Out);
        return broken is null ? ExitCode.Ok : ExitCode.Mismatch;
    }

    private static string? Check(string file, Anchor? anchor, Findings findings)
    {
        try
        {
            var proof = ProofFile.Read(file);
            Describe(proof, findings);
            if (proof.Account is { } account)
            {
                var folded = ProofFile.Fold(account, proof.Records, _ => true)!;
                findings.Line("state", $"sha256 {folded.Hash}, folded from {proof.Records.Count} records");
                findings.Field("stateHash", folded.Hash.ToString());
            }

            return Held(proof, anchor, findings);
        }
        catch (ProofBroken broken)
        {
            findings.Field("line", broken.Line);
            return broken.Message;
        }
        catch (FoldBroken broken)
        {
            return broken.Message;
        }
    }

    private static void Describe(Proof proof, Findings findings)
    {
        var (first, last) = (proof.Records[0], proof.Records[^1]);
        if (proof.Account is { } account) findings.Say("account", account.ToString());
        else findings.Say("record", $"{last.Address} {last.Type} of {last.Grain}", "record", last.Address.ToString());
        findings
            .Line("records", $"{proof.Records.Count}, {first.Address} to {last.Address}, {first.Time} to {last.Time}")
            .Field("records", proof.Records.Count)
            .Line("chain", $"{proof.Links} links of shard {proof.Shard}, {proof.Links - proof.Records.Count} of them only hashes")
            .Field("links", proof.Links)
            .Say("head", proof.Head.ToString());
    }

    /// <summary>Null, or why the proof does not lead through the anchor.</summary>
    private static string? Held(Proof proof, Anchor? anchor, Findings findings)
    {
        if (anchor is null)
        {
            findings.Say("anchor", "none given: the file agrees with itself; that its head is the venue's is not shown", value: "none");
            return null;
        }

        findings.Say("anchor", anchor.ToString());
        return proof.Holds(anchor) switch
        {
            true => null,
            false => $"the chain in the file does not lead through {anchor}",
            null => $"the file has no link at {anchor.Shard}:{anchor.Position}: export it again with --through {anchor.Position}",
        };
    }

    private static async Task<int> Online(Server venue, string route, OutputForm form, CancellationToken cancel)
    {
        var answer = await venue.Post(route, [], cancel);
        Said(answer).Write(form, Console.Out);
        return (string?)answer["verdict"] == "agrees" ? ExitCode.Ok : ExitCode.Mismatch;
    }

    /// <summary>The venue's answer whole for programs, and the parts that it has as lines.</summary>
    public static Findings Said(JsonObject answer)
    {
        var findings = new Findings();
        foreach (var (name, value) in answer) findings.Field(name, value?.DeepClone());
        string[] counted = ["records", "grains", "decisions", "sweeps", "figures", "notAsked", "frames", "stateHash", "hash", "asOf"];
        foreach (var name in counted)
            if (answer[name] is { } value) findings.Line(name, value.ToString());
        foreach (var asset in answer["conservation"]?.AsArray() ?? []) findings.Line("money", MoneyLine((JsonObject)asset!));
        foreach (var finding in answer["findings"]?.AsArray() ?? [])
            findings.Line("found", $"{finding!["code"]} at {finding["where"]}: {finding["detail"]}");
        return findings.Line("verdict", answer["verdict"]!.ToString());
    }

    private static string MoneyLine(JsonObject asset) => string.Join("  ", asset
        .Where(part => part.Key == "difference" || part.Value!.ToString() != "0")
        .Select(part => part.Key == "asset" ? $"{part.Value,-6}" : $"{part.Key} {part.Value}"));
}
