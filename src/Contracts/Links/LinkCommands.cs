namespace CrossMargin.Contracts.Links;

/// <summary>What a matching engine says of a liquidation order beside its fills and its end, which come through its feed.</summary>
public abstract record LinkCommand
{
    private LinkCommand() { }

    /// <summary>It works on it.</summary>
    public sealed record Acknowledge(OrderId Order) : LinkCommand;

    /// <summary>It does not take it: no fill will come.</summary>
    public sealed record Reject(OrderId Order, string Reason) : LinkCommand;
}
