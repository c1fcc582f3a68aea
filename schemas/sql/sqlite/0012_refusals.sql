-- What a provider refuses of an account until its owner acts: '' = nothing, 'templates' = what has to be paid for, 'all'; why, in
-- its words, and since when. What it said before `refusals_since`, when the owner acted last, counts no more.
ALTER TABLE accounts ADD COLUMN refuses TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN refused TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN refused_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN refusals_since BIGINT NOT NULL DEFAULT 0;

-- Why a campaign is paused by itself, or sends nothing for a while though it runs; empty = neither.
ALTER TABLE campaigns ADD COLUMN held TEXT NOT NULL DEFAULT '';

-- Chats in which a provider says that nobody is reached any more: an account that is gone, a group that the bot was taken out of,
-- a number without WhatsApp. It holds until the person of the conversation is heard after `at`.
CREATE TABLE closed_chats (
    conversation TEXT   NOT NULL PRIMARY KEY,
    tenant       TEXT   NOT NULL,
    reason       TEXT   NOT NULL,
    at           BIGINT NOT NULL
);
