using CrossMargin.Contracts;
using CrossMargin.Contracts.Parameters;
using CrossMargin.Grains.Parameters;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;

namespace CrossMargin.Grains.Tests.Parameters;

public sealed class ParameterEventGoldenTests() : EventGoldens(Grain, Samples)
{
    private static readonly ParametersGrain Grain = new(MarketId.For("test"));
    private static readonly ParameterText Text = new("{\"format\":1,\"name\":\"a \\u0022b\\u0022\",\"rates\":[\"0.5\"]}");

    private static readonly ParameterEvent[] Samples =
    [
        new ParameterEvent.Published(2, Text, Noon),
        new ParameterEvent.Effective(2, Text, Noon),
        new ParameterEvent.CommandRefused("publish", Rejection.DocumentRefused, [new DocumentError("/model/kind", "required")]),
    ];
}
