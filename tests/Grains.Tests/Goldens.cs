using System.Buffers;
using System.Text;
using CrossMargin.Runtime.Grains;
using Shouldly;

namespace CrossMargin.Grains.Tests;

/// <summary>The bytes of every event that was ever journaled, one file a version: Golden/&lt;name&gt;.json.</summary>
internal static class Goldens
{
    /// <summary>The sample has the bytes of the file, and what is read from the file has them again.</summary>
    public static void Hold(GrainType grain, object sample)
    {
        var name = grain.NameOf(sample);
        var golden = File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Golden", $"{name}.json"));
        var text = Encoding.UTF8.GetString(golden).TrimEnd('\n');
        Text(grain, sample).ShouldBe(text);

        var read = grain.Decode(name, golden);
        read.ShouldBeOfType(sample.GetType());
        Text(grain, read).ShouldBe(text);
    }

    private static string Text(GrainType grain, object @event)
    {
        var written = new ArrayBufferWriter<byte>();
        grain.Encode(@event, written);
        return Encoding.UTF8.GetString(written.WrittenSpan);
    }
}
