using System.Collections.Immutable;
using System.Diagnostics;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Risk.Pricing;
using CrossMargin.Runtime.Grains;

namespace CrossMargin.Grains.Markets;

/// <summary>A smile that holds until a newer one is accepted, whose it is and how old.</summary>
public sealed record HeldSmile(Underlying Underlying, SourceId Source, Instant At, AcceptedSmile Accepted)
{
    public Instant Expiry => Accepted.Expiry;

    /// <summary>
    /// The same volatilities later: total variance shrinks with the time that is left. Rounded up, so that no variance falls
    /// below zero.
    /// </summary>
    public SmileMark AsOf(Instant now)
    {
        var (left, total) = (Math.Max(0, Expiry.Micros - now.Micros), Expiry.Micros - At.Micros);
        return Accepted.Smile is SmileMark.Svi svi
            ? svi with { A = Share(svi.A), B = Share(svi.B) }
            : Accepted.Smile;

        Rate Share(Rate rate) => new((long)Rounding.Ceiling((Int128)rate.E9 * left, total));
    }
}

/// <summary>Volatilities: the last accepted ones of every expiry.</summary>
public sealed partial record Market
{
    /// <summary>In one quote of a surface.</summary>
    public const int MaxSmiles = 32;

    private static Decision<MarketEvent> QuoteSurface(Market market, MarketCommand.QuoteSurface command, Instant now)
    {
        const string Name = "quote-surface";
        if (market.SourceOf(command.Source) is not { } source) return Refused(Name, Rejection.UnknownSource);
        if (command.At > now.PlusMicros(ToleranceMicros)) return Refused(Name, Rejection.PriceFromTheFuture);
        if (command.At <= source.SeenAt) return Refused(Name, Rejection.PriceNotNewer);
        if (command.Smiles.Length is < 1 or > MaxSmiles || !AreInOrder(command.Smiles)) return Refused(Name, Rejection.TooManySmiles);
        foreach (var quote in command.Smiles)
            if (quote.Expiry <= command.At || !market.HasExpiry(command.Underlying, quote.Expiry))
                return Refused(Name, Rejection.UnknownExpiry);
        if (market.LastFrame is not { } frame || IndexFor(PriceUse.JudgeQuotes, frame, command.Underlying) is not { } index)
            return Refused(Name, Rejection.NoPrice);
        foreach (var quote in command.Smiles)
            if (2 * Int128.Abs((Int128)quote.Forward.E8 - index.E8) > index.E8) return Refused(Name, Rejection.ForwardOutOfBand);

        var flaw = SurfaceJudge.Judge(
            [.. command.Smiles.Select(quote => new ExpirySmile(
                quote.Expiry, quote.Expiry.Micros - command.At.Micros, quote.Forward, quote.Smile))],
            [.. market.Smiles.Where(held => IsBeside(held, command)).Select(held => new ExpirySmile(
                held.Expiry, held.Expiry.Micros - command.At.Micros, held.Accepted.Forward, held.AsOf(command.At)))],
            out var fits);
        if (flaw.Fault != SurfaceFault.None)
        {
            return new MarketEvent.SurfaceRefused(
                command.Source, command.At, command.Underlying, flaw.Expiry, ReasonOf(flaw.Fault), flaw.LogMoneyness, flaw.Amount);
        }

        return new MarketEvent.SurfaceAccepted(
            command.Source, command.At, command.Underlying, [.. command.Smiles.Zip(fits, (quote, fit) => new AcceptedSmile(
                quote.Expiry, quote.Forward, fit.Smile, fit.FitError)
            {
                FittedTo = fit.Smile is SmileMark.Svi ? quote.Smile as SmileMark.Points : null,
            })]);
    }

    private static bool AreInOrder(ImmutableArray<SmileQuote> quotes)
    {
        for (var i = 1; i < quotes.Length; i++)
            if (quotes[i].Expiry <= quotes[i - 1].Expiry) return false;
        return true;
    }

    private bool HasExpiry(Underlying underlying, Instant expiry) =>
        Instruments.Values.Any(known => known.Listing.Underlying == underlying && known.Listing.Expiry == expiry);

    /// <summary>An older smile that stays and that the new ones have to agree with.</summary>
    private static bool IsBeside(HeldSmile held, MarketCommand.QuoteSurface command) =>
        held.Underlying == command.Underlying && held.Expiry > command.At && command.Smiles.All(quote => quote.Expiry != held.Expiry);

    /// <summary>By our own clock: a source may say that it is later than it is.</summary>
    private bool IsToCome(HeldSmile held) => BookOf(held.Underlying, held.Expiry) is { Standing: ExpiryStanding.Open };

    private static Rejection ReasonOf(SurfaceFault fault) => fault switch
    {
        SurfaceFault.Malformed => Rejection.SmileMalformed,
        SurfaceFault.Butterfly => Rejection.SmileButterfly,
        SurfaceFault.Calendar => Rejection.SmileCalendar,
        _ => throw new UnreachableException(fault.ToString()),
    };

    private Market With(MarketEvent.SurfaceAccepted e)
    {
        var source = SourceOf(e.Source) ?? throw new InvariantViolation("M5", $"source {e.Source} is not admitted");
        var replaced = e.Smiles.Select(smile => smile.Expiry).ToArray();
        return this with
        {
            Sources = Sources.Replace(source, source with { SeenAt = e.At }),
            Smiles =
            [
                .. Smiles.Where(held => IsToCome(held) && (held.Underlying != e.Underlying || !replaced.Contains(held.Expiry)))
                    .Concat(e.Smiles.Select(smile => new HeldSmile(e.Underlying, e.Source, e.At, smile)))
                    .OrderBy(held => held.Underlying).ThenBy(held => held.Expiry),
            ],
        };
    }
}
