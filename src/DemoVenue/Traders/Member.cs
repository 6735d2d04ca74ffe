namespace CrossMargin.DemoVenue.Traders;

/// <summary>
/// Somebody with an account at the clearinghouse. Who one is follows from the place in the list alone, so that a venue that
/// starts again meets the same people.
/// </summary>
public sealed class Member
{
    public const int Makers = 6;

    private const decimal MakerFunds = 5_000_000;
    private const double MedianFunds = 8_000;

    private readonly SortedDictionary<int, decimal> held = [];

    public Member(int place, string account)
    {
        (Place, Account) = (place, account);
        if (IsMaker)
        {
            Funds = MakerFunds;
            return;
        }

        var character = new Random(place);
        var normal = (character.NextDouble() + character.NextDouble() + character.NextDouble() - 1.5) * 2;
        Funds = Math.Round((decimal)(MedianFunds * Math.Exp(normal)));
        var nerve = character.NextDouble();
        var leverage = nerve < 0.5 ? 2 + (6 * nerve) : nerve < 0.85 ? 5 + (20 * (nerve - 0.5)) : 12 + (50 * (nerve - 0.85));
        Leverage = (decimal)Math.Round(leverage, 1);
        Mood = (Mood)character.Next(3);
        Ether = character.Next(5) == 0 ? Math.Round(Funds / 10_000, 1) : 0;
    }

    public int Place { get; }

    public string Account { get; }

    public bool IsMaker => Place < Makers;

    /// <summary>The USDC that it brought.</summary>
    public decimal Funds { get; }

    public decimal Ether { get; }

    /// <summary>How much exposure it wants for each USDC that it brought.</summary>
    public decimal Leverage { get; }

    public Mood Mood { get; }

    public decimal Held(Instrument instrument) => held.GetValueOrDefault(instrument.Id);

    public void SetHeld(int instrument, decimal quantity) => held[instrument] = quantity;

    internal void Take(Instrument instrument, decimal quantity) => held[instrument.Id] = Held(instrument) + quantity;
}

/// <summary>What a trader makes of a price that moved.</summary>
public enum Mood
{
    Follows,
    Opposes,
    TossesACoin,
}
