-- How people dial a WhatsApp number, digits only, as webhooks tell: news of a number call it so. Empty = not told.
ALTER TABLE business_accounts ADD COLUMN number TEXT NOT NULL DEFAULT '';

-- What a template is for, what it was for before the provider changed that, and as of when it said so; empty = it said nothing.
ALTER TABLE templates ADD COLUMN category TEXT NOT NULL DEFAULT '';
ALTER TABLE templates ADD COLUMN category_was TEXT NOT NULL DEFAULT '';
ALTER TABLE templates ADD COLUMN category_at BIGINT NOT NULL DEFAULT 0;

-- The last word of the provider on each matter of a business account, or of a number of it; an empty number = the whole account.
CREATE TABLE business_news (
    tenant   TEXT   NOT NULL,
    business TEXT   NOT NULL,
    number   TEXT   NOT NULL,
    matter   TEXT   NOT NULL,
    which    TEXT   NOT NULL,
    word     TEXT   NOT NULL,
    detail   TEXT   NOT NULL,
    until_at BIGINT,
    at       BIGINT NOT NULL,
    PRIMARY KEY (tenant, business, number, matter, which)
);
