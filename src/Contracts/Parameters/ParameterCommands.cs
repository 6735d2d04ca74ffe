namespace CrossMargin.Contracts.Parameters;

/// <summary>What the rule book can be asked.</summary>
public abstract record ParameterCommand
{
    private ParameterCommand() { }

    /// <summary>
    /// Publishes the next version of the parameter set, in force from then on; without a time, at once.
    /// </summary>
    public sealed record Publish(ParameterText Document, Instant? EffectiveAt) : ParameterCommand;
}
