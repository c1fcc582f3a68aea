-- Ids of one person or group that were seen together: a phone number and a business-scoped id, a group before and after
-- it became a supergroup. `chat` = the one that names the conversation; an id without a row names its own.
CREATE TABLE aliases (
    tenant  TEXT   NOT NULL,
    channel TEXT   NOT NULL,
    account TEXT   NOT NULL,
    id      TEXT   NOT NULL,
    chat    TEXT   NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (account, id, channel, tenant)
);

-- What people mention a bot by, as the provider's payloads tell it.
CREATE TABLE handles (
    tenant  TEXT   NOT NULL,
    channel TEXT   NOT NULL,
    account TEXT   NOT NULL,
    handle  TEXT   NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (account, channel, tenant)
);

-- The link or advertisement that a person came by first, as JSON.
ALTER TABLE conversations ADD COLUMN referral TEXT;

-- Where the provider was told to post, so that nothing is registered again without need; empty = nowhere yet.
ALTER TABLE accounts ADD COLUMN registered TEXT NOT NULL DEFAULT '';
