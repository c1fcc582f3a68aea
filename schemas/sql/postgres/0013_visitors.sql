-- Files that visitors of web chat sent, for as long as a message may name them and have them kept. `hash` leads to the object
-- store; what one account's visitors sent within a day is counted here.
CREATE TABLE visitor_files (
    tenant  TEXT   NOT NULL,
    account TEXT   NOT NULL,
    visitor TEXT   NOT NULL,
    hash    TEXT   NOT NULL,
    bytes   BIGINT NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (tenant, account, visitor, hash)
);
CREATE INDEX visitor_files_hash ON visitor_files (tenant, hash);
CREATE INDEX visitor_files_at ON visitor_files (at);

-- When somebody had it run last: what was said of its messages before that holds it no more.
ALTER TABLE campaigns ADD COLUMN resumed_at BIGINT NOT NULL DEFAULT 0;
