using System.Collections.Immutable;
using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Serialization;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Access;
using CrossMargin.Contracts.Json;
using CrossMargin.Runtime.Grains;

namespace CrossMargin.Grains.Access;

/// <summary>
/// Who might do what, since when: one record for each access list that came into force. It decides nothing about anybody's access,
/// which is the host's; it makes that the journal can tell it.
/// </summary>
/// <param name="Digest">Of the list in force, so that a host that starts with the same one leaves no record.</param>
public sealed record AccessRegister(AccessId Id, long Version, Hash256 Digest)
{
    public static AccessRegister Unborn(AccessId id) => new(id, Version: 0, default);

    public static Decision<AccessEvent> Decide(AccessRegister register, object input) => input switch
    {
        AccessCommand.PutInForce put when DigestOf(put.Principals) == register.Digest => new Decision<AccessEvent>([], Rejection.None),
        AccessCommand.PutInForce put => new AccessEvent.InForce(put.Principals),
        _ => throw new UnreachableException(input.GetType().Name),
    };

    public static AccessRegister Evolve(AccessRegister register, AccessEvent @event) => @event switch
    {
        AccessEvent.InForce e => register with { Version = register.Version + 1, Digest = DigestOf(e.Principals) },
        _ => throw new UnreachableException(@event.GetType().Name),
    };

    public void Verify() => Invariant.Holds("B4", (Version == 0) == (Digest == default), "a list is in force from the first record on");

    private static Hash256 DigestOf(ImmutableArray<AccessEntry> principals) =>
        Hash256.Of(JsonSerializer.SerializeToUtf8Bytes(principals, AccessJson.Default.ImmutableArrayAccessEntry));
}

/// <summary>The register as a kind of grain.</summary>
public sealed class AccessGrain() : JsonGrainType<AccessRegister, AccessEvent>(
    AccessJson.Default, (AccessEventNames.InForce, typeof(AccessEvent.InForce)))
{
    public override GrainKind Kind => GrainKind.Access;
    public override int SnapshotSchema => 1;

    protected override Type Commands => typeof(AccessCommand);
    protected override AccessRegister Empty(GrainId id) => AccessRegister.Unborn(new AccessId(id));
    protected override Decision<AccessEvent> Decide(AccessRegister state, object input, Context context) =>
        AccessRegister.Decide(state, input);

    protected override AccessRegister Evolve(AccessRegister state, AccessEvent @event) => AccessRegister.Evolve(state, @event);
    protected override void Verify(AccessRegister state) => state.Verify();
    protected override Instant? DueAt(AccessRegister state) => null;
    protected override ImmutableArray<GrainId> AddresseesOf(AccessEvent @event) => [];
    protected override Rejection RefusalIn(AccessEvent @event) => Rejection.None;

    protected override byte[] Save(AccessRegister state) =>
        JsonSerializer.SerializeToUtf8Bytes(new AccessSnapshot(state.Version, $"{state.Digest}"), AccessJson.Default.AccessSnapshot);

    public override object Restore(GrainId id, ReadOnlySpan<byte> snapshot)
    {
        var saved = JsonSerializer.Deserialize(snapshot, AccessJson.Default.AccessSnapshot)!;
        return Hash256.TryParse(saved.Digest, out var digest)
            ? new AccessRegister(new AccessId(id), saved.Version, digest)
            : throw new JsonException("a digest is 64 hexadecimal digits");
    }
}

/// <summary>The register as a snapshot keeps it.</summary>
internal sealed record AccessSnapshot(long Version, string Digest);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    Converters = [typeof(EventJson.InstantConverter), typeof(EventJson.PrincipalConverter), typeof(ClearingJson.SourceConverter)])]
[JsonSerializable(typeof(AccessEvent.InForce))]
[JsonSerializable(typeof(AccessCommand.PutInForce))]
[JsonSerializable(typeof(ImmutableArray<AccessEntry>))]
[JsonSerializable(typeof(AccessSnapshot))]
internal sealed partial class AccessJson : JsonSerializerContext;
