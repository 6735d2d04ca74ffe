using CrossMargin.Clients;

namespace CrossMargin.DemoVenue.Clearing;

/// <summary>
/// The clearinghouse as each of the demonstration principals has it, whose secrets a first start leaves in the data directory. People show
/// a token; machines sign each request (docs/api.md, "Who may do what").
/// </summary>
public sealed class Principals(Clearinghouse clearinghouse, string directory)
{
    /// <summary>Lists instruments, admits feeds and sources.</summary>
    public ClearingClient Operator { get; } = clearinghouse.As(Person("operator", directory));

    /// <summary>Opens the members' accounts.</summary>
    public ClearingClient Broker { get; } = clearinghouse.As(Person("broker", directory));

    /// <summary>Reads how accounts stand.</summary>
    public ClearingClient Auditor { get; } = clearinghouse.As(Person("auditor", directory));

    /// <summary>Reports what members brought.</summary>
    public ClearingClient Custodian { get; } = clearinghouse.As(Machine("custodian", directory));

    /// <summary>Reserves orders and reports trades.</summary>
    public ClearingClient Engine { get; } = clearinghouse.As(Machine("engine", directory));

    /// <summary>Quotes prices and volatilities.</summary>
    public ClearingClient Oracle { get; } = clearinghouse.As(Machine("oracle", directory));

    private static Credential Person(string who, string directory) => Credential.Token(SecretOf(who, directory));

    private static Credential Machine(string who, string directory) =>
        Credential.SigningKey($"{who}-1", Convert.FromBase64String(SecretOf(who, directory)));

    private static string SecretOf(string who, string directory)
    {
        var file = Path.Combine(directory, "tokens", who);
        try
        {
            return File.ReadAllText(file).Trim();
        }
        catch (Exception no) when (no is IOException or UnauthorizedAccessException)
        {
            throw new DemoFailed($"{file} cannot be read ({no.Message}). A data directory that a first start has made has one.");
        }
    }
}
