using System.Security.Cryptography;
using CrossMargin.Api.Hosting;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Access;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;

namespace CrossMargin.Api.Access;

/// <summary>
/// Journals the access list that this host works with, at its start and after every change, until the journal has it. A list counts
/// before its record is durable: whoever is taken out must be out at once, also while the journal does not answer.
/// </summary>
internal sealed partial class AccessRecord(AccessList access, Venue venue, TimeProvider clock, ILogger<AccessRecord> log)
    : BackgroundService
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private readonly SemaphoreSlim changed = new(initialCount: 1);

    /// <summary>The list has changed.</summary>
    public void Soon() => changed.Release();

    public override void Dispose()
    {
        changed.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            while (true)
            {
                await changed.WaitAsync(stoppingToken);
                while (!await IsSettled()) await Task.Delay(Pause, clock, stoppingToken);
            }
        }
        catch (OperationCanceledException)
        {
            // The host stops; the next start records what it works with.
        }
    }

    /// <summary>
    /// Asking again is safe: the list that is in force already leaves no record. What is refused for good would be refused again.
    /// </summary>
    private async Task<bool> IsSettled()
    {
        if (!venue.IsReady) return false;
        var put = new AccessCommand.PutInForce(access.Entries);
        var entropy = RandomNumberGenerator.GetBytes(Fingerprint.Size);
        var chosen = Fingerprint.Read(entropy);
        var key = CommandKey.Issue(Instant.From(clock.GetUtcNow()), chosen.High, chosen.Low);
        var reply = await venue.Ask(new Command(
            venue.Access.Grain, put, new Cause.Key(key, venue.Catalog.FingerprintOf(venue.Access.Grain, put))));
        if (reply is { Rejection: Rejection.None, Record: { } record }) LogRecorded(put.Principals.Length, record.Address.ToString());
        if (reply.Rejection == Rejection.None) return true;
        if (reply.Rejection.IsTransient()) return false;
        LogRefused(reply.Rejection.Code());
        return true;
    }

    [LoggerMessage(3, LogLevel.Information, "The access list of {Principals} principals is record {Address}")]
    private partial void LogRecorded(int principals, string address);

    [LoggerMessage(4, LogLevel.Error, "The access list that is in force was refused by the journal and has no record: {Code}")]
    private partial void LogRefused(string code);
}
