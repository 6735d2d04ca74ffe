namespace CrossMargin.DemoVenue.Books;

public enum Side
{
    Buy,
    Sell,
}

public enum OrderLife
{
    /// <summary>Rests in the book until it is filled or taken out.</summary>
    Rests,

    /// <summary>Takes what is there, and ends.</summary>
    Takes,
}

/// <summary>An order as its book sees it. Its id and its account are all that the clearinghouse has to know.</summary>
public sealed class Order(string id, string account, Instrument instrument, Side side, decimal quantity, decimal price, OrderLife life)
{
    public string Id { get; } = id;

    public string Account { get; } = account;

    public int SubAccount { get; init; }

    /// <summary>The clearinghouse's order for an account that cannot carry its risk, and not its owner's.</summary>
    public bool IsLiquidation { get; init; }

    public Instrument Instrument { get; } = instrument;

    public Side Side { get; } = side;

    public decimal Quantity { get; } = quantity;

    public decimal Price { get; } = price;

    public OrderLife Life { get; } = life;

    public decimal Remaining { get; private set; } = quantity;

    public bool IsOpen { get; private set; } = true;

    public bool Accepts(decimal other) => Side == Side.Buy ? other <= Price : other >= Price;

    internal void Fill(decimal filled)
    {
        Remaining -= filled;
        if (Remaining == 0) IsOpen = false;
    }

    internal void End() => IsOpen = false;
}
