using System.Collections.Concurrent;
using CrossMargin.Api.Hosting;
using CrossMargin.Contracts;
using CrossMargin.Grains.Accounts;

namespace CrossMargin.Api.Access;

/// <summary>
/// Who opened an account. That never changes, so what was read once stays true. Only what lets a request pass is answered from memory:
/// a foreign account and an absent one are both looked up, and take the same time.
/// </summary>
public sealed class AccountOwners(Venue venue)
{
    private const int MaxRemembered = 200_000;

    private readonly ConcurrentDictionary<AccountId, PrincipalId> known = [];

    /// <summary>
    /// None when the principal may reach the account; otherwise why not, where absent and foreign are the same.
    /// </summary>
    public async ValueTask<Rejection> Check(Principal principal, AccountId account)
    {
        if (known.TryGetValue(account, out var owner) && MayReach(principal, owner)) return Rejection.None;

        var reply = await venue.Read(account.Grain);
        if (reply.Rejection != Rejection.None) return reply.Rejection;
        if (reply.View!.State is not Account { Phase: not AccountPhase.Unopened } open) return Rejection.AccountNotFound;
        if (!MayReach(principal, open.Owner)) return Rejection.AccountNotFound;

        if (known.Count >= MaxRemembered) known.Clear();
        known[account] = open.Owner;
        return Rejection.None;
    }

    private static bool MayReach(Principal principal, PrincipalId owner) =>
        principal.Accounts == AccountGrant.All || (principal.Accounts == AccountGrant.Own && principal.Id == owner);
}
