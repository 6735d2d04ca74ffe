using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace CrossMargin.Contracts;

/// <summary>
/// SHA-256 as OpenSSL 3 wants to be asked: with an algorithm that was fetched once. .NET names the algorithm at every call, and OpenSSL
/// then looks it up behind a lock, which takes several times as long as hashing a record (docs/adr/0005). Where there is no such library
/// it is .NET's own; both give the same bytes.
/// </summary>
internal static partial class OpenSsl
{
    private const string Library = "libcrypto.so.3";

    private static readonly nint Sha256 = Fetch();

    public static void HashSha256(ReadOnlySpan<byte> bytes, Span<byte> hash)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(hash.Length, SHA256.HashSizeInBytes);
        if (Sha256 == 0) SHA256.HashData(bytes, hash);
        else if (Digest(bytes, (nuint)bytes.Length, hash, size: 0, Sha256, engine: 0) != 1)
            throw new CryptographicException("OpenSSL cannot compute a SHA-256");
    }

    private static nint Fetch() =>
        NativeLibrary.TryLoad(Library, out var loaded) && NativeLibrary.TryGetExport(loaded, "EVP_MD_fetch", out _)
            ? Fetch(context: 0, "SHA2-256", properties: 0)
            : 0;

    [LibraryImport(Library, EntryPoint = "EVP_MD_fetch", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint Fetch(nint context, string algorithm, nint properties);

    [LibraryImport(Library, EntryPoint = "EVP_Digest")]
    private static partial int Digest(ReadOnlySpan<byte> data, nuint count, Span<byte> hash, nint size, nint algorithm, nint engine);
}
