using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Threading.Channels;
using CrossMargin.Contracts;
using CrossMargin.Runtime.Cluster;

namespace CrossMargin.Silos.Cluster;

/// <summary>
/// The one connection to another silo. What is sent waits in a bounded queue and leaves in blocks as large as what has gathered; what
/// comes is handed on from the reader. Once closed it stays closed, and whoever waits for an answer over it is told.
/// </summary>
internal sealed class Link : IDisposable
{
    private const int QueuedMessages = 16_384, QueuedBytes = 32 << 20, BlockBytes = 128 << 10, LargestBlock = 64 << 20;

    private readonly TcpClient connection;
    private readonly NetworkStream stream;
    private readonly LinkSeal outward, inward;
    private readonly LinkCodec codec;
    private readonly Action<Link, LinkMessage> received;
    private readonly Func<long, object?> marksOf;
    private readonly TimeProvider clock;
    private readonly Channel<byte[]> queue = Channel.CreateBounded<byte[]>(
        new BoundedChannelOptions(QueuedMessages) { SingleReader = true });
    private readonly ConcurrentDictionary<long, ClusterCall> calls = [];
    private readonly HashSet<long> framesSent = [];
    private MarkFrame? nextFrame;
    private long numbers;
    private long queuedBytes;
    private long heardAt;
    private int isClosed;

    public Link(
        TcpClient connection, LinkHandshake.Known known, LinkCodec codec, TimeProvider clock, Func<long, object?> marksOf,
        Action<Link, LinkMessage> received)
    {
        this.connection = connection;
        this.codec = codec;
        this.clock = clock;
        this.marksOf = marksOf;
        this.received = received;
        Peer = known.Peer;
        (outward, inward) = (known.Outward, known.Inward);
        stream = connection.GetStream();
        heardAt = clock.GetTimestamp();
    }

    public SiloId Peer { get; }

    public bool IsClosed => Volatile.Read(ref isClosed) != 0;

    public TimeSpan Silence => clock.GetElapsedTime(Volatile.Read(ref heardAt));

    /// <summary>Ends when the connection does.</summary>
    public async Task Run(CancellationToken cancel)
    {
        try
        {
            var ended = await Task.WhenAny(ReadAll(cancel), WriteAll(cancel));
            Close();
            await ended;
        }
        finally
        {
            Close();
        }
    }

    /// <summary>False when it is surely not sent: the link is closed, or its queue is full.</summary>
    public bool Send(LinkMessage message) => !IsClosed && Queue(codec.Write(message));

    /// <summary>A newer frame takes the place of one that has not left yet.</summary>
    public void Broadcast(MarkFrame frame)
    {
        Volatile.Write(ref nextFrame, frame);
        Queue([]);
    }

    /// <summary>False when it was surely not sent; the caller goes on as if it had not asked.</summary>
    public bool Ask(ClusterCall call)
    {
        var number = Interlocked.Increment(ref numbers);
        calls[number] = call;
        if (!Send(call.Over(number))) return !calls.TryRemove(number, out _);
        if (IsClosed) TakeCall(number)?.AnswerLost();   // it may have left, and nobody will answer
        return true;
    }

    /// <summary>Null for an answer that nobody waits for any more.</summary>
    public ClusterCall? TakeCall(long number) => calls.TryRemove(number, out var call) ? call : null;

    /// <summary>Sends a frame ahead of the first answer that was made under it.</summary>
    public bool SendAnswer(LinkMessage.Answer answer, Func<long, MarkFrame?> frameOf)
    {
        if (answer.Reply.View is { Marks: not null } view)
        {
            lock (framesSent)
            {
                if (framesSent.Add(view.Frame) && frameOf(view.Frame) is { } frame && !Send(new LinkMessage.Frame(frame))) return false;
            }
        }

        return Send(answer);
    }

    public void Close()
    {
        if (Interlocked.Exchange(ref isClosed, 1) != 0) return;
        queue.Writer.TryComplete();
        connection.Dispose();
        foreach (var number in calls.Keys) TakeCall(number)?.AnswerLost();
    }

    public void Dispose()
    {
        Close();
        outward.Dispose();
        inward.Dispose();
    }

    private bool Queue(byte[] message)
    {
        if (Volatile.Read(ref queuedBytes) > QueuedBytes || !queue.Writer.TryWrite(message)) return false;
        Interlocked.Add(ref queuedBytes, message.Length);
        return true;
    }

    private async Task WriteAll(CancellationToken cancel)
    {
        var plain = new ArrayBufferWriter<byte>(BlockBytes);
        while (await queue.Reader.WaitToReadAsync(cancel))
        {
            plain.ResetWrittenCount();
            if (Interlocked.Exchange(ref nextFrame, null) is { } frame) Append(codec.Write(new LinkMessage.Frame(frame)));
            while (plain.WrittenCount < BlockBytes && queue.Reader.TryRead(out var message))
            {
                Interlocked.Add(ref queuedBytes, -message.Length);
                if (message.Length > 0) Append(message);
            }

            if (plain.WrittenCount == 0) continue;
            var block = new byte[4 + plain.WrittenCount + LinkSeal.TagSize];
            BinaryPrimitives.WriteInt32BigEndian(block, block.Length - 4);
            outward.Seal(plain.WrittenSpan, block.AsSpan(4));
            await stream.WriteAsync(block, cancel);
        }

        void Append(byte[] message)
        {
            BinaryPrimitives.WriteInt32BigEndian(plain.GetSpan(4), message.Length);
            plain.Advance(4);
            plain.Write(message);
        }
    }

    private async Task ReadAll(CancellationToken cancel)
    {
        var length = new byte[4];
        while (true)
        {
            await stream.ReadExactlyAsync(length, cancel);
            var size = BinaryPrimitives.ReadInt32BigEndian(length);
            if (size is < LinkSeal.TagSize or > LargestBlock) throw new LinkRefused($"a block of {size} bytes");
            var block = new byte[size];
            await stream.ReadExactlyAsync(block, cancel);
            var plain = new byte[size - LinkSeal.TagSize];
            inward.Open(block, plain);
            Volatile.Write(ref heardAt, clock.GetTimestamp());
            for (var rest = plain.AsMemory(); !rest.IsEmpty;)
            {
                var one = BinaryPrimitives.ReadInt32BigEndian(rest.Span);
                received(this, codec.Read(rest.Span.Slice(4, one), marksOf));
                rest = rest[(4 + one)..];
            }
        }
    }
}
