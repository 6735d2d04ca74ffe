using CrossMargin.Clients;
using CrossMargin.DemoVenue.Clearing;

namespace CrossMargin.DemoVenue.Tests;

/// <summary>Whoever starts the venue without its secrets is told in a sentence.</summary>
public sealed class PrincipalsTests : IDisposable
{
    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("principals");
    private readonly Clearinghouse clearinghouse = new(new Uri("http://127.0.0.1:9"));

    public void Dispose()
    {
        clearinghouse.Dispose();
        directory.Delete(recursive: true);
    }

    [Fact]
    public void A_secret_that_is_not_there_is_named() =>
        Should.Throw<DemoFailed>(() => new Principals(clearinghouse, directory.FullName)).Message.ShouldContain("operator");

    /// <summary>What only its owner may read is to everybody else what a directory is to everybody.</summary>
    [Fact]
    public void A_secret_that_may_not_be_read_is_named_too()
    {
        directory.CreateSubdirectory("tokens").CreateSubdirectory("operator");
        Should.Throw<DemoFailed>(() => new Principals(clearinghouse, directory.FullName)).Message.ShouldContain("operator");
    }
}
