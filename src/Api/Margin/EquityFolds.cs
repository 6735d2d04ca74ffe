using CrossMargin.Contracts;
using CrossMargin.Grains.Accounts;

namespace CrossMargin.Api.Margin;

/// <summary>An account after one of its events, and what it was worth then.</summary>
internal sealed record EquityFold(Account State, Money? Worth);

/// <summary>
/// Where those stand who read an equity history page by page: the fold behind each page's last line. The next page goes on from there, so
/// that a page costs a page. Nothing rests on it: what is not kept any more is folded again from the account's beginning.
/// </summary>
internal sealed class EquityFolds
{
    public const int Kept = 256;

    private readonly Lock gate = new();
    private readonly Dictionary<(AccountId Account, long Sequence), EquityFold> folds = [];
    private readonly Queue<(AccountId Account, long Sequence)> oldest = [];

    public EquityFold? At(AccountId account, long sequence)
    {
        lock (gate) return folds.GetValueOrDefault((account, sequence));
    }

    public void Keep(EquityFold fold)
    {
        var key = (fold.State.Id, fold.State.Version);
        lock (gate)
        {
            if (!folds.TryAdd(key, fold)) return;
            oldest.Enqueue(key);
            if (oldest.Count > Kept) folds.Remove(oldest.Dequeue());
        }
    }
}
