using System.ComponentModel;
using System.Text.Json;

namespace CrossMargin.Api.Simulation;

// The shape of a book as the OpenAPI document shows it; CrossMargin.Risk.Books.BookDocument reads it. What has a value
// here may be left out.

[Description("A made-up book, whole: what is listed, one frame of prices, the rules, and one account. Numbers are decimal strings.")]
public sealed record BookRequest(
    [property: Description("The time of the frame; expiries count from it.")] string At,
    [property: Description("The name of a preset, or a whole parameter set.")] JsonElement Parameters,
    IReadOnlyList<BookAsset> Assets)
{
    [Description("The same book under these too, for the capital saved.")]
    public IReadOnlyList<JsonElement> CompareWith { get; init; } = [];
    public IReadOnlyList<BookUnderlying> Underlyings { get; init; } = [];
    public IReadOnlyList<BookExpiry> Expiries { get; init; } = [];
    public IReadOnlyList<BookInstrument> Instruments { get; init; } = [];
    public IReadOnlyList<BookAmount> Balances { get; init; } = [];
    public IReadOnlyList<BookAmount> UnsettledFunding { get; init; } = [];
    public IReadOnlyList<BookPosition> Positions { get; init; } = [];
    public IReadOnlyList<BookOrder> Orders { get; init; } = [];

    [Description("By underlying: the trader's own, higher initial rate.")]
    public IReadOnlyDictionary<string, string> OwnInitialRates { get; init; } = new Dictionary<string, string>();
}

[Description("An asset in the reference currency.")]
public sealed record BookAsset(string Asset, string Price)
{
    [Description("The drift-capped price that new risk is judged by.")]
    public string SlowPrice { get; init; } = "";
    [Description("The oracle's, 0 to 1; 1 when left out.")]
    public string Confidence { get; init; } = "1";
    [Description("What the whole venue holds of it as collateral.")]
    public string VenueTotal { get; init; } = "0";
}

public sealed record BookUnderlying(string Underlying, string Index)
{
    public string Confidence { get; init; } = "1";
    [Description("Notional that trades inside the reference band; unknown when left out.")]
    public string Depth { get; init; } = "";
}

public sealed record BookExpiry(string Underlying, string ExpiryAt, string Forward)
{
    [Description("How much of the settlement average is known already.")]
    public string SettledShare { get; init; } = "0";
    public string SettledAverage { get; init; } = "0";
    public string Discount { get; init; } = "1";
    [Description("Needed where options expire.")]
    public BookSmile Smile { get; init; } = new("points");
}

[Description("`svi` with a, b, rho, m and sigma, or `points` with quotes.")]
public sealed record BookSmile(string Kind)
{
    public string A { get; init; } = "";
    public string B { get; init; } = "";
    public string Rho { get; init; } = "";
    public string M { get; init; } = "";
    public string Sigma { get; init; } = "";
    public IReadOnlyList<BookQuote> Quotes { get; init; } = [];
}

public sealed record BookQuote(string Strike, string Volatility);

[Description("`perp`, `future` with expiryAt, or `option` with expiryAt, strike and right.")]
public sealed record BookInstrument(string Symbol, string Kind, string Underlying, string Settlement, string Mark)
{
    public string Multiplier { get; init; } = "1";
    public string ExpiryAt { get; init; } = "";
    public string Strike { get; init; } = "";
    [Description("`call` or `put`.")]
    public string Right { get; init; } = "";
    [Description("Notional open on the venue.")]
    public string OpenInterest { get; init; } = "0";
}

public sealed record BookAmount(string Asset, string Amount);

[Description("Positions in one instrument are summed, as the sub-accounts of a pool are.")]
public sealed record BookPosition(string Instrument, string Quantity)
{
    [Description(
        "What the quantity was entered at, in the settlement asset; needed but for options, which have none. Beside a quantity of 0 it "
        + "is what sub-accounts that cancel have left.")]
    public string Cost { get; init; } = "";
}

public sealed record BookOrder(string Instrument, [property: Description("`buy` or `sell`.")] string Side, string Quantity, string Price);
