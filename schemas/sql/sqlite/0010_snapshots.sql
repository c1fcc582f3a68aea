-- The snapshot of each knowledge base that counts: what one process indexed, as files in the object store under
-- `TENANT/snapshots/SNAPSHOT/`. `version` = the knowledge base's, up to which it speaks; an empty `snapshot` = at that version
-- there was too little to keep. `manifest` = every file with its size and hash. `doubted` = 1: somebody could not use it.
CREATE TABLE base_snapshots (
    tenant     TEXT   NOT NULL,
    base       TEXT   NOT NULL,
    snapshot   TEXT   NOT NULL,
    version    BIGINT NOT NULL,
    format     BIGINT NOT NULL,
    model      TEXT   NOT NULL,
    manifest   TEXT   NOT NULL,
    doubted    BIGINT NOT NULL,
    written_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, base)
);
CREATE UNIQUE INDEX base_snapshots_snapshot ON base_snapshots (snapshot) WHERE snapshot <> '';

-- Snapshots that count no more, or do not count yet: their files go some time after `since`. 0 = they are going now.
CREATE TABLE old_snapshots (
    snapshot TEXT   NOT NULL PRIMARY KEY,
    tenant   TEXT   NOT NULL,
    since    BIGINT NOT NULL
);
CREATE INDEX old_snapshots_since ON old_snapshots (since);
