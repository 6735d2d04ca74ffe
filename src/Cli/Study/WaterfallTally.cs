using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Grains.Margin;

namespace CrossMargin.Cli.Study;

/// <summary>
/// What the rules did to people, added up from the events of their accounts. Dollars are at the marks of the frame in which something
/// happened.
/// </summary>
internal sealed class WaterfallTally(Func<MarginMarks?> marks)
{
    private readonly Dictionary<(GrainId Account, InstrumentId Instrument), Quantity> held = [];
    private readonly SortedDictionary<GrainId, Work> open = [];
    private readonly SortedSet<GrainId> liquidated = [];
    private readonly List<long> framesToCure = [];

    /// <summary>A case: since when, how the account stood when it was last looked at, and the slice that is under way.</summary>
    private sealed class Work
    {
        public required long Since { get; init; }
        public required MarginFigures Margin { get; set; }
        public SliceOrder? Slice { get; set; }
    }

    public int Cases { get; private set; }
    public int Cured { get; private set; }
    public int NothingLeft { get; private set; }
    public int Slices { get; private set; }
    public double Closed { get; private set; }
    public double OverLiquidated { get; private set; }
    public double BeyondNeed { get; private set; }
    public double GivenUp { get; private set; }
    public int HedgesBroken { get; private set; }
    public double FundUsed { get; private set; }
    public double FundEarned { get; private set; }
    public double WinnersTaken { get; private set; }

    public int Liquidated => liquidated.Count;
    public int StillOpen => open.Count;
    public IReadOnlyList<long> FramesToCure => framesToCure;

    public void Note(object @event, GrainId account, long frame)
    {
        switch (@event)
        {
            case AccountEvent.CaseOpened e:
                Cases++;
                liquidated.Add(account);
                open[account] = new Work { Since = frame, Margin = e.Margin };
                break;
            case AccountEvent.SliceOrdered e:
                Slices++;
                (open[account].Slice, open[account].Margin) = (e.Slice, e.Margin);
                break;
            case AccountEvent.FillApplied e:
                if (open.GetValueOrDefault(account)?.Slice?.Instrument == e.Change.Instrument) Close(account, e.Change);
                else Move(account, e.Change);
                break;
            case AccountEvent.SliceFilled e:
                FundEarned += Dollars(e.ToFund);
                break;
            case AccountEvent.SliceEnded:
                open[account].Slice = null;
                break;
            case AccountEvent.HandedOver e:
                Close(account, e.Change);
                break;
            case AccountEvent.TakenOver e:
                Move(account, e.Change);
                break;
            case AccountEvent.FundDrawn e:
                FundUsed += Dollars(e.Amount);
                break;
            case AccountEvent.LossShared e:
                WinnersTaken += Dollars(e.Amount);
                break;
            case AccountEvent.CaseEnded e:
                End(account, e, frame);
                break;
        }
    }

    private void End(GrainId account, AccountEvent.CaseEnded e, long frame)
    {
        open.Remove(account, out var work);
        if (e.Ending != CaseEnding.Cured)
        {
            NothingLeft++;
            return;
        }

        Cured++;
        framesToCure.Add(frame - work!.Since);
        if (e.Margin is { } margin) BeyondNeed += (margin.MarginEquity - margin.LiquidationEnd).Micros / 1e6;
    }

    /// <summary>A part of a position of somebody who has a case: how much of it was more than maintenance asked for?</summary>
    private void Close(GrainId account, PositionChange change)
    {
        var margin = open[account].Margin;
        var share = 1 - (margin.MarginEquity.Micros / (double)margin.MaintenanceMargin.Micros);
        var needed = Math.Clamp(share, 0, 1) * held.Where(one => one.Key.Account == account)
            .Sum(one => Math.Abs(ValueOf(one.Key.Instrument, one.Value)));
        var closed = Math.Abs(ValueOf(change.Instrument, change.Quantity));
        var before = Net(account, change.Instrument);
        Move(account, change);
        var after = Net(account, change.Instrument);

        Closed += closed;
        OverLiquidated += Math.Max(0, closed - needed);
        GivenUp += Dollars(change.Paid) - ValueOf(change.Instrument, change.Quantity);
        if (Math.Abs(after) > Math.Abs(before) + 1) HedgesBroken++;
    }

    private void Move(GrainId account, PositionChange change) => held[(account, change.Instrument)] = change.QuantityAfter;

    /// <summary>What the account stands to gain by its underlying, in dollars of it.</summary>
    private double Net(GrainId account, InstrumentId instrument)
    {
        var underlying = marks()?.TermsOf(instrument)?.Underlying;
        return held.Where(one => one.Key.Account == account && marks()?.TermsOf(one.Key.Instrument)?.Underlying == underlying)
            .Sum(one => ValueOf(one.Key.Instrument, one.Value));
    }

    private double ValueOf(InstrumentId instrument, Quantity quantity) =>
        quantity.E8 / 1e8 * ((marks()?.MarkOf(instrument)?.E8 ?? 0) / 1e8);

    private static double Dollars(AssetAmount amount) => amount.Units / 1e6;
}
