using System.Collections.Immutable;
using System.Text.Json.Nodes;
using CrossMargin.Contracts.Parameters;
using CrossMargin.Risk.Parameters;

namespace CrossMargin.Cli.Study;

/// <summary>One way to liquidate, as a parameter set: the same margin model, other rules for what happens below it.</summary>
internal sealed record WaterfallRules(string Name, string Like, ParameterText Document)
{
    private const string Preset = "grid-pm";

    public static readonly ImmutableArray<WaterfallRules> All =
    [
        new("default", "what a venue starts with", Edited((_, _) => { })),
        new("order-book",
            "a tenth of the riskiest position at a time into the book, at a spread that the margin caps, until maintenance is met",
            Edited((set, rules) =>
            {
                set["liquidationEnd"] = "0";
                rules["policy"] = "riskiest-first";
                rules["sliceCap"] = "100000";
                rules["slicePatienceMs"] = 1_000;
                rules["sliceShare"] = new JsonObject { ["most"] = "0.1", ["atLeast"] = "1000" };
                rules["backstopBelow"] = "0";
                rules["backstopAfterSlices"] = 100;
            })),
        new("auction", "a share of everything at a price that falls until somebody takes it, up to a buffer above maintenance",
            Edited((set, rules) =>
            {
                set["liquidationEnd"] = "0.6";
                rules["policy"] = "pro-rata";
                rules["slicePatienceMs"] = 1_000;
                rules["fallingLimit"] = new JsonObject { ["from"] = "0.005", ["step"] = "0.005", ["to"] = "0.3" };
                rules["backstopBelow"] = "0";
                rules["backstopAfterSlices"] = 100;
            })),
        new("takeover", "whole positions at the bankruptcy price, to whoever agreed to take them over, with nothing sold before",
            Edited((set, rules) =>
            {
                set["liquidationEnd"] = "1";
                rules["policy"] = "riskiest-first";
                rules["backstopBelow"] = "1";
                rules["pacePerMarket"] = "1";
                rules["slicePatienceMs"] = 1_000;
            })),
    ];

    /// <summary>What differs between the sets.</summary>
    public JsonNode Liquidation
    {
        get
        {
            var set = JsonNode.Parse(Document.Json)!;
            return new JsonObject
            {
                ["liquidationEnd"] = set["liquidationEnd"]!.DeepClone(), ["liquidation"] = set["liquidation"]!.DeepClone(),
            };
        }
    }

    private static ParameterText Edited(Action<JsonObject, JsonObject> edit)
    {
        var set = JsonNode.Parse(ParameterDocument.PresetText(Preset))!.AsObject();
        edit(set, set["liquidation"]!.AsObject());
        var text = System.Text.Encoding.UTF8.GetBytes(set.ToJsonString());
        var errors = ParameterDocument.Read(text, out _);
        return errors.IsEmpty ? ParameterText.Compact(text) : throw new InvalidOperationException(string.Join("; ", errors));
    }
}
