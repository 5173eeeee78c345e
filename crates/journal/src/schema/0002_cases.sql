-- Case lists. Everything here can be computed again from the events.
CREATE TABLE cases (
    no              INTEGER PRIMARY KEY,
    tenant          TEXT    NOT NULL,
    case_id         TEXT    NOT NULL,
    subject         TEXT    NOT NULL,
    kind            TEXT    NOT NULL,
    severity        TEXT    NOT NULL,
    customer        TEXT    NOT NULL,
    status          TEXT    NOT NULL,
    owner_kind      TEXT    NOT NULL,
    owner           TEXT    NOT NULL,
    coverage        TEXT    NOT NULL,
    covered_until   INTEGER,
    uncovered_since INTEGER,
    opened_at       INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    resolved_at     INTEGER,
    resolution      TEXT,
    labels          TEXT    NOT NULL,
    request_id      TEXT,
    fingerprint     TEXT,
    epoch           INTEGER NOT NULL
);
CREATE INDEX cases_opened ON cases (tenant, opened_at);
CREATE INDEX cases_customer ON cases (tenant, customer, opened_at);
CREATE INDEX cases_open ON cases (tenant, opened_at) WHERE resolved_at IS NULL;
CREATE INDEX cases_uncovered ON cases (uncovered_since) WHERE resolved_at IS NULL AND coverage <> 'covered';
CREATE INDEX cases_covered ON cases (covered_until) WHERE resolved_at IS NULL AND coverage = 'covered';

-- Words of subject, customer and case id. The text itself stays in `cases`.
CREATE VIRTUAL TABLE cases_text USING fts5 (
    subject, customer, case_id,
    content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2'
);

-- What counts against cumulative limits.
CREATE TABLE usage (
    id           INTEGER PRIMARY KEY,
    tenant       TEXT    NOT NULL,
    key          TEXT    NOT NULL,
    currency     TEXT    NOT NULL,
    at           INTEGER NOT NULL,
    amount_minor INTEGER NOT NULL,
    action       TEXT    NOT NULL
);
CREATE INDEX usage_of_key ON usage (tenant, key, at);
CREATE INDEX usage_of_action ON usage (tenant, action);
