using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Links;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Pools;
using CrossMargin.Contracts.Trades;
using CrossMargin.Simulation.Audit;

namespace CrossMargin.Simulation.Clients;

/// <summary>What is asked for where accounts fall: of the link, of the pool and of its fund.</summary>
internal sealed partial class Town
{
    /// <summary>An account with more money than anybody can lose: it backs others up, and takes the other side when the faults are over.</summary>
    public Address Deep { get; }

    public static Order Acknowledge(string order) =>
        new(LinkId.Main.Grain, new LinkCommand.Acknowledge(new OrderId(order)), new Request.Acknowledge(order));

    public static Order Reject(string order) =>
        new(LinkId.Main.Grain, new LinkCommand.Reject(new OrderId(order), "closed for the day"), new Request.Reject(order, "closed for the day"));

    public static Order DepositToFund(AssetAmount amount, string reference) => new(
        PoolId.Main.Grain, new PoolCommand.DepositToFund(amount, reference), new Request.DepositToFund(amount.Asset.ToString(), amount.Units, reference));

    public static Order RegisterBackstop(AccountId account, IReadOnlyList<(int Instrument, long Micros)> quotas) => new(
        PoolId.Main.Grain,
        new PoolCommand.RegisterBackstop(account, [.. quotas.Select(quota => new MarketAmount(new InstrumentId(quota.Instrument), new Money(quota.Micros)))]),
        new Request.RegisterBackstop(account.ToString(), [.. quotas.Select(quota => (quota.Instrument, (System.Numerics.BigInteger)quota.Micros))]));

    public static Order BringBack(int shard) =>
        new(PoolId.Main.Grain, new PoolCommand.BringBack(new ShardId(shard), "evening"), new Request.BringBack(shard, "evening"));
}
