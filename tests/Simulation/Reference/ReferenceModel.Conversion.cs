using System.Numerics;
using CrossMargin.Simulation.Audit;
using static CrossMargin.Simulation.Audit.StoredFormat;

namespace CrossMargin.Simulation.Reference;

/// <summary>What pays a debt, from docs/liquidation.md: what a feed takes in, and what both sides book.</summary>
internal sealed partial class ReferenceModel
{
    private sealed record Conversion(
        string Id, string Account, string Counterparty, string SoldAsset, BigInteger Sold, string BoughtAsset, BigInteger Bought);

    private sealed partial class Feed
    {
        private readonly Dictionary<string, Conversion> exchanges = new(StringComparer.Ordinal);
        private readonly HashSet<string> exchangedBack = new(StringComparer.Ordinal);

        private Outcome Convert(Request.Convert report)
        {
            if (report.SoldAsset == report.BoughtAsset || report.Account == report.Counterparty) return Refused("trade", "convert", "conversion-into-itself");
            if (report.Sold.Sign <= 0 || report.Bought.Sign <= 0) return Refused("trade", "convert", "amount-not-positive");
            if (report.Sold > MaxAmount || report.Bought > MaxAmount) return Refused("trade", "convert", "amount-too-large");
            if (trades.ContainsKey(report.Id) || exchanges.ContainsKey(report.Id)) return Refused("trade", "convert", "trade-id-reused");
            var exchange = new Conversion(
                report.Id, report.Account, report.Counterparty, report.SoldAsset, report.Sold, report.BoughtAsset, report.Bought);
            exchanges.Add(exchange.Id, exchange);
            return new Fact(
                $"trade.converted.v1 trade={report.Id} order={report.Order} account={report.Account} counterparty={report.Counterparty}"
                + $" sold={Text(report.SoldAsset, report.Sold)} bought={Text(report.BoughtAsset, report.Bought)} tradedAt={Time(report.TradedAt)}",
                exchange);
        }

        private Outcome Bust(Conversion exchange)
        {
            if (!exchangedBack.Add(exchange.Id)) return Refused("trade", "bust", "trade-already-busted");
            return new Fact(
                $"trade.conversion-busted.v1 trade={exchange.Id} account={exchange.Account} counterparty={exchange.Counterparty}"
                + $" sold={Text(exchange.SoldAsset, exchange.Sold)} bought={Text(exchange.BoughtAsset, exchange.Bought)}",
                exchange with { Account = exchange.Counterparty, Counterparty = exchange.Account });
        }
    }

    private sealed partial class Account
    {
        /// <summary>What the account sold the counterparty bought; where it is busted, the other way round.</summary>
        private Outcome Convert(Conversion trade)
        {
            if (Absence is { } absent) return Outcome.No(absent);
            var (sold, soldUnits, bought, boughtUnits) = trade.Account == id
                ? (trade.SoldAsset, trade.Sold, trade.BoughtAsset, trade.Bought)
                : (trade.BoughtAsset, trade.Bought, trade.SoldAsset, trade.Sold);
            if (!HasRoom(Pool, sold, Balance(sold) - soldUnits) || !HasRoom(Pool, bought, Balance(bought) + boughtUnits)) return Outcome.No("balance-limit");
            Pool.Balances[sold] = Balance(sold) - soldUnits;
            Pool.Balances[bought] = Balance(bought) + boughtUnits;
            return $"account.converted.v1 trade={trade.Id} sold={Text(sold, soldUnits)} soldAfter={Text(sold, Balance(sold))}"
                + $" bought={Text(bought, boughtUnits)} boughtAfter={Text(bought, Balance(bought))}";
        }
    }
}
