using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net.Sockets;
using CrossMargin.Contracts;
using CrossMargin.Runtime.Cluster;

namespace CrossMargin.Silos.Cluster;

/// <summary>
/// The one connection to another silo. What is sent gathers until somebody has said all that he had to say, and leaves in blocks; what
/// comes is handed on block by block. So the price of a block (a call of the system at each side, a thread woken) is paid once for what
/// was asked or answered together. Whoever has said all writes it himself, unless somebody writes already, who then takes it along: no
/// thread is woken for it. Once closed it stays closed, and whoever waits for an answer over it is told.
/// </summary>
internal sealed class Link : IDisposable
{
    private const int GatheredMessages = 16_384, GatheredBytes = 32 << 20, BlockBytes = 128 << 10, LargestBlock = 64 << 20;

    [ThreadStatic]
    private static LinkWriter? scratch;

    private readonly TcpClient connection;
    private readonly NetworkStream stream;
    private readonly LinkSeal outward, inward;
    private readonly LinkCodec codec;
    private readonly Action<Link, LinkMessage> received;
    private readonly Action<Link> blockEnds;
    private readonly Func<long, object?> marksOf;
    private readonly TimeProvider clock;
    private readonly Lock gate = new();                  // over what has gathered
    private LinkWriter gathered = new(), leaving = new();
    private int gatheredMessages;
    private readonly SemaphoreSlim pen = new(1);         // whoever has it writes; taken for good when the link ends
    private readonly LinkWriter ahead = new();           // his, as are the blocks and what leaves
    private byte[] block = new byte[BlockBytes];
    private readonly TaskCompletionSource unwritable = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ConcurrentDictionary<long, ClusterCall> calls = [];
    private readonly HashSet<long> framesSent = [];
    private MarkFrame? nextFrame;
    private long numbers;
    private long heardAt;
    private int isClosed;

    public Link(
        TcpClient connection, LinkHandshake.Known known, LinkCodec codec, TimeProvider clock, int shards, Func<long, object?> marksOf,
        List<ShardThread.Inbound>[] arrived, Action<Link, LinkMessage> received, Action<Link> blockEnds)
    {
        Arrived = arrived;
        (CameBack, SentBack) = (new ReturnCounts(shards), new ReturnCounts(shards));
        this.connection = connection;
        this.codec = codec;
        this.clock = clock;
        this.marksOf = marksOf;
        this.received = received;
        this.blockEnds = blockEnds;
        Peer = known.Peer;
        (outward, inward) = (known.Outward, known.Inward);
        stream = connection.GetStream();
        heardAt = clock.GetTimestamp();
    }

    public SiloId Peer { get; }

    /// <summary>What came in the block that is being read, by the thread that it is for.</summary>
    public List<ShardThread.Inbound>[] Arrived { get; }

    /// <summary>What was asked over it and came back undone, and what the other side asked and was sent back.</summary>
    public ReturnCounts CameBack { get; }

    public ReturnCounts SentBack { get; }

    public bool IsClosed => Volatile.Read(ref isClosed) != 0;

    public TimeSpan Silence => clock.GetElapsedTime(Volatile.Read(ref heardAt));

    /// <summary>Ends when the connection does.</summary>
    public async Task Run(CancellationToken cancel)
    {
        var reading = ReadAll(cancel);
        try
        {
            await await Task.WhenAny(reading, unwritable.Task);
        }
        finally
        {
            Close();
            await reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);   // why it ends is thrown above
            await pen.WaitAsync(CancellationToken.None);   // whoever writes has noticed
        }
    }

    /// <summary>Leaves with the next <see cref="Flush"/>. False when it surely does not: the link is closed, or too much waits.</summary>
    public bool Put(LinkMessage message)
    {
        var writer = Encoded(message);
        lock (gate)
        {
            if (IsClosed || gatheredMessages >= GatheredMessages || gathered.Length > GatheredBytes) return false;
            gatheredMessages++;
            Append(gathered, writer);
            return true;
        }
    }

    /// <summary>What was put leaves now. It is written here as far as the connection takes it at once, and never waited for.</summary>
    public void Flush()
    {
        if (MayWrite()) _ = Write();
    }

    public bool Send(LinkMessage message)
    {
        var isPut = Put(message);
        Flush();
        return isPut;
    }

    /// <summary>A newer frame takes the place of one that has not left yet.</summary>
    public void Broadcast(MarkFrame frame)
    {
        Volatile.Write(ref nextFrame, frame);
        Flush();
    }

    /// <summary>False when it is surely not sent; the caller goes on as if it had not asked.</summary>
    public bool Ask(ClusterCall call)
    {
        var number = Interlocked.Increment(ref numbers);
        calls[number] = call;
        if (!Put(call.Over(number))) return !calls.TryRemove(number, out _);
        if (IsClosed) TakeCall(number)?.AnswerLost();   // it may have left, and nobody will answer
        return true;
    }

    /// <summary>Null for an answer that nobody waits for any more.</summary>
    public ClusterCall? TakeCall(long number) => calls.TryRemove(number, out var call) ? call : null;

    /// <summary>With the frame that it was made under ahead of the first such answer.</summary>
    public bool PutAnswer(LinkMessage.Answer answer, Func<long, MarkFrame?> frameOf)
    {
        if (answer.Reply.View is { Marks: not null } view)
        {
            lock (framesSent)
            {
                if (framesSent.Add(view.Frame))
                {
                    framesSent.RemoveWhere(number => number <= view.Frame - SiloCluster.FramesKept);   // the other side forgets them too
                    if (frameOf(view.Frame) is { } frame && !Put(new LinkMessage.Frame(frame))) return false;
                }
            }
        }

        return Put(answer);
    }

    public void Close()
    {
        if (Interlocked.Exchange(ref isClosed, 1) != 0) return;
        connection.Dispose();
        foreach (var number in calls.Keys) TakeCall(number)?.AnswerLost();
    }

    public void Dispose()
    {
        Close();
        outward.Dispose();
        inward.Dispose();
    }

    private bool MayWrite() =>
        (Volatile.Read(ref gatheredMessages) > 0 || Volatile.Read(ref nextFrame) is not null) && !IsClosed && pen.Wait(0);

    /// <summary>Until nothing is left: what others put while it had the pen, they left to it.</summary>
    private async Task Write()
    {
        do
        {
            try
            {
                await WriteWhatThereIs();
            }
            catch (Exception failed) when (failed is not OutOfMemoryException)
            {
                unwritable.TrySetException(failed);
                Close();
            }
            finally
            {
                pen.Release();
            }
        }
        while (MayWrite());
    }

    private async ValueTask WriteWhatThereIs()
    {
        if (Interlocked.Exchange(ref nextFrame, null) is { } frame)
        {
            ahead.Clear();
            Append(ahead, Encoded(new LinkMessage.Frame(frame)));
            await WriteBlocks(ahead.Written);
        }

        lock (gate)
        {
            leaving.Clear();
            (gathered, leaving) = (leaving, gathered);
            gatheredMessages = 0;
        }

        await WriteBlocks(leaving.Written);
    }

    private async ValueTask WriteBlocks(ReadOnlyMemory<byte> messages)
    {
        while (!messages.IsEmpty)
        {
            var plain = messages[..FittingIn(messages.Span)];
            var size = 4 + plain.Length + LinkSeal.TagSize;
            if (block.Length < size) block = new byte[size];
            BinaryPrimitives.WriteInt32BigEndian(block, size - 4);
            outward.Seal(plain.Span, block.AsSpan(4, size - 4));
            await stream.WriteAsync(block.AsMemory(0, size));
            messages = messages[plain.Length..];
        }
    }

    /// <summary>Outside of the gate: many threads put at once.</summary>
    private LinkWriter Encoded(LinkMessage message)
    {
        var writer = scratch ??= new LinkWriter();
        writer.Clear();
        codec.Write(message, writer);
        return writer;
    }

    private static void Append(LinkWriter to, LinkWriter message)
    {
        to.Write(message.Length);
        to.Write(message.Written.Span);
    }

    /// <summary>Whole messages, as many as a block holds; one that is larger is a block of its own.</summary>
    private static int FittingIn(ReadOnlySpan<byte> messages)
    {
        var end = 4 + BinaryPrimitives.ReadInt32LittleEndian(messages);
        while (end < messages.Length)
        {
            var next = end + 4 + BinaryPrimitives.ReadInt32LittleEndian(messages[end..]);
            if (next > BlockBytes) break;
            end = next;
        }

        return end;
    }

    private async Task ReadAll(CancellationToken cancel)
    {
        var (bytes, filled) = (new byte[BlockBytes], 0);
        var plain = Array.Empty<byte>();
        while (true)
        {
            var count = await stream.ReadAsync(bytes.AsMemory(filled), cancel);
            if (count == 0) throw new EndOfStreamException($"{Peer} has hung up");
            filled += count;
            var taken = 0;
            while (filled - taken >= 4)
            {
                var size = BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(taken));
                if (size is < LinkSeal.TagSize or > LargestBlock) throw new LinkRefused($"a block of {size} bytes");
                if (filled - taken < 4 + size)
                {
                    if (bytes.Length < 4 + size) Array.Resize(ref bytes, 4 + size);
                    break;
                }

                if (plain.Length < size) plain = new byte[Math.Max(size, BlockBytes)];
                inward.Open(bytes.AsSpan(taken + 4, size), plain.AsSpan(0, size - LinkSeal.TagSize));
                Volatile.Write(ref heardAt, clock.GetTimestamp());
                HandOn(plain.AsSpan(0, size - LinkSeal.TagSize));
                taken += 4 + size;
            }

            bytes.AsSpan(taken, filled - taken).CopyTo(bytes);
            filled -= taken;
        }
    }

    private void HandOn(ReadOnlySpan<byte> messages)
    {
        for (var rest = messages; !rest.IsEmpty;)
        {
            var size = BinaryPrimitives.ReadInt32LittleEndian(rest);
            received(this, codec.Read(rest.Slice(4, size), marksOf));
            rest = rest[(4 + size)..];
        }

        blockEnds(this);
    }
}
