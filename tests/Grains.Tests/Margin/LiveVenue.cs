using CrossMargin.Contracts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Grains.Margin;
using CrossMargin.Journal;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;
using CrossMargin.Silos;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;
using static CrossMargin.Grains.Tests.Trades.GivenVenue;

namespace CrossMargin.Grains.Tests.Margin;

/// <summary>A venue of four shards in a real silo with its threads, over a journal in memory, on the test's clock.</summary>
public abstract class LiveVenue(GrainCatalog catalog)
{
    protected static readonly ShardMap Map = new(4);

    private readonly MemoryJournal journal = new(Map);
    private readonly Clock clock = new();
    private readonly SortedDictionary<string, long> sequences = [];
    private ulong keys;

    protected GrainCatalog Catalog => catalog;
    protected IJournal Journal => journal;
    protected Clock Time => clock;

    protected Silo Start()
    {
        var options = new SiloOptions { ShardThreads = 2, Tick = TimeSpan.FromMilliseconds(5) };
        var silo = new Silo(journal, Map, catalog, options, clock, NullLogger<Silo>.Instance);
        silo.Start();
        return silo;
    }

    /// <summary>Three sources say it, and a second later a frame is made of that.</summary>
    protected async Task Quote(Silo silo, string price)
    {
        clock.Advance();
        foreach (var source in Sources)
            await Say(silo, Exchange.Grain, source.Name, new MarketCommand.Quote(source, clock.Now, [new IndexQuote(new("BTC"), P(price))]));
        clock.Advance();
    }

    protected Task<JournalRecord> Ask(Silo silo, GrainId to, object what) => Journaled(silo, to, what, new Cause.Key(
        CommandKey.Issue(clock.Now, 1, ++keys), catalog.FingerprintOf(to, what)));

    protected Task<JournalRecord> Say(Silo silo, GrainId to, string source, object what) => Journaled(silo, to, what, new Cause.Source(
        new SourceId(source), sequences[source] = sequences.GetValueOrDefault(source) + 1, catalog.FingerprintOf(to, what)));

    /// <summary>Asks until there is an answer on record, which is no refusal.</summary>
    private static async Task<JournalRecord> Journaled(Silo silo, GrainId to, object what, Cause identity)
    {
        while (true)
        {
            var reply = await Waiting.For(caller => silo.Submit(new Command(to, what, identity), caller));
            if (reply.Record is { } record)
            {
                reply.Rejection.ShouldBe(Rejection.None);
                return record;
            }

            await Task.Delay(1, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>Reads until it is so.</summary>
    protected static async Task<MarginSummary> Until(Silo silo, AccountId account, Func<MarginSummary, bool> isSo)
    {
        while (true)
        {
            var reply = await Waiting.For(caller => silo.Read(account.Grain, caller));
            if (reply.View is { } view && MarginSummary.Of(view) is var summary && isSo(summary)) return summary;
            await Task.Delay(1, TestContext.Current.CancellationToken);
        }
    }

    protected sealed class Clock : TimeProvider
    {
        private long micros = Noon.Micros;

        public Instant Now => new(Volatile.Read(ref micros));

        public void To(Instant instant) => Volatile.Write(ref micros, instant.Micros);

        public void Advance() => Interlocked.Add(ref micros, Instant.MicrosPerSecond);

        public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch.AddTicks(Volatile.Read(ref micros) * 10);
    }

    private sealed class Waiting : ICaller
    {
        private readonly TaskCompletionSource<Reply> answered = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public static Task<Reply> For(Action<ICaller> ask)
        {
            var waiting = new Waiting();
            ask(waiting);
            return waiting.answered.Task.WaitAsync(TestContext.Current.CancellationToken);
        }

        public void Answer(in Reply reply) => answered.SetResult(reply);
    }
}
