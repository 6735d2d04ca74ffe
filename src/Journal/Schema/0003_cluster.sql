-- Which silos there are and which of them should own which shard (docs/cluster.md). Safety is in shard_head.epoch alone.

CREATE TABLE silo (
    name        text     PRIMARY KEY CHECK (name <> ''),
    incarnation bigint   NOT NULL,
    beat        bigint   NOT NULL,
    phase       smallint NOT NULL CHECK (phase BETWEEN 1 AND 3),
    format      integer  NOT NULL,
    address     text     NOT NULL
) WITH (fillfactor = 20);
COMMENT ON COLUMN silo.incarnation IS 'Raised by each process that starts under the name.';
COMMENT ON COLUMN silo.beat IS 'Only that it moves means anything.';
COMMENT ON COLUMN silo.phase IS '1 serving, 2 leaving, 3 gone.';
COMMENT ON COLUMN silo.format IS 'The newest event format that the silo reads.';
COMMENT ON COLUMN silo.address IS 'Where other silos reach it, host:port.';

CREATE TABLE shard_owner (
    shard       smallint PRIMARY KEY CHECK (shard BETWEEN 0 AND 63),
    silo        text,
    incarnation bigint,
    term        bigint   NOT NULL DEFAULT 0,
    CHECK ((silo IS NULL) = (incarnation IS NULL))
);
COMMENT ON COLUMN shard_owner.term IS 'Raised by every change of the row.';

-- Heads are made with the venue, before or after this runs.
CREATE FUNCTION own_new_shard() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO shard_owner (shard) VALUES (NEW.shard);
    RETURN NEW;
END $$;
CREATE TRIGGER own_new_shard AFTER INSERT ON shard_head FOR EACH ROW EXECUTE FUNCTION own_new_shard();
INSERT INTO shard_owner (shard) SELECT shard FROM shard_head ORDER BY shard;

REVOKE ALL ON FUNCTION own_new_shard() FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE ON silo TO crossmargin_app;
GRANT SELECT, UPDATE (silo, incarnation, term) ON shard_owner TO crossmargin_app;
GRANT SELECT ON silo, shard_owner TO crossmargin_audit;
