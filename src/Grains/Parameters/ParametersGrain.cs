using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Json;
using CrossMargin.Contracts.Parameters;
using CrossMargin.Runtime.Grains;

namespace CrossMargin.Grains.Parameters;

/// <summary>
/// The rule book as a kind of grain. What takes effect is told to the one market of the venue.
/// </summary>
public sealed class ParametersGrain(MarketId market) : JsonGrainType<RuleBook, ParameterEvent>(
    ParametersJson.Default,
    (ParameterEventNames.Published, typeof(ParameterEvent.Published)),
    (ParameterEventNames.Effective, typeof(ParameterEvent.Effective)),
    (ParameterEventNames.CommandRefused, typeof(ParameterEvent.CommandRefused)))
{
    public override GrainKind Kind => GrainKind.Parameters;

    protected override Type Commands => typeof(ParameterCommand);
    public override int SnapshotSchema => 1;

    protected override RuleBook Empty(GrainId id) => RuleBook.Unborn(new ParametersId(id));
    protected override Decision<ParameterEvent> Decide(RuleBook state, object input, Context context) =>
        RuleBook.Decide(state, input, context.Now);

    protected override RuleBook Evolve(RuleBook state, ParameterEvent @event) => RuleBook.Evolve(state, @event);
    protected override void Verify(RuleBook state) => state.Verify();
    protected override Instant? DueAt(RuleBook state) => state.DueAt();

    protected override ImmutableArray<GrainId> AddresseesOf(ParameterEvent @event) =>
        @event is ParameterEvent.Effective ? [market.Grain] : [];

    protected override Rejection RefusalIn(ParameterEvent @event) =>
        @event is ParameterEvent.CommandRefused refused ? refused.Reason : Rejection.None;

    protected override byte[] Save(RuleBook state) => JsonSerializer.SerializeToUtf8Bytes(
        new RuleBookSnapshot(state.Version, state.Versions, state.Waiting), ParametersJson.Default.RuleBookSnapshot);

    public override object Restore(GrainId id, ReadOnlySpan<byte> snapshot)
    {
        var saved = JsonSerializer.Deserialize(snapshot, ParametersJson.Default.RuleBookSnapshot)!;
        return new RuleBook(new ParametersId(id), saved.Version, saved.Versions, saved.Waiting);
    }
}

/// <summary>A rule book as a snapshot keeps it. Equal states have equal bytes.</summary>
internal sealed record RuleBookSnapshot(
    long Version, ImmutableArray<PublishedVersion> Versions, ImmutableArray<ParameterText> Waiting);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    Converters =
    [
        typeof(EventJson.InstantConverter), typeof(EventJson.RejectionConverter), typeof(ClearingJson.ParameterTextConverter),
    ])]
[JsonSerializable(typeof(ParameterEvent.Published))]
[JsonSerializable(typeof(ParameterEvent.Effective))]
[JsonSerializable(typeof(ParameterEvent.CommandRefused))]
[JsonSerializable(typeof(ParameterCommand.Publish))]
[JsonSerializable(typeof(RuleBookSnapshot))]
internal sealed partial class ParametersJson : JsonSerializerContext;
