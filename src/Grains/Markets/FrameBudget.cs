using System.Buffers;
using System.Text.Json;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Parameters;

namespace CrossMargin.Grains.Markets;

/// <summary>
/// How large a frame may be. It is journaled and read by every silo several times a second, so what would make it larger is refused
/// when it is proposed (a listing, other rules), and the frames themselves are never cut.
/// </summary>
internal static class FrameBudget
{
    public const int MaxBytes = 64 * 1024;

    /// <summary>What an option of a chain takes, for those that were listed since the last frame.</summary>
    private const int ListingBytes = 24;

    /// <summary>Left free by listings for what changes from frame to frame by itself: digits of prices, smiles, what settles.</summary>
    private const int ReserveBytes = 2 * 1024;

    public static bool HasRoomForOneMore(Market market) =>
        market.LastFrame?.Frame is not { } frame
        || BytesOf(frame) + ((market.Instruments.Count - frame.Listed.Length + 1) * ListingBytes) <= MaxBytes - ReserveBytes;

    public static bool HasRoomFor(ParametersInForce rules, MarkFrame frame) => BytesOf(frame with { Parameters = rules }) <= MaxBytes;

    public static int BytesOf(MarkFrame frame)
    {
        var written = new ArrayBufferWriter<byte>(MaxBytes);
        using (var writer = new Utf8JsonWriter(written)) new FrameJson().Write(writer, frame, JsonSerializerOptions.Default);
        return written.WrittenCount;
    }
}
