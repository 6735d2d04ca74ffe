using System.CommandLine;
using System.Text.Json.Nodes;
using CrossMargin.Contracts;
using CrossMargin.Journal.Proofs;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Cli;

/// <summary>
/// What was it then? An account is folded here, from its proved records; the whole venue is folded where its journal is.
/// </summary>
internal static class ReplayCommand
{
    private sealed record Moment(Instant? At, long? Sequence, long? Frame)
    {
        public bool Has(JournalRecord record) =>
            !(record.Time > At) && !(record.Version > Sequence) && !(record.Frame > Frame);

        public int Count => (At is null ? 0 : 1) + (Sequence is null ? 0 : 1) + (Frame is null ? 0 : 1);
    }

    public static Command Create()
    {
        var account = new Argument<string?>("account")
        {
            Description = "An account's id. Without it the whole venue.", Arity = ArgumentArity.ZeroOrOne,
        };
        var sequence = new Option<long?>("--at-sequence") { Description = "As it was after this many of its events.", HelpName = "N" };
        var frame = new Option<long?>("--at-frame")
        {
            Description = "As it was under this mark frame, before a later one was adopted.", HelpName = "N",
        };
        var file = new Option<string?>("--offline") { Description = "An exported account. No server is asked.", HelpName = "FILE" };
        var compare = new Option<bool>("--compare")
        {
            Description = "Hold the result against the venue's own, byte for byte. Ends with 4 when it differs.",
        };
        var (at, output, server, token) = (Options.At(), Options.Output(), Options.Server(), Options.TokenFile());
        var command = new Command("replay", "Fold the journal from its beginning to an instant, a sequence or a frame, or to its end.")
        {
            account, at, sequence, frame, file, compare, server, token, output,
        };
        command.SetAction(async (asked, cancel) =>
        {
            var moment = new Moment(asked.GetValue(at), asked.GetValue(sequence), asked.GetValue(frame));
            if (moment.Count > 1) throw new CommandFailed("--at, --at-sequence and --at-frame exclude each other");
            var form = asked.Form(output);
            if (asked.GetValue(file) is { } path)
            {
                if (asked.GetValue(compare) || asked.GetValue(account) is not null)
                    throw new CommandFailed("--offline asks no server", "Leave out the account and --compare; the file names its account.");
                return Offline(path, moment, form);
            }

            using var venue = Server.From(asked.GetValue(server), asked.GetValue(token));
            if (asked.GetValue(account) is { } id) return await Account(venue, id, moment, asked.GetValue(compare), form, cancel);
            if (moment.Sequence is not null)
                throw new CommandFailed("a venue has no sequence", "Name an account, or use --at or --at-frame.");
            if (asked.GetValue(compare)) throw new CommandFailed("a venue is compared by verify", "Try crossmargin verify.");
            return await Venue(venue, moment, form, cancel);
        });
        return command;
    }

    private static int Offline(string file, Moment moment, OutputForm form)
    {
        try
        {
            var proof = ProofFile.Read(file);
            if (proof.Account is not { } account) throw new CommandFailed($"{file} proves one record and no account's history");
            Describe(account, Fold(account, proof, moment), proof).Write(form, Console.Out);
            return ExitCode.Ok;
        }
        catch (Exception broken) when (broken is ProofBroken or FoldBroken)
        {
            throw new CommandFailed(
                $"{file}: {broken.Message}", "Nothing is replayed from a file that is not what it says.", ExitCode.Mismatch);
        }
    }

    private static async Task<int> Account(Server venue, string id, Moment moment, bool compares, OutputForm form, CancellationToken cancel)
    {
        using var buffer = new MemoryStream();
        await venue.Download(ExportCommand.PathOf(id, through: null), buffer, cancel);
        buffer.Position = 0;
        try
        {
            using var reader = new StreamReader(buffer);
            var proof = Proof.Read(reader);
            if (proof.Account is not { } account)
                throw new CommandFailed($"{id} is not an account", "An account's id is a UUID that begins with 02.");
            var replayed = Fold(account, proof, moment);
            var findings = Describe(account, replayed, proof);
            var isSame = !compares || await Compare(venue, account, replayed, findings, cancel);
            findings.Write(form, Console.Out);
            return isSame ? ExitCode.Ok : ExitCode.Mismatch;
        }
        catch (Exception broken) when (broken is ProofBroken or FoldBroken)
        {
            throw new CommandFailed($"what the venue sent: {broken.Message}", remedy: null, ExitCode.Mismatch);
        }
    }

    private static Replayed Fold(GrainId account, Proof proof, Moment moment) =>
        ProofFile.Fold(account, proof.Records, moment.Has)
            ?? throw new CommandFailed(
                "the account was not open then", $"Its first record is of {proof.Records[0].Time}, frame {proof.Records[0].Frame}.",
                ExitCode.NotFound);

    private static Findings Describe(GrainId account, Replayed replayed, Proof proof) => new Findings()
        .Say("account", account.ToString())
        .Line("sequence", $"{replayed.Last.Version} of {proof.Records.Count}")
        .Field("sequence", replayed.Last.Version)
        .Say("record", $"{replayed.Last.Address} {replayed.Last.Type}", "address", replayed.Last.Address.ToString())
        .Say("recorded", replayed.Last.Time.ToString(), "recordedAt")
        .Say("frame", replayed.Last.Frame.ToString(), value: replayed.Last.Frame)
        .Say("head", proof.Head.ToString())
        .Say("sha256", replayed.Hash.ToString(), "stateHash")
        .State(replayed.Json);

    private static async Task<bool> Compare(Server venue, GrainId account, Replayed replayed, Findings findings, CancellationToken cancel)
    {
        var theirs = await venue.Get($"/v1/accounts/{account}/state?atSequence={replayed.Last.Version}", cancel);
        var isSame = (string?)theirs["stateHash"] == replayed.Hash.ToString();
        findings.Line("compared", isSame ? "the venue's state has the same bytes" : $"the venue's state is {theirs["stateHash"]}");
        findings.Field("compared", isSame);
        return isSame;
    }

    private static async Task<int> Venue(Server venue, Moment moment, OutputForm form, CancellationToken cancel)
    {
        var body = new JsonObject();
        if (moment.At is { } at) body["asOf"] = at.ToString();
        if (moment.Frame is { } frame) body["frame"] = frame;
        var answer = await venue.Post("/v1/audit/replays", body, cancel);
        VerifyCommand.Said(answer).Write(form, Console.Out);
        return (string?)answer["verdict"] == "agrees" ? ExitCode.Ok : ExitCode.Mismatch;
    }
}
