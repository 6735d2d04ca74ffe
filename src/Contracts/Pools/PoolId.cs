using System.Text;

namespace CrossMargin.Contracts.Pools;

/// <summary>
/// The coordinator of a risk pool: instruments, accounts and fund that stand in for each other. A venue starts with one pool.
/// </summary>
public readonly record struct PoolId
{
    public PoolId(GrainId grain)
    {
        if (grain.Kind != GrainKind.Coordinator) throw new ArgumentException($"{grain} is a {grain.Kind}, not a pool", nameof(grain));
        Grain = grain;
    }

    public static PoolId Main { get; } = new(GrainId.Derive(GrainKind.Coordinator, Encoding.UTF8.GetBytes("pool main")));

    public GrainId Grain { get; }

    public override string ToString() => Grain.ToString();
}
