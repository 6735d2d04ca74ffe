namespace CrossMargin.Runtime.Cluster;

/// <summary>Who is alive, as far as this silo can know.</summary>
public sealed partial class Membership
{
    private readonly SortedDictionary<string, Watched> watched = new(StringComparer.Ordinal);
    private long lastHeard = long.MinValue;

    private enum Standing
    {
        /// <summary>It was never seen to beat, and has not been silent for long enough to be dead.</summary>
        Unproven,
        Alive,
        Dead,
    }

    /// <summary>Another silo, as the answers to this one's beats showed it.</summary>
    private sealed class Watched(SiloRow row, long since)
    {
        public SiloRow Row { get; set; } = row;

        /// <summary>When an answer first brought this incarnation with this counter.</summary>
        public long Since { get; set; } = since;

        /// <summary>When an answer first brought this incarnation.</summary>
        public long IncarnationSince { get; set; } = since;

        public Standing Standing { get; set; }
    }

    /// <summary>Names of the silos that are seen to beat, this one among them.</summary>
    public IReadOnlyList<string> Alive =>
        [.. watched.Values.Where(other => other.Standing == Standing.Alive).Select(other => other.Row.Id.Name).Append(self.Name)
            .Order(StringComparer.Ordinal)];

    private void Observe(long sent, long now, ClusterRows rows)
    {
        // While nothing was heard, the others may have been as cut off as this silo was.
        var wasBlind = lastHeard != long.MinValue && sent - lastHeard > times.BlindAfter;
        lastHeard = now;
        foreach (var row in rows.Silos)
        {
            if (row.Id.Name == self.Name) continue;
            if (!watched.TryGetValue(row.Id.Name, out var other)) watched.Add(row.Id.Name, other = new Watched(row, now));
            var hasMoved = other.Row.Beat != row.Beat && other.Row.Id == row.Id;
            if (hasMoved) other.Standing = Standing.Alive;
            if (other.Row.Id != row.Id) (other.Standing, other.IncarnationSince) = (Standing.Unproven, now);
            if (hasMoved || other.Row.Id != row.Id || wasBlind) other.Since = now;

            // It was still so when the request left; when the answer came it may have been otherwise for long.
            if (sent - other.Since >= times.Ttl) other.Standing = Standing.Dead;
            other.Row = row;
        }
    }

    private List<SiloId> ListEligible(ClusterRows rows)
    {
        var silos = new List<SiloId>();
        if (!isLeaving && format >= rows.Format) silos.Add(self);
        foreach (var other in watched.Values)
        {
            var isEligible = other.Standing == Standing.Alive && other.Row.Phase == SiloPhase.Serving && other.Row.Format >= rows.Format;
            if (isEligible) silos.Add(other.Row.Id);
        }

        return silos;
    }

    /// <summary>
    /// With the row that has to be as it is for that to be true; null where the incarnation is over and cannot come back. One that
    /// was replaced may answer for as long as its last beat allows, and that was before its successor was first seen.
    /// </summary>
    private bool IsDead(long sent, SiloId owner, out SiloRow? judged)
    {
        judged = null;
        if (owner.Name == self.Name) return owner.Incarnation < self.Incarnation && sent - firstAnswer >= times.Ttl;
        if (!watched.TryGetValue(owner.Name, out var other)) return false;
        if (owner.Incarnation < other.Row.Id.Incarnation) return sent - other.IncarnationSince >= times.Ttl;
        if (other.Row.Phase == SiloPhase.Gone) return true;
        judged = other.Row;
        return other.Standing == Standing.Dead;
    }
}
