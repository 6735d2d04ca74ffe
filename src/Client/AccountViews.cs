using System.Text.Json.Nodes;

namespace CrossMargin.Clients;

/// <summary>What an account holds, after so many of its events.</summary>
/// <param name="Balances">By asset; what is held for withdrawals is not in it.</param>
public sealed record Holdings(string Account, long Sequence, IReadOnlyDictionary<string, decimal> Balances)
{
    internal static Holdings Read(JsonObject view) => new(
        (string)view["account"]!, (long)view["sequence"]!,
        view["collateral"]!.AsArray().ToDictionary(asset => (string)asset!["asset"]!, asset => Decimals.Read(asset!["quantity"])));
}
