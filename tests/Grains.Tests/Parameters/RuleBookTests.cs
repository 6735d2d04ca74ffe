using System.Collections.Immutable;
using System.Text;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Parameters;
using CrossMargin.Grains.Parameters;
using CrossMargin.Runtime.Grains;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;

namespace CrossMargin.Grains.Tests.Parameters;

public sealed class RuleBookTests
{
    private static readonly ParametersId Id = ParametersId.For("test");
    private static readonly MarketId Market = MarketId.For("test");
    private static readonly ParametersGrain Grain = new(Market);

    private RuleBook book = RuleBook.Unborn(Id);

    [Fact]
    public void A_version_waits_for_its_time_and_is_then_told_to_the_market()
    {
        Publish(1, Noon.PlusMicros(5)).ShouldHaveSingleItem().ShouldBeOfType<ParameterEvent.Published>();
        book.DueAt().ShouldBe(Noon.PlusMicros(5));
        Tell(TimerDue.Now, Noon.PlusMicros(4)).ShouldBeEmpty();

        var effective = Tell(TimerDue.Now, Noon.PlusMicros(5)).ShouldHaveSingleItem().ShouldBeOfType<ParameterEvent.Effective>();
        effective.Version.ShouldBe(1);
        effective.Document.ShouldBe(Document(1));
        Grain.AddresseesOf((object)effective).ShouldBe([Market.Grain]);
        book.DueAt().ShouldBeNull();
        Tell(TimerDue.Now, Noon.PlusMicros(6)).ShouldBeEmpty();
    }

    [Fact]
    public void Without_a_time_a_version_takes_effect_at_once() =>
        Publish(1, null).Select(@event => @event.GetType().Name).ShouldBe(["Published", "Effective"]);

    [Fact]
    public void Versions_whose_time_passed_while_nobody_looked_take_effect_in_order()
    {
        for (var version = 1; version <= 3; version++) Publish(version, Noon.PlusMicros(version));
        Tell(TimerDue.Now, Noon.PlusMicros(2)).Cast<ParameterEvent.Effective>().Select(e => e.Version).ShouldBe([1, 2]);
        Tell(TimerDue.Now, Noon.PlusMicros(9)).Cast<ParameterEvent.Effective>().Select(e => e.Version).ShouldBe([3]);
    }

    [Fact]
    public void The_version_of_any_instant_is_known()
    {
        Publish(1, null);
        Publish(2, Noon.PlusMicros(100));
        Publish(3, Noon.PlusMicros(200));
        foreach (var (micros, expected) in ((long, int?)[])[(-1, null), (0, 1), (99, 1), (100, 2), (199, 2), (200, 3), (10_000, 3)])
            (book.VersionAt(Noon.PlusMicros(micros))?.Number).ShouldBe(expected);
    }

    [Theory]
    [InlineData(2, 0L, "version-not-next")]
    [InlineData(4, 0L, "version-not-next")]
    [InlineData(3, -1L, "effective-in-the-past")]
    [InlineData(3, 20L, "effective-out-of-order")]
    [InlineData(3, 19L, "effective-out-of-order")]
    [InlineData(3, 31_622_400_000_001L, "effective-too-far-ahead")]
    [InlineData(3, 31_622_400_000_000L, "none")]
    [InlineData(3, 21L, "none")]
    public void The_next_version_takes_effect_after_the_one_before_it(int version, long micros, string answer)
    {
        Publish(1, null);
        Publish(2, Noon.PlusMicros(20));
        RefusalOf(Document(version), Noon.PlusMicros(micros)).Reason.Code().ShouldBe(answer);
    }

    [Fact]
    public void A_document_that_is_no_parameter_set_is_refused_with_a_pointer_to_each_error()
    {
        var bad = new ParameterText(Document(1).Json
            .Replace("\"acceptance\":\"surplus-or-ratio\"", "\"acceptance\":\"perhaps\"", StringComparison.Ordinal)
            .Replace("\"liquidationEnd\":", "\"liquidationEndings\":", StringComparison.Ordinal));
        bad.ShouldNotBe(Document(1));
        var refused = RefusalOf(bad, null);
        refused.Reason.ShouldBe(Rejection.DocumentRefused);
        refused.Errors.Select(error => error.Pointer).ShouldContain("/liquidationEnd");
        refused.Errors.Select(error => error.Pointer).ShouldContain("/acceptance");
        refused.Errors.Select(error => error.Pointer).ShouldContain("/liquidationEndings");
        book.Versions.ShouldBeEmpty();
    }

    [Fact]
    public void A_document_has_an_end()
    {
        var padding = new string('x', RuleBook.MaxDocumentBytes);
        RefusalOf(new ParameterText($"{{\"name\":\"{padding}\"}}"), null).Reason.ShouldBe(Rejection.DocumentTooLarge);
    }

    [Fact]
    public void Only_so_many_versions_wait()
    {
        for (var version = 1; version <= RuleBook.MaxWaiting; version++) Publish(version, Noon.PlusMicros(version));
        var next = RuleBook.MaxWaiting + 1;
        RefusalOf(Document(next), Noon.PlusMicros(next)).Reason.ShouldBe(Rejection.TooManyWaiting);
        Tell(TimerDue.Now, Noon.PlusMicros(1));
        RefusalOf(Document(next), Noon.PlusMicros(next)).Reason.ShouldBe(Rejection.None);
    }

    [Fact]
    public void A_snapshot_gives_the_same_grain_back()
    {
        Publish(1, null);
        Publish(2, Noon.PlusMicros(20));
        var saved = Grain.Save((object)book);
        var restored = (RuleBook)Grain.Restore(Id.Grain, saved);
        Grain.Save((object)restored).ShouldBe(saved);
        RuleBook.Decide(restored, TimerDue.Now, Noon.PlusMicros(20)).Events.ShouldBe(RuleBook.Decide(book, TimerDue.Now, Noon.PlusMicros(20)).Events);
    }

    [Fact]
    public void A_text_is_one_object_and_loses_only_its_white_space()
    {
        ParameterText.TryRead("{ \"a\" : [ 1, \"b c\" ] }"u8, out var text).ShouldBeTrue();
        text.Json.ShouldBe("{\"a\":[1,\"b c\"]}");
        foreach (var bad in (string[])["", "[1]", "{", "{} {}", "\"x\"", "null"])
            ParameterText.TryRead(Encoding.UTF8.GetBytes(bad), out _).ShouldBeFalse(bad);
    }

    /// <summary>The preset of the rules model under this version.</summary>
    public static ParameterText Document(int version)
    {
        ParameterText.TryRead(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Presets", "standard.json")), out var text).ShouldBeTrue();
        return new ParameterText(text.Json.Replace("\"version\":1,", $"\"version\":{version},", StringComparison.Ordinal));
    }

    private ImmutableArray<ParameterEvent> Publish(int version, Instant? effectiveAt)
    {
        var events = Tell(new ParameterCommand.Publish(Document(version), effectiveAt), Noon);
        events[0].ShouldBeOfType<ParameterEvent.Published>();
        return events;
    }

    private ParameterEvent.CommandRefused RefusalOf(ParameterText document, Instant? effectiveAt) =>
        RuleBook.Decide(book, new ParameterCommand.Publish(document, effectiveAt), Noon).Events[0] as ParameterEvent.CommandRefused
        ?? new ParameterEvent.CommandRefused("", Rejection.None, []);

    private ImmutableArray<ParameterEvent> Tell(object input, Instant now)
    {
        var decision = RuleBook.Decide(book, input, now);
        decision.Refused.ShouldBe(Rejection.None);
        foreach (var @event in decision.Events)
        {
            book = RuleBook.Evolve(book, @event);
            book.Verify();
        }

        return decision.Events;
    }
}
