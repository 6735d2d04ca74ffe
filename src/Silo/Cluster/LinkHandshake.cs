using System.Buffers.Binary;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using CrossMargin.Runtime.Cluster;

namespace CrossMargin.Silos.Cluster;

/// <summary>
/// How two silos convince each other that they have the same key: a nonce from each side, then a proof from each. The listener proves
/// first, so a stranger who listens learns nothing that opens a door elsewhere.
/// </summary>
internal static class LinkHandshake
{
    private const int Version = 3, LongestPart = 256;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    /// <summary>Who is there, and what each direction is sealed with.</summary>
    internal sealed record Known(SiloId Peer, LinkSeal Outward, LinkSeal Inward);

    public static async Task<Known> Dial(NetworkStream stream, SiloId self, SiloId peer, LinkSecret secret, CancellationToken cancel)
    {
        using var patience = Bound(cancel);
        var nonce = RandomNumberGenerator.GetBytes(LinkSecret.NonceSize);
        await Send(stream, [[Version], Bytes(self), nonce], patience.Token);
        var answer = await Receive(stream, parts: 3, patience.Token);
        var encounter = new LinkSecret.Encounter(self.ToString(), peer.ToString(), nonce, answer[1]);
        if (Read(answer[0]) != peer) throw new LinkRefused($"{peer} was dialled and {Encoding.UTF8.GetString(answer[0])} answers");
        Require(secret.ProofOfListener(encounter), answer[2], peer);
        await Send(stream, [secret.ProofOfDialler(encounter)], patience.Token);
        return new Known(peer, new LinkSeal(secret.KeyOfDialler(encounter)), new LinkSeal(secret.KeyOfListener(encounter)));
    }

    public static async Task<Known> Listen(NetworkStream stream, SiloId self, LinkSecret secret, CancellationToken cancel)
    {
        using var patience = Bound(cancel);
        var hello = await Receive(stream, parts: 3, patience.Token);
        if (hello[0] is not [Version] || hello[2].Length != LinkSecret.NonceSize || Read(hello[1]) is not { } peer)
            throw new LinkRefused("what was dialled with is no greeting of this version");
        var nonce = RandomNumberGenerator.GetBytes(LinkSecret.NonceSize);
        var encounter = new LinkSecret.Encounter(peer.ToString(), self.ToString(), hello[2], nonce);
        await Send(stream, [Bytes(self), nonce, secret.ProofOfListener(encounter)], patience.Token);
        Require(secret.ProofOfDialler(encounter), (await Receive(stream, parts: 1, patience.Token))[0], peer);
        return new Known(peer, new LinkSeal(secret.KeyOfListener(encounter)), new LinkSeal(secret.KeyOfDialler(encounter)));
    }

    private static CancellationTokenSource Bound(CancellationToken cancel)
    {
        var bound = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        bound.CancelAfter(Patience);
        return bound;
    }

    private static void Require(byte[] expected, byte[] proof, SiloId peer)
    {
        if (!CryptographicOperations.FixedTimeEquals(expected, proof))
            throw new LinkRefused($"{peer} does not know the key of this cluster");
    }

    private static byte[] Bytes(SiloId silo) => Encoding.UTF8.GetBytes(silo.ToString());

    private static SiloId? Read(byte[] text)
    {
        var parts = Encoding.UTF8.GetString(text).Split('/');
        return parts.Length == 2 && long.TryParse(parts[1], out var incarnation) ? new SiloId(parts[0], incarnation) : null;
    }

    private static async Task Send(NetworkStream stream, byte[][] parts, CancellationToken cancel)
    {
        using var bytes = new MemoryStream();
        foreach (var part in parts)
        {
            var length = new byte[2];
            BinaryPrimitives.WriteUInt16BigEndian(length, (ushort)part.Length);
            bytes.Write(length);
            bytes.Write(part);
        }

        await stream.WriteAsync(bytes.ToArray(), cancel);
    }

    private static async Task<byte[][]> Receive(NetworkStream stream, int parts, CancellationToken cancel)
    {
        var received = new byte[parts][];
        for (var i = 0; i < parts; i++)
        {
            var length = new byte[2];
            await stream.ReadExactlyAsync(length, cancel);
            var size = BinaryPrimitives.ReadUInt16BigEndian(length);
            if (size > LongestPart) throw new LinkRefused($"a greeting of {size} bytes");
            received[i] = new byte[size];
            await stream.ReadExactlyAsync(received[i], cancel);
        }

        return received;
    }
}

/// <summary>Why a silo was hung up on.</summary>
internal sealed class LinkRefused(string sentence) : Exception(sentence);
