using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using CrossMargin.Contracts;
using CrossMargin.Risk.Pricing;
using Shouldly;

namespace CrossMargin.Risk.Tests.Pricing;

/// <summary>
/// The same bits one at a time, in pairs, in fours and in eights, with and without the vector hardware. The digests were printed by
/// this test, and stay the same with DOTNET_EnableHWIntrinsic=0, EnableAVX2=0 and EnableFMA=0.
/// </summary>
public class VectorWidthTests
{
    private const int Count = 1 << 15;

    [Theory]
    [InlineData("exp", "6e1be75007695233")]
    [InlineData("log", "d6b106c10217b7f2")]
    [InlineData("density", "eff815b7cb36da42")]
    [InlineData("mills", "cb364e8abcdee3d3")]
    [InlineData("price", "efb51d17941caa16")]
    public void Every_width_gives_the_same_bits(string function, string digest)
    {
        var inputs = Inputs(function);
        var one = Run<Lane1>(function, inputs);
        Run<Lane2>(function, inputs).ShouldBe(one);
        Run<Lane4>(function, inputs).ShouldBe(one);
        Run<Lane8>(function, inputs).ShouldBe(one);
        Hash256.Of(MemoryMarshal.AsBytes<ulong>(one)).ToString()[..16].ShouldBe(digest, function);
    }

    // Bits, so that NaN equals NaN and −0 differs from 0.
    private static ulong[] Run<T>(string function, double[][] inputs) where T : struct, ILanes<T>
    {
        var results = new double[Count];
        ref var destination = ref MemoryMarshal.GetArrayDataReference(results);
        for (nuint i = 0; i < Count; i += (nuint)T.Count)
        {
            var x = In(0, i);
            T.Store(function switch
            {
                "exp" => Elementary.Exp(x),
                "log" => Elementary.Log(x),
                "density" => Elementary.NormalDensity(x),
                "mills" => Elementary.MillsRatio(x),
                _ => Black76.Value(In(4, i), x, In(1, i), In(2, i), In(3, i)),
            }, ref destination, i);
        }

        return MemoryMarshal.Cast<double, ulong>(results).ToArray();

        T In(int argument, nuint index) => T.Load(ref MemoryMarshal.GetArrayDataReference(inputs[argument]), index);
    }

    private static double[][] Inputs(string function)
    {
        // A small linear congruential sequence: the inputs are part of what the digest pins.
        var state = 20260101UL;
        return function switch
        {
            "exp" => [Draw(() => (Next() * 1500) - 755)],
            "log" => [Draw(() => BitConverter.UInt64BitsToDouble(1 + (ulong)(Next() * 0x7FEF_FFFF_FFFF_FFFEUL)))],
            "density" => [Draw(() => (Next() * 80) - 40)],
            "mills" => [Draw(() => Next() * Next() * 100)],
            _ =>
            [
                Draw(() => 100 * (0.5 + Next())),
                Draw(() => 100 * (0.5 + Next())),
                Draw(() => Next() < 0.1 ? 0 : Next() < 0.3 ? Next() * 1e-4 : Next() * Next() * 3),
                Draw(() => 0.9 + (0.2 * Next())),
                Draw(() => Next() < 0.5 ? 1 : -1),
            ],
        };

        double[] Draw(Func<double> value) => [.. Enumerable.Range(0, Count).Select(_ => value())];

        double Next()
        {
            state = unchecked((state * 6364136223846793005UL) + 1442695040888963407UL);
            return (state >> 11) / 9007199254740992.0;
        }
    }
}
