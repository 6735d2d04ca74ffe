using System.Text;
using CrossMargin.Api.Problems;
using CrossMargin.Contracts;

namespace CrossMargin.Api.Bodies;

/// <summary>
/// A decimal string and an asset code as an amount. Only the canonical form is taken, so that one amount has one spelling on the wire,
/// in the journal and under every hash.
/// </summary>
internal static class AmountText
{
    public const string Pattern = @"^-?(0|[1-9]\d*)(\.\d*[1-9])?$";
    public const string Canonical = "digits and at most one point: no exponent, sign +, or needless zeros";

    public static AssetAmount? Read(ref StrictObject body, ReadOnlySpan<byte> assetCode, ReadOnlySpan<byte> amount)
    {
        if (body.HasErrors) return null;   // one of the two may be missing
        Span<char> code = stackalloc char[8];
        if (assetCode.Length > code.Length || !Encoding.ASCII.TryGetChars(assetCode, code, out var codeLength)
            || !Asset.TryParse(code[..codeLength], out var asset) || asset.Decimals is not { } decimals)
        {
            body.Report("asset", Rejection.UnknownAsset.Code(), ProblemTable.For(Rejection.UnknownAsset).Title);
            return null;
        }

        if (!IsCanonical(amount, out var fraction))
        {
            body.Report("amount", EdgeCode.MalformedDecimal, Canonical);
            return null;
        }

        if (fraction > decimals)
        {
            body.Report("amount", EdgeCode.ExtraPrecision, $"{asset} has {decimals} decimals");
            return null;
        }

        Span<char> text = stackalloc char[DecimalText.MaxLength];
        if (amount.Length > text.Length || !Encoding.ASCII.TryGetChars(amount, text, out var length)
            || !DecimalText.TryParse(text[..length], decimals, out var units))
        {
            body.Report("amount", Rejection.AmountTooLarge.Code(), ProblemTable.For(Rejection.AmountTooLarge).Title);
            return null;
        }

        return new AssetAmount(asset, units);
    }

    /// <summary>The form of <see cref="Pattern"/>, and not minus zero.</summary>
    public static bool IsCanonical(ReadOnlySpan<byte> text, out int fraction)
    {
        fraction = 0;
        var digits = text is [(byte)'-', .. var magnitude] ? magnitude : text;
        var point = digits.IndexOf((byte)'.');
        var whole = point < 0 ? digits : digits[..point];
        var rest = point < 0 ? [] : digits[(point + 1)..];
        fraction = rest.Length;
        if (whole.IsEmpty || whole.ContainsAnyExceptInRange((byte)'0', (byte)'9') || (whole.Length > 1 && whole[0] == '0')) return false;
        if (point >= 0 && (rest.IsEmpty || rest.ContainsAnyExceptInRange((byte)'0', (byte)'9') || rest[^1] == '0')) return false;
        return digits.Length == text.Length || !digits.SequenceEqual("0"u8);
    }
}
