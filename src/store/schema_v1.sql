-- The run database as format 1 made it (PRAGMA user_version; PRAGMA application_id is 'Wbrg'). This
-- text is never changed again: each later format adds a file of its own, and databases of any age
-- come to the newest form by running those that are missing.
--
-- Times are integer nanoseconds since the run's clock anchor, money is an exact decimal string in
-- US dollars, a list or an object is JSON text. Unknown is NULL, never 0.

-- Facts about the run as a whole.
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,  -- 'manifest', 'ended', 'keep_content', and what later stages note
    value TEXT NOT NULL      -- JSON for the three that are named here
) STRICT, WITHOUT ROWID;

-- Prompts and answers, each stored once.
CREATE TABLE content (
    hash BLOB NOT NULL UNIQUE,  -- SHA-256 of `body`, 32 bytes
    body TEXT NOT NULL          -- JSON: a list of messages, or an answer
) STRICT;

-- What was asked, and how it is judged: enough to grade again without the suite's files.
CREATE TABLE task (
    idx       INTEGER PRIMARY KEY,  -- position in the run, from 0
    suite     TEXT NOT NULL,        -- the suite's name
    task      TEXT NOT NULL,        -- the id within the suite
    category  TEXT NOT NULL,        -- the kind of work it stands for
    cluster   TEXT,                 -- tasks with the same cluster are not independent
    tags      TEXT NOT NULL,        -- JSON list of labels
    grader    TEXT NOT NULL,        -- JSON of the grader's specification
    reference TEXT,                 -- JSON of the reference; NULL too when content is not kept
    schema    TEXT,                 -- JSON Schema of the answer; NULL too when content is not kept
    prompt    BLOB REFERENCES content (hash)  -- the messages; NULL when content is not kept
) STRICT;

-- What was called: the price snapshot of the run.
CREATE TABLE endpoint (
    idx  INTEGER PRIMARY KEY,   -- position in the run, from 0
    id   TEXT NOT NULL UNIQUE,  -- author/name@provider#variant
    spec TEXT NOT NULL          -- JSON of the whole endpoint: provider, prices, limits, parameters
) STRICT;

-- Task × endpoint × repeat.
CREATE TABLE trial (
    idx        INTEGER PRIMARY KEY,   -- position in the plan's order, from 0
    key        BLOB NOT NULL UNIQUE,  -- identity by content, 16 bytes
    task       INTEGER NOT NULL REFERENCES task (idx),      -- what is asked
    endpoint   INTEGER NOT NULL REFERENCES endpoint (idx),  -- whom
    repeat     INTEGER NOT NULL,      -- from 0
    status     TEXT NOT NULL CHECK (status IN
               ('planned', 'ok', 'failed', 'ineligible', 'skipped', 'in_doubt')),
    ineligible TEXT,                  -- why the endpoint cannot take the task
    error      TEXT,                  -- class of the last failure
    attempts   INTEGER NOT NULL DEFAULT 0,  -- requests made
    backoff_ns INTEGER NOT NULL DEFAULT 0,  -- waited between attempts
    pacing_ns  INTEGER NOT NULL DEFAULT 0,  -- waited for a slot or a rate limit
    e2e_with_retries_ns INTEGER,      -- first dispatch to the end of the last attempt
    refused    INTEGER NOT NULL DEFAULT 0,  -- 1: the answer came on the channel for refusals
    answer     BLOB REFERENCES content (hash)  -- the answer; NULL: none, or content is not kept
) STRICT;

-- One HTTP request. The row is inserted before the request leaves (an intent) and completed after
-- it: a row without `ended_ns` was sent, and nobody knows how it ended.
CREATE TABLE attempt (
    trial       INTEGER NOT NULL REFERENCES trial (idx),  -- what it was made for
    attempt     INTEGER NOT NULL,  -- from 0
    source      TEXT NOT NULL,     -- which lane made it: 'run'
    bound       TEXT,              -- the most it can cost; NULL: its price is not known
    intended_ns INTEGER NOT NULL,  -- when the intent was made
    error       TEXT,              -- class of the failure; NULL: it answered, or has not ended
    error_detail TEXT,             -- what was said about it; NULL too when content is not kept
    http_status INTEGER,           -- NULL: no head came
    simulated   INTEGER NOT NULL DEFAULT 0,  -- 1: the response bore the simulator's mark
    streamed    INTEGER NOT NULL DEFAULT 0,  -- 1: the answer was streamed
    dispatched_ns   INTEGER,       -- the request was picked up, its body serialised
    connected_ns    INTEGER,       -- a new connection was ready; NULL: one was reused
    headers_ns      INTEGER,       -- the response head came
    first_byte_ns   INTEGER,       -- the first body byte came
    first_token_ns  INTEGER,       -- first token event
    first_output_ns INTEGER,       -- first token event that is not reasoning
    last_token_ns   INTEGER,       -- last token event (not streamed: last body byte)
    ended_ns        INTEGER,       -- the stream was closed; NULL: in doubt
    token_reads     INTEGER,       -- socket reads that held token events
    token_events    INTEGER,       -- token events
    reasoning_seen  INTEGER,       -- 1: a reasoning delta was seen
    gaps_us         BLOB,          -- gaps between token events, microseconds, LEB128 one by one
    input_tokens        INTEGER,   -- all prompt tokens
    cached_input_tokens INTEGER,   -- of them read from a cache
    cache_write_tokens  INTEGER,   -- of them written to a cache
    output_tokens       INTEGER,   -- all billed output tokens
    reasoning_tokens    INTEGER,   -- of them reasoning
    usage           TEXT,          -- usage as the provider sent it, verbatim
    tokens_source   TEXT,          -- 'usage', 'local tokenizer' or 'estimate'
    cost_usd          TEXT,        -- by the price snapshot; NULL: not known
    cost_reported_usd TEXT,        -- what the provider says it charged
    finish_reason   TEXT,          -- why the answer ended
    response_model  TEXT,          -- the model that really answered
    served_by       TEXT,          -- the provider that really answered
    PRIMARY KEY (trial, attempt)
) STRICT, WITHOUT ROWID;

-- A grader's verdict; a trial without a row was not judged yet.
CREATE TABLE score (
    trial  INTEGER PRIMARY KEY REFERENCES trial (idx),  -- what is judged
    score  REAL CHECK (score BETWEEN 0 AND 1),  -- NULL: the grader could not judge
    detail TEXT NOT NULL         -- why, in a few words; empty when content is not kept
) STRICT;
