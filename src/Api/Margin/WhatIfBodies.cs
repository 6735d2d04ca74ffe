using System.Collections.Immutable;
using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using CrossMargin.Api.Accounts;
using CrossMargin.Api.Bodies;
using CrossMargin.Api.Orders;
using CrossMargin.Api.Problems;
using CrossMargin.Api.Simulation;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Risk.Markets;

namespace CrossMargin.Api.Margin;

[Description("What is supposed to happen, in order; a step that would be refused is left out, and the next ones go on.")]
public sealed record WhatIfRequest([property: MaxLength(WhatIfRequest.MaxSteps)] IReadOnlyList<WhatIfStep> Steps)
{
    public const int MaxSteps = 100;

    [Description("Moves of the market after the steps; the answer has `shocked` then."), MaxLength(ShockRequest.MaxShocks)]
    public IReadOnlyList<ShockRequest>? Shocks { get; init; }

    private static readonly string[] Fields = ["steps", "shocks"];

    internal static SupposedCourse? Read(ref StrictObject body)
    {
        List<SupposedStep>? steps = null;
        List<FrameShock>? shocks = [];
        while (body.NextField(Fields, out var field))
        {
            if (field == 0) steps = body.Items("steps", MaxSteps, WhatIfStep.Read);
            else shocks = body.Items("shocks", ShockRequest.MaxShocks, ShockRequest.Read);
        }

        body.RequireAll(Fields.AsSpan(0, 1));
        return steps is null || shocks is null || body.HasErrors ? null : new SupposedCourse(steps, [.. shocks]);
    }
}

/// <summary>What is supposed to happen: steps, then moves of the market.</summary>
internal sealed record SupposedCourse(IReadOnlyList<SupposedStep> Steps, ImmutableArray<FrameShock> Shocks);

[Description("A move of an underlying and of all that follows it: index, perpetuals, forwards, options, and the asset of its name.")]
public sealed record ShockRequest(
    [property: DefaultValue("BTC")] string Underlying,
    [property: Description("As a fraction: -0.1 is a tenth less."), RegularExpression(AmountText.Pattern), DefaultValue("-0.1")]
    string Price)
{
    public const int MaxShocks = 16;
    private const string FormOfName = "the name of an underlying";

    [Description("As a fraction of each volatility: 0.25 is a quarter more. 0 without it."), RegularExpression(AmountText.Pattern)]
    [DefaultValue("0.25")]
    public string? Volatility { get; init; }

    private static readonly string[] Fields = ["underlying", "price", "volatility"];
    private static readonly Rate Most = new(10_000_000_000);

    internal static FrameShock? Read(ref StrictObject body)
    {
        Contracts.Underlying? underlying = null;
        var (price, volatility) = (0L, 0L);
        while (body.NextField(Fields, out var field))
        {
            switch (field)
            {
                case 0: underlying = body.Named<Contracts.Underlying>("underlying", Contracts.Underlying.TryParse, FormOfName); break;
                case 1: price = body.Decimal("price", Rate.Scale); break;
                default: volatility = body.Decimal("volatility", Rate.Scale); break;
            }
        }

        body.RequireAll(Fields.AsSpan(0, 2));
        if (body.HasErrors) return null;
        foreach (var (field, move) in ((string, long)[])[("price", price), ("volatility", volatility)])
            if (move <= -Rate.One.E9 || move > Most.E9) body.Report(field, EdgeCode.NumberOutOfRange, "more than -1, at most 10");
        return body.HasErrors ? null : new FrameShock(underlying!.Value, new Rate(price), new Rate(volatility));
    }
}

/// <summary>A step as it is called on the wire, and what it is for the deciders.</summary>
internal sealed record SupposedStep(string Type, object Input)
{
    public InstrumentId? Instrument => Input switch
    {
        SupposedFill fill => fill.Instrument,
        AccountCommand.ReserveOrder order => order.Instrument,
        _ => null,
    };
}

[Description("A deposit or withdrawal has asset and amount; a fill or an order has instrument, side, quantity and price.")]
public sealed record WhatIfStep(
    [property: Description("`deposit`, `withdrawal`, `fill` or `order`"), DefaultValue("fill")] string Type)
{
    public string? Asset { get; init; }

    [RegularExpression(AmountText.Pattern)]
    public string? Amount { get; init; }

    [DefaultValue(1)]
    public int? Instrument { get; init; }

    [Description("`buy` or `sell`"), DefaultValue("buy")]
    public string? Side { get; init; }

    [RegularExpression(AmountText.Pattern), DefaultValue("0.5")]
    public string? Quantity { get; init; }

    [RegularExpression(AmountText.Pattern), DefaultValue("60000")]
    public string? Price { get; init; }

    [Description("Of a fill; 0 without it."), RegularExpression(AmountText.Pattern)]
    public string? FeeRate { get; init; }

    [Description("0 without it.")]
    public int? SubAccount { get; init; }

    private static readonly string[] Fields =
        ["type", "asset", "amount", "instrument", "side", "quantity", "price", "feeRate", "subAccount"];

    private static readonly int[] OfMoney = [0, 1, 2];
    private static readonly int[] OfTrade = [0, 3, 4, 5, 6];

    internal static SupposedStep? Read(ref StrictObject body)
    {
        ReadOnlySpan<byte> asset = [], amount = [];
        string? type = null;
        Side? side = null;
        var (instrument, quantity, price, fee, subAccount) = (0L, 0L, 0L, 0L, 0L);
        while (body.NextField(Fields, out var field))
        {
            switch (field)
            {
                case 0: type = body.Text("type", 20); break;
                case 1: asset = body.Plain("asset"); break;
                case 2: amount = body.Plain("amount"); break;
                case 3: instrument = body.Integer("instrument", min: 1, max: int.MaxValue); break;
                case 4: side = body.Word("side", ("buy", Contracts.Accounts.Side.Buy), ("sell", Contracts.Accounts.Side.Sell)); break;
                case 5: quantity = body.Decimal("quantity", Contracts.Quantity.Scale); break;
                case 6: price = body.Decimal("price", Contracts.Price.Scale); break;
                case 7: fee = body.Decimal("feeRate", Rate.Scale); break;
                default: subAccount = body.Integer("subAccount", min: 0, max: SubAccountId.MaxNumber); break;
            }
        }

        if (type is not ("deposit" or "withdrawal" or "fill" or "order"))
        {
            if (!body.HasErrors) body.Report("type", EdgeCode.MalformedText, "deposit or withdrawal or fill or order");
            return null;
        }

        if (type is "deposit" or "withdrawal")
        {
            body.RequireOnly(Fields, OfMoney);
            if (AmountText.Read(ref body, asset, amount) is not { } parsed) return null;
            return new SupposedStep(
                type, type == "deposit" ? new AccountCommand.Deposit(parsed, "what-if") : new AccountCommand.Withdraw(parsed, "what-if"));
        }

        body.RequireOnly(Fields, OfTrade, optional: type == "fill" ? [7, 8] : [8]);
        if (body.HasErrors) return null;
        var (id, sub, size, limit) = (
            new InstrumentId((int)instrument), new SubAccountId((int)subAccount), new Quantity(quantity), new Price(price));
        return new SupposedStep(type, type == "fill"
            ? new SupposedFill(id, sub, side!.Value, limit, size, new Rate(fee))
            : new AccountCommand.ReserveOrder(OrderRequest.NoOrder, sub, id, side!.Value, size, limit));
    }
}

[Description("What one step would come to.")]
public sealed record WhatIfResult(string Type, [property: Description("applied or rejected")] string Status)
{
    public string? Code { get; init; }
}

[Description("An account as it is, or as it would be.")]
public sealed record StandingView(
    string Status, IReadOnlyList<CollateralView> Collateral, IReadOnlyList<PositionView> Positions, IReadOnlyList<OrderView> Orders)
{
    [Description("Absent where something has no price.")]
    public MarginView? Margin { get; init; }
    public string? Unpriced { get; init; }
    public IReadOnlyList<UnderlyingGreeksView>? Greeks { get; init; }
    public IReadOnlyList<LiquidationPriceView>? LiquidationPrices { get; init; }
}

[Description("Nothing was recorded. The deciders of the venue took the steps under the marks of `frame`.")]
public sealed record WhatIfAnswer(
    string Account, IReadOnlyList<WhatIfResult> Steps, StandingView Before, StandingView After,
    long Sequence, string Address, string AsOf, long Frame)
{
    [Description("`after` under the moved market, where the request has shocks.")]
    public StandingView? Shocked { get; init; }
}

[Description("What reserving the order would be answered now; nothing was recorded.")]
public sealed record OrderCheckAnswer(
    string Account, bool Accepted, StandingView Before, StandingView After,
    long Sequence, string Address, string AsOf, long Frame)
{
    [Description("Why not.")]
    public string? Code { get; init; }

    [Description("The initial margin with the order.")]
    public string? Required { get; init; }

    [Description("The margin equity that there is for it.")]
    public string? Available { get; init; }
    public string? Shortfall { get; init; }
}
