using System.Numerics;
using System.Text.Json;

namespace CrossMargin.Simulation.Audit;

/// <summary>What is reserved: never below nothing, never taken off what is not, and never for more than an account may hold.</summary>
internal sealed partial class AccountBook
{
    private sealed record Order(string Id, string SubAccount, string Instrument, string Side, BigInteger Remaining, string Price)
    {
        public bool IsEnding { get; init; }
    }

    private readonly List<Order> orders = [];

    /// <summary>
    /// By how many contracts, in 1e-8, the account may still be filled on a side of an instrument, all of its orders there and all of its
    /// sub-accounts counted; null where there is no limit.
    /// </summary>
    public BigInteger? RoomOf(int instrument, string side, Marks marks)
    {
        if (!marks.Instruments.TryGetValue(instrument, out var terms) || marks.PositionLimitOf(terms.Underlying) is not { } limit) return null;
        var (name, taken) = (instrument.ToString(), BigInteger.Zero);
        foreach (var ((_, held), position) in positions)
            if (held == instrument) taken += side == "Buy" ? position.Quantity : -position.Quantity;
        foreach (var order in orders)
            if (order.Instrument == name && order.Side == side) taken += order.Remaining;
        var room = (limit * BigInteger.Pow(10, 8)) - (taken * terms.Multiplier);
        return (room.Sign < 0 ? room - terms.Multiplier + 1 : room) / terms.Multiplier;
    }

    private void Ask(string order, long version)
    {
        var index = orders.FindIndex(open => open.Id == order);
        AuditFailure.Unless(index >= 0, "reservation", $"account {id} asks for the end of {order}, which is not open, at version {version}");
        orders[index] = orders[index] with { IsEnding = true };
    }

    private void FoldOrder(string type, JsonElement payload, long version, Marks? marks)
    {
        var name = payload.GetProperty("order").GetString()!;
        var quantity = StoredFormat.Units(payload.GetProperty("quantity").GetString()!, 8);
        var index = orders.FindIndex(open => open.Id == name);
        if (type == "account.order-reserved.v1")
        {
            AuditFailure.Unless(index < 0, "reservation", $"account {id} reserves {name} twice at version {version}");
            orders.Add(new Order(
                name, payload.GetProperty("subAccount").ToString(), payload.GetProperty("instrument").ToString(),
                payload.GetProperty("side").GetString()!, quantity, payload.GetProperty("price").GetString()!));
            AuditFailure.Unless(
                marks is null || RoomOf(payload.GetProperty("instrument").GetInt32(), orders[^1].Side, marks) is not { Sign: < 0 }, "limit",
                $"account {id} may hold more than its limit with {name}, at version {version}: {State()}");
            return;
        }

        AuditFailure.Unless(index >= 0, "reservation", $"account {id} takes off {name}, which is not reserved, at version {version}");
        var rest = orders[index].Remaining - quantity;
        AuditFailure.Unless(
            quantity.Sign > 0 && rest.Sign >= 0, "reservation", $"the reservation of {name} in {id} would be {rest} at version {version}");
        if (type == "account.order-released.v1")
            AuditFailure.Unless(rest.IsZero, "reservation", $"{name} in {id} is released and {rest} of it stays at version {version}");
        if (rest.IsZero) orders.RemoveAt(index);
        else orders[index] = orders[index] with { Remaining = rest };
    }
}
