using System.Text.Json;

namespace CrossMargin.Simulation.Audit;

/// <summary>The link to the matching engines as its records have it: each order is sent once, and closed once.</summary>
internal sealed class LinkBook
{
    private readonly SortedDictionary<string, string> open = new(StringComparer.Ordinal);

    /// <summary>The line of the record that a command must cause.</summary>
    public string Expected(Request request) => request switch
    {
        Request.Acknowledge one => open.ContainsKey(one.Order)
            ? $"link.order-acknowledged.v1 order={one.Order}" : "link.command-refused.v1 command=acknowledge reason=unknown-liquidation-order",
        Request.Reject one => open.TryGetValue(one.Order, out var account)
            ? $"link.order-rejected.v1 account={account} order={one.Order} reason={one.Reason}"
            : "link.command-refused.v1 command=reject reason=unknown-liquidation-order",
        _ => throw new AuditFailure("I3", $"a link was asked for a {request.GetType().Name}"),
    };

    /// <summary>The line of the record that a message must cause; empty: none.</summary>
    public string ExpectedOfMessage(string type, JsonElement message) => type switch
    {
        "account.slice-ordered.v1" => $"link.order-sent.v1 account={Text("account", message)} case={message.GetProperty("case")} slice={message.GetProperty("slice")}",
        "account.conversion-ordered.v1" =>
            $"link.conversion-sent.v1 account={Text("account", message)} case={message.GetProperty("case")} conversion={message.GetProperty("conversion")}",
        "account.slice-called-back.v1" or "account.conversion-called-back.v1" => $"link.call-back-sent.v1 account={Text("account", message)} order={Text("order", message)}",
        "account.slice-ended.v1" or "account.conversion-ended.v1" => open.ContainsKey(Text("order", message)) ? $"link.order-closed.v1 order={Text("order", message)}" : "",
        _ => throw new AuditFailure("I4", $"a {type} is addressed to a link"),
    };

    private static string Text(string name, JsonElement of) => of.GetProperty(name).GetString()!;

    public void Fold(StoredRow row, JsonElement payload)
    {
        switch (row.Type)
        {
            case "link.order-sent.v1" or "link.conversion-sent.v1":
                var isNew = open.TryAdd(payload.GetProperty(row.Type == "link.order-sent.v1" ? "slice" : "conversion").GetProperty("order").GetString()!, Text("account", payload));
                AuditFailure.Unless(isNew, "I4", $"{row.Address} sends an order for a second time");
                break;
            case "link.order-rejected.v1" or "link.order-closed.v1":
                AuditFailure.Unless(open.Remove(Text("order", payload)), "I4", $"{row.Address} closes an order that is not open");
                break;
        }
    }

    public string State() => $"open={string.Join(',', open.Select(order => $"{order.Key}/{order.Value}"))}";

    public static string StateOf(ReadOnlyMemory<byte> saved)
    {
        using var document = JsonDocument.Parse(saved);
        var open = document.RootElement.GetProperty("open").EnumerateArray()
            .Select(order => $"{order.GetProperty("order")}/{order.GetProperty("account")}").Order(StringComparer.Ordinal);
        return $"open={string.Join(',', open)}";
    }
}
