using System.Globalization;
using System.Text.Json;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Grains.Tests.Trades;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Trades.GivenVenue;

namespace CrossMargin.Grains.Tests.Markets;

/// <summary>
/// Sequences of trades, fees and funding in exact rational numbers (Golden/reference-funding.json), played through market,
/// feed and accounts. Integers differ from them by less than a unit a rounding, in the documented direction: a purchase, a
/// fee and a funding payment are rounded up; only a sale is rounded for the account, by what its buyer overpaid.
/// </summary>
public sealed class FundingReferenceTests
{
    private static readonly JsonElement Reference =
        JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Golden", "reference-funding.json"))).RootElement;

    public static TheoryData<string> Ids => [.. Sequences("multi_account_sequences").Concat(Sequences("average_cost_sequences"))];

    [Theory]
    [MemberData(nameof(Ids))]
    public void A_sequence_ends_with_the_reference_positions_and_equities(string id)
    {
        var sequence = Reference.GetProperty(id[0] == 'X' ? "multi_account_sequences" : "average_cost_sequences").EnumerateArray()
            .Single(candidate => Text(candidate, "id") == id);
        var listing = ListingOf(sequence.GetProperty("instrument"));
        var accounts = Enumerable.Range(0, id[0] == 'X' ? sequence.GetProperty("accounts").GetInt32() : 2).Select(Numbered).ToArray();
        var roundings = accounts.Select(_ => (Against: 0, For: 0)).ToArray();
        var venue = WithMarket(listing, accounts);
        decimal mark = 0;
        var period = 0;
        foreach (var step in sequence.GetProperty("events").EnumerateArray())
        {
            switch (Text(step, "type"))
            {
                case "mark":
                    mark = Number(step, "price");
                    break;
                case "trade":
                    Trade(step.GetProperty("buyer").GetInt32(), step.GetProperty("seller").GetInt32(), Text(step, "quantity"),
                        Text(step, "price"), Text(step, "buyer_fee_rate"), Text(step, "seller_fee_rate"));
                    break;
                case "fill":
                    var quantity = Text(step, "quantity");
                    if (quantity[0] == '-') Trade(1, 0, quantity[1..], Text(step, "price"), "0", Text(step, "fee_rate"));
                    else Trade(0, 1, quantity, Text(step, "price"), Text(step, "fee_rate"), "0");
                    break;
                case "funding":
                    mark = Number(step, "mark");
                    Fund(step);
                    break;
            }

            if (step.TryGetProperty("state", out var state)) Hold(venue, listing, accounts[0], state, mark, roundings[0]);
        }

        if (id[0] != 'X') return;
        var expected = sequence.GetProperty("expected").GetProperty("accounts");
        for (var i = 0; i < accounts.Length; i++) Hold(venue, listing, accounts[i], expected[i], mark, roundings[i]);

        void Trade(int buyer, int seller, string quantity, string price, string buyerFee, string sellerFee)
        {
            venue.Trades(Party(accounts[buyer], buyerFee), Party(accounts[seller], sellerFee), quantity, price, listing);
            if (mark == 0) mark = decimal.Parse(price, CultureInfo.InvariantCulture);
            roundings[buyer].Against += 2;
            roundings[seller].Against += 1;
            roundings[seller].For += 1;
            venue.SumE20(listing.Settlement).ShouldBe(0);
        }

        void Fund(JsonElement step)
        {
            var rate = R(Text(step, "rate"));
            var before = Books(venue, listing);
            var wide = new FundingTerms(rate, Rate.Zero, Rate.One, R(Text(step, "period_fraction")));
            venue.FixesAt(listing, P(Text(step, "mark")), ++period, rate, wide).Rate.ShouldBe(rate);
            for (var i = 0; i < roundings.Length; i++) roundings[i].Against += 1;

            // All that the accounts paid together is the house's rounding: less than a unit each, and to the last fraction.
            var after = Books(venue, listing);
            (before.Balances - after.Balances).ShouldBe(after.Rounding - before.Rounding);
            venue.SumE20(listing.Settlement).ShouldBe(0);
        }
    }

    [Fact]
    public void The_rate_is_the_clamped_one()
    {
        var listing = BtcPerp;
        var venue = WithMarket(listing, [Numbered(0)]);
        var period = 0;
        foreach (var @case in Reference.GetProperty("funding_rate_cases").EnumerateArray())
        {
            var terms = new FundingTerms(R(Text(@case, "interest")), R(Text(@case, "inner_clamp")), R(Text(@case, "cap")), Rate.One);
            venue.FixesAt(listing, P("100"), ++period, R(Text(@case, "premium")), terms).Rate.ShouldBe(R(Text(@case, "rate")));
        }

        period.ShouldBe(40);
    }

    private static (Int128 Balances, Int128 Rounding) Books(GivenVenue venue, Listing listing)
    {
        Int128 balances = 0, rounding = 0;
        foreach (var account in venue.Accounts)
        {
            balances += account.Balances[listing.Settlement].Units * (Int128)100_000_000_000_000;
            rounding += account.HouseRounding[listing.Settlement];
        }

        return (balances, rounding);
    }

    private static void Hold(
        GivenVenue venue, Listing listing, AccountId id, JsonElement expected, decimal mark, (int Against, int For) roundings)
    {
        var account = venue.Of(id);
        var position = venue.PositionOf(id, listing);
        var quantity = position?.Quantity ?? Quantity.Zero;
        quantity.ShouldBe(Q(Text(expected, "position")));

        var multiplier = listing.Multiplier.E8 / 100_000_000m;
        var equity = (account.Balances[listing.Settlement].Units - (position?.Cost.Units ?? 0)) / 1_000_000m
            + (quantity.E8 / 100_000_000m * mark * multiplier);
        var more = (equity - Number(expected, "equity")) * 1_000_000m;
        more.ShouldBeInRange(-roundings.Against, roundings.For);
    }

    private static Listing ListingOf(JsonElement instrument) => BtcPerp with
    {
        Multiplier = Q(Text(instrument, "multiplier")), Tick = P(Text(instrument, "tick")), Lot = Q(Text(instrument, "lot")),
    };

    private static AccountId Numbered(int number) =>
        AccountId.For(new PrincipalId($"trader-{number}"), CommandKey.Issue(new Instant(1_790_000_000_000_000), 1, 1));

    private static IEnumerable<string> Sequences(string group) =>
        Reference.GetProperty(group).EnumerateArray().Select(sequence => Text(sequence, "id"));

    private static string Text(JsonElement element, string name) => element.GetProperty(name).GetString()!;

    private static decimal Number(JsonElement element, string name) => decimal.Parse(Text(element, name), CultureInfo.InvariantCulture);
}
