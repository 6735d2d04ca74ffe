using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using CrossMargin.Contracts;

namespace CrossMargin.Api.Bodies;

[Description("So much of an asset.")]
public sealed record AmountItem(
    [property: DefaultValue("BTC")] string Asset,
    [property: RegularExpression(AmountText.Pattern), DefaultValue("0.5")] string Amount)
{
    private static readonly string[] Fields = ["asset", "amount"];

    internal AssetAmount Value { get; private init; }

    internal static AmountItem Of(AssetAmount amount) => new(amount.Asset.ToString(), amount.ToDecimal()) { Value = amount };

    internal static AmountItem? Read(ref StrictObject body)
    {
        ReadOnlySpan<byte> asset = [], amount = [];
        while (body.NextField(Fields, out var field))
        {
            if (field == 0) asset = body.Plain("asset");
            else amount = body.Plain("amount");
        }

        body.RequireAll(Fields);
        return AmountText.Read(ref body, asset, amount) is { } parsed ? Of(parsed) : null;
    }
}
