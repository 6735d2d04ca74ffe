using System.Collections.Immutable;
using CrossMargin.Contracts;

namespace CrossMargin.Runtime.Records;

/// <summary>
/// One row of the journal: a fact, where it stands, and why it exists. Everything but <see cref="Epoch"/> and
/// <see cref="Chain"/> is fixed when the turn ran; those two are set when its batch is sealed for a commit.
/// </summary>
public sealed class JournalRecord
{
    public required ShardId Shard { get; init; }

    /// <summary>1, 2, 3, … in the shard, in commit order.</summary>
    public required long Position { get; init; }
    public required GrainId Grain { get; init; }

    /// <summary>1, 2, 3, … in the grain's stream; the API calls an account's version its sequence.</summary>
    public required long Version { get; init; }

    /// <summary>A literal such as <c>account.deposited.v1</c>.</summary>
    public required string Type { get; init; }

    /// <summary>Never less than the record before it in the shard. Not comparable across shards.</summary>
    public required Instant Time { get; init; }

    /// <summary>The mark frame that the shard had adopted.</summary>
    public required long Frame { get; init; }
    public required Cause Cause { get; init; }

    /// <summary>The cause as it is hashed and stored. A reader gives what it read, which saves writing it again.</summary>
    public byte[] CauseBytes { get => field ??= Cause.Encode(); init; }

    /// <summary>The grains that this record is a message to, in the order in which their turns run.</summary>
    public ImmutableArray<GrainId> Addressees { get; init; } = [];

    /// <summary>The shards of the addressees, one bit a shard.</summary>
    public ShardSet To { get; init; }

    /// <summary>Canonical UTF-8 JSON; hashed and stored as it is.</summary>
    public required ReadOnlyMemory<byte> Payload { get; init; }

    /// <summary>What the payload was written from, for addressees in the same process; null where the record was read.</summary>
    public object? Event { get; init; }

    public int Epoch { get; private set; }
    public Hash256 Chain { get; private set; }

    public RecordAddress Address => new(Shard, Position);

    /// <summary>
    /// Takes its place in the chain behind <paramref name="previous"/>, under the epoch that will commit it.
    /// </summary>
    public ChainEnd Seal(int epoch, ChainEnd previous)
    {
        Epoch = epoch;
        var end = previous.Next(this);
        Chain = end.Hash;
        return end;
    }

    /// <summary>As it was read; whether the chain is right is for the reader to check.</summary>
    public JournalRecord AsStored(int epoch, Hash256 chain)
    {
        Epoch = epoch;
        Chain = chain;
        return this;
    }
}
