using System.Text.Json;
using System.Text.Json.Serialization;

namespace CrossMargin.Faults.Clients;

/// <summary>
/// What one client did and heard, in a file of its own. The intent is written before the command is sent and the answer
/// before anything is done with it, each flushed, so that this file is the truth that the journal is held against.
/// </summary>
internal sealed class ClientLog : IDisposable
{
    private static readonly JsonSerializerOptions Format = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new JsonStringEnumConverter() },
    };

    private readonly FileStream file;
    private readonly Lock gate = new();
    private int commands;

    public ClientLog(string path) => file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read);

    /// <summary>The number by which this file calls the command.</summary>
    public int Intend(Intent intent)
    {
        lock (gate)
        {
            Append(new Line(++commands, intent, Answer: null));
            return commands;
        }
    }

    public void Hear(int command, Answer answer)
    {
        lock (gate) Append(new Line(command, Intent: null, answer));
    }

    /// <summary>Everything that the client knows at this moment.</summary>
    public IReadOnlyList<Told> Read()
    {
        lock (gate) return Read(File.ReadLines(file.Name));
    }

    private static List<Told> Read(IEnumerable<string> lines)
    {
        var told = new List<Told>();
        foreach (var line in lines.Select(line => JsonSerializer.Deserialize<Line>(line, Format)!))
        {
            if (line.Intent is { } intent) told.Add(new Told(intent, []));
            else told[line.Command - 1].Answers.Add(line.Answer!);
        }

        return told;
    }

    public void Dispose() => file.Dispose();

    private void Append(Line line)
    {
        file.Write(JsonSerializer.SerializeToUtf8Bytes(line, Format));
        file.WriteByte((byte)'\n');
        file.Flush();
    }

    private sealed record Line(int Command, Intent? Intent, Answer? Answer);
}

/// <summary>
/// A command and every answer that it got, in order; fewer answers than sendings where one is still out.
/// </summary>
internal sealed record Told(Intent Intent, List<Answer> Answers)
{
    /// <summary>The client knows for good what became of it.</summary>
    public bool IsSettled => Answers.Exists(answer => answer.Said is Said.Applied or Said.Refused or Said.Duplicate);
}
