using System.Net;
using CrossMargin.Journal.Cluster;
using CrossMargin.Runtime.Cluster;

namespace CrossMargin.Silos.Cluster;

/// <summary>What makes a silo one of several.</summary>
/// <param name="Tables">Of every database of the journal, in the journal's order.</param>
/// <param name="Name">Of this silo; a process that is started again has the same.</param>
/// <param name="Venue">Silos of another venue are strangers, whatever key they have.</param>
/// <param name="Listen">Where other silos dial.</param>
/// <param name="Address">The same as they know it: host and port.</param>
/// <param name="Key">What every silo of the venue has and nobody else.</param>
public sealed record ClusterOptions(
    IReadOnlyList<IClusterTables> Tables, string Name, string Venue, IPEndPoint Listen, string Address, byte[] Key)
{
    /// <summary>The newest event format that this build reads.</summary>
    public const int Format = 1;

    public MembershipTimes Times { get; init; } = MembershipTimes.Default;

    /// <summary>How long a call waits for a shard that is between two owners.</summary>
    public TimeSpan WaitForOwner { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Calls that wait so at one time.</summary>
    public int WaitingCalls { get; init; } = 16_384;
}
