using System.Numerics;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Simulation.Audit;
using CrossMargin.Simulation.World;

namespace CrossMargin.Simulation.Clients;

/// <summary>Sub-accounts: which of them are traded in, which an owner isolates, and what it gives them and takes back.</summary>
internal sealed partial class Town
{
    /// <summary>Mostly the main one; of the two others, the one that is isolated more often.</summary>
    public int SubAccountOf(AccountId account, Draws draws)
    {
        if (!draws.OneIn(3)) return 0;
        var isolated = venue.Auditor.IsolatedOf(account.ToString());
        return isolated.Count > 0 && !draws.OneIn(3) ? draws.Pick([.. isolated]) : draws.Between(1, 2);
    }

    /// <summary>
    /// Isolates one of two sub-accounts, gives it collateral, or takes some back: what there is, what is free by the last figures to the
    /// unit, and one unit more. Now and then one that is not isolated, or is already.
    /// </summary>
    public Order OfAPart(AccountId account, Draws draws)
    {
        var isolated = venue.Auditor.IsolatedOf(account.ToString());
        if (isolated.Count < 2 && draws.OneIn(isolated.Count == 0 ? 2 : 6)) return Isolate(account, draws.Between(draws.OneIn(9) ? 0 : 1, 2));
        var part = isolated.Count > 0 && !draws.OneIn(12) ? draws.Pick([.. isolated]) : draws.Between(0, 2);
        var isMargined = venue.Auditor.FreeOf(account.ToString(), part).Sign > 0;
        return draws.OneIn(3) || (isMargined && draws.OneIn(2))
            ? Release(account, part, AmountIn(account, part, draws))
            : Allocate(account, part, AmountIn(account, part: 0, draws));
    }

    private AssetAmount AmountIn(AccountId account, int part, Draws draws)
    {
        if (draws.OneIn(12)) return Amount(draws);
        var (usdc, btc) = (FinalIn(account, part, "USDC"), FinalIn(account, part, "BTC"));
        var asset = Asset.Of(usdc.Sign > 0 && (btc.Sign <= 0 || !draws.OneIn(4)) ? "USDC" : "BTC");
        if (asset == Asset.Of("USDC") && draws.OneIn(3) && venue.Auditor.FreeOf(account.ToString(), part) is { Sign: > 0 } free)
            return new AssetAmount(asset, (long)BigInteger.Min(free, long.MaxValue - 1) + draws.Between(0, 1));
        return AmountNear(asset == Asset.Of("USDC") ? usdc : btc, asset, draws);
    }

    /// <summary>What may leave a part at all: of the pool, not what is pending.</summary>
    private BigInteger FinalIn(AccountId account, int part, string asset) => venue.Auditor.BalanceIn(account.ToString(), part, asset)
        - (part == 0 ? venue.Auditor.PendingOf(account.ToString(), asset) : 0);

    private static Order Isolate(AccountId account, int subAccount) => new(
        account.Grain, new AccountCommand.IsolateSubAccount(new SubAccountId(subAccount)), new Request.Isolate(subAccount));

    private static Order Allocate(AccountId account, int subAccount, AssetAmount amount) => new(
        account.Grain, new AccountCommand.AllocateCollateral(new SubAccountId(subAccount), amount),
        new Request.Allocate(subAccount, amount.Asset.ToString(), amount.Units));

    private static Order Release(AccountId account, int subAccount, AssetAmount amount) => new(
        account.Grain, new AccountCommand.ReleaseCollateral(new SubAccountId(subAccount), amount),
        new Request.Release(subAccount, amount.Asset.ToString(), amount.Units));
}
