namespace CrossMargin.Runtime.Records;

/// <summary>The links that lie between a record and a later head of its chain: what a proof has to show, and no more.</summary>
public static class ChainPath
{
    /// <summary>
    /// The shortest ways up from these positions to <paramref name="head"/>, in order and each link once. Every link but the first
    /// of a way follows one that is there, or jumps to it. Where the positions are dense the ways are one, so it is never more
    /// than the chain itself.
    /// </summary>
    public static List<long> Between(IEnumerable<long> from, long head)
    {
        var links = new SortedSet<long>();
        foreach (var position in from)
        {
            if (position < 1 || position > head) throw new ArgumentOutOfRangeException(nameof(from));
            for (var at = head; at > position;)
            {
                links.Add(at);
                var jump = Chain.JumpFrom(at);
                at = jump >= position ? jump : at - 1;
            }

            links.Add(position);
        }

        return [.. links];
    }
}
