using System.Text.Json;
using System.Text.Json.Serialization;
using CrossMargin.Contracts;

namespace CrossMargin.Runtime.Shards;

/// <summary>A valuation as it is journaled: text, because it need not fit into a JSON number of every reader.</summary>
public sealed class MoneyText : JsonConverter<Money>
{
    public override Money Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        DecimalText.TryParse(reader.GetString(), Money.Scale, out var micros) && new Money(micros) is var money
            && reader.ValueTextEquals(money.ToString())
            ? money
            : throw new JsonException("a valuation is written without superfluous digits");

    public override void Write(Utf8JsonWriter writer, Money value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.ToString());
}

public sealed class ShardNumber : JsonConverter<ShardId>
{
    public override ShardId Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => new(reader.GetInt32());

    public override void Write(Utf8JsonWriter writer, ShardId value, JsonSerializerOptions options) =>
        writer.WriteNumberValue(value.Number);
}

public sealed class AmountText : JsonConverter<AssetAmount>
{
    public override AssetAmount Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        AssetAmount.TryParse(reader.GetString(), out var amount) && reader.ValueTextEquals(amount.ToString())
            ? amount
            : throw new JsonException("an amount is a number, a space and an asset of the venue");

    public override void Write(Utf8JsonWriter writer, AssetAmount value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.ToString());
}

public sealed class InstrumentNumber : JsonConverter<InstrumentId>
{
    public override InstrumentId Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        new(reader.GetInt32());

    public override void Write(Utf8JsonWriter writer, InstrumentId value, JsonSerializerOptions options) =>
        writer.WriteNumberValue(value.Number);
}
