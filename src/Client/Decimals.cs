using System.Globalization;
using System.Text.Json.Nodes;

namespace CrossMargin.Clients;

/// <summary>Amounts as the API writes them: one amount has one spelling.</summary>
public static class Decimals
{
    public static string Text(decimal amount) => amount.ToString("0.########", CultureInfo.InvariantCulture);

    public static decimal Read(JsonNode? text) => decimal.Parse((string)text!, CultureInfo.InvariantCulture);
}
