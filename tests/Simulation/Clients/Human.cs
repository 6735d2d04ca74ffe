using System.Numerics;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;
using CrossMargin.Simulation.Audit;
using CrossMargin.Simulation.World;

namespace CrossMargin.Simulation.Clients;

/// <summary>
/// Somebody with a few accounts and one hand: one command at a time, each with a key, and a habit of pressing
/// twice.
/// </summary>
internal sealed class Human(Venue venue, Town town, PrincipalId principal) : Client(venue, principal.Name)
{
    private const int Remembered = 40;

    private readonly Address[] own = [.. town.Accounts.Where(account => account.Owner == principal)];
    private readonly Queue<Address> unopened = new(town.Accounts.Where(account => account.Owner == principal));
    private readonly List<(Order Order, CommandKey Key)> past = [];
    private readonly List<(AccountId Account, long Withdrawal)> holds = [];
    private readonly List<(AccountId Account, long Transfer)> waiting = [];
    private readonly Queue<Address> worried = [];
    private readonly Queue<AccountId> emptied = [];
    private readonly Queue<AccountId> toDivide = [];   // just opened, just isolated in, or just paid into
    private AccountId? lastClosed;
    private int references;

    /// <summary>Who sees that a case was opened for an account, or a gain locked, tries to have the money out before the gate closes.</summary>
    public override void Saw(StoredRow row)
    {
        if (row.Type == "account.closed.v1" && AccountId.TryParse(StoredFormat.Uuid(row.Grain), out var shut)) lastClosed = shut;
        if (row.Type is not ("account.case-opened.v1" or "account.gain-locked.v1" or "pool.loss-asked.v1")) return;
        var account = StoredFormat.Uuid(row.Grain);
        foreach (var address in own)
            if (row.Type == "pool.loss-asked.v1" ? Draws.OneIn(2) : address.Id.ToString() == account) worried.Enqueue(address);
        if (worried.Count > 0) Hurry();
    }

    protected override void ActInTheEvening()
    {
        if (worried.TryDequeue(out var fallen)) TakeOut(fallen);
    }

    private void TakeOut(Address from)
    {
        var all = Town.AmountNear(Venue.Auditor.BalanceOf(from.Id.ToString(), "USDC"), Asset.Of("USDC"), Draws);
        AskNew(Draws.OneIn(2) ? Town.Withdraw(from.Id, all, "bank-9") : Town.Transfer(from.Id, town.Deep.Id, all, ReachOf()));
    }

    protected override bool IsPatient => !Draws.OneIn(4);

    protected override void ActOnce()
    {
        if (unopened.Count > 0 && !Draws.OneIn(4))
        {
            var account = unopened.Dequeue();
            if (Draws.OneIn(12)) return;   // meant to be opened, and never is
            AskWith(account.OpeningKey, Town.Open(account));
            return;
        }

        if (own.Length == 0)
        {
            Other();
            return;
        }

        if (worried.TryDequeue(out var fallen) && !Draws.OneIn(4))
        {
            TakeOut(fallen);
            return;
        }

        if (emptied.TryDequeue(out var left) && !Draws.OneIn(4))
        {
            AskNew(Town.Close(left));
            return;
        }

        var from = Draws.Pick(own);
        if (town.Listings.Count > 0 && town.Feeds.Count > 0 && Draws.OneIn(4))
        {
            AskNew(Reserve(from));
            return;
        }

        if (toDivide.TryDequeue(out var whole) || Draws.OneIn(8))
        {
            AskNew(town.OfAPart(whole.Grain == default ? from.Id : whole, Draws));
            return;
        }

        switch (Draws.Between(0, 16))
        {
            case <= 2: AskNew(Town.Deposit(from.Id, Draws.OneIn(3) ? town.Amount(Draws) : Town.Stake(Draws), $"slip-{references++}")); break;
            case <= 4: AskNew(Town.Withdraw(from.Id, AmountOf(from), $"bank-{Draws.Between(1, 3)}")); break;
            case <= 6: AskNew(Town.Transfer(from.Id, lastClosed is { } shut && Draws.OneIn(3) ? shut : town.Somebody(Draws), AmountOf(from), ReachOf())); break;
            case <= 8: AskNew(Town.Transfer(from.Id, Draws.Pick(own).Id, AmountOf(from), ReachOf())); break;
            case 9: AskNew(Draws.OneIn(3) ? Town.Open(from) : Draws.OneIn(3) ? Town.Close(from.Id) : Leave(from)); break;
            case 10: if (Draws.OneIn(2)) CancelOne(from); else CancelTransfer(from); break;
            case 11 or 12: PressAgain(); break;
            default: Other(); break;
        }
    }

    private void Other()
    {
        if (Draws.OneIn(15))
        {
            AskNew(town.Officer(Draws));
            return;
        }

        if (town.Circulars.Count > 0 && Draws.OneIn(2)) AskNew(town.Circulate(Draws.Pick(town.Circulars), Draws));
        else Read(Draws.OneIn(4) && town.Circulars.Count > 0 ? Draws.Pick(town.Circulars) : Draws.Pick(town.Accounts).Id.Grain);
    }

    private Order Reserve(Address from)
    {
        var listing = Draws.Pick(town.Listings);
        var quantity = Draws.OneIn(30) ? Draws.Between(-1, 0) : Draws.Between(1, 12) * listing.Lot.E8;
        var side = Draws.OneIn(2) ? Side.Buy : Side.Sell;
        if (Draws.OneIn(3) && Venue.Auditor.RoomOf(from.Id.ToString(), listing.Id.Number, side.ToString()) is { Sign: > 0 } room)
            quantity = (long)BigInteger.Min(room, long.MaxValue - 1) + Draws.Between(0, 1);
        var name = $"o-{Name}-{(Draws.OneIn(20) ? references : references++)}";
        return Town.Reserve(
            from.Id, name, town.SubAccountOf(from.Id, Draws), listing.Id.Number, side, quantity,
            Draws.OneIn(40) ? 0 : town.FairOf(listing));
    }

    private AssetAmount AmountOf(Address account)
    {
        if (Draws.OneIn(3)) return town.Amount(Draws);
        var asset = Asset.Of(Draws.Pick(["USDC", "BTC"]));
        if (asset == Asset.Of("USDC") && Venue.Auditor.FreeOf(account.Id.ToString()) is { Sign: > 0 } free && Draws.OneIn(2))
            return new AssetAmount(asset, (long)free + Draws.Between(0, 1));
        var isPending = Venue.Auditor.PendingOf(account.Id.ToString(), asset.ToString()) is var pending && pending.Sign > 0;
        if (isPending && Draws.OneIn(2)) return Town.AmountNear(Venue.Auditor.BalanceOf(account.Id.ToString(), asset.ToString()) - pending, asset, Draws);
        return Town.AmountNear(Venue.Auditor.BalanceOf(account.Id.ToString(), asset.ToString()), asset, Draws);
    }

    private void CancelOne(Address account)
    {
        if (holds.Count == 0 || Draws.OneIn(4)) AskNew(Town.Cancel(account.Id, Draws.Between(1, 9)));
        else
        {
            var (held, withdrawal) = Draws.Pick(holds);
            AskNew(Town.Cancel(held, withdrawal));
        }
    }

    /// <summary>Sends all that there is of an asset away at once, now and then to nobody; who has nothing left closes the account before it is back.</summary>
    private Order Leave(Address from)
    {
        foreach (var asset in (Asset[])[Asset.Of("USDC"), Asset.Of("BTC")])
            if (Venue.Auditor.BalanceOf(from.Id.ToString(), asset.ToString()) is { Sign: > 0 } all)
                return Town.Transfer(
                    from.Id, Draws.OneIn(2) ? Town.Nobody(Venue, Draws) : Draws.Pick(own).Id, new AssetAmount(asset, (long)BigInteger.Min(all, long.MaxValue)), TransferReach.SameOwner);
        return Town.Close(from.Id);
    }

    /// <summary>Whose account it is, everybody may be wrong about.</summary>
    private TransferReach ReachOf() => Draws.OneIn(2) ? TransferReach.SameOwner : TransferReach.AnyOwner;

    private void CancelTransfer(Address account)
    {
        var (held, transfer) = waiting.Count == 0 || Draws.OneIn(4) ? (account.Id, Draws.Between(1, 9)) : Draws.Pick(waiting);
        AskNew(Town.CancelTransfer(held, transfer));
    }

    /// <summary>A key that was used before, after any time: for the same, or by mistake for something else.</summary>
    private void PressAgain()
    {
        if (past.Count == 0) return;
        var (order, key) = Draws.Pick(past);
        if (Draws.OneIn(2)) AskWith(key, order);
        else AskWith(key, Town.Deposit(new AccountId(order.To), town.Amount(Draws), $"mistake-{references++}"), isRemembered: Remembering.No);
    }

    private enum Remembering
    {
        Yes,
        No,
    }

    private void AskNew(Order order)
    {
        // Most keys are made now; some clocks are slow, some fast, and some keys are too old or of a time to come.
        long[] ages = [0, 0, 0, 0, 0, 0, -30_000_000, 3_600_000_000, 86_399_000_000, 86_401_000_000, -61_000_000, 200_000_000_000];
        AskWith(CommandKey.Issue(Venue.Wall.PlusMicros(-Draws.Pick(ages)), Draws.Next(), Draws.Next()), order);
    }

    private void AskWith(CommandKey key, Order order, Remembering isRemembered = Remembering.Yes)
    {
        if (isRemembered == Remembering.Yes && order.To.Kind == GrainKind.Account)
        {
            past.Add((order, key));
            if (past.Count > Remembered) past.RemoveAt(0);
        }

        Ask(order, new Cause.Key(key, Venue.Catalog.FingerprintOf(order.To, order.Body)));
    }

    protected override void Ended(Intent intent, Told? told)
    {
        if (told is not Told.Applied applied || !AccountId.TryParse(intent.Grain, out var account)) return;
        if (applied.Line.StartsWith("account.withdrawal-held", StringComparison.Ordinal)) holds.Add((account, Number("withdrawal=")));
        if (applied.Line.StartsWith("account.transfer-held", StringComparison.Ordinal)) waiting.Add((account, Number("transfer=")));

        var isOpening = applied.Line.StartsWith("account.opened", StringComparison.Ordinal);
        if (isOpening || applied.Line.StartsWith("account.sub-account-isolated", StringComparison.Ordinal)
            || (applied.Line.StartsWith("account.deposited", StringComparison.Ordinal) && Venue.Auditor.IsolatedOf(intent.Grain).Count > 0))
        {
            if (Draws.OneIn(2)) toDivide.Enqueue(account);
        }

        if (!applied.Line.Contains(" balanceAfter=0 ", StringComparison.Ordinal)) return;
        emptied.Enqueue(account);
        Hurry();

        long Number(string name) => long.Parse(applied.Line.Split(name)[1].Split(' ')[0]);
    }
}
