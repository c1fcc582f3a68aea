-- `used_at` = when a bot of the tenant named the file last, or somebody put it. `state`: `coming` until the object store has
-- it, `stored`, `going` while it is being removed; only a stored one may be named by a bot.
ALTER TABLE files ADD COLUMN used_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE files ADD COLUMN state TEXT NOT NULL DEFAULT 'stored';
UPDATE files SET used_at = created_at;

-- Until when an account sends nothing, since the provider said that too many people complained; 0 = it does not rest.
ALTER TABLE accounts ADD COLUMN rests_until BIGINT NOT NULL DEFAULT 0;
