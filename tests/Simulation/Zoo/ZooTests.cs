using Shouldly;
using Xunit;

namespace CrossMargin.Simulation.Zoo;

public class ZooTests
{
    [Fact]
    public void Every_bug_of_the_zoo_still_fits_the_sources()
    {
        var bugs = Bug.ReadAll(ZooHunt.ListPath);
        bugs.Count.ShouldBeGreaterThan(30);
        bugs.Select(bug => bug.Name).ShouldBeUnique();
        foreach (var bug in bugs)
        {
            bug.Edits.ShouldNotBeEmpty(bug.Name);
            foreach (var edit in bug.Edits)
            {
                var source = File.ReadAllText(Path.Combine(Workshop.Root, edit.File));
                (source.Split(edit.Find).Length - 1).ShouldBe(1, $"{bug.Name}: {edit.Find}");
                edit.Replacement.ShouldContain("PLANTED");
            }
        }
    }
}
