using CrossMargin.Contracts;
using CrossMargin.Contracts.Access;
using CrossMargin.Grains.Access;
using CrossMargin.Runtime.Grains;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;

namespace CrossMargin.Grains.Tests.Access;

public sealed class AccessRegisterTests() : EventGoldens(Grain, [Sample])
{
    private static readonly AccessGrain Grain = new();
    private static readonly AccessId Id = AccessId.For("test");

    private static readonly AccessEntry Alice = new(
        new PrincipalId("alice"), ["account:read", "account:write"], "own", [], ["0123456789abcdef"], [], Expires: Noon);

    private static readonly AccessEntry Vault = new(
        new PrincipalId("custodian"), ["venue:write"], "none", [new SourceId("vault")], [], [new AccessKey("custodian-1", Noon), new AccessKey("custodian-2")]);

    private static readonly AccessEvent Sample = new AccessEvent.InForce([Alice, Vault]);

    [Fact]
    public void Every_list_that_comes_into_force_is_a_record_also_one_that_was_in_force_before()
    {
        var register = AccessRegister.Unborn(Id);
        AccessEntry[][] lists = [[Alice, Vault], [Vault], [Alice, Vault], []];
        foreach (var list in lists) register = After(register, new AccessCommand.PutInForce([.. list]), records: 1);
        register.Version.ShouldBe(lists.Length);
    }

    [Fact]
    public void The_same_list_again_leaves_no_record()
    {
        var register = After(AccessRegister.Unborn(Id), new AccessCommand.PutInForce([Alice]), records: 1);
        After(register, new AccessCommand.PutInForce([Alice with { }]), records: 0).ShouldBe(register);
    }

    [Fact]
    public void A_register_comes_back_from_its_snapshot()
    {
        var register = After(AccessRegister.Unborn(Id), new AccessCommand.PutInForce([Vault]), records: 1);
        GrainType kind = Grain;
        kind.Restore(Id.Grain, kind.Save(register)).ShouldBe(register);
    }

    private static AccessRegister After(AccessRegister register, AccessCommand command, int records)
    {
        var decision = AccessRegister.Decide(register, command);
        decision.Refused.ShouldBe(Rejection.None);
        decision.Events.Length.ShouldBe(records);
        foreach (var @event in decision.Events) register = AccessRegister.Evolve(register, @event);
        register.Verify();
        return register;
    }
}
