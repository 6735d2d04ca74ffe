namespace CrossMargin.Clients;

/// <summary>How long a client waits.</summary>
/// <param name="ForAnAnswer">Of one silo, before the same is asked again; longer than the silo itself waits for its shards.</param>
/// <param name="InAll">
/// Until what may pass in a moment is an answer too, and silence is <see cref="NoAnswer"/>. Zero: every silo is tried once.
/// </param>
public sealed record Patience(TimeSpan ForAnAnswer, TimeSpan InAll)
{
    public static Patience Usual { get; } = new(ForAnAnswer: TimeSpan.FromSeconds(15), InAll: TimeSpan.FromSeconds(30));
}
