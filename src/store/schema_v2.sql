-- What format 2 adds: the load lane. Run after schema_v1.sql in a new database, and alone on one of
-- format 1.

-- Requests that may have left: [first, past). One without a row in load_request was perhaps sent,
-- and nobody knows how it ended.
CREATE TABLE load_intent (
    first INTEGER PRIMARY KEY,  -- the first request
    past  INTEGER NOT NULL CHECK (past > first)  -- the one after the last
) STRICT;

-- One request of the load lane: small, without content. Its number is its place in the order of
-- arrivals.
CREATE TABLE load_request (
    request  INTEGER PRIMARY KEY,  -- from 0
    endpoint INTEGER NOT NULL REFERENCES endpoint (idx),  -- whom
    task     INTEGER NOT NULL REFERENCES task (idx),      -- what was asked
    source   TEXT NOT NULL,        -- which lane made it: 'load'
    warmup   INTEGER NOT NULL,     -- 1: sent during ramp or warm-up, left out of the figures
    status   TEXT NOT NULL CHECK (status IN ('ok', 'failed', 'dropped')),  -- dropped: never sent
    error    TEXT,                 -- class of the failure
    http_status   INTEGER,         -- NULL: no head came
    simulated     INTEGER NOT NULL,  -- 1: the response bore the simulator's mark
    retried_stale INTEGER NOT NULL,  -- 1: sent again because a kept connection was closed
    scheduled_ns    INTEGER,       -- when it was due; NULL: closed loop
    dispatched_ns   INTEGER,       -- these as in `attempt`
    connected_ns    INTEGER,
    headers_ns      INTEGER,
    first_token_ns  INTEGER,       -- NULL too when the answer was not streamed
    first_output_ns INTEGER,
    last_token_ns   INTEGER,
    ended_ns        INTEGER,       -- NULL: never sent
    token_events    INTEGER NOT NULL,
    token_reads     INTEGER NOT NULL,
    reasoning_seen  INTEGER NOT NULL,
    input_tokens        INTEGER,   -- as the provider counted them; these too as in `attempt`
    cached_input_tokens INTEGER,
    cache_write_tokens  INTEGER,
    output_tokens       INTEGER,
    reasoning_tokens    INTEGER,
    cost_usd TEXT,                 -- by the price snapshot; NULL: not known, or never sent
    bound    TEXT                  -- the most it can cost; NULL: its price is not known
) STRICT;

-- Distributions that are not kept row by row.
CREATE TABLE load_histogram (
    endpoint INTEGER NOT NULL REFERENCES endpoint (idx),  -- whose
    metric   TEXT NOT NULL,        -- 'icl'
    slots    BLOB NOT NULL,        -- HdrHistogram, V2 encoding, microseconds
    PRIMARY KEY (endpoint, metric)
) STRICT, WITHOUT ROWID;
