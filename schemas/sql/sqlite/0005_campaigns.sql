-- One message to many contacts. `message` and `variables` are JSON; `at` and `started_at` are 0 where there is none, `rate` is
-- messages a second and 0 where the channel alone decides. `worker` may work on it until `worker_until`.
CREATE TABLE campaigns (
    id           TEXT   NOT NULL PRIMARY KEY,
    tenant       TEXT   NOT NULL,
    bot          TEXT   NOT NULL REFERENCES bots (id),
    channel      TEXT   NOT NULL,
    account      TEXT   NOT NULL,
    name         TEXT   NOT NULL,
    message      TEXT   NOT NULL,
    variables    TEXT   NOT NULL,
    rate         BIGINT NOT NULL,
    at           BIGINT NOT NULL,
    state        TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    started_at   BIGINT NOT NULL,
    worker       TEXT   NOT NULL DEFAULT '',
    worker_until BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX campaigns_bot ON campaigns (tenant, bot, created_at);

-- `state`: waiting, leaving (its message may stand on the log already), queued (it does), sent, failed, in_doubt, skipped.
-- `reply` is the id of its message and `at` when that was made, then when it ended.
CREATE TABLE campaign_recipients (
    campaign    TEXT   NOT NULL REFERENCES campaigns (id),
    seq         BIGINT NOT NULL,
    tenant      TEXT   NOT NULL,
    recipient   TEXT   NOT NULL,
    language    TEXT,
    given       TEXT   NOT NULL,
    state       TEXT   NOT NULL,
    attempt     BIGINT NOT NULL,
    reply       TEXT   NOT NULL,
    reason      TEXT,
    provider_id TEXT,
    tries       BIGINT NOT NULL,
    at          BIGINT NOT NULL,
    PRIMARY KEY (campaign, seq)
);
CREATE INDEX campaign_recipients_state ON campaign_recipients (campaign, state, seq);
-- What is on its way, whatever became of its campaign.
CREATE INDEX campaign_recipients_open ON campaign_recipients (campaign) WHERE state IN ('leaving', 'queued');
