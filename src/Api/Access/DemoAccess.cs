using System.Security.Cryptography;
using System.Text.Json;

namespace CrossMargin.Api.Access;

/// <summary>
/// The principals of a fresh data directory, so that a newcomer can try every route within a minute. Their secrets are drawn anew in
/// each directory, and each lies in a file of its own that only its owner can read.
/// </summary>
internal static class DemoAccess
{
    public static void Create(string directory, string path)
    {
        var secrets = Path.Combine(directory, "tokens");
        Directory.CreateDirectory(secrets, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var file = new AccessFile(
        [
            Person("operator", ["account:read", "ops:admin"], AccountGrant.All),
            Person("officer", ["account:read", "risk:approve"], AccountGrant.All),
            Machine("custodian", ["venue:write"], "vault"),
            Machine("engine", ["venue:write", "account:read"], "engine"),
            Machine("oracle", ["venue:write"], "spot-1", "spot-2", "spot-3", "vols"),
            Person("alice", ["account:read", "account:write"], AccountGrant.Own),
            Person("bob", ["account:read", "account:write"], AccountGrant.Own),
            Person("broker", ["account:read", "account:write"], AccountGrant.Own),
            Person("auditor", ["account:read", "audit:read"], AccountGrant.All),
        ]);
        // Last, and by a rename: a start that was interrupted makes all of it again.
        AccessList.WriteOwnerOnly(path + ".new", JsonSerializer.Serialize(file, AccessJson.Default.AccessFile));
        File.Move(path + ".new", path, overwrite: true);

        AccessFile.Entry Person(string name, IReadOnlyList<string> scopes, AccountGrant accounts)
        {
            var token = RandomNumberGenerator.GetHexString(64, lowercase: true);
            AccessList.WriteOwnerOnly(Path.Combine(secrets, name), token + "\n");
            return new AccessFile.Entry(name, scopes, accounts, Sources: [], [AccessList.HashOf(token)], SigningKeys: []);
        }

        AccessFile.Entry Machine(string name, IReadOnlyList<string> scopes, params IReadOnlyList<string> sources)
        {
            var secret = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));
            AccessList.WriteOwnerOnly(Path.Combine(secrets, name), secret + "\n");
            return new AccessFile.Entry(
                name, scopes, AccountGrant.All, sources, TokenSha256: [], [new AccessFile.SigningKey($"{name}-1", secret)]);
        }
    }
}
