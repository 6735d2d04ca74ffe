using System.Net;
using System.Net.Sockets;

namespace CrossMargin.Cluster;

/// <summary>Ports of the loopback that nobody listens on.</summary>
internal static class Ports
{
    public static int Free()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }
}
