using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace CrossMargin.Silos.Cluster;

/// <summary>
/// What the key of the cluster proves and makes: who may speak, and the keys under which they do. Names, nonces and sides are all in
/// what is signed, so nothing that was overheard fits anywhere else.
/// </summary>
internal sealed class LinkSecret(byte[] clusterKey, string venue)
{
    public const int NonceSize = 32, ProofSize = 32, KeySize = 32;

    /// <summary>One handshake: who dialled whom, with which nonces.</summary>
    internal readonly record struct Encounter(string Dialler, string Listener, byte[] DiallerNonce, byte[] ListenerNonce);

    public byte[] ProofOfListener(in Encounter encounter) => Sign("crossmargin link, listener", encounter);

    public byte[] ProofOfDialler(in Encounter encounter) => Sign("crossmargin link, dialler", encounter);

    /// <summary>What the dialler seals with.</summary>
    public byte[] KeyOfDialler(in Encounter encounter) => Sign("crossmargin key, dialler", encounter);

    public byte[] KeyOfListener(in Encounter encounter) => Sign("crossmargin key, listener", encounter);

    private byte[] Sign(string purpose, in Encounter encounter)
    {
        using var text = new MemoryStream();
        Span<byte> length = stackalloc byte[4];
        foreach (var part in (byte[][])[
            Encoding.UTF8.GetBytes(purpose), Encoding.UTF8.GetBytes(venue), Encoding.UTF8.GetBytes(encounter.Dialler),
            Encoding.UTF8.GetBytes(encounter.Listener), encounter.DiallerNonce, encounter.ListenerNonce])
        {
            BinaryPrimitives.WriteInt32BigEndian(length, part.Length);
            text.Write(length);
            text.Write(part);
        }

        return HMACSHA256.HashData(clusterKey, text.ToArray());
    }
}

/// <summary>Seals or opens the blocks of one direction, each under the next number: none can be changed, left out or sent again.</summary>
internal sealed class LinkSeal(byte[] key) : IDisposable
{
    public const int TagSize = 16;

    private readonly AesGcm cipher = new(key, TagSize);
    private readonly byte[] nonce = new byte[12];
    private ulong number;

    public void Seal(ReadOnlySpan<byte> plain, Span<byte> block) =>
        cipher.Encrypt(NextNonce(), plain, block[..plain.Length], block.Slice(plain.Length, TagSize));

    /// <summary>Throws <see cref="CryptographicException"/> for anything but the next block of the other side.</summary>
    public void Open(ReadOnlySpan<byte> block, Span<byte> plain) =>
        cipher.Decrypt(NextNonce(), block[..^TagSize], block[^TagSize..], plain);

    public void Dispose() => cipher.Dispose();

    private byte[] NextNonce()
    {
        BinaryPrimitives.WriteUInt64BigEndian(nonce.AsSpan(4), number++);
        return nonce;
    }
}
