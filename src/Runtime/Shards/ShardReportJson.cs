using System.Text.Json;
using System.Text.Json.Serialization;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;

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

public sealed class SubAccountNumber : JsonConverter<SubAccountId>
{
    public override SubAccountId Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        new(reader.GetInt32());

    public override void Write(Utf8JsonWriter writer, SubAccountId value, JsonSerializerOptions options) =>
        writer.WriteNumberValue(value.Number);
}

public sealed class CaseNumber : JsonConverter<CaseId>
{
    public override CaseId Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => new(reader.GetInt64());

    public override void Write(Utf8JsonWriter writer, CaseId value, JsonSerializerOptions options) =>
        writer.WriteNumberValue(value.Version);
}

public sealed class AccountText : JsonConverter<AccountId>
{
    public override AccountId Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        AccountId.TryParse(reader.GetString(), out var account) && reader.ValueTextEquals(account.ToString())
            ? account
            : throw new JsonException("not an account id");

    public override void Write(Utf8JsonWriter writer, AccountId value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.ToString());
}

public sealed class QuantityText : JsonConverter<Quantity>
{
    public override Quantity Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        DecimalText.TryParse(reader.GetString(), Quantity.Scale, out var e8) && reader.ValueTextEquals(new Quantity(e8).ToString())
            ? new Quantity(e8)
            : throw new JsonException("a quantity is written without superfluous digits");

    public override void Write(Utf8JsonWriter writer, Quantity value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.ToString());
}

public sealed class PriceText : JsonConverter<Price>
{
    public override Price Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        DecimalText.TryParse(reader.GetString(), Price.Scale, out var e8) && reader.ValueTextEquals(new Price(e8).ToString())
            ? new Price(e8)
            : throw new JsonException("a price is written without superfluous digits");

    public override void Write(Utf8JsonWriter writer, Price value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.ToString());
}
