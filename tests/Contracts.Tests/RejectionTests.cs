using Shouldly;
using Xunit;

namespace CrossMargin.Contracts.Tests;

public sealed class RejectionTests
{
    /// <summary>Numbers and codes are public: this list is changed by adding to it.</summary>
    [Fact]
    public void Numbers_and_codes_are_the_published_ones()
    {
        var lines = Enum.GetValues<Rejection>().Select(rejection =>
            $"{(int)rejection} {rejection.Code()}{(rejection.IsTransient() ? " transient" : "")}");
        string.Join('\n', lines).ShouldBe(
            """
            0 none
            1 overloaded transient
            2 shard-unavailable transient
            3 outcome-unknown transient
            4 grain-halted
            10 key-expired
            11 key-conflict
            12 key-window-full transient
            20 sequence-gap transient
            21 sequence-conflict
            22 sequence-duplicate
            30 not-parked
            100 account-not-found
            101 account-already-open
            102 account-not-empty
            103 account-closed
            110 unknown-asset
            111 amount-not-positive
            112 amount-too-large
            120 transfer-to-self
            121 already-isolated
            122 sub-account-in-use
            123 too-many-sub-accounts
            124 not-isolated
            125 other-owner
            126 unknown-transfer
            127 too-many-transfers
            130 unknown-withdrawal
            131 too-many-withdrawals
            132 withdrawal-cleared
            133 withdrawal-not-instructed
            134 unknown-deposit
            135 too-many-pending-deposits
            140 exceeds-balance
            141 balance-limit
            150 order-id-in-use
            151 too-many-orders
            152 position-limit
            153 unknown-order
            154 outside-price-band
            155 exceeds-position-limit
            160 insufficient-margin
            161 account-frozen
            162 borrow-limit
            200 unknown-instrument
            201 instrument-expired
            210 quantity-not-positive
            211 quantity-off-lot
            212 price-not-positive
            213 price-off-tick
            214 fee-out-of-range
            215 notional-too-large
            220 trade-id-reused
            221 unknown-trade
            222 trade-already-busted
            223 conversion-into-itself
            250 feed-already-admitted
            251 too-many-feeds
            252 source-already-admitted
            253 too-many-sources
            254 weight-out-of-range
            260 instrument-already-listed
            261 too-many-instruments
            262 terms-out-of-range
            263 not-a-perp
            264 funding-not-due
            265 settlement-not-due
            266 not-a-future
            267 not-retirable
            270 unknown-source
            271 price-from-the-future
            272 price-not-newer
            273 too-many-smiles
            274 unknown-expiry
            280 no-price
            281 forward-out-of-band
            282 smile-malformed
            283 smile-butterfly
            284 smile-calendar
            285 price-out-of-band
            286 depth-negative
            300 account-in-liquidation
            301 gains-locked
            310 unknown-liquidation-order
            400 unknown-shard
            401 exposure-negative
            410 shard-already-set-aside
            411 shard-not-set-aside
            420 too-many-backstops
            421 quota-out-of-range
            500 document-too-large
            501 document-refused
            502 version-not-next
            503 effective-in-the-past
            504 effective-too-far-ahead
            505 effective-out-of-order
            506 too-many-waiting
            """);
    }

    [Fact]
    public void A_code_is_read_back()
    {
        foreach (var rejection in Enum.GetValues<Rejection>())
        {
            Rejections.TryParse(rejection.Code(), out var read).ShouldBeTrue();
            read.ShouldBe(rejection);
        }

        Rejections.TryParse("no-such-code", out _).ShouldBeFalse();
    }
}
