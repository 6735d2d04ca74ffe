using System.Net.Sockets;
using Npgsql;

namespace CrossMargin.Api.Tests;

/// <summary>What cannot start says why in one sentence.</summary>
[Collection(VenueFixture.TheVenue)]
public sealed class RefusedStartTests(VenueFixture venue)
{
    [Fact]
    public async Task A_port_in_use_is_one_sentence()
    {
        using var taken = new TcpListener(System.Net.IPAddress.Loopback, 0);
        taken.Start();
        var port = ((System.Net.IPEndPoint)taken.LocalEndpoint).Port;
        await ShouldRefuse($"Port {port} of 127.0.0.1 is in use by another program: give another one.", ("PORT", $"{port}"));
    }

    [Fact]
    public async Task A_wrong_password_is_one_sentence()
    {
        var right = new NpgsqlConnectionStringBuilder(PrivatePostgres.ConnectionString(venue.Host.DataDirectory, "crossmargin_app"));
        var wrong = new NpgsqlConnectionStringBuilder(right.ConnectionString) { Password = "wrong" };
        await ShouldRefuse(
            $"PostgreSQL at 127.0.0.1:{right.Port} does not let crossmargin_app in: wrong password or role.", ("CONNECTIONSTRING", wrong.ConnectionString));
    }

    [Fact]
    public async Task No_server_is_one_sentence() =>
        await ShouldRefuse("No PostgreSQL answers at 127.0.0.1:1: ", ("CONNECTIONSTRING", "Host=127.0.0.1;Port=1;Username=x;Password=y;Database=z"));

    [Fact]
    public async Task A_wrong_shard_count_is_one_sentence() => await ShouldRefuse(
        "The venue demo has 64 shards for ever and this process was given 8: correct its configuration.",
        ("CONNECTIONSTRING", PrivatePostgres.ConnectionString(venue.Host.DataDirectory, "crossmargin_app")), ("SHARDS", "8"));

    [Fact]
    public async Task A_database_without_a_journal_is_one_sentence() => await ShouldRefuse(
        "The database postgres has no journal yet: run the migrations.",
        ("CONNECTIONSTRING", PrivatePostgres.ConnectionString(venue.Host.DataDirectory, "crossmargin_app", "postgres")));

    [Fact]
    public async Task A_newer_schema_is_one_sentence()
    {
        await AsOwner("INSERT INTO schema_migration (number, name, sha256) SELECT max(number) + 1, 'later', 'x' FROM schema_migration");
        try
        {
            await ShouldRefuse(
                "The database has schema version ", ("CONNECTIONSTRING", PrivatePostgres.ConnectionString(venue.Host.DataDirectory, "crossmargin_app")));
        }
        finally
        {
            await AsOwner("DELETE FROM schema_migration WHERE name = 'later'");
        }
    }

    [Theory]
    [InlineData("PORT", "70000", "The setting CrossMargin:Port has to be 0 to 65535.")]
    [InlineData("SHARDS", "65", "The setting CrossMargin:Shards has to be 1 to 64.")]
    [InlineData("SIGNATUREWINDOW", "00:02:00", "The setting CrossMargin:SignatureWindow has to be 1 to 60 s.")]
    [InlineData("ADDRESS", "everywhere", "The setting CrossMargin:Address has to be an IP address.")]
    [InlineData("PROT", "8080", "The configuration cannot be used: ")]
    [InlineData("PORT", "http", "The configuration cannot be used: ")]
    public async Task A_wrong_setting_is_one_sentence(string name, string value, string sentence) => await ShouldRefuse(sentence, (name, value));

    [Fact]
    public async Task An_access_file_that_others_can_read_is_refused()
    {
        var directory = HostProcess.NewDirectory();
        var path = Path.Combine(directory, "access.json");
        await File.WriteAllTextAsync(path, """{"principals":[]}""", TestContext.Current.CancellationToken);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);
        var (exitCode, said) = await HostProcess.RunToEnd(directory);
        (exitCode, said).ShouldBe((1, $"{path} can be read by others than its owner: chmod 600 it."));

        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        await File.WriteAllTextAsync(path, """{"principals":[{"name":"x"}]}""", TestContext.Current.CancellationToken);
        (exitCode, said) = await HostProcess.RunToEnd(directory);
        exitCode.ShouldBe(1);
        said.ShouldStartWith($"{path} cannot be used: ");
        Directory.Delete(directory, recursive: true);
    }

    private async Task AsOwner(string sql)
    {
        await using var source = NpgsqlDataSource.Create(PrivatePostgres.ConnectionString(venue.Host.DataDirectory, "crossmargin_migrate"));
        await using var command = source.CreateCommand(sql);
        (await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken)).ShouldBe(1);
    }

    private static async Task ShouldRefuse(string sentence, params (string Name, string Value)[] settings)
    {
        var directory = HostProcess.NewDirectory();
        var (exitCode, said) = await HostProcess.RunToEnd(directory, settings);
        Directory.Delete(directory, recursive: true);
        exitCode.ShouldBe(1, said);
        said.ShouldStartWith(sentence);
        said.ShouldNotContain("   at ");
    }
}
