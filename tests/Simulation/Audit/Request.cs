using System.Numerics;

namespace CrossMargin.Simulation.Audit;

/// <summary>What a client asked a grain to do, in plain values: amounts in units, prices and quantities in 1e-8, rates in 1e-9.</summary>
internal abstract record Request
{
    internal sealed record Open(string Owner) : Request;
    internal sealed record Close : Request;
    internal sealed record Reopen : Request;

    /// <summary>Of a parked message, by the address of its record.</summary>
    internal sealed record Retry(string From, string Grain, string By, string Because) : Request;
    internal sealed record GiveUp(string From, string Grain, string By, string Because) : Request;
    internal sealed record Deposit(string Asset, BigInteger Units, string Reference, Origin? Origin = null) : Request;
    internal sealed record Finalize(long Id, string By) : Request;
    internal sealed record Reverse(long Id, string By) : Request;
    internal sealed record Withdraw(string Asset, BigInteger Units, string Destination) : Request;
    internal sealed record Cancel(long Withdrawal) : Request;
    internal sealed record SetAside(int Shard, BigInteger ExposureMicros, string Reason) : Request;
    internal sealed record BringBack(int Shard, string Reason) : Request;
    internal sealed record Post(long Withdrawal) : Request;
    internal sealed record Void(long Withdrawal) : Request;

    /// <param name="IsWithin">To another account of one's own, as the sender says.</param>
    internal sealed record Transfer(string To, string Asset, BigInteger Units, bool IsWithin) : Request;
    internal sealed record CancelTransfer(long Id) : Request;

    internal sealed record Isolate(int SubAccount) : Request;
    internal sealed record Allocate(int SubAccount, string Asset, BigInteger Units) : Request;
    internal sealed record Release(int SubAccount, string Asset, BigInteger Units) : Request;

    internal sealed record Reserve(string Order, int SubAccount, int Instrument, string Side, BigInteger Quantity, BigInteger Price) : Request;

    internal sealed record Capture(
        string Id, int Instrument, BigInteger Price, BigInteger Quantity, Party Buyer, Party Seller, long TradedAt) : Request;
    internal sealed record Convert(
        string Id, string Order, string Account, string Counterparty, string SoldAsset, BigInteger Sold, string BoughtAsset, BigInteger Bought,
        long TradedAt) : Request;
    internal sealed record EndOrder(string Order, string Account) : Request;
    internal sealed record Bust(string Trade) : Request;

    internal sealed record AdmitFeed(string Feed) : Request;
    internal sealed record AdmitSource(string Source, int Weight) : Request;
    internal sealed record List(Terms Terms) : Request;
    internal sealed record Quote(string Source, long At, IReadOnlyList<(string Underlying, BigInteger Price)> Prices) : Request;
    internal sealed record FixFunding(
        int Instrument, long Period, BigInteger Premium, BigInteger Interest, BigInteger InnerClamp, BigInteger Cap, BigInteger Share) : Request;

    internal sealed record QuoteBooks(string Source, long At, IReadOnlyList<QuotedBook> Books) : Request;
    internal sealed record QuoteSurface(string Source, long At, string Underlying, IReadOnlyList<FlatSmile> Smiles) : Request;
    internal sealed record Measure(IReadOnlyList<(int Instrument, BigInteger Quantity)> Contracts, IReadOnlyList<(string Asset, BigInteger Units)> Holdings) : Request;
    internal sealed record SettleDay(int Instrument, int Number) : Request;
    internal sealed record SettleExpiry(string Underlying, long Expiry, BigInteger Price) : Request;
    internal sealed record RetireExpiry(string Underlying, long Expiry) : Request;

    /// <param name="IsSound">Whoever wrote the document knows whether it is one.</param>
    internal sealed record Publish(int Version, string Document, long? EffectiveAt, bool IsSound) : Request;

    internal sealed record Acknowledge(string Order) : Request;
    internal sealed record Reject(string Order, string Reason) : Request;
    internal sealed record DepositToFund(string Asset, BigInteger Units, string Reference) : Request;
    internal sealed record RegisterBackstop(string Account, IReadOnlyList<(int Instrument, BigInteger Micros)> Quotas) : Request;

    internal sealed record Circulate(IReadOnlyList<string> To, string Text) : Request;
}

internal sealed record QuotedBook(int Instrument, BigInteger Price, BigInteger? Depth);

/// <summary>Where a deposit lies, as what, and whether it can be taken back there, as this source reports it.</summary>
internal sealed record Origin(string Form, string Location, string Finality, string Source);

/// <summary>One volatility for all strikes of an expiry, in 1e-9.</summary>
internal sealed record FlatSmile(long Expiry, BigInteger Forward, BigInteger Volatility);

/// <summary>One side of a reported trade.</summary>
internal sealed record Party(string Account, int SubAccount, BigInteger FeeRate, string? Order);

/// <summary>The terms of an instrument.</summary>
internal sealed record Terms(
    int Id, string Kind, string Symbol, string Underlying, string Settlement, BigInteger Multiplier, BigInteger Tick, BigInteger Lot,
    long? Expiry, BigInteger? Strike, string? Right);
