namespace CrossMargin.Simulation.Zoo;

/// <summary>One place where the sources are changed: text that stands there exactly once, and what replaces it.</summary>
internal sealed record Edit(string File, string Find, string Replacement);

/// <summary>A planted bug: its name, and its edits with PLANTED where the switch goes.</summary>
internal sealed record Bug(string Name, IReadOnlyList<Edit> Edits)
{
    public static IReadOnlyList<Bug> ReadAll(string path)
    {
        var bugs = new List<(string Name, List<Edit> Edits)>();
        var file = "";
        List<string> find = [], replacement = [];
        foreach (var line in File.ReadAllLines(path).Append(""))
        {
            if (!line.StartsWith("+ ", StringComparison.Ordinal)) Close();
            if (line.StartsWith("bug ", StringComparison.Ordinal)) bugs.Add((line[4..], []));
            else if (line.StartsWith("file ", StringComparison.Ordinal)) file = line[5..];
            else if (line.StartsWith("- ", StringComparison.Ordinal)) find.Add(line[2..]);
            else if (line.StartsWith("+ ", StringComparison.Ordinal)) replacement.Add(line[2..]);
            else if (line.Length > 0 && line[0] != '#') throw new FormatException($"'{line}' is no line of a zoo");
        }

        return [.. bugs.Select(bug => new Bug(bug.Name, bug.Edits))];

        void Close()
        {
            if (replacement.Count == 0) return;
            bugs[^1].Edits.Add(new Edit(file, string.Join('\n', find), string.Join('\n', replacement)));
            find = [];
            replacement = [];
        }
    }
}
