using System.Net;
using System.Net.Sockets;

namespace CrossMargin.Faults.Processes;

/// <summary>
/// Ports of the loopback that nobody listens on. Below those that the kernel gives to outgoing connections: some are used only minutes
/// after they were chosen, and a connection may have been given the same one meanwhile.
/// </summary>
internal static class Ports
{
    private const int First = 15_000, Count = 17_000;

    private static int next = Random.Shared.Next(Count);   // elsewhere in every process, and never the same twice in one

    public static int Free()
    {
        while (true)
        {
            var port = First + ((Interlocked.Increment(ref next) & int.MaxValue) % Count);
            try
            {
                using var probe = new TcpListener(IPAddress.Loopback, port);
                probe.Start();
                return port;
            }
            catch (SocketException)
            {
                // Somebody listens there.
            }
        }
    }
}
