using System.Text;

namespace CrossMargin.Contracts.Links;

/// <summary>The grain that passes liquidation orders on to the matching engines of a venue. There is one.</summary>
public readonly record struct LinkId
{
    public LinkId(GrainId grain)
    {
        if (grain.Kind != GrainKind.Link) throw new ArgumentException($"{grain} is a {grain.Kind}, not a link", nameof(grain));
        Grain = grain;
    }

    public static LinkId Main { get; } = new(GrainId.Derive(GrainKind.Link, Encoding.UTF8.GetBytes("link main")));

    public GrainId Grain { get; }

    public override string ToString() => Grain.ToString();
}
