namespace CrossMargin.Contracts.Markets;

/// <summary>Where a settlement price comes from.</summary>
public enum SettlementOrigin : byte
{
    /// <summary>The average of the index over the window before the expiry, by time.</summary>
    Average = 1,

    /// <summary>An officer, because too little of the window was observed.</summary>
    Officer = 2,
}

/// <summary>What became of a position at its expiry.</summary>
public enum SettlementOutcome : byte
{
    /// <summary>A future, closed at the price.</summary>
    Closed = 1,

    /// <summary>An option in the money: its holder was paid what it is worth, by its writer.</summary>
    Exercised = 2,

    /// <summary>An option out of the money or at it: worth nothing.</summary>
    Expired = 3,
}
