using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using CrossMargin.Runtime.Cluster;
using CrossMargin.Silos.Cluster;
using Shouldly;
using Xunit;

namespace CrossMargin.Cluster;

/// <summary>Two ends of a link in one process: who is let in, and what a block must be.</summary>
public sealed class LinkTests
{
    private static readonly SiloId A = new("a", 3), B = new("b", 5);

    private static LinkSecret Secret(string key = "the key of the cluster", string venue = "venue") => new(Encoding.UTF8.GetBytes(key), venue);

    private static async Task<(Task<LinkHandshake.Known> Dialler, Task<LinkHandshake.Known> Listener)> Meet(
        LinkSecret diallers, LinkSecret listeners, SiloId? dialled = null)
    {
        var cancel = TestContext.Current.CancellationToken;
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var dialler = new TcpClient();
        await dialler.ConnectAsync((IPEndPoint)listener.LocalEndpoint, cancel);
        var accepted = await listener.AcceptTcpClientAsync(cancel);
        var listening = Ended(LinkHandshake.Listen(accepted.GetStream(), B, listeners, cancel), accepted);
        return (Ended(LinkHandshake.Dial(dialler.GetStream(), A, dialled ?? B, diallers, cancel), dialler), listening);

        // Whoever refuses hangs up, as the silo does.
        static async Task<LinkHandshake.Known> Ended(Task<LinkHandshake.Known> handshake, TcpClient connection)
        {
            try
            {
                return await handshake;
            }
            catch
            {
                connection.Dispose();
                throw;
            }
        }
    }

    [Fact]
    public async Task Two_that_know_the_key_know_each_other_and_seal_for_each_other()
    {
        var (dialling, listening) = await Meet(Secret(), Secret());
        var (dialler, listener) = (await dialling, await listening);
        (dialler.Peer, listener.Peer).ShouldBe((B, A));
        Carries(dialler.Outward, listener.Inward);
        Carries(listener.Outward, dialler.Inward);

        static void Carries(LinkSeal from, LinkSeal to)
        {
            for (var i = 0; i < 3; i++)
            {
                var plain = new byte[5];
                var block = new byte[5 + LinkSeal.TagSize];
                from.Seal("hello"u8, block);
                to.Open(block, plain);
                plain.ShouldBe("hello"u8.ToArray());
            }
        }
    }

    [Theory]
    [InlineData("another key of a cluster", "venue")]
    [InlineData("the key of the cluster", "another venue")]
    public async Task A_stranger_is_refused_by_both_sides(string key, string venue)
    {
        var (dialling, listening) = await Meet(Secret(key, venue), Secret());
        await Should.ThrowAsync<LinkRefused>(dialling);
        await Should.ThrowAsync<Exception>(listening);
    }

    [Fact]
    public async Task Another_silo_than_the_one_that_was_dialled_is_refused()
    {
        var (dialling, listening) = await Meet(Secret(), Secret(), dialled: new SiloId("b", 6));
        await Should.ThrowAsync<LinkRefused>(dialling);
        await Should.ThrowAsync<Exception>(listening);
    }

    [Fact]
    public void A_block_that_was_changed_left_out_or_sent_again_is_refused()
    {
        var key = RandomNumberGenerator.GetBytes(LinkSecret.KeySize);
        using var seal = new LinkSeal(key);
        var blocks = Enumerable.Range(0, 3).Select(number =>
        {
            var block = new byte[1 + LinkSeal.TagSize];
            seal.Seal([(byte)number], block);
            return block;
        }).ToArray();

        for (var bit = 0; bit < blocks[0].Length * 8; bit++)
        {
            var changed = (byte[])blocks[0].Clone();
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            Refuses(new LinkSeal(key), changed);
        }

        Refuses(new LinkSeal(key), blocks[1]);
        var opened = new LinkSeal(key);
        opened.Open(blocks[0], new byte[1]);
        Refuses(opened, blocks[0]);

        static void Refuses(LinkSeal seal, byte[] block)
        {
            using (seal) Should.Throw<CryptographicException>(() => seal.Open(block, new byte[1]));
        }
    }
}
