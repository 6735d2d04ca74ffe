namespace CrossMargin.Simulation.Audit;

/// <summary>What a client was told about one sending of a command.</summary>
internal abstract record Told
{
    /// <summary>Nothing came back, or that the outcome is not known.</summary>
    internal sealed record Unknown : Told;

    /// <summary>A record answered it.</summary>
    internal sealed record Applied(string Record, string Line, bool IsReplay) : Told;

    /// <summary>Refused without a record: this sending changed nothing.</summary>
    internal sealed record NotApplied(string Code, long Expected) : Told;

    /// <summary>The number was taken in before; that it was is the answer.</summary>
    internal sealed record TakenBefore : Told;
}

/// <summary>
/// One command of one client: the intent, written down before it is sent for the first time, and what came back from each sending. The
/// log is the truth that the journal is held against.
/// </summary>
internal sealed class Intent(string client, string grain, byte[] cause, Request request)
{
    public string Client { get; } = client;
    public string Grain { get; } = grain;

    /// <summary>
    /// The identity under which it was sent, as the journal stores it: a key or a source's number, and the body's
    /// fingerprint.
    /// </summary>
    public byte[] Cause { get; } = cause;
    public StoredCause Identity { get; } = StoredCause.Read(cause);
    public Request Request { get; } = request;
    public List<Sending> Sendings { get; } = [];

    public string CauseHex { get; } = Convert.ToHexString(cause);
}

internal sealed class Sending
{
    /// <summary>Null while the client waits.</summary>
    public Told? Outcome { get; set; }
}

internal sealed class ClientLog
{
    private readonly Dictionary<(string Grain, string Cause), Intent> byCause = [];

    public List<Intent> Intents { get; } = [];

    /// <summary>The intent with this identity and content, or a new one.</summary>
    public Intent Write(string client, string grain, byte[] cause, Request request)
    {
        var key = (grain, Convert.ToHexString(cause));
        if (byCause.TryGetValue(key, out var known)) return known;
        var intent = new Intent(client, grain, cause, request);
        byCause.Add(key, intent);
        Intents.Add(intent);
        return intent;
    }

    public Intent? Find(string grain, byte[] cause) => byCause.GetValueOrDefault((grain, Convert.ToHexString(cause)));
}
