-- What tenants own and the timeline. Booleans are 0/1, times milliseconds since 1970 (UTC), JSON is text: the same
-- queries run on both databases.

CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE tenants (
    id         TEXT   NOT NULL PRIMARY KEY,
    name       TEXT   NOT NULL,
    created_at BIGINT NOT NULL
);

-- A token is kept as a hash only. An empty tenant = an operator's.
CREATE TABLE api_tokens (
    id         TEXT   NOT NULL PRIMARY KEY,
    tenant     TEXT   NOT NULL,
    label      TEXT   NOT NULL,
    hash       TEXT   NOT NULL UNIQUE,
    created_at BIGINT NOT NULL
);
CREATE INDEX api_tokens_tenant ON api_tokens (tenant);

-- `version` counts every change; `content` is the version that brought the present content. A removed bot keeps its
-- row, so that its id stays with its tenant and its versions never begin again.
CREATE TABLE bots (
    id         TEXT   NOT NULL PRIMARY KEY,
    tenant     TEXT   NOT NULL REFERENCES tenants (id),
    name       TEXT   NOT NULL,
    version    BIGINT NOT NULL,
    content    BIGINT NOT NULL,
    enabled    BIGINT NOT NULL,
    reason     TEXT   NOT NULL,
    removed    BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX bots_tenant ON bots (tenant, id);

-- The content of a bot without its documents; a row is never changed.
CREATE TABLE bot_versions (
    tenant     TEXT   NOT NULL,
    bot        TEXT   NOT NULL,
    version    BIGINT NOT NULL,
    spec       TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (bot, version)
);

-- A document belongs to every version from `since` up to, not with, `until`: what did not change is stored once.
CREATE TABLE documents (
    tenant   TEXT   NOT NULL,
    bot      TEXT   NOT NULL,
    name     TEXT   NOT NULL,
    since    BIGINT NOT NULL,
    until    BIGINT NOT NULL,
    position BIGINT NOT NULL,
    title    TEXT   NOT NULL,
    bytes    BIGINT NOT NULL,
    body     TEXT   NOT NULL,
    PRIMARY KEY (bot, name, since)
);

-- `token` and `secret` are sealed. `polling`: updates are asked for rather than posted to us.
CREATE TABLE accounts (
    channel    TEXT   NOT NULL,
    id         TEXT   NOT NULL,
    tenant     TEXT   NOT NULL,
    bot        TEXT   NOT NULL REFERENCES bots (id),
    app        TEXT   NOT NULL,
    token      TEXT   NOT NULL,
    secret     TEXT   NOT NULL,
    origins    TEXT   NOT NULL,
    polling    BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (channel, id)
);
CREATE INDEX accounts_bot ON accounts (bot, channel);

-- `secret` and `verify_token` are sealed. A removed app keeps its row, for the same reason as a bot.
CREATE TABLE apps (
    name         TEXT   NOT NULL PRIMARY KEY,
    tenant       TEXT   NOT NULL REFERENCES tenants (id),
    version      BIGINT NOT NULL,
    secret       TEXT   NOT NULL,
    verify_token TEXT   NOT NULL,
    removed      BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL
);

-- Changes that are not on the log yet: the newest of each bot, so the table never outgrows the bots.
CREATE TABLE outbox (
    bot     TEXT   NOT NULL PRIMARY KEY,
    tenant  TEXT   NOT NULL,
    version BIGINT NOT NULL,
    deleted BIGINT NOT NULL,
    at      BIGINT NOT NULL
);

CREATE TABLE conversations (
    id        TEXT   NOT NULL PRIMARY KEY,
    tenant    TEXT   NOT NULL,
    bot       TEXT   NOT NULL,
    channel   TEXT   NOT NULL,
    account   TEXT   NOT NULL,
    chat      TEXT   NOT NULL,
    thread    TEXT,
    chat_kind TEXT   NOT NULL,
    contact   TEXT   NOT NULL,
    name      TEXT,
    username  TEXT,
    language  TEXT,
    first_at  BIGINT NOT NULL,
    last_at   BIGINT NOT NULL
);
CREATE INDEX conversations_recent ON conversations (tenant, bot, last_at);

-- One row per event, under the event's id: reading a record again changes nothing. `position` is the record's offset,
-- which orders the turns of a conversation. No index on `root`: a turn's id follows from it, and ids are random, so each
-- such index costs a page written per row.
CREATE TABLE messages (
    id           TEXT   NOT NULL PRIMARY KEY,
    root         TEXT   NOT NULL,
    tenant       TEXT   NOT NULL,
    bot          TEXT   NOT NULL,
    conversation TEXT   NOT NULL,
    direction    TEXT   NOT NULL,
    channel      TEXT   NOT NULL,
    account      TEXT   NOT NULL,
    kind         TEXT   NOT NULL,
    body         TEXT   NOT NULL,
    data         TEXT   NOT NULL,
    provider_id  TEXT,
    hops         TEXT   NOT NULL,
    at           BIGINT NOT NULL,
    root_at      BIGINT NOT NULL,
    position     BIGINT NOT NULL
);
CREATE INDEX messages_conversation ON messages (conversation, at);

-- What became of each part of each reply. Kept apart from the message, since either may be read first.
CREATE TABLE parts (
    reply        TEXT   NOT NULL,
    part         BIGINT NOT NULL,
    of_parts     BIGINT NOT NULL,
    tenant       TEXT   NOT NULL,
    bot          TEXT   NOT NULL,
    conversation TEXT   NOT NULL,
    status       TEXT   NOT NULL,
    rank         BIGINT NOT NULL,
    provider_id  TEXT,
    reason       TEXT,
    attempt      BIGINT NOT NULL,
    at           BIGINT NOT NULL,
    PRIMARY KEY (reply, part)
);

-- The furthest receipt of each message of a provider; it may be read before the part that it is about.
CREATE TABLE receipts (
    tenant     TEXT   NOT NULL,
    channel    TEXT   NOT NULL,
    account    TEXT   NOT NULL,
    message_id TEXT   NOT NULL,
    bot        TEXT   NOT NULL,
    status     TEXT   NOT NULL,
    rank       BIGINT NOT NULL,
    errors     TEXT   NOT NULL,
    at         BIGINT NOT NULL,
    PRIMARY KEY (account, message_id, channel, tenant)
);

-- How far the journal has written each partition of each log.
CREATE TABLE progress (
    log_id TEXT   NOT NULL,
    topic  TEXT   NOT NULL,
    part   BIGINT NOT NULL,
    next   BIGINT NOT NULL,
    PRIMARY KEY (log_id, topic, part)
);
