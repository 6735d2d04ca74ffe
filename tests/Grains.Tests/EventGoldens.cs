using System.Buffers;
using System.Text;
using CrossMargin.Runtime.Grains;
using Shouldly;
using Xunit;

namespace CrossMargin.Grains.Tests;

/// <summary>
/// The bytes of every event that a kind of grain ever journaled, one file a version: Golden/&lt;name&gt;.json. A file is added,
/// never changed: what is in a journal stays readable, and hashes stay right.
/// </summary>
public abstract class EventGoldens(GrainType grain, IReadOnlyList<object> samples)
{
    [Fact]
    public void Every_event_has_the_bytes_that_it_always_had()
    {
        foreach (var sample in samples) Hold(sample);
    }

    [Fact]
    public void Every_event_name_has_a_sample() => samples.Select(grain.NameOf).ShouldBe(grain.EventNames, ignoreOrder: true);

    /// <summary>The sample has the bytes of the file, and what is read from the file has them again.</summary>
    private void Hold(object sample)
    {
        var name = grain.NameOf(sample);
        var golden = File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Golden", $"{name}.json"));
        var text = Encoding.UTF8.GetString(golden).TrimEnd('\n');
        Text(sample).ShouldBe(text, name);

        var read = grain.Decode(name, golden);
        read.ShouldBeOfType(sample.GetType(), name);
        Text(read).ShouldBe(text, name);
    }

    private string Text(object @event)
    {
        var written = new ArrayBufferWriter<byte>();
        grain.Encode(@event, written);
        return Encoding.UTF8.GetString(written.WrittenSpan);
    }
}
