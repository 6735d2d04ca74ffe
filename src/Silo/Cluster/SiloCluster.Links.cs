using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using CrossMargin.Contracts;
using CrossMargin.Runtime.Cluster;
using CrossMargin.Runtime.Shards;
using Microsoft.Extensions.Logging;

namespace CrossMargin.Silos.Cluster;

/// <summary>One link to each other silo, and what goes over them besides calls.</summary>
internal sealed partial class SiloCluster
{
    /// <summary>Of the frames that answers were made under; an answer of an older one brings it along once more.</summary>
    internal const int FramesKept = 64;
    private static readonly TimeSpan SpeakEvery = TimeSpan.FromMilliseconds(500), LongestSilence = TimeSpan.FromSeconds(2);

    private readonly LinkCodec codec;
    private readonly LinkSecret secret;
    private readonly ConcurrentDictionary<string, Link> links = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, bool> dialling = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<long, (MarkFrame Frame, Lazy<object> Marks)> frames = [];
    private readonly ConcurrentDictionary<Task, bool> running = [];
    private Link[] open = [];                          // the same links, for those who only walk over them
    private TcpListener? listener;
    private long spokenAt;

    private void StartListening()
    {
        listener = new TcpListener(options.Listen);
        listener.Start();
        Keep(Listen());
    }

    private Link? LinkTo(SiloId silo) => links.TryGetValue(silo.Name, out var link) && link.Peer == silo && !link.IsClosed ? link : null;

    // ---- what goes out ---------------------------------------------------------------------------------------------

    /// <summary>Messages of shards here for shards elsewhere. What cannot be sent is lost, and the gap repairs it.</summary>
    public void SendElsewhere(IReadOnlyList<ShardMessage> parcel)
    {
        foreach (var link in links.Values)
        {
            if (link.IsClosed) continue;
            ShardMessage[] theirs = [.. parcel.Where(message => message switch
            {
                ShardMessage.Delivery delivery => owners[delivery.To.Number].Owner == link.Peer,
                ShardMessage.Pull pull => owners[pull.To.Number].Owner == link.Peer,
                _ => true,
            })];
            if (theirs.Length > 0) link.Put(new LinkMessage.Parcel(theirs));
        }
    }

    /// <summary>A frame that was published here, to every other silo; the latest wins.</summary>
    public void Broadcast(MarkFrame frame)
    {
        foreach (var link in links.Values) link.Broadcast(frame);
    }

    /// <summary>Whoever put something has said all that he had to say.</summary>
    public void FlushLinks()
    {
        foreach (var link in Volatile.Read(ref open)) link.Flush();
    }

    private void SendToAll(LinkMessage message)
    {
        foreach (var link in links.Values) link.Send(message);
    }

    // ---- frames that answers were made under -----------------------------------------------------------------------

    public void Remember(MarkFrame frame)
    {
        if (catalog.Valuation is not { } valuation) return;
        if (!frames.TryAdd(frame.Number, (frame, new Lazy<object>(() => valuation.Open(frame))))) return;
        foreach (var old in frames.Keys.Where(number => number <= frame.Number - FramesKept)) frames.TryRemove(old, out _);
    }

    public MarkFrame? FrameOf(long number) => frames.TryGetValue(number, out var known) ? known.Frame : null;

    private object? MarksOf(long number) => frames.TryGetValue(number, out var known) ? known.Marks.Value : null;

    // ---- what comes in ---------------------------------------------------------------------------------------------

    private void Received(Link link, LinkMessage message)
    {
        switch (message)
        {
            case LinkMessage.Ask ask:
                var asked = map.ShardOf(ask.Command.To);
                TakeFromPeer(link, ask.Command, new PeerCaller(this, link, ask.Number, asked, ask.Returned));
                break;
            case LinkMessage.UnreadableAsk(var number):
                if (!link.Put(new LinkMessage.Unreadable(number))) link.Close();
                break;
            case LinkMessage.Look look:
                var looked = map.ShardOf(look.Grain);
                TakeFromPeer(link, new ShardThread.Read(look.Grain), new PeerCaller(this, link, look.Number, looked, returned: null));
                break;
            case LinkMessage.Answer answer: link.TakeCall(answer.Number)?.Answered(answer.Reply); break;
            case LinkMessage.Unreadable(var number): link.TakeCall(number)?.Unreadable(); break;
            case LinkMessage.Parcel parcel: silo.TakeParcel(parcel.Messages); break;
            case LinkMessage.Frame frame: silo.TakeFrame(frame.Published); break;
            case LinkMessage.Moved(var row):
                Learn(row);
                membershipOf[row.Shard.Number].Heard(row);
                TryWaiting(row.Shard);
                break;
        }
    }

    /// <summary>What was asked in it is decided together; what was refused at once leaves.</summary>
    private void BlockEnds(Link link)
    {
        silo.Take(link.Arrived);
        link.Flush();
    }

    // ---- connections -----------------------------------------------------------------------------------------------

    /// <summary>The one whose name comes first dials; where both sides wait for the other, nobody would.</summary>
    private void CareForLinks()
    {
        foreach (var link in links.Values)
            if (link.Silence > LongestSilence) link.Close();
        if (clock.GetElapsedTime(spokenAt) < SpeakEvery) return;
        spokenAt = clock.GetTimestamp();
        SendToAll(new LinkMessage.Alive());
        foreach (var row in Silos)
        {
            var isOurs = string.CompareOrdinal(self.Name, row.Id.Name) < 0;
            if (isOurs && row.Phase != SiloPhase.Gone && LinkTo(row.Id) is null && dialling.TryAdd(row.Id.Name, true)) Keep(Dial(row));
        }
    }

    private async Task Dial(SiloRow row)
    {
        var connection = new TcpClient { NoDelay = true };
        try
        {
            var to = IPEndPoint.TryParse(row.Address, out var address) ? address : null;
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(stopped.Token);
            patience.CancelAfter(LongestSilence);
            if (to is not null) await connection.ConnectAsync(to, patience.Token);
            else await connection.ConnectAsync(row.Address.Split(':')[0], int.Parse(row.Address.Split(':')[1]), patience.Token);
            await Serve(connection, await LinkHandshake.Dial(connection.GetStream(), self, row.Id, secret, stopped.Token));
        }
        catch (Exception failed) when (failed is not OutOfMemoryException)
        {
            if (failed is not OperationCanceledException) LogNoLink(row.Id.ToString(), failed.Message);
        }
        finally
        {
            connection.Dispose();
            dialling.TryRemove(row.Id.Name, out _);
        }
    }

    private async Task Listen()
    {
        try
        {
            while (true)
            {
                var connection = await listener!.AcceptTcpClientAsync(stopped.Token);
                connection.NoDelay = true;
                Keep(Greet(connection));
            }
        }
        catch (Exception ended) when (ended is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            LogListeningEnds(ended.Message);
        }
    }

    private async Task Greet(TcpClient connection)
    {
        var caller = connection.Client.RemoteEndPoint?.ToString() ?? "a stranger";
        try
        {
            await Serve(connection, await LinkHandshake.Listen(connection.GetStream(), self, secret, stopped.Token));
        }
        catch (Exception failed) when (failed is not OutOfMemoryException)
        {
            if (failed is not OperationCanceledException) LogNoLink(caller, failed.Message);
        }
        finally
        {
            connection.Dispose();
        }
    }

    /// <summary>Ends when the link does. A newer link of the same silo takes the place of an older one.</summary>
    private async Task Serve(TcpClient connection, LinkHandshake.Known known)
    {
        using var link = new Link(connection, known, codec, clock, map.Count, MarksOf, silo.NewArrivals(), Received, BlockEnds);
        links.AddOrUpdate(known.Peer.Name, link, (_, before) =>
        {
            before.Close();
            return link;
        });
        Volatile.Write(ref open, [.. links.Values]);
        LogLinked(known.Peer.ToString());
        try
        {
            await link.Run(stopped.Token);
        }
        finally
        {
            links.TryRemove(new KeyValuePair<string, Link>(known.Peer.Name, link));
            Volatile.Write(ref open, [.. links.Values]);
        }
    }

    private async Task CloseLinks()
    {
        listener?.Dispose();
        foreach (var link in links.Values) link.Close();
        await Task.WhenAll(running.Keys);
    }

    private void Keep(Task task)
    {
        running[task] = true;
        _ = task.ContinueWith(ended => running.TryRemove(ended, out _), TaskScheduler.Default);
    }

    [LoggerMessage(54, LogLevel.Information, "Linked with {Peer}")]
    private partial void LogLinked(string peer);

    [LoggerMessage(55, LogLevel.Warning, "No link with {Peer}: {Why}")]
    private partial void LogNoLink(string peer, string why);

    [LoggerMessage(56, LogLevel.Information, "No more links are taken: {Why}")]
    private partial void LogListeningEnds(string why);
}
