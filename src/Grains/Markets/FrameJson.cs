using System.Collections.Immutable;
using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Serialization;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Json;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Parameters;

namespace CrossMargin.Grains.Markets;

/// <summary>
/// A frame as it is journaled. One is written every quarter of a second and an option chain is most of it, so a row of
/// values stands for an object wherever there are many: docs/events.md has the columns. Options are grouped by chain and
/// strike, and decimals are JSON numbers, exact in all their digits; what is read is in order of numbers again.
/// </summary>
internal sealed class FrameJson : JsonConverter<MarkFrame>
{
    public override void Write(Utf8JsonWriter writer, MarkFrame frame, JsonSerializerOptions options)
    {
        writer.WriteStartObject();
        writer.WriteNumber("number", frame.Number);
        writer.WriteString("at", frame.At.ToString());
        Rows(writer, "assets", frame.Assets, mark =>
        {
            writer.WriteStringValue(mark.Asset.ToString());
            Value(writer, mark.Price);
            Value(writer, mark.SlowPrice);
            Value(writer, mark.Confidence);
            Value(writer, mark.VenueTotal.Units, mark.Asset.Decimals!.Value);
            writer.WriteNumberValue(mark.AgeMs);
        });
        Rows(writer, "underlyings", frame.Underlyings, mark =>
        {
            writer.WriteStringValue(mark.Underlying.Code);
            Value(writer, mark.Index);
            Value(writer, mark.Confidence);
            if (mark.Depth is { } depth) Value(writer, depth.Micros, Money.Scale);
            else writer.WriteNullValue();
            writer.WriteNumberValue(mark.AgeMs);
        });
        Rows(writer, "expiries", frame.Expiries, mark =>
        {
            writer.WriteStringValue(mark.Underlying.Code);
            writer.WriteStringValue(mark.Expiry.ToString());
            Value(writer, mark.Forward);
            Value(writer, mark.SettledShare);
            Value(writer, mark.SettledAverage);
            Value(writer, mark.Discount);
            WriteSmile(writer, mark.Smile);
        });
        WriteInstruments(writer, frame);
        var linear = frame.Listed.Where(terms => terms is not Instrument.Option && terms.Grid is not null).ToArray();
        if (linear.Length > 0)
            Rows(writer, "grids", linear, terms =>
            {
                writer.WriteNumberValue(terms.Id.Number);
                Value(writer, terms.Grid!.Value.Tick);
                Value(writer, terms.Grid.Value.Lot.E8, Quantity.Scale);
            });
        Rows(writer, "settlements", frame.Settlements, mark =>
        {
            writer.WriteNumberValue(mark.Instrument.Number);
            Value(writer, mark.Price);
        });
        if (frame.Parameters is { } rules)
        {
            writer.WriteNumber("parameterVersion", rules.Version);
            writer.WritePropertyName("parameters");
            writer.WriteRawValue(rules.Document.Json);
        }

        writer.WriteEndObject();
    }

    private static void WriteInstruments(Utf8JsonWriter writer, MarkFrame frame)
    {
        var marks = frame.Instruments.ToDictionary(mark => mark.Instrument);
        var days = frame.Days.ToDictionary(day => day.Instrument);
        var funding = frame.Funding.ToDictionary(mark => mark.Instrument, mark => mark.Point);
        Rows(writer, "perpetuals", frame.Listed.OfType<Instrument.Perp>(), perp =>
        {
            Terms(perp);
            Marks(perp.Id);
            if (funding.TryGetValue(perp.Id, out var point)) writer.WriteStringValue(ClearingJson.FundingPointConverter.Text(point));
        });
        Rows(writer, "futures", frame.Listed.OfType<Instrument.Future>(), future =>
        {
            Terms(future);
            Marks(future.Id);
            writer.WriteStringValue(future.Expiry.ToString());
            if (!days.TryGetValue(future.Id, out var day)) return;
            writer.WriteNumberValue(day.Number);
            Value(writer, day.Price);
        });

        var chains = frame.Listed.OfType<Instrument.Option>()
            .GroupBy(option => (option.Underlying, option.Settlement, option.Multiplier, option.Expiry, option.Grid))
            .OrderBy(chain => chain.Key);
        writer.WriteStartArray("chains");
        foreach (var chain in chains)
        {
            writer.WriteStartObject();
            writer.WriteString("underlying", chain.Key.Underlying.Code);
            writer.WriteString("settlement", chain.Key.Settlement.ToString());
            writer.WritePropertyName("multiplier");
            Value(writer, chain.Key.Multiplier.E8, Quantity.Scale);
            writer.WriteString("expiry", chain.Key.Expiry.ToString());
            if (chain.Key.Grid is { } grid)
            {
                writer.WritePropertyName("tick");
                Value(writer, grid.Tick);
                writer.WritePropertyName("lot");
                Value(writer, grid.Lot.E8, Quantity.Scale);
            }

            Rows(writer, "options", StrikesOf(chain), strike =>
            {
                Value(writer, (strike.Call ?? strike.Put)!.Strike);
                foreach (var option in (ReadOnlySpan<Instrument.Option?>)[strike.Call, strike.Put])
                {
                    if (option is null)
                    {
                        writer.WriteNullValue();
                        continue;
                    }

                    writer.WriteNumberValue(option.Id.Number);
                    Marks(option.Id);
                }
            });
            writer.WriteEndObject();
        }

        writer.WriteEndArray();

        void Terms(Instrument instrument)
        {
            writer.WriteNumberValue(instrument.Id.Number);
            writer.WriteStringValue(instrument.Underlying.Code);
            writer.WriteStringValue(instrument.Settlement.ToString());
            Value(writer, instrument.Multiplier.E8, Quantity.Scale);
        }

        void Marks(InstrumentId id)
        {
            var isMarked = marks.TryGetValue(id, out var mark);
            Value(writer, isMarked ? mark!.Mark : null);
            Value(writer, isMarked ? mark!.OpenInterest.Micros : 0, Money.Scale);
        }
    }

    /// <summary>By rising strike a call and a put, or one of them; a second pair of one strike comes after the first.</summary>
    private static IEnumerable<(Instrument.Option? Call, Instrument.Option? Put)> StrikesOf(IEnumerable<Instrument.Option> chain)
    {
        foreach (var strike in chain.GroupBy(option => option.Strike).OrderBy(strike => strike.Key))
        {
            var calls = strike.Where(option => option.Kind == OptionKind.Call).OrderBy(option => option.Id).ToArray();
            var puts = strike.Where(option => option.Kind == OptionKind.Put).OrderBy(option => option.Id).ToArray();
            for (var i = 0; i < Math.Max(calls.Length, puts.Length); i++)
                yield return (calls.ElementAtOrDefault(i), puts.ElementAtOrDefault(i));
        }
    }

    private static void WriteSmile(Utf8JsonWriter writer, SmileMark smile)
    {
        writer.WriteStartArray();
        switch (smile)
        {
            case SmileMark.None:
                break;
            case SmileMark.Svi svi:
                writer.WriteStringValue("svi");
                foreach (var rate in (ReadOnlySpan<Rate>)[svi.A, svi.B, svi.Rho, svi.M, svi.Sigma]) Value(writer, rate);
                break;
            case SmileMark.Points points:
                writer.WriteStringValue("points");
                foreach (var (strike, volatility) in points.Quotes)
                {
                    Value(writer, strike);
                    Value(writer, volatility);
                }

                break;
            default:
                throw new UnreachableException(smile.GetType().Name);
        }

        writer.WriteEndArray();
    }

    private static void Rows<T>(Utf8JsonWriter writer, string name, IEnumerable<T> rows, Action<T> write)
    {
        writer.WriteStartArray(name);
        foreach (var row in rows)
        {
            writer.WriteStartArray();
            write(row);
            writer.WriteEndArray();
        }

        writer.WriteEndArray();
    }

    private static void Value(Utf8JsonWriter writer, Price? price)
    {
        if (price is { } some) Value(writer, some.E8, Price.Scale);
        else writer.WriteNullValue();
    }

    private static void Value(Utf8JsonWriter writer, Rate rate) => Value(writer, rate.E9, Rate.Scale);

    private static void Value(Utf8JsonWriter writer, long units, int scale)
    {
        Span<char> text = stackalloc char[DecimalText.MaxLength];
        writer.WriteRawValue(text[..DecimalText.Format(units, scale, text)]);
    }

    public override MarkFrame Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options)
    {
        using var document = JsonDocument.ParseValue(ref reader);
        try
        {
            return FrameReader.Read(document.RootElement);
        }
        catch (Exception unreadable) when (unreadable is KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new JsonException("not a frame", unreadable);
        }
    }
}

/// <summary>Reads what <see cref="FrameJson"/> writes; anything else is refused.</summary>
internal static class FrameReader
{
    public static MarkFrame Read(JsonElement json)
    {
        var listed = ImmutableArray.CreateBuilder<Instrument>();
        var marks = ImmutableArray.CreateBuilder<InstrumentMark>();
        var funding = ImmutableArray.CreateBuilder<FundingMark>();
        var days = ImmutableArray.CreateBuilder<DayMark>();
        foreach (var row in Rows(json, "perpetuals"))
        {
            var id = row.Id();
            listed.Add(new Instrument.Perp(id, id.ToString(), row.Underlying(), row.Asset(), row.Quantity()));
            row.Mark(id, marks);
            if (row.HasMore) funding.Add(new FundingMark(id, ClearingJson.FundingPointConverter.Parse(row.Text()) ?? throw row.Wrong()));
            row.End();
        }

        foreach (var row in Rows(json, "futures"))
        {
            var id = row.Id();
            var (underlying, settlement, multiplier) = (row.Underlying(), row.Asset(), row.Quantity());
            row.Mark(id, marks);
            listed.Add(new Instrument.Future(id, id.ToString(), underlying, settlement, multiplier, row.Instant()));
            if (row.HasMore) days.Add(new DayMark(id, row.Integer(), row.Price()));
            row.End();
        }

        foreach (var chain in json.GetProperty("chains").EnumerateArray()) ReadChain(chain, listed, marks);
        listed.Sort((a, b) => a.Id.CompareTo(b.Id));
        ReadGrids(json, listed);
        marks.Sort((a, b) => a.Instrument.CompareTo(b.Instrument));
        return new MarkFrame(
            json.GetProperty("number").GetInt64(), new Row(json.GetProperty("at")).Instant(),
            [.. Rows(json, "assets").Select(ReadAsset)], [.. Rows(json, "underlyings").Select(ReadUnderlying)],
            [.. Rows(json, "expiries").Select(ReadExpiry)], marks.ToImmutable())
        {
            Listed = listed.ToImmutable(),
            Funding = funding.ToImmutable(),
            Days = days.ToImmutable(),
            Settlements = [.. Rows(json, "settlements").Select(row => row.Whole(new SettlementMark(row.Id(), row.Price())))],
            Parameters = json.TryGetProperty("parameters", out var rules)
                ? new ParametersInForce(json.GetProperty("parameterVersion").GetInt32(), new ParameterText(rules.GetRawText()))
                : null,
        };
    }

    /// <summary>Of what is linear; frames from before there were any have none.</summary>
    private static void ReadGrids(JsonElement json, ImmutableArray<Instrument>.Builder listed)
    {
        if (!json.TryGetProperty("grids", out _)) return;
        var grids = Rows(json, "grids").ToDictionary(
            row => row.Id(), row => row.Whole(new TradingGrid(row.Price(), row.Quantity())));
        for (var i = 0; i < listed.Count; i++)
            if (grids.TryGetValue(listed[i].Id, out var grid)) listed[i] = listed[i] with { Grid = grid };
    }

    private static void ReadChain(
        JsonElement chain, ImmutableArray<Instrument>.Builder listed, ImmutableArray<InstrumentMark>.Builder marks)
    {
        var underlying = new Row(chain.GetProperty("underlying")).Underlying();
        var settlement = new Row(chain.GetProperty("settlement")).Asset();
        var multiplier = new Row(chain.GetProperty("multiplier")).Quantity();
        var expiry = new Row(chain.GetProperty("expiry")).Instant();
        TradingGrid? grid = chain.TryGetProperty("tick", out var tick)
            ? new TradingGrid(new Row(tick).Price(), new Row(chain.GetProperty("lot")).Quantity())
            : null;
        foreach (var row in Rows(chain, "options"))
        {
            var strike = row.Price();
            foreach (var kind in (ReadOnlySpan<OptionKind>)[OptionKind.Call, OptionKind.Put])
            {
                if (row.IsNull()) continue;
                var id = row.Id();
                listed.Add(new Instrument.Option(id, id.ToString(), underlying, settlement, multiplier, expiry, strike, kind)
                {
                    Grid = grid,
                });
                row.Mark(id, marks);
            }

            row.End();
        }
    }

    private static AssetMark ReadAsset(Row row)
    {
        var asset = row.Asset();
        return row.Whole(new AssetMark(
            asset, row.Price(), row.PriceOrNull(), row.Rate(), new AssetAmount(asset, row.Units(asset.Decimals!.Value)), row.Integer()));
    }

    private static UnderlyingMark ReadUnderlying(Row row) => row.Whole(new UnderlyingMark(
        row.Underlying(), row.Price(), row.Rate(), row.IsNull() ? null : new Money(row.Units(Money.Scale)), row.Integer()));

    private static ExpiryMark ReadExpiry(Row row) => row.Whole(new ExpiryMark(
        row.Underlying(), row.Instant(), row.Price(), row.Rate(), row.Price(), row.Rate(), ReadSmile(row.Inner())));

    private static SmileMark ReadSmile(Row row)
    {
        if (!row.HasMore) return new SmileMark.None();
        if (row.Text() == "svi") return row.Whole(new SmileMark.Svi(row.Rate(), row.Rate(), row.Rate(), row.Rate(), row.Rate()));
        var quotes = ImmutableArray.CreateBuilder<VolPoint>();
        while (row.HasMore) quotes.Add(new VolPoint(row.Price(), row.Rate()));
        return new SmileMark.Points(quotes.ToImmutable());
    }

    private static IEnumerable<Row> Rows(JsonElement json, string name) =>
        json.GetProperty(name).EnumerateArray().Select(row => new Row([.. row.EnumerateArray()]));

    /// <summary>The values of one row, taken one after the other.</summary>
    private sealed class Row(params JsonElement[] values)
    {
        private int next;

        public bool HasMore => next < values.Length;

        public FormatException Wrong() => new($"value {next} of a row is not what it should be");

        public void End()
        {
            if (HasMore) throw Wrong();
        }

        public T Whole<T>(T value)
        {
            End();
            return value;
        }

        public bool IsNull()
        {
            if (Next().ValueKind == JsonValueKind.Null) return true;
            next--;
            return false;
        }

        public Row Inner() => new([.. Next().EnumerateArray()]);
        public string Text() => Next().GetString() ?? throw Wrong();
        public int Integer() => Next().GetInt32();
        public InstrumentId Id() => new(Integer());
        public Price Price() => new(Units(Contracts.Price.Scale));
        public Price? PriceOrNull() => IsNull() ? null : Price();
        public Rate Rate() => new(Units(Contracts.Rate.Scale));
        public Quantity Quantity() => new(Units(Contracts.Quantity.Scale));
        public Instant Instant() => Contracts.Instant.From(Next().GetDateTimeOffset());
        public Asset Asset() => Contracts.Asset.TryParse(Text(), out var asset) && asset.Decimals is not null ? asset : throw Wrong();
        public Underlying Underlying() => Contracts.Underlying.TryParse(Text(), out var underlying) ? underlying : throw Wrong();

        public long Units(int scale)
        {
            var value = Next();
            var isNumber = value.ValueKind == JsonValueKind.Number;
            return isNumber && DecimalText.TryParse(value.GetRawText(), scale, out var units) ? units : throw Wrong();
        }

        public void Mark(InstrumentId id, ImmutableArray<InstrumentMark>.Builder marks)
        {
            var mark = PriceOrNull();
            var openInterest = new Money(Units(Money.Scale));
            if (mark is { } price) marks.Add(new InstrumentMark(id, price, openInterest));
        }

        private JsonElement Next() => HasMore ? values[next++] : throw Wrong();
    }
}
