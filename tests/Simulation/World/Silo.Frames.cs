using CrossMargin.Contracts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Runtime.Shards;
using CrossMargin.Simulation.Audit;
using CrossMargin.Simulation.Clients;

namespace CrossMargin.Simulation.World;

/// <summary>The broadcast of frames: one place for a frame at each place of shards; it may be lost, late, or the wrong owner's.</summary>
internal sealed partial class Silo
{
    private MarkFrame? latestFrame;

    public void Publish(MarkFrame frame)
    {
        AuditFailure.Unless(venue.Auditor.IsPublished(frame.Number), "I15", $"frame {frame.Number} was broadcast before it was durable");
        latestFrame = frame;
        for (var place = 0; place < venue.Plan.Places; place++)
        {
            if (venue.Faults.Strikes(Fault.FrameLost)) venue.Faults.Took(Fault.FrameLost);
            else Broadcast(place, frame);
        }
    }

    private void Broadcast(int place, MarkFrame frame)
    {
        var isWaiting = offered[place] is not null;
        offered[place] = frame;
        if (isWaiting)
        {
            venue.Sights.Saw(Sight.FrameOvertaken);
            return;
        }

        var isLate = venue.Faults.Strikes(Fault.FrameLate);
        venue.Agenda.After(isLate ? draws.Between(1_000, 600_000) : draws.Between(20, 400), "frame arrives", () =>
        {
            if (offered[place] is not { } latest) return;
            offered[place] = null;
            var isCurrent = Life == Life.Running && (IsOwner || draws.OneIn(2));
            (isCurrent ? this : venue.Owner).Offer(place, latest, isLate);
        });
    }

    private void Offer(int place, MarkFrame frame, bool isLate) => Do(() =>
    {
        foreach (var shard in shards)
        {
            if (placeOf[shard.Id.Number] != place) continue;
            if (isLate && shard.Frame >= frame.Number) venue.Faults.Took(Fault.FrameLate);
            Offer(shard, frame);
        }

        Settle(place);
    });

    private void Offer(Shard shard, MarkFrame frame)
    {
        var (before, position) = (shard.Frame, shard.State.Position);
        Call(shard, target => target.Offer(Now, frame));
        if (shard.Frame > before && shard.State.Position == position) venue.Sights.Saw(Sight.AdoptionConflated);
    }

    public void FetchFrame(ShardId shard, long atLeast)
    {
        if (atLeast > shards[shard.Number].Frame) venue.Sights.Saw(Sight.FrameAwaited);
        if (venue.Faults.Strikes(Fault.FrameLost)) return;
        Later(draws.Between(20, 800), "frame answers", shard, target =>
        {
            if (latestFrame?.Number >= atLeast && draws.OneIn(2))
            {
                venue.Sights.Saw(Sight.FrameFromBroadcast);
                Offer(target, latestFrame);
            }
            else if (venue.Journal.ReadLast(Town.Market.Grain, MarketEventNames.FramePublished) is { } record)
            {
                venue.Sights.Saw(Sight.FrameFromJournal);
                Offer(target, venue.Catalog.FrameIn(record)!);
            }
        });
    }
}
