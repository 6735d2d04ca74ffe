using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using CrossMargin.Contracts;
using CrossMargin.Risk.Models;
using CrossMargin.Risk.Parameters;
using CrossMargin.Risk.Portfolios;
using CrossMargin.Risk.Tests.Models;
using Shouldly;

namespace CrossMargin.Risk.Tests.Parameters;

/// <summary>
/// Every number of every preset, with everything switched on, at the lowest and the highest value that the document
/// allows. The bounds are asked of the validation itself, so a parameter that is added is tested without being listed
/// here.
/// </summary>
public class ParameterExtremesTests
{
    public static TheoryData<string> Presets => [.. ParameterDocument.Presets];

    [Theory]
    [MemberData(nameof(Presets))]
    public void Every_parameter_at_its_minimum_and_maximum_gives_ordered_levels_or_is_refused_by_a_relation(
        string preset)
    {
        var template = ParameterDocumentTests.Template(preset);
        ReferenceModelTests.SwitchEverythingOn(template);
        var (evaluated, refused) = (0, 0);
        foreach (var pointer in Numbers(template, ""))
        {
            foreach (var bound in BoundsOf(template, pointer))
            {
                var changed = template.DeepClone();
                ParameterDocumentTests.Put(changed, pointer, $"\"{bound}\"");
                var errors = ParameterDocument.Read(Encoding.UTF8.GetBytes(changed.ToJsonString()), out var set);
                errors.ShouldNotContain(error => error.Message.StartsWith("must be", StringComparison.Ordinal)
                    && error.Pointer == pointer && error.Message.Contains("from"));
                if (set is null) refused++;
                else Evaluate(set, $"{preset} {pointer} = {bound}");
                if (set is not null) evaluated++;
            }
        }

        evaluated.ShouldBeGreaterThan(40);
        refused.ShouldBeLessThan(evaluated);
    }

    private static void Evaluate(ParameterSet set, string of)
    {
        var resolved = MarginModel.Resolve(set, Venue.Shared.Market, out var model);
        resolved.ShouldBe(Refusal.None, of);
        var arrays = Fixtures.Arrays(model!);
        var (random, workspace) = (new Random(11), new RiskWorkspace());
        for (var i = 0; i < 5; i++)
        {
            var answer = PortfolioRisk.Evaluate(Venue.Shared.RandomAccount(random, 8, 3), model!, arrays, workspace);
            answer.Refusal.ShouldBe(Refusal.None, of);
            var report = answer.Value;
            report.MaintenanceMargin.ShouldBeGreaterThanOrEqualTo(Money.Zero, of);
            report.LiquidationEnd.ShouldBeGreaterThanOrEqualTo(report.MaintenanceMargin, of);
            report.InitialHard.ShouldBeGreaterThanOrEqualTo(report.LiquidationEnd, of);
            report.InitialMargin.ShouldBeGreaterThanOrEqualTo(report.InitialHard, of);
        }
    }

    /// <summary>Pointers to all decimal strings.</summary>
    private static IEnumerable<string> Numbers(JsonNode node, string pointer) => node switch
    {
        JsonObject map => map.SelectMany(property => Numbers(property.Value!, $"{pointer}/{property.Key}")),
        JsonArray list => list.SelectMany((item, i) => Numbers(item!, $"{pointer}/{i}")),
        _ => node.GetValueKind() == JsonValueKind.String && DecimalText.TryParse(node.GetValue<string>(), 9, out _)
            && !pointer.EndsWith("/name", StringComparison.Ordinal)
            ? [pointer] : [],
    };

    private static string[] BoundsOf(JsonNode template, string pointer)
    {
        var changed = template.DeepClone();
        ParameterDocumentTests.Put(changed, pointer, "\"-9000000001\"");
        var errors = ParameterDocument.Read(Encoding.UTF8.GetBytes(changed.ToJsonString()), out _);
        var message = errors.First(error => error.Pointer == pointer && error.Message.Contains(" to "))
            .Message.Split(' ');
        return [message[3], message[5]];
    }
}
