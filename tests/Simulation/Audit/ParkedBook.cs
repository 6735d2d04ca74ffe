using System.Text.Json;

namespace CrossMargin.Simulation.Audit;

/// <summary>A shard's own grain as its records have it: what is parked in it, in order, and what was given up.</summary>
internal sealed class ParkedBook
{
    private readonly List<(string Message, string Line)> parked = [];
    private readonly List<string> aside = [];

    public void Fold(string type, JsonElement payload)
    {
        if (type is not ("shard.parked.v1" or "shard.unparked.v1" or "shard.parked-set-aside.v1")) return;
        var message = $"{payload.GetProperty("from")}/{payload.GetProperty("grain")}";
        if (type == "shard.parked.v1") parked.Add((message, Line(payload, "reason")));
        else parked.RemoveAt(parked.FindIndex(known => known.Message == message));
        if (type == "shard.parked-set-aside.v1") aside.Add(Line(payload, "because"));
    }

    public string State() => $"parked={string.Join(',', parked.Select(one => one.Line))} aside={string.Join(',', aside)}";

    public static string StateOf(JsonElement saved) =>
        $"parked={string.Join(',', saved.GetProperty("parked").EnumerateArray().Select(one => Line(one, "reason")))}"
        + $" aside={string.Join(',', saved.GetProperty("setAside").EnumerateArray().Select(one => Line(one, "because")))}";

    private static string Line(JsonElement one, string why) =>
        $"{one.GetProperty("from")}/{one.GetProperty("grain")}/{one.GetProperty("type")}/{one.GetProperty(why)}";
}
