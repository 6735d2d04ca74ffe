using System.Text;
using System.Text.Json.Nodes;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Parameters;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Margin;
using CrossMargin.Grains.Tests.Trades;
using CrossMargin.Risk.Parameters;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Shards;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;
using static CrossMargin.Grains.Tests.Trades.GivenVenue;

namespace CrossMargin.Grains.Tests.Margin;

/// <summary>
/// Sweep and full model agree about who changes status, over random books, presets, changes of rules, prices that come and go, and
/// accounts that change between frames; and the digest is that of a shard that has just been recovered.
/// </summary>
public sealed class SweepAgreementTests
{
    private const int AccountCount = 60;
    private const int FrameCount = 60;

    private static readonly SubAccountId Hedge = new(2), Apart = new(3);

    private static readonly AccountGrain Grain = new();
    private static readonly Listing Small = BtcPerp with { Id = new InstrumentId(7), Symbol = "BTC-PERP-SMALL", Multiplier = Q("0.1") };
    private static readonly Listing[] Listed = [BtcPerp, BtcFuture, Small];
    private static readonly string[] Presets = ["standard", "span16", "grid-pm", "isolated", "delta-netting"];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void The_sweep_names_exactly_those_whose_status_the_full_model_changes(int seed)
    {
        var random = new Random(seed);
        AccountId[] accounts = [.. Enumerable.Range(0, AccountCount).Select(i =>
            AccountId.For(new PrincipalId($"holder-{i}"), CommandKey.Issue(Noon, 1, (ulong)i)))];
        var venue = new GivenVenue(Listed, accounts);
        foreach (var account in accounts)
        {
            venue.Send(account.Grain, new AccountCommand.Deposit(Amount($"{random.Next(1, 40) * 100} USDC"), ""));
            if (random.Next(3) > 0) continue;
            venue.Send(account.Grain, new AccountCommand.IsolateSubAccount(Apart));
            venue.Send(account.Grain, new AccountCommand.AllocateCollateral(Apart, Amount("50 USDC")));
        }

        GrainSlot[] slots = [.. accounts.Select((account, i) => new GrainSlot(account.Grain, Grain) { Number = i })];
        var sweep = new MarginSweep(new FrameTables());
        var (named, index) = (0, 60_000.0);
        for (var frame = 1; frame <= FrameCount; frame++)
        {
            index *= 0.9 + (0.2 * random.NextDouble());
            index = Math.Clamp(index, 30_000, 120_000);
            venue.Marks = MarginMarks.Open(FrameOf(frame, random.Next(15) == 0 ? null : (int)index, Presets[frame / 7 % Presets.Length]));

            var changed = new List<GrainSlot>();
            foreach (var slot in slots)
            {
                var account = venue.Of(new AccountId(slot.Id));
                if (ReferenceEquals(slot.State, account)) continue;
                slot.State = account;
                changed.Add(slot);
            }

            var results = sweep.Sweep(venue.Marks, slots, changed);
            GrainSlot[] backward = [.. slots.AsEnumerable().Reverse()];
            var recovered = new MarginSweep(new FrameTables()).Sweep(venue.Marks, backward, backward);
            results.Digest.ShouldBe(recovered.Digest, $"frame {frame}");
            results.Shortfall.ShouldBe(recovered.Shortfall);
            results.Valued.ShouldBe(slots.Count(slot => ((Account)slot.State).IsAtRisk));
            results.Turns.Select(slot => slot.Id).ShouldBe(
                slots.Where(slot => Differs((Account)slot.State, venue.Marks)).Select(slot => slot.Id).Order(), $"frame {frame}");
            named += results.Turns.Count;

            // Most take their turn, and some trade, order or pay in.
            foreach (var slot in results.Turns)
                if (random.Next(8) > 0) venue.Send(slot.Id, new FrameAdopted(frame));
            for (var i = 0; i < 6; i++) Act(venue, random, accounts, (int)index);
        }

        named.ShouldBeGreaterThan(AccountCount);
        venue.Accounts.Count(account => account.Parts.Length > 1).ShouldBeGreaterThan(AccountCount / 10);
    }

    private static bool Differs(Account account, MarginMarks marks) =>
        account.Parts.Any(part => part.IsAtRisk && marks.Of(account, part).Status != part.Status);

    private static void Act(GivenVenue venue, Random random, AccountId[] accounts, int index)
    {
        var (a, b) = (random.Next(AccountCount), random.Next(AccountCount));
        if (a == b) return;
        if (random.Next(6) == 0)
        {
            venue.Send(accounts[a].Grain, new AccountCommand.Deposit(Amount($"{random.Next(1, 20) * 100} USDC"), ""));
            return;
        }

        var listing = Listed[random.Next(Listed.Length)];
        var quantity = listing == BtcFuture ? $"{random.Next(1, 200)}" : $"0.{random.Next(1, 300):d3}";
        var subAccount = random.Next(3) switch { 0 => 0, 1 => Hedge.Number, _ => Apart.Number };
        venue.Trades(Party(accounts[a], subAccount: subAccount), Party(accounts[b]), quantity, $"{index / 10 * 10}", listing);
        if (random.Next(6) == 0) Cancel(venue, accounts[a], accounts[b], $"{(index + 500) / 10 * 10}");
        if (random.Next(2) == 0)
            venue.Send(accounts[a].Grain, new AccountCommand.ReserveOrder(
                new OrderId($"o{a}-{venue.Of(accounts[a]).Version}"), SubAccountId.Main, Listed[random.Next(Listed.Length)].Id,
                random.Next(2) == 0 ? Side.Buy : Side.Sell, Q($"{random.Next(1, 4)}"), P($"{(index + random.Next(-900, 900)) / 10 * 10}")));
    }

    /// <summary>Trades until the cross sub-accounts of an account hold opposite quantities, at other prices.</summary>
    private static void Cancel(GivenVenue venue, AccountId account, AccountId other, string price)
    {
        var held = venue.Of(account).Cross.Positions.All.Where(position => position.Instrument == BtcPerp.Id).Sum(position => position.Quantity.E8);
        var quantity = DecimalText.Format(Math.Abs(held), Quantity.Scale);
        var (hedge, taker) = (Party(account, subAccount: Hedge.Number), Party(other));
        if (held > 0) venue.Trades(taker, hedge, quantity, price);
        if (held < 0) venue.Trades(hedge, taker, quantity, price);
    }

    /// <param name="index">Of BTC; null for a halted one.</param>
    private static MarkFrame FrameOf(int number, int? index, string preset)
    {
        // In every other set of rules isolated sub-accounts have a model of their own.
        var document = JsonNode.Parse(ParameterDocument.PresetText(preset))!.AsObject();
        if (number / 7 % 2 == 1) document["isolatedModel"] = JsonNode.Parse(ParameterDocument.PresetText("isolated"))!["model"]!.DeepClone();
        ParameterText.TryRead(Encoding.UTF8.GetBytes(document.ToJsonString()), out var text).ShouldBeTrue();
        var frame = GivenMarks.Frame(index?.ToString(), Listed) with { Number = number, Parameters = new ParametersInForce(number / 7, text) };
        return index is null ? frame : frame with
        {
            Underlyings = [frame.Underlyings[0] with { Depth = new Money(50_000_000_000_000) }],
            Expiries =
            [
                new ExpiryMark(BtcFuture.Underlying, BtcFuture.Expiry!.Value, P($"{index}"), Rate.Zero, new Price(0), Rate.One, new SmileMark.None()),
            ],
            Instruments = [.. frame.Instruments.Add(new InstrumentMark(BtcFuture.Id, P($"{index}"), Money.Zero)).OrderBy(mark => mark.Instrument)],
        };
    }
}
