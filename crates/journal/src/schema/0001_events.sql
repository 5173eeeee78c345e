-- Every event, in the order in which it was written.
CREATE TABLE events (
    position INTEGER PRIMARY KEY,
    case_no  INTEGER NOT NULL,
    seq      INTEGER NOT NULL,
    kind     TEXT    NOT NULL,
    at       INTEGER NOT NULL, -- microseconds since 1970
    body     BLOB    NOT NULL,
    hash     BLOB    NOT NULL
);
CREATE UNIQUE INDEX events_of_case ON events (case_no, seq);

CREATE TRIGGER events_stay BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'events are never deleted'); END;
CREATE TRIGGER events_stand BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'events are never changed'); END;

-- Where each case stands: its last event, and when it next needs a look.
CREATE TABLE heads (
    no        INTEGER PRIMARY KEY,
    case_id   TEXT    NOT NULL UNIQUE,
    tenant    TEXT    NOT NULL,
    seq       INTEGER NOT NULL,
    hash      BLOB    NOT NULL,
    attention INTEGER
);
CREATE INDEX heads_due ON heads (attention) WHERE attention IS NOT NULL;

-- The journal chain's value after each transaction, and the latest time seen by then.
CREATE TABLE seals (
    position  INTEGER PRIMARY KEY,
    mark      BLOB    NOT NULL,
    latest_at INTEGER NOT NULL
);

-- What only one may hold.
CREATE TABLE claims (
    tenant TEXT NOT NULL,
    kind   TEXT NOT NULL,
    key    TEXT NOT NULL,
    holder TEXT NOT NULL,
    PRIMARY KEY (tenant, kind, key)
) WITHOUT ROWID;

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

-- For people with a SQLite shell: events with the names of their cases.
CREATE VIEW journal AS
    SELECT e.position, h.tenant, h.case_id, e.seq, e.kind,
           strftime('%Y-%m-%dT%H:%M:%fZ', e.at / 1000000.0, 'unixepoch') AS at,
           CAST(e.body AS TEXT) AS body, lower(hex(e.hash)) AS hash
    FROM events e JOIN heads h ON h.no = e.case_no;
