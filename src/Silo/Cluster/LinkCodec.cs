using System.Collections.Immutable;
using System.Text.Json;
using CrossMargin.Contracts;
using CrossMargin.Runtime.Cluster;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;

namespace CrossMargin.Silos.Cluster;

/// <summary>
/// Messages of a link as bytes. What grains own (commands, states, frames) is written by them, in the form that is hashed or
/// snapshotted; a silo of another build that cannot read it hangs up.
/// </summary>
internal sealed class LinkCodec(GrainCatalog catalog)
{
    private const byte AskTag = 1, LookTag = 2, AnswerTag = 3, ParcelTag = 4, FrameTag = 5, MovedTag = 6, AliveTag = 7, UnreadableTag = 8;
    private const byte DeliveryTag = 1, PullTag = 2, AnnouncementTag = 3;
    private const byte OwnCommand = 1, RetryCommand = 2, SetAsideCommand = 3;
    private const byte WithRecord = 1, WithView = 2, IsReplayed = 4, WithMarks = 8;

    public void Write(LinkMessage message, LinkWriter writer)
    {
        switch (message)
        {
            case LinkMessage.Ask ask:
                writer.Write(AskTag);
                writer.Write(ask.Number);
                writer.Write(ask.Returned);
                WriteCommand(writer, ask.Command);
                break;
            case LinkMessage.Look look:
                writer.Write(LookTag);
                writer.Write(look.Number);
                WriteGrain(writer, look.Grain);
                break;
            case LinkMessage.Answer answer:
                writer.Write(AnswerTag);
                writer.Write(answer.Number);
                WriteReply(writer, answer.Reply);
                break;
            case LinkMessage.Unreadable unreadable:
                writer.Write(UnreadableTag);
                writer.Write(unreadable.Number);
                break;
            case LinkMessage.Parcel parcel:
                writer.Write(ParcelTag);
                writer.Write(parcel.Messages.Count);
                foreach (var one in parcel.Messages) WriteShardMessage(writer, one);
                break;
            case LinkMessage.Frame frame:
                writer.Write(FrameTag);
                WriteFrame(writer, frame.Published);
                break;
            case LinkMessage.Moved moved:
                writer.Write(MovedTag);
                WriteOwner(writer, moved.Row);
                break;
            default:
                writer.Write(AliveTag);
                break;
        }
    }

    /// <param name="bytes">One message.</param>
    /// <param name="marksOf">What a frame that came over this link, or was published here, opens to; null when it did not.</param>
    public LinkMessage Read(ReadOnlySpan<byte> bytes, Func<long, object?> marksOf)
    {
        var reader = new LinkReader(bytes);
        return reader.ReadByte() switch
        {
            AskTag => ReadAsk(ref reader),
            LookTag => new LinkMessage.Look(reader.ReadInt64(), ReadGrain(ref reader)),
            AnswerTag => new LinkMessage.Answer(reader.ReadInt64(), ReadReply(ref reader, marksOf)),
            UnreadableTag => new LinkMessage.Unreadable(reader.ReadInt64()),
            ParcelTag => new LinkMessage.Parcel(ReadMany(ref reader, ReadShardMessage)),
            FrameTag => new LinkMessage.Frame(ReadFrame(ref reader)),
            MovedTag => new LinkMessage.Moved(ReadOwner(ref reader)),
            AliveTag => new LinkMessage.Alive(),
            var tag => throw new FormatException($"no message of a link begins with {tag}"),
        };
    }

    // ---- commands and answers --------------------------------------------------------------------------------------

    private void WriteCommand(LinkWriter writer, Command command)
    {
        WriteGrain(writer, command.To);
        WriteBytes(writer, command.Identity.Encode());
        if (command.Body is RetryParked retry)
        {
            writer.Write(RetryCommand);
            WriteRecord(writer, retry.Message);
            WriteGrain(writer, retry.Grain);
            writer.Write(retry.By.Name);
            writer.Write(retry.Because);
            return;
        }

        if (command.Body is SetParkedAside aside)
        {
            writer.Write(SetAsideCommand);
            writer.Write(aside.Message.ToString());
            WriteGrain(writer, aside.Grain);
            writer.Write(aside.By.Name);
            writer.Write(aside.Because);
            return;
        }

        writer.Write(OwnCommand);
        WriteBytes(writer, catalog.TypeOf(command.To).CanonicalBytes(command.Body));
    }

    /// <summary>A newer build may send what this one does not know; only that call is refused for it.</summary>
    private LinkMessage ReadAsk(ref LinkReader reader)
    {
        var (number, returned) = (reader.ReadInt64(), reader.ReadInt64());
        try
        {
            return new LinkMessage.Ask(number, returned, ReadCommand(ref reader));
        }
        catch (Exception unknown) when (unknown is JsonException or FormatException or NotSupportedException or UnknownGrainKindException)
        {
            return new LinkMessage.UnreadableAsk(number);
        }
    }

    private Command ReadCommand(ref LinkReader reader)
    {
        var to = ReadGrain(ref reader);
        var identity = Cause.Decode(ReadBytes(ref reader));
        object body = reader.ReadByte() switch
        {
            RetryCommand => new RetryParked(
                ReadRecord(ref reader), ReadGrain(ref reader), new PrincipalId(reader.ReadString()), reader.ReadString()),
            SetAsideCommand => new SetParkedAside(
                ReadAddress(ref reader), ReadGrain(ref reader), new PrincipalId(reader.ReadString()), reader.ReadString()),
            _ => catalog.TypeOf(to).ReadCommand(ReadBytes(ref reader)),
        };
        return new Command(to, body, identity);
    }

    private static RecordAddress ReadAddress(ref LinkReader reader) =>
        RecordAddress.TryParse(reader.ReadString(), out var address) ? address : throw new FormatException("an address is shard:position");

    private void WriteReply(LinkWriter writer, in Reply reply)
    {
        writer.Write((int)reply.Rejection);
        writer.Write(reply.ExpectedSequence);
        var (record, view) = (reply.Record, reply.View);
        writer.Write((byte)((record is null ? 0 : WithRecord) | (view is null ? 0 : WithView) | (reply.Replayed ? IsReplayed : 0)
            | (view?.Marks is null ? 0 : WithMarks)));
        if (record is not null) WriteRecord(writer, record);
        if (view is not null) WriteView(writer, view);
    }

    private Reply ReadReply(ref LinkReader reader, Func<long, object?> marksOf)
    {
        var (rejection, expected, parts) = ((Rejection)reader.ReadInt32(), reader.ReadInt64(), reader.ReadByte());
        var record = (parts & WithRecord) != 0 ? ReadRecord(ref reader) : null;
        var view = (parts & WithView) != 0 ? ReadView(ref reader) : null;
        if (view is not null && (parts & WithMarks) != 0)
        {
            // The frame travels ahead of the first answer that was made under it; one that is long gone is read anew.
            if (marksOf(view.Frame) is not { } marks) return Reply.Refused(Rejection.ShardUnavailable);
            view = view with { Marks = marks };
        }

        return new Reply(rejection, record) { ExpectedSequence = expected, Replayed = (parts & IsReplayed) != 0, View = view };
    }

    private void WriteView(LinkWriter writer, GrainView view)
    {
        WriteGrain(writer, view.Grain);
        writer.Write(view.Version);
        if (view.Version > 0) WriteBytes(writer, catalog.TypeOf(view.Grain).Save(view.State));
        writer.Write((byte)view.LastRecord.Shard.Number);
        writer.Write(view.LastRecord.Position);
        writer.Write(view.Epoch);
        writer.Write(view.AsOf.Micros);
        writer.Write(view.Frame);
        writer.Write(view.Sources.Count);
        foreach (var mark in view.Sources)
        {
            writer.Write(mark.Source.Name);
            writer.Write(mark.Sequence);
            writer.Write(mark.Body.High);
            writer.Write(mark.Body.Low);
            writer.Write((int)mark.Answer);
        }
    }

    private GrainView ReadView(ref LinkReader reader)
    {
        var (grain, version) = (ReadGrain(ref reader), reader.ReadInt64());
        var type = catalog.TypeOf(grain);
        var state = version > 0 ? type.Restore(grain, ReadBytes(ref reader)) : type.Unborn(grain);
        var last = new RecordAddress(new ShardId(reader.ReadByte()), reader.ReadInt64());
        return new GrainView(grain, state, version, last, reader.ReadInt32(), new Instant(reader.ReadInt64()), reader.ReadInt64())
        {
            Sources = ReadMany(ref reader, static (ref from) => new SourceMark(
                new SourceId(from.ReadString()), from.ReadInt64(), new Fingerprint(from.ReadUInt64(), from.ReadUInt64()),
                (Rejection)from.ReadInt32())),
        };
    }

    // ---- what shards say -------------------------------------------------------------------------------------------

    private static void WriteShardMessage(LinkWriter writer, ShardMessage message)
    {
        switch (message)
        {
            case ShardMessage.Delivery delivery:
                writer.Write(DeliveryTag);
                writer.Write((byte)delivery.From.Number);
                writer.Write((byte)delivery.To.Number);
                writer.Write(delivery.Predecessor);
                writer.Write(delivery.HasMore);
                writer.Write(delivery.Records.Count);
                foreach (var record in delivery.Records) WriteRecord(writer, record);
                break;
            case ShardMessage.Pull pull:
                writer.Write(PullTag);
                writer.Write((byte)pull.From.Number);
                writer.Write((byte)pull.To.Number);
                writer.Write(pull.After);
                break;
            case ShardMessage.Announcement announcement:
                writer.Write(AnnouncementTag);
                writer.Write((byte)announcement.From.Number);
                writer.Write(announcement.Frame);
                writer.Write(announcement.LastAddressed.Count);
                foreach (var position in announcement.LastAddressed) writer.Write(position);
                break;
        }
    }

    private static ShardMessage ReadShardMessage(ref LinkReader reader)
    {
        switch (reader.ReadByte())
        {
            case DeliveryTag:
                var (from, to) = (new ShardId(reader.ReadByte()), new ShardId(reader.ReadByte()));
                var (predecessor, hasMore) = (reader.ReadInt64(), reader.ReadBoolean());
                return new ShardMessage.Delivery(from, to, predecessor, ReadMany(ref reader, ReadRecord), hasMore);
            case PullTag:
                return new ShardMessage.Pull(new ShardId(reader.ReadByte()), new ShardId(reader.ReadByte()), reader.ReadInt64());
            case AnnouncementTag:
                var (sender, frame) = (new ShardId(reader.ReadByte()), reader.ReadInt64());
                return new ShardMessage.Announcement(sender, ReadMany(ref reader, static (ref one) => one.ReadInt64()), frame);
            case var tag:
                throw new FormatException($"no message of a shard begins with {tag}");
        }
    }

    private void WriteFrame(LinkWriter writer, MarkFrame frame)
    {
        var publisher = catalog.TypeOf(catalog.Valuation!.Publisher);
        var bytes = new System.Buffers.ArrayBufferWriter<byte>(4_096);
        publisher.Encode(publisher.Publishing(frame), bytes);
        WriteBytes(writer, bytes.WrittenSpan);
    }

    private MarkFrame ReadFrame(ref LinkReader reader)
    {
        var publisher = catalog.TypeOf(catalog.Valuation!.Publisher);
        return publisher.FrameIn(publisher.Decode(catalog.Valuation.FrameEvent, ReadBytes(ref reader)))
            ?? throw new FormatException("a frame is expected");
    }

    private static void WriteRecord(LinkWriter writer, JournalRecord record)
    {
        writer.Write((byte)record.Shard.Number);
        writer.Write(record.Position);
        WriteGrain(writer, record.Grain);
        writer.Write(record.Version);
        writer.Write(record.Type);
        writer.Write(record.Time.Micros);
        writer.Write(record.Frame);
        WriteBytes(writer, record.CauseBytes);
        writer.Write(record.Addressees.Length);
        foreach (var addressee in record.Addressees) WriteGrain(writer, addressee);
        writer.Write(record.To.Bits);
        WriteBytes(writer, record.Payload.Span);
        writer.Write(record.Epoch);
        Span<byte> chain = stackalloc byte[Hash256.Size];
        record.Chain.Write(chain);
        writer.Write(chain);
    }

    private static JournalRecord ReadRecord(ref LinkReader reader) => new JournalRecord
    {
        Shard = new ShardId(reader.ReadByte()),
        Position = reader.ReadInt64(),
        Grain = ReadGrain(ref reader),
        Version = reader.ReadInt64(),
        Type = reader.ReadString(),
        Time = new Instant(reader.ReadInt64()),
        Frame = reader.ReadInt64(),
        Cause = Cause.Decode(ReadBytes(ref reader)),
        Addressees = [.. ReadMany(ref reader, ReadGrain)],
        To = new ShardSet(reader.ReadUInt64()),
        Payload = ReadBytes(ref reader),
    }.AsStored(reader.ReadInt32(), Hash256.Read(reader.Take(Hash256.Size)));

    private static void WriteOwner(LinkWriter writer, OwnerRow row)
    {
        writer.Write((byte)row.Shard.Number);
        writer.Write(row.Term);
        writer.Write(row.Owner?.Name ?? "");
        writer.Write(row.Owner?.Incarnation ?? 0);
    }

    private static OwnerRow ReadOwner(ref LinkReader reader)
    {
        var (shard, term) = (new ShardId(reader.ReadByte()), reader.ReadInt64());
        var (name, incarnation) = (reader.ReadString(), reader.ReadInt64());
        return new OwnerRow(shard, name.Length == 0 ? null : new SiloId(name, incarnation), term);
    }

    // ---- parts -----------------------------------------------------------------------------------------------------

    private static void WriteGrain(LinkWriter writer, GrainId grain)
    {
        writer.Write(grain.High);
        writer.Write(grain.Low);
    }

    private static GrainId ReadGrain(ref LinkReader reader) => new(reader.ReadUInt64(), reader.ReadUInt64());

    private static void WriteBytes(LinkWriter writer, ReadOnlySpan<byte> bytes)
    {
        writer.Write(bytes.Length);
        writer.Write(bytes);
    }

    private static byte[] ReadBytes(ref LinkReader reader) => reader.Take(reader.ReadInt32()).ToArray();

    private delegate T ReadOne<T>(ref LinkReader reader);

    /// <summary>As many as there are bytes for: the other side has the key, and may still be wrong.</summary>
    private static ImmutableArray<T> ReadMany<T>(ref LinkReader reader, ReadOne<T> readOne)
    {
        var count = reader.ReadInt32();
        if (count < 0 || count > reader.Left) throw new FormatException($"{count} items in {reader.Left} bytes");
        var items = ImmutableArray.CreateBuilder<T>(count);
        for (var left = count; left > 0; left--) items.Add(readOne(ref reader));
        return items.MoveToImmutable();
    }
}
