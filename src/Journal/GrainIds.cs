using System.Collections.Immutable;
using CrossMargin.Contracts;

namespace CrossMargin.Journal;

/// <summary>A list of grains as it stands in a column: 16 bytes each, in the order in which their turns run.</summary>
internal static class GrainIds
{
    public static byte[] Join(ImmutableArray<GrainId> grains)
    {
        var bytes = new byte[grains.Length * GrainId.Size];
        for (var i = 0; i < grains.Length; i++) grains[i].Write(bytes.AsSpan(i * GrainId.Size));
        return bytes;
    }

    public static ImmutableArray<GrainId> Split(ReadOnlySpan<byte> bytes)
    {
        var grains = ImmutableArray.CreateBuilder<GrainId>(bytes.Length / GrainId.Size);
        for (; !bytes.IsEmpty; bytes = bytes[GrainId.Size..]) grains.Add(GrainId.Read(bytes));
        return grains.MoveToImmutable();
    }
}
