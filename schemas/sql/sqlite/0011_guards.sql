-- Who is at work on a raw file. `holders` put it and have not noted yet what needs it, until `held_until`; `going_until` > 0
-- while somebody removes it.
CREATE TABLE file_claims (
    tenant      TEXT   NOT NULL,
    hash        TEXT   NOT NULL,
    holders     BIGINT NOT NULL,
    held_until  BIGINT NOT NULL,
    going_until BIGINT NOT NULL,
    PRIMARY KEY (tenant, hash)
);

-- What was forgotten with a person: names of conversations, events, messages and people as keyed hashes. What is older than
-- `at` and bears one of them is not written again.
CREATE TABLE forgotten (
    tenant TEXT   NOT NULL,
    name   TEXT   NOT NULL,
    at     BIGINT NOT NULL,
    PRIMARY KEY (tenant, name)
);
CREATE INDEX forgotten_at ON forgotten (at);

-- Which WhatsApp business account a number belongs to, as webhooks tell; and what was said of that account's templates, in the
-- provider's word, when.
CREATE TABLE business_accounts (
    tenant   TEXT   NOT NULL,
    account  TEXT   NOT NULL,
    business TEXT   NOT NULL,
    at       BIGINT NOT NULL,
    PRIMARY KEY (tenant, account)
);
CREATE INDEX business_accounts_business ON business_accounts (tenant, business);

CREATE TABLE templates (
    tenant   TEXT   NOT NULL,
    business TEXT   NOT NULL,
    name     TEXT   NOT NULL,
    language TEXT   NOT NULL,
    status   TEXT   NOT NULL,
    reason   TEXT   NOT NULL,
    at       BIGINT NOT NULL,
    PRIMARY KEY (tenant, business, name, language)
);
