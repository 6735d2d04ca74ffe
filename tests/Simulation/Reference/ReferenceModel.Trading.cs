using System.Numerics;
using CrossMargin.Simulation.Audit;
using static CrossMargin.Simulation.Audit.StoredFormat;

namespace CrossMargin.Simulation.Reference;

/// <summary>What the venue reports about an account, from docs/clearing.md: orders and fills, and what a frame brings.</summary>
internal sealed partial class ReferenceModel
{
    private sealed partial class Account
    {
        private Outcome Reserve(Request.Reserve order, long time, Marks? marks, string seen)
        {
            if (Absence is { } absent) return Refused("reserve-order", absent);
            if (orders.Exists(open => open.Id == order.Order)) return Refused("reserve-order", "order-id-in-use");
            if (orders.Count >= 1_000) return Refused("reserve-order", "too-many-orders");
            if (order.Quantity.Sign <= 0) return Refused("reserve-order", "quantity-not-positive");
            if (order.Price.Sign <= 0) return Refused("reserve-order", "price-not-positive");
            if (marks?.Instruments.GetValueOrDefault(order.Instrument)?.Expiry <= time) return Refused("reserve-order", "instrument-expired");
            if (IsBeyondLimit(order, marks)) return Refused("reserve-order", "exceeds-position-limit");
            var reserved = new Reservation(order.Order, order.SubAccount, order.Instrument, order.Side, order.Quantity, order.Price);
            var verdict = JudgeOrder(reserved, marks, seen);
            if (verdict.Reason is not null) return Refused("reserve-order", verdict);
            orders.Add(reserved);
            return new Fact($"account.order-reserved.v1 order={order.Order} subAccount={order.SubAccount} instrument={order.Instrument}"
                + $" side={order.Side} quantity={Price(order.Quantity)} price={Price(order.Price)}", Margin: verdict.Figures);
        }

        /// <summary>With all others of its side filled, in all sub-accounts together; what makes a position smaller never is.</summary>
        private bool IsBeyondLimit(Request.Reserve order, Marks? marks)
        {
            if (marks is null || !marks.Instruments.TryGetValue(order.Instrument, out var terms) || !IsUsable(marks)) return false;
            if (RulesIn(marks).PositionLimit(terms.Underlying) is not { } limit) return false;
            var held = positions.Where(entry => entry.Key.Instrument == order.Instrument).Aggregate(BigInteger.Zero, (sum, entry) => sum + entry.Value.Quantity);
            var ordered = orders.Where(other => other.Instrument == order.Instrument && other.Side == order.Side)
                .Aggregate(order.Quantity, (sum, other) => sum + other.Remaining);
            return Ratio.Of((order.Side == "Buy" ? held : -held) + ordered, 8) * Ratio.Of(terms.Multiplier, 8) > limit;
        }

        private Outcome Release(OrderEnded ended)
        {
            if (orders.Find(open => open.Id == ended.Order) is not { } order) return Outcome.Nothing;
            orders.Remove(order);
            return $"account.order-released.v1 order={order.Id} quantity={Price(order.Remaining)}";
        }

        /// <summary>The sides of a trade that are ours: bought, sold, or both. In one sub-account both leave only their fees.</summary>
        private Outcome Fill(Trade trade, string name, int sign, Marks? marks)
        {
            if (Absence is { } absent) return Outcome.No(absent);
            if (marks is not null && marks.Days.TryGetValue(trade.Instrument, out var day)) trade = trade with { Point = new Point(day.Number, 0) };
            var keptBalances = parts.Values.Select(part => part.Kept()).ToList();
            var before = (new SortedDictionary<(int, int), Position>(positions), new SortedDictionary<string, BigInteger>(rounding, StringComparer.Ordinal));
            var (buys, sells) = (trade.Buyer.Account == id, trade.Seller.Account == id);
            var facts = new List<Fact>();
            var fits = buys && sells && trade.Buyer.SubAccount == trade.Seller.SubAccount
                ? Take(trade.Buyer.SubAccount, quantity: 0, paid: 0, fee: sign * (trade.Buyer.Fee + trade.Seller.Fee))
                : (!buys || Take(trade.Buyer.SubAccount, sign * trade.Quantity, sign * trade.Paid, sign * trade.Buyer.Fee))
                    && (!sells || Take(trade.Seller.SubAccount, -sign * trade.Quantity, -sign * trade.Paid, sign * trade.Seller.Fee));
            if (!fits)
            {
                keptBalances.ForEach(putBack => putBack());
                (positions, rounding) = before;
                return Outcome.No("position-limit");
            }

            if (sign > 0)
            {
                if (buys) FillOrder(trade.Buyer.Order);
                if (sells) FillOrder(trade.Seller.Order);
            }

            return new Outcome(facts, Refused: null);

            bool Take(int subAccount, BigInteger quantity, BigInteger paid, BigInteger fee)
            {
                if (Change(trade, subAccount, quantity, paid, fee) is not { } change) return false;
                facts.Add(new Fact($"account.{name}.v1 trade={trade.Id} change={change}"));
                return true;
            }

            void FillOrder(string? name)
            {
                if (name is null || orders.Find(open => open.Id == name) is not { } order) return;
                var filled = BigInteger.Min(trade.Quantity, order.Remaining);
                var rest = order with { Remaining = order.Remaining - filled };
                if (rest.Remaining.IsZero) orders.Remove(order);
                else orders[orders.IndexOf(order)] = rest;
                facts.Add(new Fact($"account.order-filled.v1 order={order.Id} quantity={Price(filled)} remaining={Price(rest.Remaining)}"));
            }
        }

        /// <summary>
        /// What closes takes its share of the cost and of the amount paid, each rounded up, and minus their sum is cash; a premium is
        /// cash at once. Position and fill are brought to the later of their funding points, and what they owe is rounded up.
        /// </summary>
        private string? Change(Trade trade, int subAccount, BigInteger quantity, BigInteger paid, BigInteger fee)
        {
            var (asset, scale) = (trade.Asset, ScaleOf(trade.Asset));
            var (key, part) = ((subAccount, trade.Instrument), PartOf(subAccount));
            var held = positions.GetValueOrDefault(key) ?? new Position(0, asset, 0, trade.Point);
            var point = held.Point.Period >= trade.Point.Period ? held.Point : trade.Point;
            var owed = (Ratio.Of(held.Quantity, 8) * (point.Value - held.Point.Value))
                + (Ratio.Of(quantity, 8) * (point.Value - trade.Point.Value));
            var funding = owed.Up(scale);
            var realized = trade.IsPremium ? -paid : RealizedBy(held.Quantity, held.Cost, quantity, paid);
            var after = new Position(held.Quantity + quantity, asset, held.Cost + paid + realized, point);
            var balance = part.Balance(asset) + realized - fee - funding;
            if (!Fits(after.Quantity, after.Cost, realized, funding) || !HasRoom(part, asset, balance)) return null;

            part.Balances[asset] = balance;
            if (after.Quantity.IsZero) positions.Remove(key);
            else positions[key] = after;
            var house = Round(asset, funding, owed);
            return Json(
                ("subAccount", subAccount), ("instrument", trade.Instrument), ("quantity", Price(quantity)), ("paid", Text(asset, paid)),
                ("realized", Text(asset, realized)), ("fee", Text(asset, fee)), ("funding", Text(asset, funding)), ("houseRoundingE20", house),
                ("fundingAfter", point.ToString()), ("quantityAfter", Price(after.Quantity)), ("costAfter", Text(asset, after.Cost)),
                ("balanceAfter", Text(asset, balance)));
        }

        // ---- what a frame brings ----------------------------------------------------------------------------------------

        private Outcome TakeFrame(Marks marks)
        {
            var facts = new List<Fact>();
            foreach (var (key, held) in PositionsByPart)
            {
                var part = PartOf(key.SubAccount);
                if (PointIn(marks, key.Instrument) is not { } point || held.Point.Period >= point.Period) continue;
                var owed = Ratio.Of(held.Quantity, 8) * (point.Value - held.Point.Value);
                var funding = owed.Up(ScaleOf(held.Asset));
                if (!Fits(funding) || !HasRoom(part, held.Asset, part.Balance(held.Asset) - funding)) continue;
                var house = Round(held.Asset, funding, owed);
                positions[key] = held with { Point = point };
                part.Balances[held.Asset] = part.Balance(held.Asset) - funding;
                facts.Add(new Fact($"account.funding-applied.v1 subAccount={key.SubAccount} instrument={key.Instrument} funding={Text(held.Asset, funding)}"
                    + $" houseRoundingE20={house} fundingAfter={point} balanceAfter={Text(held.Asset, part.Balance(held.Asset))}"));
            }

            foreach (var order in OrdersByPart.FindAll(order => marks.Settlements.ContainsKey(order.Instrument))) facts.AddRange(Release(new OrderEnded(order.Id)).Facts);
            foreach (var (key, held) in PositionsByPart)
                if ((Expire(key, held, marks) ?? CloseDay(key, held, marks)) is { } fact) facts.Add(fact);
            facts.AddRange(ChargeInterest(marks));
            return new Outcome(facts, Refused: null);
        }

        /// <summary>The position becomes what it is worth, rounded down, and is gone.</summary>
        private Fact? Expire((int SubAccount, int Instrument) key, Position held, Marks marks)
        {
            if (!marks.Settlements.TryGetValue(key.Instrument, out var price)) return null;
            var (terms, part) = (marks.Instruments[key.Instrument], PartOf(key.SubAccount));
            var contract = Ratio.Of(terms.ContractE12(price), 12);
            var value = (Ratio.Of(held.Quantity, 8) * contract).Down(ScaleOf(held.Asset));
            var realized = value - held.Cost;
            if (!Fits(value, realized) || !HasRoom(part, held.Asset, part.Balance(held.Asset) + realized)) return null;
            var house = Round(held.Asset, -value, -(Ratio.Of(held.Quantity, 8) * contract));
            positions.Remove(key);
            part.Balances[held.Asset] = part.Balance(held.Asset) + realized;
            return new Fact(
                $"account.settled.v1 subAccount={key.SubAccount} instrument={key.Instrument}"
                + $" outcome={(terms.Right is null ? "Closed" : contract.Sign > 0 ? "Exercised" : "Expired")} price={Price(price)} quantity={Price(held.Quantity)}"
                + $" value={Text(held.Asset, value)} realized={Text(held.Asset, realized)} houseRoundingE20={house} balanceAfter={Text(held.Asset, part.Balance(held.Asset))}");
        }

        /// <summary>It costs what it is worth, rounded up, and the difference is cash.</summary>
        private Fact? CloseDay((int SubAccount, int Instrument) key, Position held, Marks marks)
        {
            if (marks.Settlements.ContainsKey(key.Instrument) || !marks.Days.TryGetValue(key.Instrument, out var day) || day.Number <= held.Point.Period) return null;
            var part = PartOf(key.SubAccount);
            var cost = (Ratio.Of(held.Quantity, 8) * Ratio.Of(marks.Instruments[key.Instrument].ContractE12(day.Price), 12)).Up(ScaleOf(held.Asset));
            var realized = cost - held.Cost;
            if (!Fits(cost, realized) || !HasRoom(part, held.Asset, part.Balance(held.Asset) + realized)) return null;
            positions[key] = held with { Cost = cost, Point = new Point(day.Number, 0) };
            part.Balances[held.Asset] = part.Balance(held.Asset) + realized;
            return new Fact(
                $"account.day-settled.v1 subAccount={key.SubAccount} instrument={key.Instrument} number={day.Number} price={Price(day.Price)}"
                + $" realized={Text(held.Asset, realized)} costAfter={Text(held.Asset, cost)} balanceAfter={Text(held.Asset, part.Balance(held.Asset))}");
        }

        /// <summary>What was rounded up belongs to the house.</summary>
        private BigInteger Round(string asset, BigInteger paid, Ratio exact)
        {
            var house = (Ratio.Of(paid, ScaleOf(asset)) - exact).Down(20);
            rounding[asset] = rounding.GetValueOrDefault(asset) + house;
            return house;
        }
    }
}
