using System.Numerics;
using CrossMargin.Simulation.Audit;
using static CrossMargin.Simulation.Audit.StoredFormat;

namespace CrossMargin.Simulation.Reference;

/// <summary>Deposits that are not final, from docs/clearing.md.</summary>
internal sealed partial class ReferenceModel
{
    private sealed record Lot(long Id, string Asset, BigInteger Units, Origin Origin, string Reference);

    /// <summary>Pending deposits count by their weight, in full where the rules say none; leaving them out makes no debt.</summary>
    private static BigInteger Counted(string asset, BigInteger balance, IReadOnlyList<Lot> pending, Marks marks)
    {
        var lots = Sum(pending, asset);
        if (lots.IsZero || balance.Sign < 0) return balance;
        return BigInteger.Max(0, balance - (Ratio.Of(lots, 0) * (One - RulesIn(marks).PendingWeight(asset))).Up(0));
    }

    private static BigInteger Sum(IEnumerable<Lot> lots, string asset) =>
        lots.Where(lot => lot.Asset == asset).Aggregate(BigInteger.Zero, (sum, lot) => sum + lot.Units);

    private sealed partial class Account
    {
        private readonly List<Lot> lots = [];

        /// <summary>What may leave: what is not final stays.</summary>
        private BigInteger Final(string asset) => BigInteger.Max(Balance(asset) - Sum(lots, asset), BigInteger.Min(Balance(asset), 0));

        private string Report(Request.Deposit deposit)
        {
            if (deposit.Origin is not { } origin) return "";
            if (origin.Finality == "Pending") lots.Add(new Lot(version + 1, deposit.Asset, deposit.Units, origin, deposit.Reference));
            return $" origin={Json(("form", origin.Form), ("location", origin.Location), ("finality", origin.Finality), ("source", origin.Source))}";
        }

        private Lot? LotOf(long deposit, string by) => lots.Find(lot => lot.Id == deposit && lot.Origin.Source == by);

        private Outcome Finalize(Request.Finalize finalize)
        {
            if (Absence is { } absent) return Refused("finalize-deposit", absent);
            if (LotOf(finalize.Id, finalize.By) is not { } lot) return Refused("finalize-deposit", "unknown-deposit");
            lots.Remove(lot);
            return $"account.deposit-finalized.v1 deposit={lot.Id} amount={Text(lot.Asset, lot.Units)}";
        }

        /// <summary>Whatever became of it: what is missing then is a loan.</summary>
        private Outcome Reverse(Request.Reverse reverse)
        {
            if (Absence is { } absent) return Refused("reverse-deposit", absent);
            if (LotOf(reverse.Id, reverse.By) is not { } lot) return Refused("reverse-deposit", "unknown-deposit");
            if (!HasRoom(Pool, lot.Asset, Balance(lot.Asset) - lot.Units)) return Refused("reverse-deposit", "position-limit");
            lots.Remove(lot);
            return $"account.deposit-reversed.v1 deposit={lot.Id} {Debit(lot.Asset, lot.Units)}";
        }

        private string LotState() => AccountBook.LotsLine(lots.Select(lot =>
            AccountBook.LotLine(lot.Id, lot.Asset, lot.Units, lot.Origin.Form, lot.Origin.Location, lot.Reference, lot.Origin.Source)));
    }
}
