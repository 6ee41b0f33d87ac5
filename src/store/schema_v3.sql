-- What format 3 adds: trials that an amended plan no longer asks in the form in which they were
-- asked. They are out of every figure, but what they cost was spent, and they come back when the
-- plan does. Run after the schemas before it in a new database, and alone on one of format 2.

-- Rows of `trial`, `attempt` and `score`, with the same columns.
CREATE TABLE retired_trial AS SELECT * FROM trial WHERE 0;
CREATE TABLE retired_attempt AS SELECT * FROM attempt WHERE 0;
-- Where answers are not kept, a score cannot be made again.
CREATE TABLE retired_score AS SELECT * FROM score WHERE 0;
CREATE UNIQUE INDEX retired_trial_key ON retired_trial (key);
CREATE INDEX retired_attempt_trial ON retired_attempt (trial);
