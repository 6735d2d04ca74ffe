using System.Data.Common;
using System.Diagnostics.Metrics;
using CrossMargin.Api.Hosting;

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
/// the metrics, and stays so: somebody has to look, and only a restart begins again. It stops nothing by itself.
/// </summary>
internal sealed partial class LiveAudit(Venue venue, VenueOptions options, TimeProvider clock, ILogger<LiveAudit> log) : BackgroundService
{
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
        while (await rounds.WaitForNextTickAsync(stoppingToken))
        {
            if (!venue.IsStarted) continue;
            audit ??= new OnlineAudit(venue.Journal, venue.Map, venue.Catalog);
            try
            {
                var finding = await audit.Round(stoppingToken);
                Interlocked.Exchange(ref records, audit.Records);
                Standing = finding is null ? AuditStanding.Agrees : AuditStanding.Differs;
                if (finding is null) continue;
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
