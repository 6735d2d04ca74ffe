using System.Globalization;
using System.Text;

namespace CrossMargin.Contracts;

/// <summary>One of the venue's shards: 0 to count − 1.</summary>
public readonly record struct ShardId(int Number) : IComparable<ShardId>
{
    /// <summary>Shards are numbered below this.</summary>
    public const int MaxCount = 64;

    public static bool operator <(ShardId a, ShardId b) => a.Number < b.Number;
    public static bool operator >(ShardId a, ShardId b) => a.Number > b.Number;
    public static bool operator <=(ShardId a, ShardId b) => a.Number <= b.Number;
    public static bool operator >=(ShardId a, ShardId b) => a.Number >= b.Number;

    public int CompareTo(ShardId other) => Number.CompareTo(other.Number);
    public override string ToString() => Number.ToString();
}

/// <summary>
/// Where a record stands in the journal, for ever: <c>shard:position</c>. It is also the id of the message it carries.
/// </summary>
public readonly record struct RecordAddress(ShardId Shard, long Position)
{
    /// <summary>Only the canonical form: shard and position without superfluous zeros.</summary>
    public static bool TryParse(string text, out RecordAddress address)
    {
        address = default;
        var colon = text.IndexOf(':');
        if (colon < 0) return false;
        if (!byte.TryParse(text.AsSpan(0, colon), NumberStyles.None, CultureInfo.InvariantCulture, out var shard)) return false;
        if (shard >= ShardId.MaxCount) return false;
        if (!long.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var position)) return false;
        address = new RecordAddress(new ShardId(shard), position);
        return position > 0 && text == address.ToString();
    }

    public override string ToString() => $"{Shard}:{Position}";
}

/// <summary>
/// Who speaks: a person, a desk or a machine that the access list knows. Letters, digits, dot, dash and underscore.
/// </summary>
public readonly record struct PrincipalId(string Name)
{
    public const int MaxLength = 64;

    public static bool TryParse(string? text, out PrincipalId principal)
    {
        principal = default;
        if (!Names.IsName(text, MaxLength)) return false;
        principal = new PrincipalId(text);
        return true;
    }

    public override string ToString() => Name;
}

/// <summary>A machine that numbers what it sends: a custody system, a trade feed, a price source.</summary>
public readonly record struct SourceId(string Name)
{
    public const int MaxLength = 32;

    public static bool TryParse(string? text, out SourceId source)
    {
        source = default;
        if (!Names.IsName(text, MaxLength)) return false;
        source = new SourceId(text);
        return true;
    }

    public override string ToString() => Name;
}

/// <summary>A margin account.</summary>
public readonly record struct AccountId : IComparable<AccountId>
{
    public AccountId(GrainId grain)
    {
        if (grain.Kind != GrainKind.Account) throw new ArgumentException($"{grain} is a {grain.Kind}, not an account", nameof(grain));
        Grain = grain;
    }

    public GrainId Grain { get; }

    /// <summary>
    /// The account that this principal opens with this key; the same two always name the same account.
    /// </summary>
    public static AccountId For(PrincipalId owner, CommandKey key) =>
        new(GrainId.Derive(GrainKind.Account, Encoding.UTF8.GetBytes($"account {owner.Name} {key}")));

    public static bool TryParse(ReadOnlySpan<char> text, out AccountId account)
    {
        account = default;
        if (!GrainId.TryParse(text, out var grain) || grain.Kind != GrainKind.Account) return false;
        account = new AccountId(grain);
        return true;
    }

    public int CompareTo(AccountId other) => Grain.CompareTo(other.Grain);
    public override string ToString() => Grain.ToString();
}

/// <summary>A withdrawal of one account: the version of the account's stream at which it was held.</summary>
public readonly record struct WithdrawalId(long Version) : IComparable<WithdrawalId>
{
    public int CompareTo(WithdrawalId other) => Version.CompareTo(other.Version);
    public override string ToString() => Version.ToString();
}

/// <summary>A transfer that waits, by the version of its record in the sender.</summary>
public readonly record struct TransferId(long Version);

/// <summary>A deposit, by the version of its record in its account.</summary>
public readonly record struct DepositId(long Version);

internal static class Names
{
    public static bool IsName([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] string? text, int maxLength)
    {
        if (text is null || text.Length == 0 || text.Length > maxLength) return false;
        foreach (var c in text)
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('.' or '-' or '_')) return false;
        return true;
    }
}
