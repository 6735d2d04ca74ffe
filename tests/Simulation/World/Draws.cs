using System.Numerics;

namespace CrossMargin.Simulation.World;

/// <summary>
/// Numbers from a seed: xoshiro256**, written out here because the sequence of a seed has to be the same on every machine and in every
/// version of the library. Each purpose draws from a fork of its own, so that one more draw for one of them does not shift all the
/// others.
/// </summary>
internal sealed class Draws
{
    private readonly ulong seed;
    private ulong a, b, c, d;

    public Draws(ulong seed)
    {
        this.seed = seed;
        a = Mix(ref seed);
        b = Mix(ref seed);
        c = Mix(ref seed);
        d = Mix(ref seed);
    }

    public Draws Fork(string purpose)
    {
        var hash = seed;
        foreach (var letter in purpose) hash = unchecked((hash ^ letter) * 0x0000_0100_0000_01B3);
        return new Draws(unchecked(hash + 0x9E37_79B9_7F4A_7C15));
    }

    /// <summary>What belongs to one of many occasions of the same kind, whatever happened at the others.</summary>
    public Draws At(long number) => new(unchecked(seed + ((ulong)number * 0xD134_2543_DE82_EF95)));

    public ulong Next()
    {
        var result = unchecked(BitOperations.RotateLeft(b * 5, 7) * 9);
        var shifted = b << 17;
        c ^= a;
        d ^= b;
        b ^= c;
        a ^= d;
        c ^= shifted;
        d = BitOperations.RotateLeft(d, 45);
        return result;
    }

    /// <summary>Zero to <paramref name="bound"/> − 1.</summary>
    public long Below(long bound) => (long)Math.BigMul(Next(), (ulong)bound, out _);

    public int Between(int low, int high) => low + (int)Below(high - low + 1);

    public long Between(long low, long high) => low + Below(high - low + 1);

    public bool PerMille(int chance) => Below(1000) < chance;

    public bool OneIn(int times) => Below(times) == 0;

    public T Pick<T>(IReadOnlyList<T> from) => from[(int)Below(from.Count)];

    /// <summary>One of a few sizes, the smaller the likelier: most bugs need little of anything.</summary>
    public int Small(int low, int high) => low + (int)Below(Below(high - low + 1) + 1);

    private static ulong Mix(ref ulong state)
    {
        unchecked
        {
            state += 0x9E37_79B9_7F4A_7C15;
            var z = state;
            z = (z ^ (z >> 30)) * 0xBF58_476D_1CE4_E5B9;
            z = (z ^ (z >> 27)) * 0x94D0_49BB_1331_11EB;
            return z ^ (z >> 31);
        }
    }
}
