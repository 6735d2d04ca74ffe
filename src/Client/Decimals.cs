using System.Globalization;
using System.Text.Json.Nodes;

namespace CrossMargin.Clients;

/// <summary>Amounts as the API writes them: one amount has one spelling, and all of its decimals are in it.</summary>
public static class Decimals
{
    private const string AllDecimals = "0.############################";

    public static string Text(decimal amount) => amount == 0 ? "0" : amount.ToString(AllDecimals, CultureInfo.InvariantCulture);

    public static decimal Read(JsonNode? text) => decimal.Parse((string)text!, CultureInfo.InvariantCulture);
}
