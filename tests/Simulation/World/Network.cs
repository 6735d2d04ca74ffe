using CrossMargin.Runtime.Shards;

namespace CrossMargin.Simulation.World;

/// <summary>Carries parcels between the places of silos: it may lose them, double them, and let one overtake the other.</summary>
internal sealed class Network(Venue venue, Draws draws)
{
    public int OnTheWay { get; private set; }

    public void Carry(Silo from, int place, IReadOnlyList<ShardMessage> parcel)
    {
        if (venue.Faults.Strikes(Fault.ParcelLost))
        {
            if (IsNews(parcel)) venue.Faults.Took(Fault.ParcelLost);
            return;
        }

        Send(from, place, parcel);
        if (venue.Faults.Strikes(Fault.ParcelDoubled)) Send(from, place, parcel);
    }

    private void Send(Silo from, int place, IReadOnlyList<ShardMessage> parcel)
    {
        var isLate = venue.Faults.Strikes(Fault.ParcelLate);
        OnTheWay++;
        venue.Agenda.After(isLate ? draws.Between(1_000, 60_000) : draws.Between(20, 400), "parcel arrives", () =>
        {
            OnTheWay--;
            if (isLate && HasHole(parcel)) venue.Faults.Took(Fault.ParcelLate);
            if (parcel.Any(IsKnown))
            {
                venue.Sights.Saw(Sight.DuplicateDelivery);
                if (venue.Faults.IsOn(Fault.ParcelDoubled)) venue.Faults.Took(Fault.ParcelDoubled);
            }

            // What the dead or the dispossessed have sent comes to whoever owns the shards now.
            var isCurrent = from.Life == Life.Running && (ReferenceEquals(from, venue.Owner) || draws.OneIn(2));
            (isCurrent ? from : venue.Owner).Arrive(place, parcel);
        });
    }

    private long WatermarkOf(ShardMessage.Delivery delivery) =>
        venue.Owner.Shards[delivery.To.Number].State.Watermarks[delivery.From.Number];

    private bool IsNews(IReadOnlyList<ShardMessage> parcel) =>
        parcel.OfType<ShardMessage.Delivery>().Any(delivery => delivery.Records[^1].Position > WatermarkOf(delivery));

    private bool IsKnown(ShardMessage message) =>
        message is ShardMessage.Delivery delivery && delivery.Records[0].Position <= WatermarkOf(delivery);

    private bool HasHole(IReadOnlyList<ShardMessage> parcel) =>
        parcel.OfType<ShardMessage.Delivery>().Any(delivery => delivery.Predecessor > WatermarkOf(delivery) || IsKnown(delivery));
}
