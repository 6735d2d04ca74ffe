-- The journal of one venue: what happened, in commit order for each shard, never changed afterwards. docs/journal.md
-- explains the tables to those who operate them. Runs as crossmargin_migrate, which owns everything here.

CREATE TABLE venue (
    only_row boolean  PRIMARY KEY DEFAULT true CHECK (only_row),
    name     text     NOT NULL CHECK (name <> ''),
    shards   smallint NOT NULL CHECK (shards BETWEEN 1 AND 64),
    format   integer  NOT NULL DEFAULT 1 CHECK (format > 0)
);
COMMENT ON COLUMN venue.shards IS 'Fixed for ever: with another count every grain would live in another shard.';
COMMENT ON COLUMN venue.format IS 'The newest event format that may be written; an operator raises it.';

-- Every commit is guarded by this row: shard AND epoch AND position. A page holds about ten heads and room for a
-- hundred dead versions of them, so that each update stays on its page (HOT) and pruning needs no vacuum. The fill factor
-- is raised once the heads are there: it is also the mark beyond which every reader prunes the page.
CREATE TABLE shard_head (
    shard      smallint PRIMARY KEY CHECK (shard BETWEEN 0 AND 63),
    epoch      integer  NOT NULL,
    position   bigint   NOT NULL,
    chain_hash bytea    NOT NULL CHECK (octet_length(chain_hash) = 32)
) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
        autovacuum_vacuum_cost_delay = 0);

-- Columns stand in the order of their alignment, so that no row pays for padding.
CREATE TABLE journal (
    position    bigint   NOT NULL,
    version     bigint   NOT NULL,
    time_micros bigint   NOT NULL,
    frame       bigint   NOT NULL,
    epoch       integer  NOT NULL,
    shard       smallint NOT NULL,
    grain       uuid     NOT NULL,
    type        text     NOT NULL,
    cause       bytea    NOT NULL,
    payload     bytea    NOT NULL,
    chain_hash  bytea    NOT NULL,
    addressees  bytea,
    to_shards   bigint,
    PRIMARY KEY (shard, position)
) PARTITION BY RANGE (position);
COMMENT ON COLUMN journal.time_micros IS 'Microseconds since 1970-01-01 UTC; monotone in a shard only.';
COMMENT ON COLUMN journal.payload IS 'Canonical UTF-8 JSON, hashed as stored.';
COMMENT ON COLUMN journal.chain_hash IS 'SHA-256 over the hash before it, one further back, and the digest of this record; see docs/events.md.';
COMMENT ON COLUMN journal.addressees IS 'The grains this record is a message to, 16 bytes each; null when it is none.';
COMMENT ON COLUMN journal.to_shards IS 'The shards of the addressees, one bit each; null when there are none.';

-- Equal keys share one entry: by blocks of 256 versions the index is a quarter as large as by version, and cheaper to fill.
CREATE INDEX journal_by_grain ON journal (grain, (version >> 8));
CREATE INDEX journal_addressed ON journal (shard, position) WHERE to_shards IS NOT NULL;

-- A snapshot is a cache. It counts only while the journal has a record at its position with its chain hash.
CREATE TABLE snapshot (
    shard      smallint NOT NULL,
    grain      uuid     NOT NULL,
    position   bigint   NOT NULL,
    version    bigint   NOT NULL,
    schema     integer  NOT NULL,
    chain_hash bytea    NOT NULL,
    state      bytea    NOT NULL,
    digest     bytea    NOT NULL,
    PRIMARY KEY (shard, grain)
) WITH (fillfactor = 70);

-- Nothing that happened is ever rewritten, whoever asks. The row trigger is inherited by every partition; truncation is
-- not, so extend_journal repeats it.
CREATE FUNCTION refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the journal is append-only: % of % is refused', TG_OP, TG_TABLE_NAME USING ERRCODE = '42501';
END $$;
CREATE TRIGGER refuse_rewriting BEFORE UPDATE OR DELETE ON journal FOR EACH ROW EXECUTE FUNCTION refuse_rewriting();
CREATE TRIGGER refuse_truncation BEFORE TRUNCATE ON journal EXECUTE FUNCTION refuse_rewriting();

-- How a commit says that a head is not where it expects it, so that nothing of it stays.
CREATE FUNCTION refuse_fenced() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'fenced: a head is not where this commit expects it' USING ERRCODE = 'CM001';
END $$;

-- Takes what no partition covers: a partition that could not be made in time must not stop the venue.
CREATE TABLE journal_overflow PARTITION OF journal DEFAULT;
CREATE TRIGGER refuse_truncation BEFORE TRUNCATE ON journal_overflow EXECUTE FUNCTION refuse_rewriting();

-- Makes the partition that each shard writes to next and the one behind it, and returns the first position beyond them
-- all. The application calls it long before the last one is full. A range that has begun in the overflow stays there.
CREATE FUNCTION extend_journal() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET lock_timeout = '1s' AS $$
DECLARE
    span   CONSTANT bigint := 131072;
    number bigint;
    part   text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('extend_journal'));
    FOR number IN
        SELECT DISTINCT (position + 1) / span + ahead FROM shard_head, generate_series(0, 1) AS ahead ORDER BY 1
    LOOP
        part := 'journal_' || lpad(number::text, 6, '0');
        CONTINUE WHEN to_regclass(part) IS NOT NULL;
        CONTINUE WHEN EXISTS (
            SELECT FROM journal_overflow WHERE position >= number * span AND position < (number + 1) * span);

        -- Attaching, unlike creating in place, does not wait for those who read the journal.
        EXECUTE format('CREATE TABLE %I (LIKE journal INCLUDING DEFAULTS INCLUDING COMMENTS)', part);
        EXECUTE format('ALTER TABLE journal ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)',
            part, number * span, (number + 1) * span);
        EXECUTE format('CREATE TRIGGER refuse_truncation BEFORE TRUNCATE ON %I '
            'EXECUTE FUNCTION refuse_rewriting()', part);
    END LOOP;
    RETURN (SELECT ((max(position) + 1) / span + 2) * span FROM shard_head);
END $$;

-- Why a record exists, in words. The first byte is the kind; src/Runtime/Records/Cause.cs writes it.
CREATE FUNCTION cause_text(cause bytea) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    CASE get_byte(cause, 0)
        WHEN 1 THEN 'key ' || encode(substring(cause FROM 2 FOR 16), 'hex')::uuid
        WHEN 2 THEN 'source ' || convert_from(substring(cause FROM 26), 'UTF8')
            || ' #' || ('x' || encode(substring(cause FROM 2 FOR 8), 'hex'))::bit(64)::bigint
        WHEN 3 THEN 'message ' || ('x' || encode(substring(cause FROM 2 FOR 2), 'hex'))::bit(16)::integer
            || ':' || ('x' || encode(substring(cause FROM 4 FOR 8), 'hex'))::bit(64)::bigint
        WHEN 4 THEN 'timer'
        ELSE 'unknown ' || encode(cause, 'hex')
    END;

CREATE VIEW journal_readable AS
SELECT shard, position, epoch,
       CASE get_byte(uuid_send(grain), 0) WHEN 1 THEN 'shard' WHEN 2 THEN 'account'
            ELSE 'kind ' || get_byte(uuid_send(grain), 0) END AS grain_kind,
       grain, version, type,
       to_timestamp(time_micros / 1000000) + (time_micros % 1000000) * interval '1 microsecond' AS time,
       frame, cause_text(cause) AS cause,
       ARRAY(SELECT encode(substring(addressees FROM n FOR 16), 'hex')::uuid
             FROM generate_series(1, octet_length(addressees), 16) AS n) AS addressees,
       convert_from(payload, 'UTF8')::jsonb AS payload,
       encode(chain_hash, 'hex') AS chain_hash
FROM journal;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
GRANT SELECT ON venue, shard_head, journal, snapshot, schema_migration TO crossmargin_app;
GRANT INSERT ON journal TO crossmargin_app;
GRANT UPDATE (epoch, position, chain_hash) ON shard_head TO crossmargin_app;
GRANT INSERT, UPDATE, DELETE ON snapshot TO crossmargin_app;
GRANT EXECUTE ON FUNCTION extend_journal(), refuse_fenced() TO crossmargin_app;
GRANT SELECT ON venue, shard_head, journal, snapshot, schema_migration, journal_readable TO crossmargin_audit;
GRANT EXECUTE ON FUNCTION cause_text(bytea) TO crossmargin_audit;
