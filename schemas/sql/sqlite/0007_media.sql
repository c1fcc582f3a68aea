-- Files that people sent: one row for each attachment that is a file. `source` = what the provider tells of it, as JSON.
-- `state` only moves forward: pending, failed -> expired, refused, stored. `hash` and `mime` are empty until it is
-- stored. `asked_at` = when somebody asked for it last, 0 = never.
CREATE TABLE media (
    tenant       TEXT   NOT NULL,
    turn         TEXT   NOT NULL,
    n            BIGINT NOT NULL,
    bot          TEXT   NOT NULL,
    conversation TEXT   NOT NULL,
    channel      TEXT   NOT NULL,
    account      TEXT   NOT NULL,
    source       TEXT   NOT NULL,
    state        TEXT   NOT NULL,
    reason       TEXT   NOT NULL,
    hash         TEXT   NOT NULL,
    mime         TEXT   NOT NULL,
    bytes        BIGINT NOT NULL,
    asked_at     BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    changed_at   BIGINT NOT NULL,
    PRIMARY KEY (tenant, turn, n)
);
CREATE INDEX media_hash ON media (tenant, hash);
CREATE INDEX media_conversation ON media (tenant, conversation, created_at);

-- What a provider calls a file of ours that was uploaded for an account. `expires_at` = when it forgets it, 0 = never.
CREATE TABLE uploads (
    tenant     TEXT   NOT NULL,
    channel    TEXT   NOT NULL,
    account    TEXT   NOT NULL,
    hash       TEXT   NOT NULL,
    kind       TEXT   NOT NULL,
    id         TEXT   NOT NULL,
    expires_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, channel, account, hash, kind)
);

-- Files of a tenant's own that its bots send, by the hash of their content.
CREATE TABLE files (
    tenant     TEXT   NOT NULL,
    hash       TEXT   NOT NULL,
    bytes      BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, hash)
);
