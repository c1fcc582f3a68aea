-- Knowledge bases, which serve many bots of their tenant. A removed one keeps its row, so that its versions never begin
-- again.
CREATE TABLE knowledge_bases (
    tenant     TEXT   NOT NULL REFERENCES tenants (id),
    base       TEXT   NOT NULL,
    name       TEXT   NOT NULL,
    version    BIGINT NOT NULL,
    removed    BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, base)
);

-- Which bots answer from which knowledge bases.
CREATE TABLE base_bots (
    tenant     TEXT   NOT NULL,
    bot        TEXT   NOT NULL,
    base       TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, bot, base)
);
CREATE INDEX base_bots_base ON base_bots (tenant, base);

-- `hash` = the raw file as it was submitted last, under `submission`: the knowledge base's version then, never given twice; `body` = what was read last and is
-- searched, empty before that, which stays in force while a newer file is read. `announced` = the last submission that is
-- on the log. `indexed` = the knowledge base's version that brought the body.
CREATE TABLE base_documents (
    tenant       TEXT   NOT NULL,
    base         TEXT   NOT NULL,
    name         TEXT   NOT NULL,
    address      TEXT   NOT NULL,
    hash         TEXT   NOT NULL,
    kind         TEXT   NOT NULL,
    title        TEXT   NOT NULL,
    tags         TEXT   NOT NULL,
    bytes        BIGINT NOT NULL,
    status       TEXT   NOT NULL,
    reason       TEXT   NOT NULL,
    pages        BIGINT NOT NULL,
    passages     BIGINT NOT NULL,
    language     TEXT   NOT NULL,
    body         TEXT   NOT NULL,
    submission   BIGINT NOT NULL,
    announced    BIGINT NOT NULL,
    indexed      BIGINT NOT NULL,
    submitted_at BIGINT NOT NULL,
    changed_at   BIGINT NOT NULL,
    PRIMARY KEY (tenant, base, name)
);
CREATE INDEX base_documents_waiting ON base_documents (submitted_at) WHERE announced < submission;

-- Addresses that are read again on a schedule: one page, or a site from its sitemap.
CREATE TABLE base_sources (
    tenant     TEXT   NOT NULL,
    base       TEXT   NOT NULL,
    address    TEXT   NOT NULL,
    kind       TEXT   NOT NULL,
    every_ms   BIGINT NOT NULL,
    next_at    BIGINT NOT NULL,
    read_at    BIGINT NOT NULL,
    pages      BIGINT NOT NULL,
    reason     TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, base, address)
);
CREATE INDEX base_sources_due ON base_sources (next_at);

-- What a site said of a page when it was read last, so that it need not send it again. `excluded` = 1 for a page whose
-- document was removed by hand: its site is read without it.
CREATE TABLE base_pages (
    tenant   TEXT   NOT NULL,
    base     TEXT   NOT NULL,
    address  TEXT   NOT NULL,
    source   TEXT   NOT NULL,
    etag     TEXT   NOT NULL,
    modified TEXT   NOT NULL,
    excluded BIGINT NOT NULL,
    read_at  BIGINT NOT NULL,
    PRIMARY KEY (tenant, base, address)
);

-- Answers that come before any search. `asked` = the question without what people write differently.
CREATE TABLE base_pins (
    tenant   TEXT   NOT NULL,
    base     TEXT   NOT NULL,
    asked    TEXT   NOT NULL,
    question TEXT   NOT NULL,
    answer   TEXT   NOT NULL,
    PRIMARY KEY (tenant, base, asked)
);

-- A tenant's own quotas; the settings' where there is no row.
CREATE TABLE knowledge_quotas (
    tenant    TEXT   NOT NULL PRIMARY KEY,
    documents BIGINT NOT NULL,
    bytes     BIGINT NOT NULL,
    pages     BIGINT NOT NULL
);

-- Questions to which a bot's documents said nothing.
CREATE TABLE missed_questions (
    tenant   TEXT   NOT NULL,
    bot      TEXT   NOT NULL,
    asked    TEXT   NOT NULL,
    question TEXT   NOT NULL,
    times    BIGINT NOT NULL,
    last_at  BIGINT NOT NULL,
    PRIMARY KEY (tenant, bot, asked)
);
