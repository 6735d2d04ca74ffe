namespace CrossMargin.Clients.Tests;

/// <summary>A long answer ends, and who broke it can be told apart.</summary>
public sealed class DownloadTests : IDisposable
{
    private readonly FakeClock clock = new();
    private readonly FakeSilos silos;
    private readonly Clearinghouse clearinghouse;
    private readonly ClearingClient client;

    public DownloadTests()
    {
        silos = new FakeSilos(clock, "a", "b");
        clearinghouse = new Clearinghouse(silos.Addresses, silos, clock);
        client = clearinghouse.As(Credential.Token("t"));
    }

    public void Dispose()
    {
        clearinghouse.Dispose();
        silos.Dispose();
    }

    [Fact]
    public void It_comes_as_it_is()
    {
        var content = Enumerable.Range(0, 300_000).Select(place => (byte)(place % 251)).ToArray();
        silos.Answer = _ => Streamed(new MemoryStream(content));
        using var there = new MemoryStream();
        Download(there).Status.ShouldBe(200);
        there.ToArray().ShouldBe(content);
    }

    [Fact]
    public void A_refusal_is_an_answer_and_nothing_is_written()
    {
        silos.Answer = _ => FakeSilos.Problem(404, "account-not-found");
        using var there = new MemoryStream();
        Download(there).Code.ShouldBe("account-not-found");
        there.Length.ShouldBe(0);
    }

    [Theory]
    [InlineData("Down")]
    [InlineData("Gone")]
    public void Where_nobody_listens_another_silo_is_asked(string how)
    {
        var state = Enum.Parse<FakeSilos.State>(how);
        silos.Set("a", state);
        silos.Answer = asked => Streamed(new MemoryStream([1, 2, 3]));
        for (var i = 0; i < 3; i++)
        {
            using var there = new MemoryStream();
            Download(there).Status.ShouldBe(200);
            there.Length.ShouldBe(3);
        }

        silos.Set("b", state);
        Should.Throw<NoAnswer>(() => Download(new MemoryStream()));
    }

    [Fact]
    public void A_silo_that_never_begins_is_given_up()
    {
        silos.Set("a", FakeSilos.State.Frozen);
        silos.Set("b", FakeSilos.State.Frozen);
        Should.Throw<NoAnswer>(() => Download(new MemoryStream()));
        clock.Now.ShouldBeInRange(TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(1.2));
    }

    [Fact]
    public void A_silo_that_freezes_in_the_middle_is_given_up()
    {
        silos.Answer = _ => Streamed(new Broken([1, 2, 3], then: null));
        using var there = new MemoryStream();
        Should.Throw<NoAnswer>(() => Download(there));
        there.Length.ShouldBe(3);
        clock.Now.ShouldBeInRange(TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(1.2));
    }

    [Fact]
    public void A_silo_that_freezes_in_a_refusal_is_given_up_too()
    {
        silos.Answer = _ => new HttpResponseMessage(System.Net.HttpStatusCode.NotFound) { Content = new StreamContent(new Broken([(byte)'{'], then: null)) };
        Should.Throw<NoAnswer>(() => Download(new MemoryStream()));
        clock.Now.ShouldBeInRange(TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(1.2));
    }

    [Fact]
    public void What_is_cut_in_the_middle_is_not_asked_for_again_by_itself()
    {
        silos.Answer = _ => Streamed(new Broken([1, 2, 3], then: new HttpIOException(HttpRequestError.ResponseEnded, "cut")));
        using var there = new MemoryStream();
        Should.Throw<NoAnswer>(() => Download(there)).Message.ShouldContain("cut");
        there.Length.ShouldBe(3);
        silos.Heard.Count.ShouldBe(1);
    }

    [Fact]
    public void A_destination_that_is_full_says_so_itself()
    {
        silos.Answer = _ => Streamed(new MemoryStream([1, 2, 3]));
        Should.Throw<IOException>(() => Download(new Full())).Message.ShouldBe("disk full");
    }

    private static HttpResponseMessage Streamed(Stream body) => new(System.Net.HttpStatusCode.OK) { Content = new StreamContent(body) };

    private Answer Download(Stream destination) => clock.Run(() => client.Download("/v1/accounts/x/export", destination, TestContext.Current.CancellationToken));

    /// <summary>Nothing comes behind the first bytes, or an exception.</summary>
    private sealed class Broken(byte[] first, Exception? then) : MemoryStream
    {
        private bool hasBegun;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (!hasBegun)
            {
                hasBegun = true;
                first.CopyTo(buffer);
                return first.Length;
            }

            if (then is not null) throw then;
            await Task.Delay(Timeout.Infinite, cancellationToken);
            return 0;
        }
    }

    private sealed class Full : MemoryStream
    {
        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => throw new IOException("disk full");
    }
}
