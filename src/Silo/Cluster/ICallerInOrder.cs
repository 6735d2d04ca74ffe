using CrossMargin.Runtime.Shards;

namespace CrossMargin.Silos.Cluster;

/// <summary>One of those whose commands for a grain are done in the order in which they were sent.</summary>
internal interface ICallerInOrder : ICaller
{
    /// <summary>False when one that was sent earlier came back since: this has to come back too.</summary>
    bool MayBeDecided { get; }
}
