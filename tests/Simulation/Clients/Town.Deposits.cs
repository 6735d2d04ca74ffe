using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Simulation.Audit;
using CrossMargin.Simulation.World;

namespace CrossMargin.Simulation.Clients;

/// <summary>What custody systems may report of deposits that lie elsewhere.</summary>
internal sealed partial class Town
{
    private static readonly CollateralForm[] Forms = Enum.GetValues<CollateralForm>();

    /// <summary>Of any form, on one of two chains, and in two of three cases not final.</summary>
    public static Order Report(AccountId to, AssetAmount amount, string reference, SourceId by, Draws draws)
    {
        var origin = new DepositOrigin(draws.Pick(Forms), $"chain-{draws.Between(1, 2)}", draws.OneIn(3) ? Finality.Final : Finality.Pending) { Source = by };
        return new Order(
            to.Grain, new AccountCommand.Deposit(amount, reference) { Origin = origin },
            new Request.Deposit(
                amount.Asset.ToString(), amount.Units, reference,
                new Origin(origin.Form.ToString(), origin.Location, origin.Finality.ToString(), by.Name)));
    }

    public static Order Finalize(AccountId account, long deposit, SourceId by) => new(
        account.Grain, new AccountCommand.FinalizeDeposit(new DepositId(deposit), by), new Request.Finalize(deposit, by.Name));

    public static Order Reverse(AccountId account, long deposit, SourceId by) => new(
        account.Grain, new AccountCommand.ReverseDeposit(new DepositId(deposit), by), new Request.Reverse(deposit, by.Name));
}
