using System.Globalization;

namespace CrossMargin.Risk.Tests.Pricing;

/// <summary>A golden file of comma-separated values; lines that begin with # state its conventions.</summary>
public sealed class GoldenCsv
{
    private readonly string[] names;

    private GoldenCsv(string[] names, List<string[]> rows) => (this.names, Rows) = (names, rows.ConvertAll(cells => new Row(this, cells)));

    public IReadOnlyList<Row> Rows { get; }

    public static GoldenCsv Load(string file)
    {
        var lines = File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "Goldens", file)).Where(line => !line.StartsWith('#'));
        var cells = lines.Select(line => line.Split(',')).ToList();
        return new GoldenCsv(cells[0], cells[1..]);
    }

    public sealed class Row(GoldenCsv table, string[] cells)
    {
        public string Text(string name) => cells[Array.IndexOf(table.names, name)];
        public bool Has(string name) => Text(name).Length > 0;
        public double Number(string name) => double.Parse(Text(name), CultureInfo.InvariantCulture);
        public override string ToString() => $"row {cells[0]} ({cells[1]})";
    }
}
