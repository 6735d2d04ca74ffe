using System.Text;

namespace CrossMargin.Contracts;

/// <summary>A trade as its feed names it.</summary>
public readonly record struct TradeId(string Name) : IComparable<TradeId>
{
    public const int MaxLength = 36;

    public static bool TryParse(string? text, out TradeId trade)
    {
        trade = default;
        if (!Names.IsName(text, MaxLength)) return false;
        trade = new TradeId(text);
        return true;
    }

    public int CompareTo(TradeId other) => string.CompareOrdinal(Name, other.Name);
    public override string ToString() => Name;
}

/// <summary>An order as the venue's matching engine names it; unique within its account while it is open.</summary>
public readonly record struct OrderId(string Name) : IComparable<OrderId>
{
    public const int MaxLength = 36;

    public static bool TryParse(string? text, out OrderId order)
    {
        order = default;
        if (!Names.IsName(text, MaxLength)) return false;
        order = new OrderId(text);
        return true;
    }

    public int CompareTo(OrderId other) => string.CompareOrdinal(Name, other.Name);
    public override string ToString() => Name;
}

/// <summary>A label inside an account under which positions are kept apart. 0 is the main one.</summary>
public readonly record struct SubAccountId : IComparable<SubAccountId>
{
    public const int MaxNumber = 999;

    public SubAccountId(int number)
    {
        if (number is < 0 or > MaxNumber) throw new ArgumentOutOfRangeException(nameof(number), $"0 to {MaxNumber}");
        Number = number;
    }

    public static SubAccountId Main => default;

    public int Number { get; }

    public int CompareTo(SubAccountId other) => Number.CompareTo(other.Number);
    public override string ToString() => Number.ToString();
}

/// <summary>The grain that takes in what one feed reports: fills, order ends and busts in one sequence.</summary>
public readonly record struct FeedId : IComparable<FeedId>
{
    public FeedId(GrainId grain)
    {
        if (grain.Kind != GrainKind.TradeCapture) throw new ArgumentException($"{grain} is a {grain.Kind}, not a feed", nameof(grain));
        Grain = grain;
    }

    public GrainId Grain { get; }

    public static FeedId For(SourceId feed) => new(GrainId.Derive(GrainKind.TradeCapture, Encoding.UTF8.GetBytes($"feed {feed.Name}")));

    public static bool TryParse(ReadOnlySpan<char> text, out FeedId feed)
    {
        feed = default;
        if (!GrainId.TryParse(text, out var grain) || grain.Kind != GrainKind.TradeCapture) return false;
        feed = new FeedId(grain);
        return true;
    }

    public int CompareTo(FeedId other) => Grain.CompareTo(other.Grain);
    public override string ToString() => Grain.ToString();
}

/// <summary>The grain that knows a venue's instruments and makes its prices.</summary>
public readonly record struct MarketId
{
    public MarketId(GrainId grain)
    {
        if (grain.Kind != GrainKind.Market) throw new ArgumentException($"{grain} is a {grain.Kind}, not a market", nameof(grain));
        Grain = grain;
    }

    public GrainId Grain { get; }

    public static MarketId For(string venue) => new(GrainId.Derive(GrainKind.Market, Encoding.UTF8.GetBytes($"market {venue}")));

    public override string ToString() => Grain.ToString();
}

/// <summary>The grain that keeps a venue's parameter sets.</summary>
public readonly record struct ParametersId
{
    public ParametersId(GrainId grain)
    {
        if (grain.Kind != GrainKind.Parameters) throw new ArgumentException($"{grain} is a {grain.Kind}, not a rule book", nameof(grain));
        Grain = grain;
    }

    public GrainId Grain { get; }

    public static ParametersId For(string venue) =>
        new(GrainId.Derive(GrainKind.Parameters, Encoding.UTF8.GetBytes($"parameters {venue}")));

    public override string ToString() => Grain.ToString();
}
