-- A venue may be spread over several databases, each with the heads of its own shards (docs/journal.md). All of them have one identity,
-- made with the first: a database of another venue, or of another that bears the same name, is not taken for one of this one's.
ALTER TABLE venue ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid();
