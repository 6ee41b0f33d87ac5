-- What format 4 adds: which grader gave a score and for which criterion, and what a task is known
-- by when two runs are compared. Run after the schemas before it in a new database, and alone on
-- one of format 3.

-- A grader at one version. The latest grading of a trial is the one that counts.
CREATE TABLE grading (
    id      INTEGER PRIMARY KEY,
    grader  TEXT NOT NULL,     -- the grader's id: 'exact'
    version INTEGER NOT NULL,  -- goes up whenever some answer gets another score
    UNIQUE (grader, version)
) STRICT;

ALTER TABLE score RENAME TO score_v1;

-- One score; a trial without a row was not graded yet.
CREATE TABLE score (
    trial     INTEGER NOT NULL REFERENCES trial (idx),   -- what is scored
    grading   INTEGER NOT NULL REFERENCES grading (id),  -- by which grader
    criterion TEXT NOT NULL,     -- for what: 'overall'
    value     REAL CHECK (value BETWEEN 0 AND 1),  -- NULL: the grader could not judge
    detail    TEXT NOT NULL,     -- why, in a few words; empty when content is not kept
    cost      TEXT,              -- what grading cost; NULL: no model was called for it
    PRIMARY KEY (trial, grading, criterion)
) STRICT, WITHOUT ROWID;

ALTER TABLE retired_score RENAME TO retired_score_v3;
CREATE TABLE retired_score AS SELECT * FROM score WHERE 0;

-- Scores of earlier formats are of the first version of their task's grader.
INSERT INTO grading (grader, version)
SELECT DISTINCT json_extract(task.grader, '$.kind'), 1
FROM (SELECT trial FROM score_v1 UNION ALL SELECT trial FROM retired_score_v3) scored
JOIN (SELECT idx, task FROM trial UNION ALL SELECT idx, task FROM retired_trial) asked
    ON asked.idx = scored.trial
JOIN task ON task.idx = asked.task
ORDER BY 1;

INSERT INTO score
SELECT s.trial, grading.id, 'overall', s.score, s.detail, NULL
FROM score_v1 s
JOIN trial ON trial.idx = s.trial
JOIN task ON task.idx = trial.task
JOIN grading ON grading.grader = json_extract(task.grader, '$.kind');

INSERT INTO retired_score
SELECT s.trial, grading.id, 'overall', s.score, s.detail, NULL
FROM retired_score_v3 s
JOIN retired_trial ON retired_trial.idx = s.trial
JOIN task ON task.idx = retired_trial.task
JOIN grading ON grading.grader = json_extract(task.grader, '$.kind');

DROP TABLE score_v1;
DROP TABLE retired_score_v3;

-- SHA-256 of what the task asks and what counts as right; NULL: written by an earlier format.
ALTER TABLE task ADD COLUMN content_hash BLOB;
