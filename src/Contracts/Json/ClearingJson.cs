using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Parameters;

namespace CrossMargin.Contracts.Json;

/// <summary>
/// How the value types of clearing are written: decimals and names as text, numbers of instruments and sub-accounts as
/// numbers. Reading takes the written form and no other.
/// </summary>
public static class ClearingJson
{
    public sealed class PriceConverter() : DecimalConverter<Price>(Price.Scale, units => new Price(units), price => price.E8);

    public sealed class QuantityConverter() :
        DecimalConverter<Quantity>(Quantity.Scale, units => new Quantity(units), quantity => quantity.E8);

    public sealed class RateConverter() : DecimalConverter<Rate>(Rate.Scale, units => new Rate(units), rate => rate.E9);

    public sealed class MoneyConverter() : DecimalConverter<Money>(Money.Scale, units => new Money(units), money => money.Micros);

    public sealed class AssetConverter() : NameConverter<Asset>(asset => asset.ToString(), text =>
        Asset.TryParse(text, out var asset) && asset.Decimals is not null ? asset : null);

    public sealed class UnderlyingConverter() : NameConverter<Underlying>(underlying => underlying.Code, text =>
        Underlying.TryParse(text, out var underlying) ? underlying : null);

    public sealed class SourceConverter() : NameConverter<SourceId>(source => source.Name, text =>
        SourceId.TryParse(text, out var source) ? source : null);

    public sealed class TradeConverter() : NameConverter<TradeId>(trade => trade.Name, text =>
        TradeId.TryParse(text, out var trade) ? trade : null);

    public sealed class OrderConverter() : NameConverter<OrderId>(order => order.Name, text =>
        OrderId.TryParse(text, out var order) ? order : null);

    public sealed class FeedConverter() : NameConverter<FeedId>(feed => feed.ToString(), text =>
        FeedId.TryParse(text, out var feed) ? feed : null);

    /// <summary>The long sums of 1e-20, which no JSON number holds.</summary>
    public sealed class IntegerConverter() : NameConverter<Int128>(value => value.ToString(CultureInfo.InvariantCulture), text =>
        Int128.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) ? value : null);

    public sealed class InstrumentConverter : JsonConverter<InstrumentId>
    {
        public override InstrumentId Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            new(reader.GetInt32());

        public override void Write(Utf8JsonWriter writer, InstrumentId value, JsonSerializerOptions options) =>
            writer.WriteNumberValue(value.Number);
    }

    public sealed class SubAccountConverter : JsonConverter<SubAccountId>
    {
        public override SubAccountId Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            reader.GetInt32() is var number and >= 0 and <= SubAccountId.MaxNumber
                ? new SubAccountId(number)
                : throw new JsonException("not a sub-account");

        public override void Write(Utf8JsonWriter writer, SubAccountId value, JsonSerializerOptions options) =>
            writer.WriteNumberValue(value.Number);
    }

    /// <summary>A document inside an event: written as it is, so that its bytes are those that were hashed.</summary>
    public sealed class ParameterTextConverter : JsonConverter<ParameterText>
    {
        public override ParameterText Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            using var document = JsonDocument.ParseValue(ref reader);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? new ParameterText(document.RootElement.GetRawText())
                : throw new JsonException("a parameter set is an object");
        }

        public override void Write(Utf8JsonWriter writer, ParameterText value, JsonSerializerOptions options) =>
            writer.WriteRawValue(value.Json);
    }

    /// <summary>Written <c>"3:0.0125"</c>: after three periods the index stands at 0.0125.</summary>
    public sealed class FundingPointConverter() : NameConverter<FundingPoint>(Text, Parse)
    {
        public static string Text(FundingPoint point) =>
            $"{point.Period}:{DecimalText.Format(point.IndexE12, FundingPoint.IndexScale)}";

        public static FundingPoint? Parse(string text)
        {
            var colon = text.IndexOf(':', StringComparison.Ordinal);
            return colon > 0
                && long.TryParse(text[..colon], NumberStyles.None, CultureInfo.InvariantCulture, out var period)
                && DecimalText.TryParse(text.AsSpan(colon + 1), FundingPoint.IndexScale, out var index)
                    ? new FundingPoint(period, index)
                    : null;
        }
    }

    public abstract class DecimalConverter<T>(int scale, Func<long, T> of, Func<T, long> unitsOf) : JsonConverter<T> where T : struct
    {
        public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            var text = reader.TokenType == JsonTokenType.String ? reader.GetString()! : throw new JsonException("a text is expected");
            return DecimalText.TryParse(text, scale, out var units) && DecimalText.Format(units, scale) == text
                ? of(units)
                : throw new JsonException("not a number in its written form");
        }

        public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options)
        {
            Span<char> text = stackalloc char[DecimalText.MaxLength];
            writer.WriteStringValue(text[..DecimalText.Format(unitsOf(value), scale, text)]);
        }
    }

    public abstract class NameConverter<T>(Func<T, string> textOf, Func<string, T?> parse) : JsonConverter<T> where T : struct
    {
        public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            var text = reader.TokenType == JsonTokenType.String ? reader.GetString()! : throw new JsonException("a text is expected");
            return parse(text) is { } value && textOf(value) == text ? value : throw new JsonException($"not a {typeof(T).Name}");
        }

        public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) => writer.WriteStringValue(textOf(value));
    }
}
