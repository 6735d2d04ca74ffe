using System.Collections.Immutable;
using CrossMargin.Contracts;

namespace CrossMargin.Risk.Markets;

/// <summary>A supposed move: everything that follows an underlying by the same fraction, all its volatilities by another.</summary>
/// <param name="Price">-0.1: a tenth less. What is known of a settlement average does not move.</param>
/// <param name="Volatility">
/// 0.25: a quarter more of what each was. A smile keeps its shape over the moneyness or the strikes that it was given in.
/// </param>
public sealed record FrameShock(Underlying Underlying, Rate Price, Rate Volatility)
{
    /// <summary>
    /// The frame after the moves, with the marks of options computed anew from the moved surface. An asset that is itself an
    /// underlying moves with it. Whoever holds what is left without a mark has no price, as under any other frame.
    /// </summary>
    public static Refusable<MarkFrame> Apply(MarkFrame frame, ImmutableArray<FrameShock> shocks)
    {
        foreach (var shock in shocks)
            if (shock.Price.E9 <= -Rate.One.E9 || shock.Volatility.E9 <= -Rate.One.E9) return new Refusal(Fault.OutOfRange, "shocks");
        try
        {
            ImmutableArray<ExpiryMark> expiries = [.. frame.Expiries.Select(mark => Of(shocks, mark.Underlying) is { } shock
                ? mark with { Forward = Moved(mark.Forward, shock), Smile = Moved(mark.Smile, shock) }
                : mark)];
            var moved = frame with
            {
                Assets = [.. frame.Assets.Select(mark => Of(shocks, new Underlying(mark.Asset.ToString())) is { } shock
                    ? mark with { Price = Moved(mark.Price, shock), SlowPrice = mark.SlowPrice is { } slow ? Moved(slow, shock) : null }
                    : mark)],
                Underlyings = [.. frame.Underlyings.Select(mark => Of(shocks, mark.Underlying) is { } shock
                    ? mark with { Index = Moved(mark.Index, shock) }
                    : mark)],
                Expiries = expiries,
            };
            var options = expiries.ToImmutableSortedDictionary(
                mark => (mark.Expiry, mark.Underlying), mark => (Mark: mark, Options: OptionMarks.Of(mark, frame.At)));
            var marks = ImmutableArray.CreateBuilder<InstrumentMark>(frame.Instruments.Length);
            foreach (var mark in frame.Instruments)
            {
                var terms = frame.Listed.FirstOrDefault(listed => listed.Id == mark.Instrument);
                if (terms is null || Of(shocks, terms.Underlying) is not { } shock) marks.Add(mark);
                else if (Moved(mark, terms, shock, options) is { } after) marks.Add(after);
            }

            return moved with { Instruments = marks.ToImmutable() };
        }
        catch (OverflowException)
        {
            return new Refusal(Fault.OutOfRange, "shocks");
        }
    }

    private static InstrumentMark? Moved(
        InstrumentMark mark, Instrument terms, FrameShock shock,
        ImmutableSortedDictionary<(Instant, Underlying), (ExpiryMark Mark, Refusable<OptionMarks> Options)> expiries)
    {
        if (terms.ExpiresAt is not { } expiry) return mark with { Mark = Moved(mark.Mark, shock) };
        if (!expiries.TryGetValue((expiry, terms.Underlying), out var moved)) return null;
        if (terms is not Instrument.Option option) return mark with { Mark = Expected(moved.Mark) };
        if (moved.Options.IsRefused) return null;
        var price = moved.Options.Value.Mark(option.Kind, option.Strike);
        return price.IsRefused ? null : mark with { Mark = price.Value };
    }

    /// <summary>The known part of the average and, for the rest, the forward. Rounded down.</summary>
    private static Price Expected(ExpiryMark expiry) => new((long)Rounding.Floor(
        ((Int128)expiry.SettledAverage.E8 * expiry.SettledShare.E9)
            + ((Int128)expiry.Forward.E8 * (Rate.One.E9 - expiry.SettledShare.E9)),
        Rate.One.E9));

    private static FrameShock? Of(ImmutableArray<FrameShock> shocks, Underlying underlying)
    {
        foreach (var shock in shocks)
            if (shock.Underlying == underlying) return shock;
        return null;
    }

    private static Price Moved(Price price, FrameShock shock) => new((long)Rounding.Floor(
        (Int128)price.E8 * (Rate.One.E9 + shock.Price.E9), Rate.One.E9));

    private static SmileMark Moved(SmileMark smile, FrameShock shock)
    {
        var factor = Rate.One.E9 + shock.Volatility.E9;
        return smile switch
        {
            SmileMark.Points points => new SmileMark.Points(
                [.. points.Quotes.Select(quote => quote with { Volatility = Times(quote.Volatility, factor) })]),

            // Total variance is volatility squared, and linear in these two.
            SmileMark.Svi svi => svi with { A = Times(Times(svi.A, factor), factor), B = Times(Times(svi.B, factor), factor) },
            _ => smile,
        };
    }

    private static Rate Times(Rate rate, long factorE9) => new((long)Rounding.Floor((Int128)rate.E9 * factorE9, Rate.One.E9));
}
