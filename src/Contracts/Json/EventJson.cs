using System.Text.Json;
using System.Text.Json.Serialization;
using CrossMargin.Contracts.Accounts;

namespace CrossMargin.Contracts.Json;

/// <summary>
/// How value types are written in journaled JSON: amounts as <c>"12.5 USDC"</c>, ids and times as their text, refusals by code. Each
/// has one written form, and reading refuses every other, because the bytes are hashed.
/// </summary>
public static class EventJson
{
    public sealed class AmountConverter : JsonConverter<AssetAmount>
    {
        public override AssetAmount Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            Span<char> text = stackalloc char[AssetAmount.MaxTextLength];
            return AssetAmount.TryParse(text[..CopyString(ref reader, text)], out var amount)
                ? amount
                : throw new JsonException("an amount is a number, a space and an asset of the venue");
        }

        public override void Write(Utf8JsonWriter writer, AssetAmount value, JsonSerializerOptions options)
        {
            Span<char> text = stackalloc char[AssetAmount.MaxTextLength];
            writer.WriteStringValue(text[..value.Format(text)]);
        }
    }

    public sealed class AccountConverter : JsonConverter<AccountId>
    {
        public override AccountId Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            Span<char> text = stackalloc char[36];
            return AccountId.TryParse(text[..CopyString(ref reader, text)], out var account)
                ? account
                : throw new JsonException("not an account id");
        }

        public override void Write(Utf8JsonWriter writer, AccountId value, JsonSerializerOptions options) =>
            writer.WriteStringValue(value.ToString());
    }

    public sealed class PrincipalConverter : JsonConverter<PrincipalId>
    {
        public override PrincipalId Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            PrincipalId.TryParse(reader.GetString(), out var principal) ? principal : throw new JsonException("not a principal");

        public override void Write(Utf8JsonWriter writer, PrincipalId value, JsonSerializerOptions options) =>
            writer.WriteStringValue(value.Name);
    }

    public sealed class WithdrawalConverter : JsonConverter<WithdrawalId>
    {
        public override WithdrawalId Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            new(reader.GetInt64());

        public override void Write(Utf8JsonWriter writer, WithdrawalId value, JsonSerializerOptions options) =>
            writer.WriteNumberValue(value.Version);
    }

    public sealed class TransferConverter : JsonConverter<TransferId>
    {
        public override TransferId Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            new(reader.GetInt64());

        public override void Write(Utf8JsonWriter writer, TransferId value, JsonSerializerOptions options) =>
            writer.WriteNumberValue(value.Version);
    }

    public sealed class CaseConverter : JsonConverter<CaseId>
    {
        public override CaseId Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => new(reader.GetInt64());

        public override void Write(Utf8JsonWriter writer, CaseId value, JsonSerializerOptions options) =>
            writer.WriteNumberValue(value.Version);
    }

    public sealed class DepositConverter : JsonConverter<DepositId>
    {
        public override DepositId Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            new(reader.GetInt64());

        public override void Write(Utf8JsonWriter writer, DepositId value, JsonSerializerOptions options) =>
            writer.WriteNumberValue(value.Version);
    }

    public sealed class ShardConverter : JsonConverter<ShardId>
    {
        public override ShardId Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            new(reader.GetInt32());

        public override void Write(Utf8JsonWriter writer, ShardId value, JsonSerializerOptions options) =>
            writer.WriteNumberValue(value.Number);
    }

    public sealed class InstantConverter : JsonConverter<Instant>
    {
        public override Instant Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            var instant = Instant.From(reader.GetDateTimeOffset());
            return reader.ValueTextEquals(instant.ToString()) ? instant : throw new JsonException("a time is UTC with six decimals");
        }

        public override void Write(Utf8JsonWriter writer, Instant value, JsonSerializerOptions options) =>
            writer.WriteStringValue(value.ToString());
    }

    public sealed class RejectionConverter : JsonConverter<Rejection>
    {
        public override Rejection Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            Rejections.TryParse(reader.GetString()!, out var rejection) ? rejection : throw new JsonException("not a rejection");

        public override void Write(Utf8JsonWriter writer, Rejection value, JsonSerializerOptions options) =>
            writer.WriteStringValue(value.Code());
    }

    /// <summary>The string at the reader, or a refusal when it is longer than anything that could be right.</summary>
    private static int CopyString(ref Utf8JsonReader reader, scoped Span<char> destination) =>
        reader.TokenType == JsonTokenType.String && reader.ValueSpan.Length <= destination.Length
            ? reader.CopyString(destination)
            : throw new JsonException("a short string is expected");
}
