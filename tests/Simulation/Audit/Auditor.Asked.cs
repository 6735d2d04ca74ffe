using System.Text.Json;

namespace CrossMargin.Simulation.Audit;

/// <summary>A refusal of an account says what was asked, word for word, so that anybody can decide it again.</summary>
internal sealed partial class Auditor
{
    private static void CheckAsked(StoredRow row, JsonElement payload, Request request)
    {
        if (row.Type != "account.command-refused.v1") return;
        AuditFailure.Unless(payload.TryGetProperty("asked", out var asked), "I11", $"{row.Address} refuses and does not say what");
        if (TermsOf(request) is not { } terms) return;
        foreach (var (field, term) in terms)
        {
            AuditFailure.Unless(
                asked.TryGetProperty(field, out var said) && said.ToString() == term, "I11", $"{row.Address} refuses {asked}, and {field} was {term}");
        }
    }

    /// <summary>Of what the simulator's people ask most; null for the rest.</summary>
    private static (string Field, string Term)[]? TermsOf(Request request) => request switch
    {
        Request.Deposit one => [("amount", StoredFormat.Text(one.Asset, one.Units)), ("reference", one.Reference)],
        Request.Withdraw one => [("amount", StoredFormat.Text(one.Asset, one.Units)), ("destination", one.Destination)],
        Request.Transfer one => [("amount", StoredFormat.Text(one.Asset, one.Units)), ("to", one.To)],
        Request.Isolate one => [("type", "isolate-sub-account"), ("subAccount", $"{one.SubAccount}")],
        Request.Allocate one => [("type", "allocate-collateral"), ("subAccount", $"{one.SubAccount}"), ("amount", StoredFormat.Text(one.Asset, one.Units))],
        Request.Release one => [("type", "release-collateral"), ("subAccount", $"{one.SubAccount}"), ("amount", StoredFormat.Text(one.Asset, one.Units))],
        Request.Reserve one =>
        [
            ("order", one.Order), ("subAccount", $"{one.SubAccount}"), ("instrument", $"{one.Instrument}"), ("side", one.Side),
            ("quantity", StoredFormat.Decimal(one.Quantity, 8)), ("price", StoredFormat.Decimal(one.Price, 8)),
        ],
        _ => null,
    };
}
