namespace CrossMargin.Risk;

/// <summary>
/// What is wrong with an input. A model never answers such an input with a number, and never with NaN.
/// </summary>
public enum Fault : byte
{
    None = 0,
    NotANumber,
    Infinite,
    Negative,

    /// <summary>Zero where only a positive value means something: a forward, a strike, a discount factor.</summary>
    Zero,

    /// <summary>The instrument's expiry has passed.</summary>
    Expired,

    /// <summary>Nothing is known of it: no mark, no surface, no parameter.</summary>
    Missing,

    /// <summary>It names something that does not exist: a scenario, an instrument, an asset.</summary>
    Unknown,

    /// <summary>A number, but not one that this field can hold or this calculation can carry.</summary>
    OutOfRange,
}

/// <summary>Why a calculation was not made: the fault, and the field that has it.</summary>
public readonly record struct Refusal(Fault Fault, string Field)
{
    public static Refusal None => default;

    public bool IsNone => Fault == Fault.None;

    /// <summary>For a field that may have any finite value.</summary>
    public static Refusal UnlessFinite(string field, double value) =>
        double.IsFinite(value) ? None : new(double.IsNaN(value) ? Fault.NotANumber : Fault.Infinite, field);

    /// <summary>For a field that may be zero but not less.</summary>
    public static Refusal UnlessNotNegative(string field, double value) =>
        !double.IsFinite(value) ? UnlessFinite(field, value) : value < 0 ? new(Fault.Negative, field) : None;

    /// <summary>For a field that is above zero.</summary>
    public static Refusal UnlessPositive(string field, double value) =>
        value == 0 ? new(Fault.Zero, field) : UnlessNotNegative(field, value);

    /// <summary>This refusal, or the next one where this is none: a ladder reads in its published order.</summary>
    public Refusal Or(Refusal next) => IsNone ? next : this;

    public override string ToString() => IsNone ? "none" : $"{Field}: {Fault}";
}

/// <summary>A value, or the reason why there is none.</summary>
public readonly record struct Refusable<T>(T Value, Refusal Refusal) where T : notnull
{
    public bool IsRefused => !Refusal.IsNone;

    public static implicit operator Refusable<T>(T value) => new(value, Refusal.None);
    public static implicit operator Refusable<T>(Refusal refusal) => new(default!, refusal);
}
