using System.Text.Json.Serialization;

namespace CrossMargin.Faults.Clients;

/// <summary>
/// What a client wants done to an account, in the words of the API; amounts are written as <c>12.5 USDC</c>.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "does")]
[JsonDerivedType(typeof(Open), "open")]
[JsonDerivedType(typeof(Deposit), "deposit")]
[JsonDerivedType(typeof(Withdraw), "withdraw")]
[JsonDerivedType(typeof(Post), "post")]
[JsonDerivedType(typeof(Void), "void")]
[JsonDerivedType(typeof(Transfer), "transfer")]
[JsonDerivedType(typeof(Fill), "fill")]
internal abstract record Order
{
    internal sealed record Open(string Owner) : Order;

    internal sealed record Deposit(string Amount, string Reference) : Order;

    internal sealed record Withdraw(string Amount, string Destination) : Order;

    internal sealed record Post(long Withdrawal) : Order;

    internal sealed record Void(long Withdrawal) : Order;

    /// <summary>Told to the grain of a feed: the account of the intent is that.</summary>
    internal sealed record Fill(string Trade, string Price, string Quantity) : Order;

    internal sealed record Transfer(string To, string Amount, string Reach) : Order;
}

/// <summary>
/// A command as the client means it. Account and identity together are its name for ever: <c>key 0190…</c> for a
/// person's, <c>source vault #7</c> for a machine's. However often it is sent, it is this one.
/// </summary>
internal sealed record Intent(string Account, string Identity, Order Order);

/// <summary>What one sending came to, as far as the client can know.</summary>
internal enum Said
{
    /// <summary>Done, and here is the record.</summary>
    Applied,

    /// <summary>Refused for good, and here is the record of the refusal.</summary>
    Refused,

    /// <summary>It was taken in before; what became of it is in the journal.</summary>
    Duplicate,

    /// <summary>Nothing was taken in. Sent again, it may be.</summary>
    NotTaken,

    /// <summary>No answer, or one that says that nobody knows.</summary>
    Unknown,
}

/// <summary>One answer. A client believes it: what it says must be what the journal has.</summary>
internal sealed record Answer(Said Said, string? Code = null, string? Address = null, long? Sequence = null);
