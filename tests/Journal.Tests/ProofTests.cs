using System.Text;
using CrossMargin.Contracts;
using CrossMargin.Journal.Proofs;
using CrossMargin.Runtime.Records;
using Shouldly;
using Xunit;

namespace CrossMargin.Journal.Tests;

/// <summary>A proof is read by somebody who believes nothing in it: whatever is changed in it must be seen.</summary>
public class ProofTests
{
    private static readonly ShardMap OneShard = new(1);
    private static readonly GrainId Ann = Records.Account(1), Ben = Records.Account(2), Nobody = Records.Account(9);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>A shard of so many records; every seventh is Ann's, the others are Ben's.</summary>
    private static MemoryJournal Lived(int count = 60)
    {
        var journal = new MemoryJournal(OneShard);
        var head = CommitTests.Take(journal, new ShardId(0));
        var (records, anns) = (new List<JournalRecord>(), 0);
        for (var i = 0; i < count; i++)
        {
            if (i % 7 == 3) anns++;
            records.Add(i % 7 == 3
                ? Records.Record(head, i, Ann, anns, addressees: i == 31 ? [Ben] : [], cause: new Cause.Message(new RecordAddress(new ShardId(0), 1)))
                : Records.Record(head, i, Ben, i + 1 - anns));
        }

        var end = ChainEnd.Genesis(head.Shard);
        foreach (var record in records) end = record.Seal(head.Epoch, end);
        journal.Commit([new Batch(head, records)]).ShouldBe([CommitOutcome.Committed]);
        return journal;
    }

    private static async Task<string> Proof(GrainId account, long? through = null, int of = 60)
    {
        var proofs = new ProofWriter(Lived(of), OneShard);
        return await Written(proofs, (await proofs.PlanAccount(account, through, Cancel)).ShouldNotBeNull());
    }

    private static async Task<string> Written(ProofWriter proofs, ProofPlan plan)
    {
        using var file = new MemoryStream();
        await proofs.Write(plan, file, Cancel);
        return Encoding.UTF8.GetString(file.ToArray());
    }

    private static Proof Read(string text) => Proofs.Proof.Read(new StringReader(text));

    private static ProofBroken Breaks(string text) => Should.Throw<ProofBroken>(() => Read(text));

    private static async Task<Anchor> At(long position, int shard = 0)
    {
        var found = await Lived().ReadPositions(new ShardId(0), [position], Cancel);
        return new Anchor(new ShardId(shard), position, found[0].Chain);
    }

    [Fact]
    public async Task The_records_of_an_account_come_back_as_they_were_and_nobody_elses()
    {
        var text = await Proof(Ann);
        var proof = Read(text);
        proof.Account.ShouldBe(Ann);
        proof.Head.ShouldBe(await At(60));
        var stored = await Lived().ReadGrain(Ann, 0, 100, Cancel);
        proof.Records.Select(Chain.Digest).ShouldBe(stored.Select(Chain.Digest));
        proof.Records.Count.ShouldBe(9);
        text.Split('\n').Count(line => line.Contains(Ben.ToString())).ShouldBe(1, "Ben stands in it once: as the addressee of a record of Ann's");
    }

    [Fact]
    public async Task It_leads_through_the_head_and_through_another_that_was_asked_for()
    {
        var proof = Read(await Proof(Ann, through: 37));
        proof.Holds(await At(60)).ShouldBe(true);
        proof.Holds(await At(37)).ShouldBe(true);
        proof.Holds((await At(36)) with { Position = 37 }).ShouldBe(false);
        proof.Holds(await At(37, shard: 1)).ShouldBe(false);
        Read(await Proof(Ann)).Holds(await At(42)).ShouldBeNull();
    }

    [Fact]
    public async Task One_record_is_proved_by_itself()
    {
        var proofs = new ProofWriter(Lived(), OneShard);
        for (var position = 1; position <= 60; position++)
        {
            var plan = (await proofs.PlanRecord(new RecordAddress(new ShardId(0), position), Cancel)).ShouldNotBeNull();
            var proof = Read(await Written(proofs, plan));
            proof.Account.ShouldBeNull();
            proof.Records.ShouldHaveSingleItem().Position.ShouldBe(position);
            proof.Holds(await At(60)).ShouldBe(true);
        }

        (await proofs.PlanRecord(new RecordAddress(new ShardId(0), 61), Cancel)).ShouldBeNull();
    }

    [Fact]
    public async Task What_is_not_there_is_not_proved()
    {
        var proofs = new ProofWriter(Lived(), OneShard);
        (await proofs.PlanAccount(Nobody, through: null, Cancel)).ShouldBeNull();
        (await proofs.PlanAccount(Ann, through: 61, Cancel)).ShouldBeNull();
    }

    /// <summary>Each bit of the file, whatever it belongs to.</summary>
    [Fact]
    public async Task Every_single_bit_counts()
    {
        var bytes = Encoding.UTF8.GetBytes(await Proof(Ann, of: 20));
        var unseen = new List<string>();
        for (var at = 0; at < bytes.Length - 1; at++)   // the line feed at the very end says nothing
        {
            for (var bit = 0; bit < 8; bit++)
            {
                bytes[at] ^= (byte)(1 << bit);
                using var reader = new StreamReader(new MemoryStream(bytes));
                try
                {
                    Proofs.Proof.Read(reader);
                    unseen.Add($"byte {at}, bit {bit}");
                }
                catch (ProofBroken)
                {
                    // Seen.
                }

                bytes[at] ^= (byte)(1 << bit);
            }
        }

        unseen.ShouldBeEmpty();
    }

    [Fact]
    public async Task Every_line_that_is_taken_out_repeated_moved_or_last_is_missed()
    {
        var lines = (await Proof(Ann)).TrimEnd('\n').Split('\n');
        for (var i = 0; i < lines.Length; i++)
        {
            Breaks(string.Join('\n', [.. lines[..i], .. lines[(i + 1)..]]));
            Breaks(string.Join('\n', [.. lines[..i], lines[i], .. lines[i..]]));
            Breaks(string.Join('\n', lines[..i]));
            if (i > 0) Breaks(string.Join('\n', [.. lines[..(i - 1)], lines[i], lines[i - 1], .. lines[(i + 1)..]]));
        }
    }

    /// <summary>Who makes all hashes again has another head, and that is what an anchor is for.</summary>
    [Fact]
    public async Task A_history_that_was_made_up_whole_does_not_lead_to_the_head_that_somebody_kept()
    {
        var kept = Read(await Proof(Ann)).Head;
        var journal = new MemoryJournal(OneShard);
        var head = CommitTests.Take(journal, new ShardId(0));
        var forged = Records.Record(head, 0, Ann, version: 1, type: "account.deposited.v1");
        forged.Seal(head.Epoch, ChainEnd.Genesis(head.Shard));
        journal.Commit([new Batch(head, [forged])]);
        var proofs = new ProofWriter(journal, OneShard);
        var proof = Read(await Written(proofs, (await proofs.PlanAccount(Ann, through: null, Cancel))!));
        proof.Holds(kept).ShouldBeNull();
        proof.Holds(kept with { Position = 1 }).ShouldBe(false);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"proof":"crossmargin.account.v2"}""")]
    [InlineData("""{"proof":"crossmargin.record.v1","record":"0:0","shard":0,"records":1,"head":{"position":1,"chainHash":""}}""")]
    public void What_is_no_proof_is_said_to_be_none(string text) => Breaks(text).Line.ShouldBe(1);
}
