using System.Text.Json;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;
using CrossMargin.Simulation.Audit;
using CrossMargin.Simulation.World;

namespace CrossMargin.Simulation.Clients;

/// <summary>
/// An officer who looks after what was parked: gives it to its grain again, now and then too early or twice, opens closed accounts for it,
/// and gives some of it up.
/// </summary>
internal sealed class Steward(Venue venue, Town town) : Client(venue, "steward")
{
    private sealed record Parked(int Shard, string From, string Grain, string Type);

    private readonly List<Parked> parked = [];
    private readonly Queue<AccountId> closed = [];

    protected override bool IsPatient => true;

    public override void Saw(StoredRow row)
    {
        if (row.Type == "account.closed.v1" && AccountId.TryParse(StoredFormat.Uuid(row.Grain), out var account)) closed.Enqueue(account);
        if (row.Type != "shard.parked.v1") return;
        using var document = JsonDocument.Parse(row.Payload);
        parked.Add(new Parked(row.Shard, Text("from"), Text("grain"), Text("type")));

        string Text(string name) => document.RootElement.GetProperty(name).GetString()!;
    }

    protected override void ActOnce()
    {
        if (closed.Count > 0 && Draws.OneIn(10)) AskNew(Town.Reopen(closed.Dequeue()));
        else if (Draws.OneIn(30)) AskNew(Town.Reopen(Draws.Pick(town.Accounts).Id));
        else if (parked.Count > 0) AskNew(AboutOne());
    }

    /// <summary>What was taken in or given up is asked for once more, now and then.</summary>
    private Order AboutOne()
    {
        var one = Draws.Pick(parked);
        if (Draws.OneIn(3)) parked.Remove(one);
        var (shard, grain) = (ShardMap.GrainOf(new ShardId(one.Shard)), Grain(one.Grain));
        if (Draws.OneIn(6))
            return new Order(
                shard, new SetParkedAside(MessageOf(one).Address, grain, new PrincipalId(Name), "given up"), new Request.GiveUp(one.From, one.Grain, Name, "given up"));
        return new Order(
            shard, new RetryParked(MessageOf(one), grain, new PrincipalId(Name), "it fits now"), new Request.Retry(one.From, one.Grain, Name, "it fits now"));
    }

    private JournalRecord MessageOf(Parked one)
    {
        var parts = one.From.Split(':');
        return Venue.Journal.ReadShard(new ShardId(int.Parse(parts[0])), after: long.Parse(parts[1]) - 1, limit: 1)[0];
    }

    private static GrainId Grain(string text) => GrainId.TryParse(text, out var id) ? id : throw new FormatException(text);

    private void AskNew(Order order) =>
        Ask(order, new Cause.Key(CommandKey.Issue(Venue.Wall, Draws.Next(), Draws.Next()), Venue.Catalog.FingerprintOf(order.To, order.Body)));

    protected override void Ended(Intent intent, Told? told)
    {
        if (intent.Request is Request.Retry && told is Told.NotApplied { Code: not ("not-parked" or "overloaded" or "shard-unavailable") })
            Venue.Sights.Saw(Sight.ParkedStays);
        if (told is Told.NotApplied { Code: "not-parked" }) Venue.Sights.Saw(Sight.NotParkedAnyMore);
    }
}
