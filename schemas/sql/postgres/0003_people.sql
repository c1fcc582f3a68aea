-- When the person of a conversation wrote last, by the provider's clock; 0 = never. What may be sent depends on it.
ALTER TABLE conversations ADD COLUMN heard_at BIGINT NOT NULL DEFAULT 0;

UPDATE conversations SET heard_at = COALESCE((SELECT MAX(root_at) FROM messages
    WHERE messages.conversation = conversations.id AND messages.direction = 'in'), 0);

-- People who asked not to be written to, or no longer do; the newest word of each. `how`: by a word, at the provider, by
-- a block.
CREATE TABLE opt_outs (
    conversation TEXT   NOT NULL PRIMARY KEY,
    tenant       TEXT   NOT NULL,
    opted_out    BIGINT NOT NULL,
    how          TEXT   NOT NULL,
    at           BIGINT NOT NULL
);
