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
