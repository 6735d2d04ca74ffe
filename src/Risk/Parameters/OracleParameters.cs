using CrossMargin.Contracts;

namespace CrossMargin.Risk.Parameters;

/// <summary>
/// How quotes become prices, when a price is not relied on, and over which time averages go. Margin never reads it: it is in the
/// rules because whoever may loosen a breaker may move every margin.
/// </summary>
/// <param name="FreshMs">A quote older than this is not looked at.</param>
/// <param name="MinSources">With fewer an index is degraded.</param>
/// <param name="Deviation">How far from the median of all fresh quotes one may be and still count.</param>
/// <param name="Jump">An index that moved by more than this share of the last one is not taken before it is confirmed.</param>
/// <param name="JumpWindowMs">What is older than this is no measure of a jump.</param>
/// <param name="ConfirmMs">For so long three sources or more have to stand by it.</param>
/// <param name="HoldMs">For so long the last index stands in meanwhile; then there is none.</param>
/// <param name="BasisBand">How far a mark may stand from its index, either way.</param>
/// <param name="BasisFollowMs">The share of the distance that a mark goes in a time is that time over this one.</param>
/// <param name="SlowDrift">The share of itself that a slow price goes in a minute at most.</param>
/// <param name="AverageMs">The window before an expiry whose average settles it.</param>
/// <param name="AverageAtLeastMs">An average of less is none.</param>
public sealed record OracleParameters(
    int FreshMs, int MinSources, Rate Deviation, Rate Jump, int JumpWindowMs, int ConfirmMs, int HoldMs, Rate BasisBand, int BasisFollowMs,
    Rate SlowDrift, int AverageMs, int AverageAtLeastMs)
{
    /// <summary>No rules make a price that money rests on of fewer.</summary>
    public const int LeastSources = 3;

    /// <summary>Of rules that do not say.</summary>
    public static OracleParameters Default { get; } = new(
        FreshMs: 5_000, LeastSources, Deviation: new Rate(10_000_000), Jump: new Rate(100_000_000), JumpWindowMs: 60_000, ConfirmMs: 3_000,
        HoldMs: 15_000, BasisBand: new Rate(50_000_000), BasisFollowMs: 30_000, SlowDrift: new Rate(10_000_000), AverageMs: 1_800_000,
        AverageAtLeastMs: 900_000);

    /// <summary>What a source said of depth longer ago than this is not looked at.</summary>
    public int DepthFreshMs { get; init; } = 60_000;

    /// <summary>
    /// The share of itself that a depth falls by in a minute at most: no margin grows at once because somebody fell silent.
    /// </summary>
    public Rate DepthDrift { get; init; } = new(100_000_000);

    public long DepthFreshMicros => Micros(DepthFreshMs);
    public long FreshMicros => Micros(FreshMs);
    public long JumpWindowMicros => Micros(JumpWindowMs);
    public long ConfirmMicros => Micros(ConfirmMs);
    public long HoldMicros => Micros(HoldMs);
    public long BasisFollowMicros => Micros(BasisFollowMs);
    public long AverageMicros => Micros(AverageMs);
    public long AverageAtLeastMicros => Micros(AverageAtLeastMs);

    /// <summary>Whether two prices are further apart than a share of the first.</summary>
    public static bool IsBeyond(Price from, Price to, Rate share) =>
        Int128.Abs((Int128)to.E8 - from.E8) * Rate.One.E9 > (Int128)from.E8 * share.E9;

    internal static OracleParameters Read(JsonNodeReader node)
    {
        var oracle = new OracleParameters(
            node.Required("freshMs").Integer(500, 60_000),
            node.Required("minSources").Integer(LeastSources, 16),
            node.Required("deviation").Rate("0.0001", "0.1"),
            node.Required("jump").Rate("0.01", "1"),
            node.Required("jumpWindowMs").Integer(1_000, 3_600_000),
            node.Required("confirmMs").Integer(500, 60_000),
            node.Required("holdMs").Integer(500, 600_000),
            node.Required("basisBand").Rate("0.0001", "0.5"),
            node.Required("basisFollowMs").Integer(1_000, 3_600_000),
            node.Required("slowDrift").Rate("0.0001", "1"),
            node.Required("averageMs").Integer(1_000, 14_400_000),
            node.Required("averageAtLeastMs").Integer(500, 14_400_000))
        {
            DepthFreshMs = node.Optional("depthFreshMs")?.Integer(1_000, 3_600_000) ?? Default.DepthFreshMs,
            DepthDrift = node.Optional("depthDrift")?.Rate("0.0001", "1") ?? Default.DepthDrift,
        };
        if (oracle.HoldMs < oracle.ConfirmMs) node.Error("holdMs is below confirmMs: every jump would halt");
        if (oracle.JumpWindowMs < oracle.HoldMs) node.Error("jumpWindowMs is below holdMs: a jump would be taken before it is confirmed");
        if (oracle.AverageAtLeastMs > oracle.AverageMs) node.Error("averageAtLeastMs is above averageMs: no expiry would settle");
        if (2L * oracle.AverageAtLeastMs < oracle.AverageMs) node.Error("averageAtLeastMs is below half of averageMs");
        return node.Closed(oracle);
    }

    private static long Micros(int ms) => ms * Instant.MicrosPerMillisecond;
}
