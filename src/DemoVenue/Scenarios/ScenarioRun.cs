using System.Diagnostics;
using CrossMargin.Clients;
using CrossMargin.DemoVenue.Clearing;

namespace CrossMargin.DemoVenue.Scenarios;

/// <summary>Drives a session through a scenario, and ends with what became of its members.</summary>
public sealed class ScenarioRun(Principals principals, Session session, Scenario scenario, TextWriter output)
{
    private const int StepsBetweenLines = 5;

    /// <returns>Whether money and contracts were conserved to the unit.</returns>
    public async Task<bool> UntilItsEnd(CancellationToken cancel)
    {
        var summary = new LiveSummary(principals, session, output);
        var step = 0;
        foreach (var stretch in scenario.Course)
        {
            for (var i = 0; i < stretch.Steps; i++)
            {
                var began = Stopwatch.StartNew();
                await session.Advance(stretch.Push, cancel);
                if (++step % StepsBetweenLines == 0 && stretch.Pace == Pace.Clock) await summary.Print(cancel);
                var left = Session.Step - began.Elapsed;
                if (stretch.Pace == Pace.Clock && left > TimeSpan.Zero) await Task.Delay(left, cancel);
            }
        }

        await summary.Print(cancel);
        var accounts = session.Market.Members.Select(member => member.Account).Append(session.Backstop);
        var outcome = await Outcome.Read(principals, accounts, cancel);
        var verdict = (await principals.Auditor.Query("/v1/audit/verify", [], cancel)).Expect("verifying the journal");
        var isConserved = (string?)verdict["verdict"] == "agrees";
        await output.WriteLineAsync();
        await output.WriteLineAsync($"{scenario.Name}: {session.Market.Members.Count} members, {step} steps, {session.Trades} trades");
        await outcome.Print(output);
        await output.WriteLineAsync($"  conserved to the unit    {(isConserved ? "yes" : $"NO: {verdict.ToJsonString()}")}");
        return isConserved;
    }
}
