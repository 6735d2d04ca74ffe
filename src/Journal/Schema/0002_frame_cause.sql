-- A fifth kind of cause: the shard adopted a mark frame and the grain needed a turn under it. Only what auditors read changes.
CREATE OR REPLACE FUNCTION cause_text(cause bytea) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    CASE get_byte(cause, 0)
        WHEN 1 THEN 'key ' || encode(substring(cause FROM 2 FOR 16), 'hex')::uuid
        WHEN 2 THEN 'source ' || convert_from(substring(cause FROM 26), 'UTF8')
            || ' #' || ('x' || encode(substring(cause FROM 2 FOR 8), 'hex'))::bit(64)::bigint
        WHEN 3 THEN 'message ' || ('x' || encode(substring(cause FROM 2 FOR 2), 'hex'))::bit(16)::integer
            || ':' || ('x' || encode(substring(cause FROM 4 FOR 8), 'hex'))::bit(64)::bigint
        WHEN 4 THEN 'timer'
        WHEN 5 THEN 'frame ' || ('x' || encode(substring(cause FROM 2 FOR 8), 'hex'))::bit(64)::bigint
        ELSE 'unknown ' || encode(cause, 'hex')
    END;
