using CrossMargin.Contracts;
using CrossMargin.Runtime.Shards;

namespace CrossMargin.Silos;

/// <summary>How shards come to a thread and leave it; all of it runs on the thread, at its turn.</summary>
internal sealed partial class ShardThread
{
    private readonly List<(Shard Shard, Action? Drained)> draining = [];   // null when it was told, and the row is about to move

    private abstract record Ownership
    {
        public sealed record Host(Shard Shard) : Ownership;

        public sealed record Drain(Action Drained) : Ownership;

        public sealed record LetGo : Ownership;
    }

    /// <summary>The thread's from now on, and started.</summary>
    public void Host(Shard shard) => inbox.Add(new Inbound(shard.Id, new Ownership.Host(shard), Caller: null));

    /// <summary>Takes nothing more in, and says so when all that it has is durable and saved.</summary>
    public void Drain(ShardId shard, Action drained) => inbox.Add(new Inbound(shard, new Ownership.Drain(drained), Caller: null));

    /// <summary>Gone at once. Who waits for a commit whose outcome is open hears that it is unknown.</summary>
    public void LetGo(ShardId shard) => inbox.Add(new Inbound(shard, new Ownership.LetGo(), Caller: null));

    private bool IsDraining(Shard shard) => draining.Count > 0 && draining.Exists(one => one.Shard == shard);

    private bool IsHandedOver(Shard shard) =>
        draining.Count > 0 && draining.Exists(one => one.Shard == shard && one.Drained is null);

    private void Change(Instant now, ShardId id, Ownership ownership)
    {
        var shard = byNumber[id.Number];
        switch (ownership)
        {
            case Ownership.Host(var hosted):
                shards.Add(hosted);
                byNumber[id.Number] = hosted;
                Guarded(hosted, one => one.Tick(now));   // its first: clients wait
                break;
            case Ownership.Drain(var drained) when shard is not null:
                shard.Drain();
                draining.Add((shard, drained));
                break;
            case Ownership.LetGo when shard is not null:
                draining.RemoveAll(one => one.Shard == shard);
                shards.Remove(shard);
                byNumber[id.Number] = null;
                Guarded(shard, static one => one.LetGo());
                break;
        }
    }

    private void TellDrained()
    {
        for (var i = draining.Count - 1; i >= 0; i--)
        {
            var (shard, drained) = draining[i];
            if (drained is null) continue;
            if (!shard.IsDrained)
            {
                shard.SaveSoon();   // a save that was under way when the drain began may have missed the last records
                continue;
            }

            draining[i] = (shard, null);   // what comes until the row has moved is not taken in either
            drained();
        }
    }
}
