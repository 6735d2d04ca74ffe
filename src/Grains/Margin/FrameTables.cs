using CrossMargin.Risk.Sweep;

namespace CrossMargin.Grains.Margin;

/// <summary>
/// The tables of the latest frame, made by the first shard of a process that asks for them and read by all. As long as the
/// rules stay, instruments and assets keep their numbers in them.
/// </summary>
public sealed class FrameTables
{
    private readonly Lock gate = new();
    private MarginMarks? latest;
    private SweepNumbers? numbers;
    private SweepTables? tables;

    /// <summary>Null under a frame that nobody can be valued under.</summary>
    internal SweepTables? Of(MarginMarks marks)
    {
        if (marks.Model is not { } model) return null;
        lock (gate)
        {
            if (ReferenceEquals(latest, marks)) return tables;
            var areSameRules = latest is not null && latest.Frame.Parameters == marks.Frame.Parameters;
            numbers = (areSameRules ? numbers! : SweepNumbers.For(model.Parameters)).With(model.Market);
            latest = marks;
            return tables = model.TablesWith(numbers);
        }
    }
}
