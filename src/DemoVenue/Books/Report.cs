namespace CrossMargin.DemoVenue.Books;

/// <summary>What the clearinghouse has to hear of, in the order in which it happened.</summary>
public abstract record Report
{
    /// <summary>Made at the price of the order that rested.</summary>
    public sealed record Fill(Instrument Instrument, decimal Price, decimal Quantity, Order Resting, Order Taking) : Report
    {
        public Order Buyer => Resting.Side == Side.Buy ? Resting : Taking;

        public Order Seller => Resting.Side == Side.Buy ? Taking : Resting;
    }

    /// <summary>A dealer exchanged collateral of an account in liquidation for what the account owes.</summary>
    public sealed record Exchange(string Order, string Account, string Dealer, Holding Sold, Holding Bought) : Report;

    /// <summary>Nothing more of the order will be filled; what was reserved for it is free.</summary>
    public sealed record Ended(Order Order) : Report;
}

/// <summary>So much of an asset.</summary>
public readonly record struct Holding(string Asset, decimal Amount);
