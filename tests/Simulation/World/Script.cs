namespace CrossMargin.Simulation.World;

/// <summary>Something that a client or a fault does in a seed: the n-th time that it might.</summary>
internal readonly record struct Deed(string Who, long Number)
{
    public override string ToString() => $"{Who} {Number}";
}

/// <summary>
/// What is done in a run of a seed by day: all that the seed draws, or only these deeds of it. Each deed draws from the seed and its own
/// number, so that it stays what it is when others are left out.
/// </summary>
internal sealed class Script(IReadOnlySet<Deed>? only = null)
{
    private readonly List<Deed> done = [];

    public IReadOnlyList<Deed> Done => done;

    public bool Allows(string who, long number)
    {
        var deed = new Deed(who, number);
        if (only is not null && !only.Contains(deed)) return false;
        done.Add(deed);
        return true;
    }
}
