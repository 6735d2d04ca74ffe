using CrossMargin.Contracts;
using CrossMargin.Runtime.Cluster;
using CrossMargin.Runtime.Shards;

namespace CrossMargin.Silos.Cluster;

/// <summary>What one silo says to another over their link.</summary>
internal abstract record LinkMessage
{
    private LinkMessage() { }

    /// <summary>A command for a grain that the other silo owns.</summary>
    /// <param name="Returned">So many commands for its shard came back over this link, as far as was known when it was sent.</param>
    public sealed record Ask(long Number, long Returned, Command Command) : LinkMessage;

    /// <summary>A command came that this build cannot read.</summary>
    public sealed record UnreadableAsk(long Number) : LinkMessage;

    /// <summary>The answer to such a one: it is surely not done.</summary>
    public sealed record Unreadable(long Number) : LinkMessage;

    /// <summary>A read of one.</summary>
    public sealed record Look(long Number, GrainId Grain) : LinkMessage;

    /// <summary>The answer to either, under its number.</summary>
    public sealed record Answer(long Number, Reply Reply) : LinkMessage;

    /// <summary>What shards say to each other; may be lost.</summary>
    public sealed record Parcel(IReadOnlyList<ShardMessage> Messages) : LinkMessage;

    /// <summary>A published frame, or one that an answer behind it was made under.</summary>
    public sealed record Frame(MarkFrame Published) : LinkMessage;

    /// <summary>A row was changed: the others find out at once what they would find out at their next beat.</summary>
    public sealed record Moved(OwnerRow Row) : LinkMessage;

    /// <summary>Nothing, so that the other side hears something.</summary>
    public sealed record Alive : LinkMessage;
}
