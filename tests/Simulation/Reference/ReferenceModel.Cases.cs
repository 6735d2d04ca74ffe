using System.Numerics;
using CrossMargin.Simulation.Audit;
using static CrossMargin.Simulation.Audit.StoredFormat;

namespace CrossMargin.Simulation.Reference;

/// <summary>
/// What the clock brings to an account, and the cases of others, from docs/liquidation.md: positions that it backs up, and shares of a loss.
/// </summary>
internal sealed partial class ReferenceModel
{
    internal sealed record GainTaken(long Round, string Asset, BigInteger Units);
    internal sealed record LossTaken(long Round, string Asset, BigInteger Units);

    private sealed partial class Account
    {
        private readonly SortedDictionary<string, BigInteger> paidIn = new(StringComparer.Ordinal);
        private GainTaken? gain;

        public Outcome Wake(long time, Marks? marks) => Judged(marks, new Outcome(
        [
            .. holds.ToList().Where(hold => !hold.IsReported && hold.OverdueAt <= time).Select(hold =>
            {
                holds[holds.IndexOf(hold)] = hold with { IsReported = true };
                return new Fact($"account.withdrawal-overdue.v1 withdrawal={hold.Id}");
            }),
            .. sendings.ToList().Where(sent => !sent.IsReported && sent.OverdueAt <= time).Select(sent =>
            {
                sendings[sendings.IndexOf(sent)] = sent with { IsReported = true };
                return new Fact($"account.transfer-overdue.v1 transfer={sent.Id}");
            }),
        ], Refused: null));

        private Outcome TakeOver(HandedOver handed, Marks? marks)
        {
            if (Absence is { } absent) return Outcome.No(absent);
            var point = marks is not null && marks.Days.TryGetValue(handed.Instrument, out var day) ? new Point(day.Number, 0) : Point.Read(handed.Point);
            var none = new Leg(id, 0, 0, null);
            var trade = new Trade("", handed.Instrument, handed.IsPremium, BigInteger.Abs(handed.Quantity), handed.Asset, BigInteger.Abs(handed.Paid), point, none, none);
            return Change(trade, subAccount: 0, handed.Quantity, handed.Paid, fee: 0) is { } change
                ? $"account.taken-over.v1 from={handed.From} case={handed.Case} change={change}"
                : Outcome.No("position-limit");
        }

        /// <summary>At the price that it says, which the auditor holds against the mark; from the point to which its own funding has come.</summary>
        private Outcome GiveUp(GivenUp given)
        {
            var line = $"account.deleveraged.v1 account={id} round={given.Round} assigned={given.Assigned}";
            if (given.Transfer is not { } transfer) return line;
            var none = new Leg(id, 0, 0, null);
            var trade = new Trade(
                "", transfer.Instrument, transfer.IsPremium, BigInteger.Abs(transfer.Quantity), transfer.Asset, BigInteger.Abs(transfer.Paid), Point.Read(transfer.Point), none, none);
            return Change(trade, given.SubAccount, -transfer.Quantity, -transfer.Paid, fee: 0) is { } change
                ? $"{line} transfer={given.Text} change={change}"
                : line;
        }

        /// <summary>Until the loss is shared it stays here. Nothing is locked where there is nothing: then an earlier lock is gone.</summary>
        private Outcome Lock(GainTaken taken)
        {
            gain = taken.Units.IsZero ? null : taken;
            return $"account.gain-locked.v1 round={taken.Round} amount={Text(taken.Asset, taken.Units)}";
        }

        private Outcome Share(LossTaken loss)
        {
            gain = null;
            paidIn[loss.Asset] = paidIn.GetValueOrDefault(loss.Asset) + loss.Units;
            return $"account.loss-shared.v1 round={loss.Round} {Debit(loss.Asset, loss.Units)} paidInAfter={Text(loss.Asset, paidIn[loss.Asset])}";
        }

        public void Return(System.Text.Json.JsonElement returned)
        {
            var isWithdrawal = returned.TryGetProperty("withdrawal", out var withdrawal);
            var hold = isWithdrawal ? holds.Find(one => one.Id == withdrawal.GetInt64() && one.Phase == "held") : null;
            var sent = isWithdrawal ? null : sendings.Find(one => one.Id == returned.GetProperty("transfer").GetInt64());
            if (hold is not null) holds.Remove(hold);
            else if (sent is null || !sendings.Remove(sent)) throw new AuditFailure("reference", $"nothing waits in account {id} that could come back: {returned}");
            Credit(hold?.Asset ?? sent!.Asset, hold?.Units ?? sent!.Units);
            version++;
        }

        private string CaseState() => AccountBook.CaseLine(
            "", "", paidIn.Where(entry => !entry.Value.IsZero).Select(entry => $"{Text(entry.Key, entry.Value)}/{Text(entry.Key, 0)}"),
            gain is null ? "" : $"{gain.Round}/{Text(gain.Asset, gain.Units)}", "");
    }
}
