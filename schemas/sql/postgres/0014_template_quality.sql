-- How well people take a template, in the provider's word, and as of when it said so; empty = it said nothing of that. A row whose
-- status is empty holds a quality alone.
ALTER TABLE templates ADD COLUMN quality TEXT NOT NULL DEFAULT '';
ALTER TABLE templates ADD COLUMN quality_at BIGINT NOT NULL DEFAULT 0;
