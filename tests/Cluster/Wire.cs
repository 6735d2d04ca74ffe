using System.Net;
using System.Net.Sockets;

namespace CrossMargin.Cluster;

/// <summary>
/// A port that stands for another one, and the wire between them: either direction can be held back while the other one goes on, which no
/// switch on a desk does and networks do, and everything can be made slow.
/// </summary>
internal sealed class Wire : IDisposable
{
    private readonly TcpListener listener;
    private readonly int target;
    private readonly CancellationTokenSource ended = new();
    private int broken;
    private volatile bool isCut, isMute;
    private long delayTicks, delayed;

    private Wire(TcpListener listener, int target)
    {
        (this.listener, this.target) = (listener, target);
        Port = ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    public int Port { get; }

    /// <summary>Whether what is sent to the target is held back.</summary>
    public bool IsCut
    {
        get => isCut;
        set => isCut = value;
    }

    /// <summary>Whether what the target answers is held back.</summary>
    public bool IsMute
    {
        get => isMute;
        set => isMute = value;
    }

    /// <summary>By how much everything is late, in each direction.</summary>
    public TimeSpan Delay
    {
        get => new(Interlocked.Read(ref delayTicks));
        set => Interlocked.Exchange(ref delayTicks, value.Ticks);
    }

    /// <summary>Pieces that came late because of it.</summary>
    public long Delayed => Interlocked.Read(ref delayed);

    /// <summary>Connections that ended while either direction was held back.</summary>
    public int Broken => Volatile.Read(ref broken);

    public static Wire To(int target)
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var wire = new Wire(listener, target);
        _ = wire.Accept();
        return wire;
    }

    public void Dispose()
    {
        ended.Cancel();
        listener.Dispose();
    }

    private async Task Accept()
    {
        while (!ended.IsCancellationRequested)
        {
            try
            {
                _ = Carry(await listener.AcceptTcpClientAsync(ended.Token));
            }
            catch (Exception over) when (over is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task Carry(TcpClient from)
    {
        using var to = new TcpClient { NoDelay = true };
        using (from)
        {
            try
            {
                from.NoDelay = true;
                await to.ConnectAsync(IPAddress.Loopback, target, ended.Token);
                await Task.WhenAny(Pump(from.GetStream(), to.GetStream(), () => isCut), Pump(to.GetStream(), from.GetStream(), () => isMute));
            }
            catch (Exception over) when (over is OperationCanceledException or SocketException)
            {
                return;   // nobody listens there, or the test ends
            }
        }

        if (isCut || isMute) Interlocked.Increment(ref broken);
    }

    private async Task Pump(NetworkStream from, NetworkStream to, Func<bool> isHeld)
    {
        var buffer = new byte[64 << 10];
        try
        {
            while (true)
            {
                var count = await from.ReadAsync(buffer, ended.Token);
                if (count == 0) return;
                if (Delay is { Ticks: > 0 } late)
                {
                    Interlocked.Increment(ref delayed);
                    await Task.Delay(late, ended.Token);
                }

                while (isHeld()) await Task.Delay(20, ended.Token);
                await to.WriteAsync(buffer.AsMemory(0, count), ended.Token);
            }
        }
        catch (Exception over) when (over is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // One of the two has hung up.
        }
    }
}
