using System.Numerics;

namespace CrossMargin.Simulation.Reference;

/// <summary>What frames say of depth, from docs/clearing.md.</summary>
internal sealed partial class ReferenceModel
{
    private sealed partial class Market
    {
        private readonly Dictionary<string, (BigInteger Depth, long At)> depths = new(StringComparer.Ordinal);

        private IEnumerable<string> DepthsOf(IReadOnlyList<Index> indices, long time) =>
            from underlying in instruments.Values.Select(listed => listed.Terms.Underlying).Distinct().Order(StringComparer.Ordinal).ToList()
            where indices.Any(index => index.Underlying == underlying && index.Price is not null)
            select $"{underlying}={Depth(underlying, time)}";

        /// <summary>What trades near the books, by the weighted median of what three sources said of each in a minute; a tenth less a minute later at most.</summary>
        private BigInteger Depth(string underlying, long time)
        {
            var least = (read?.Oracle("minSources") ?? Ratio.Of(3, 0)).Down(0);
            var depth = instruments.Values
                .Where(listed => listed.Terms.Underlying == underlying && listed.Terms.Kind != "Option" && !(listed.Terms.Expiry <= time))
                .Select(listed => sources.Where(source => source.Books.GetValueOrDefault(listed.Terms.Id) is { Depth: not null, DepthAt: var at } && time - at <= 60 * Second)
                    .Select(source => (source.Books[listed.Terms.Id].Depth!.Value, source.Weight)).ToList())
                .Where(said => said.Count >= least).Aggregate(BigInteger.Zero, (sum, said) => sum + IndexBrake.Median(said));
            if (depths.TryGetValue(underlying, out var before))
            {
                var minutes = Ratio.Of(Math.Min(time - before.At, 3_600 * Second), 0) / Ratio.Of(60 * Second, 0);
                depth = BigInteger.Max(depth, before.Depth - (Ratio.Of(before.Depth, 0) * minutes * Ratio.Of(1, 1)).Up(0));
            }

            depths[underlying] = (depth, time);
            return depth;
        }
    }
}
