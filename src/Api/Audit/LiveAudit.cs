using System.Data.Common;
using System.Diagnostics.Metrics;
using CrossMargin.Api.Hosting;
using CrossMargin.Contracts;
using CrossMargin.Grains.Markets;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;

namespace CrossMargin.Api.Audit;

public enum AuditStanding
{
    /// <summary>The operator has not asked for it.</summary>
    Off,

    /// <summary>The journal has not been read up to a cut yet.</summary>
    CatchingUp,
    Agrees,
    Differs,
}

/// <summary>
/// An <see cref="OnlineAudit"/> beside the silo, a cut every round. What differs is an error in the log, at /health/audit and in
/// the metrics, and stays so: somebody has to look, and only a restart begins again. It stops nothing by itself. What the venue has in
/// all it tells the market, every so many rounds and where it changed: of a cut that does not agree it tells nothing.
/// </summary>
internal sealed partial class LiveAudit(Venue venue, VenueOptions options, TimeProvider clock, ILogger<LiveAudit> log) : BackgroundService
{
    private const int RoundsBetweenTotals = 10;

    private readonly Meter meter = new("CrossMargin.Audit");
    private long records;

    public AuditStanding Standing { get; private set; } = options.AuditEvery > TimeSpan.Zero ? AuditStanding.CatchingUp : AuditStanding.Off;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (Standing == AuditStanding.Off) return;
        meter.CreateObservableCounter("crossmargin.audit.records", () => Interlocked.Read(ref records));
        meter.CreateObservableGauge("crossmargin.audit.differs", () => Standing == AuditStanding.Differs ? 1 : 0);
        OnlineAudit? audit = null;
        using var rounds = new PeriodicTimer(options.AuditEvery, clock);
        for (var round = 0; await rounds.WaitForNextTickAsync(stoppingToken); round++)
        {
            if (!venue.IsStarted) continue;
            audit ??= new OnlineAudit(venue.Journal, venue.Map, venue.Catalog);
            try
            {
                var finding = await audit.Round(stoppingToken);
                Interlocked.Exchange(ref records, audit.Records);
                Standing = finding is null ? AuditStanding.Agrees : AuditStanding.Differs;
                if (finding is null)
                {
                    if (round % RoundsBetweenTotals == 0) await TellTotals(audit);
                    continue;
                }

                LogDiffers(finding.Code, finding.Where, finding.Detail);
                return;
            }
            catch (Exception silent) when (silent is DbException or TimeoutException)
            {
                LogSilent(silent.Message);   // the next round goes on where this one was interrupted
            }
            catch (Exception broken) when (broken is not OperationCanceledException and not OutOfMemoryException)
            {
                Standing = AuditStanding.Differs;
                LogDiffers("audit-broken", "the audit itself", broken.Message);
                return;
            }
        }
    }

    /// <summary>
    /// Whether it was taken does not matter: the next cut shows it, and then it is told again. Of several silos the one that has the
    /// market tells it. A market without a frame margins nobody and is told nothing.
    /// </summary>
    private async Task TellTotals(OnlineAudit audit)
    {
        var market = venue.Market.Grain;
        if (!venue.IsReady || venue.Silo is not { } silo) return;
        if (!silo.IsAlone && silo.OwnerOf(venue.Map.ShardOf(market)) != options.Silo) return;
        if (audit.StateOf(market) is not Market { LastFrame: not null } known || audit.Totals.News(known) is not { } news) return;
        var key = CommandKey.Issue(
            Instant.From(clock.GetUtcNow()), (ulong)Random.Shared.NextInt64(), (ulong)Random.Shared.NextInt64());
        await venue.Ask(new Command(market, news, new Cause.Key(key, venue.Catalog.FingerprintOf(market, news))));
    }

    public override void Dispose()
    {
        meter.Dispose();
        base.Dispose();
    }

    [LoggerMessage(LogLevel.Critical, "The journal differs: {Code} at {Where}: {Detail}")]
    private partial void LogDiffers(string code, string where, string detail);

    [LoggerMessage(LogLevel.Warning, "The audit waits for the database: {Why}")]
    private partial void LogSilent(string why);
}
