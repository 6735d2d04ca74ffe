using System.Globalization;
using CrossMargin.Contracts;
using CrossMargin.Risk.Liquidation;
using CrossMargin.Risk.Models;
using CrossMargin.Risk.Portfolios;
using CrossMargin.Risk.Tests.Models;
using Shouldly;

namespace CrossMargin.Risk.Tests.Reports;

/// <summary>
/// The worked examples of docs/risk-model.md: inputs and results are read from the page, which is copied beside the
/// tests.
/// </summary>
public class RiskModelDocumentTests
{
    [Fact]
    public void Collateral()
    {
        var page = Example.Read("collateral");
        var (usdt, frame) = (Asset.Of("USDT"), Venue.Shared.Frame);
        var mark = frame.Assets.Single(one => one.Asset == usdt);
        frame = frame with { Assets = frame.Assets.Replace(mark,
            mark with { Price = Venue.PriceOf(page["price"]), SlowPrice = Venue.PriceOf(page["slow price"]) }) };
        var model = Fixtures.Model(Fixtures.Preset("standard"), Venue.Resolve(Venue.Shared.Instruments, frame));
        var account = Venue.Account([new AssetAmount(usdt, (long)(page["USDT held"] * 1e6))], []);
        var report = PortfolioRisk.Evaluate(account, model, [], new RiskWorkspace()).Value;
        page.Shows("equity", ModelBorder.Nearest(report.Equity));
        page.Shows("margin equity", ModelBorder.Nearest(report.MarginEquity));
        page.Shows("haircut step", ModelBorder.Nearest(report.InitialHard));
        page.Shows("soft penalty", ModelBorder.Nearest(report.SoftPenalties));
        page.IsUsedUp();
    }

    [Fact]
    public void Isolated()
    {
        var page = Example.Read("isolated");
        var index = page["index"];
        var call = Fixtures.Option(2, OptionKind.Call, index, page["call strike"], 0.1,
            0.5) with { Mark = page["call mark"] };
        var market = Fixtures.Market([Fixtures.Perp(1, index), call], Fixtures.Group("X", index));
        var group = Fixtures.Evaluate(Fixtures.Model(Fixtures.Preset("isolated"), market), (1, page["perp quantity"]),
            (2, page["call quantity"]))[0];
        page.Shows("linear maintenance", group.Rules.LinearMaintenance);
        page.Shows("option maintenance", group.Rules.OptionMaintenance);
        page.Shows("option value", group.OptionValue);
        page.Shows("maintenance", group.Maintenance);
        page.Shows("initial", group.Initial);
        page.IsUsedUp();
    }

    [Fact]
    public void Delta_netting()
    {
        var page = Example.Read("delta-netting");
        var index = page["index"];
        var market = Fixtures.Market([Fixtures.Perp(1, index), Fixtures.Future(2, index, 30)],
            Fixtures.Group("X", index));
        var group = Fixtures.Evaluate(Fixtures.Model(Fixtures.Preset("delta-netting"), market),
            (1, page["perp quantity"]), (2, page["future quantity"]))[0];
        page.Shows("maintenance", group.Maintenance);
        page.Shows("initial", group.Initial);
        page.IsUsedUp();
    }

    [Fact]
    public void Standard()
    {
        var page = Example.Read("standard");
        var index = page["index"];
        var market = Fixtures.Market(
        [
            Fixtures.Perp(1, index),
            Fixtures.Option(2, OptionKind.Call, index, page["short call strike"], 0.1,
                0.5) with { Mark = page["short call mark"] },
            Fixtures.Option(3, OptionKind.Call, index, page["long call strike"], 0.1,
                0.5) with { Mark = page["long call mark"] },
        ], Fixtures.Group("BTC", index));
        var group = Fixtures.Evaluate(Fixtures.Model(Fixtures.Preset("standard"), market), (1, page["perp quantity"]),
            (2, -1), (3, 1))[0];
        page.Shows("linear maintenance", group.Rules.LinearMaintenance);
        page.Shows("linear initial", group.Rules.LinearInitial);
        page.Shows("option requirement", group.Rules.OptionMaintenance);
        page.Shows("option value", group.OptionValue);
        page.Shows("maintenance", group.Maintenance);
        page.Shows("initial", group.Initial);
        page.IsUsedUp();
    }

    [Fact]
    public void Scenario()
    {
        var page = Example.Read("scenario");
        var index = page["index"];
        var market = Fixtures.Market(
            [Fixtures.Perp(1, index), Fixtures.Future(2, page["future price"], page["days to expiry"])],
            Fixtures.Group("BTC", index) with { Depth = page["depth"] });
        var group = Fixtures.Evaluate(Fixtures.Model(Fixtures.Preset("grid-pm"), market), (1, page["perp quantity"]),
            (2, page["future quantity"]))[0];
        page.Shows("scan", group.Scenario.ScanLoss);
        page.Shows("basis", group.Scenario.Basis);
        page.Shows("static", group.Scenario.Static);
        page.Shows("maintenance", group.Maintenance);
        page.Shows("initial", group.Initial);
        page.IsUsedUp();
    }

    [Fact]
    public void Credit()
    {
        var page = Example.Read("credit");
        var (btc, eth) = (page["BTC index"], page["ETH index"]);
        var market = Fixtures.Market([Fixtures.Perp(1, btc, 0), Fixtures.Perp(2, eth, 1)], Fixtures.Group("BTC", btc),
            Fixtures.Group("ETH", eth));
        var groups = Fixtures.Evaluate(Fixtures.Model(Fixtures.Preset("span16"), market), (1, page["BTC quantity"]),
            (2, page["ETH quantity"]));
        page.Shows("BTC scan", groups[0].Scenario.ScanLoss);
        page.Shows("ETH scan", groups[1].Scenario.ScanLoss);
        page.Shows("BTC credit", groups[0].Scenario.Credit);
        page.Shows("ETH credit", groups[1].Scenario.Credit);
        page.Shows("maintenance", groups.Sum(group => group.Maintenance));
        page.Shows("initial", groups.Sum(group => group.Initial));
        page.IsUsedUp();
    }

    [Fact]
    public void Liquidation()
    {
        var page = Example.Read("liquidation");
        Money Of(string name) => new((long)Math.Round(page[name] * 1e6));
        var quote = LiquidationPrices.BankruptcyQuote(-Of("slice notional"), Of("equity"), Of("maintenance"),
            -Of("slice maintenance")).Value;
        page.Shows("bankruptcy quote of the sale", ModelBorder.Nearest(quote));
        page.Shows("fillable distance", ModelBorder.Nearest(LiquidationPrices.FillableDistance(
            Fixtures.Preset("standard").Liquidation, Of("slice notional"), Of("slice maintenance"), Of("equity"),
            Of("maintenance"))));
        page.IsUsedUp();
    }

    /// <summary>The table after a marker. A name is what stands before the parenthesis.</summary>
    private sealed class Example(string name, Dictionary<string, string> rows)
    {
        private readonly HashSet<string> unused = [.. rows.Keys];

        public static Example Read(string name)
        {
            var lines = File.ReadAllLines("risk-model.md");
            var start = Array.IndexOf(lines, $"<!-- example: {name} -->");
            start.ShouldBeGreaterThan(0, $"example {name} is not on the page");
            var rows = lines[(start + 3)..].TakeWhile(line => line.StartsWith('|'))
                .Select(line => line.Split('|', StringSplitOptions.TrimEntries));
            return new Example(name,
                rows.ToDictionary(cells => cells[1].Split(" (")[0], cells =>
                cells[2].Replace(",", "", StringComparison.Ordinal).Replace('−', '-')));
        }

        public double this[string row]
        {
            get
            {
                unused.Remove(row);
                return double.Parse(rows[row], CultureInfo.InvariantCulture);
            }
        }

        /// <summary>The page shows the value, rounded to the cent.</summary>
        public void Shows(string row, double value)
        {
            unused.Remove(row);
            rows[row].ShouldBe(value.ToString("F2", CultureInfo.InvariantCulture), $"{name}: {row}");
        }

        public void IsUsedUp() => unused.ShouldBeEmpty($"{name}: rows that no test looks at");
    }
}
