using CrossMargin.Api.Accounts;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Trades;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Margin;
using CrossMargin.Grains.Trades;
using CrossMargin.Runtime.Grains;

namespace CrossMargin.Api.Margin;

/// <summary>
/// A copy of an account that steps are tried on. The deciders of the venue take them, under the marks of the moment: what is
/// refused here would be refused there, and what is left is what the commit would leave, to the unit.
/// </summary>
internal sealed class WhatIf(AccountMoment moment, MarginMarks? marks, IReadOnlyDictionary<InstrumentId, Listing> listings)
{
    private static readonly FeedId Feed = FeedId.For(new SourceId("what-if"));

    /// <summary>The other side of every supposed fill.</summary>
    private static readonly AccountId Counterparty = new(GrainId.Derive(GrainKind.Account, "what-if"u8));

    private readonly Context context = new(moment.AsOf, marks?.Frame.Number ?? 0, marks);
    private TradeCapture feed = TradeCapture.Unborn(Feed);

    public Account State { get; private set; } = moment.State;

    public MarginSummary Summary => MarginSummary.Of(State, marks);

    /// <summary>Whether the step would be taken; the copy is after it then.</summary>
    public Rejection Take(object step) => step switch
    {
        AccountCommand command => Decide(command),
        SupposedFill fill => Fill(fill),
        _ => throw new System.Diagnostics.UnreachableException(step.GetType().Name),
    };

    private Rejection Fill(SupposedFill fill)
    {
        if (!listings.TryGetValue(fill.Instrument, out var listing)) return Rejection.UnknownInstrument;
        if (!feed.Instruments.ContainsKey(fill.Instrument))
        {
            var listed = new ListedInstrument(listing, marks?.FundingOf(fill.Instrument) ?? default);
            feed = feed with { Instruments = feed.Instruments.Add(fill.Instrument, listed) };
        }

        var own = new TradeParty(State.Id, fill.SubAccount, fill.FeeRate);
        var other = new TradeParty(Counterparty, SubAccountId.Main, Rate.Zero);
        var (buyer, seller) = fill.Side == Side.Buy ? (own, other) : (other, own);
        var decision = TradeCapture.Decide(feed, new TradeCommand.Capture(
            new TradeId($"what-if-{feed.Version}"), fill.Instrument, fill.Price, fill.Quantity, buyer, seller, moment.AsOf));
        if (decision.Events is not [TradeEvent.Captured captured])
            return decision.Events is [TradeEvent.CommandRefused refused] ? refused.Reason : decision.Refused;
        feed = TradeCapture.Evolve(feed, captured);
        return Decide(captured);
    }

    private Rejection Decide(object input)
    {
        var decision = Account.Decide(State, input, context);
        if (decision.Events.IsEmpty) return decision.Refused;
        if (decision.Events[0] is AccountEvent.CommandRefused refused) return refused.Reason;
        State = decision.Events.Aggregate(State, Account.Evolve);
        return Rejection.None;
    }
}

/// <summary>A fill that did not happen: the account's side of it, and the other side is nobody's.</summary>
internal sealed record SupposedFill(
    InstrumentId Instrument, SubAccountId SubAccount, Side Side, Price Price, Quantity Quantity, Rate FeeRate);
