"""The tables that classifications are counted in, and the statements that count them."""

from __future__ import annotations

__all__ = ["CLASSIFICATION_COLUMNS", "COUNTED", "REASONS", "TABLES"]

TABLES = """
CREATE TABLE classifications (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, workflow TEXT NOT NULL, workflow_name TEXT NOT NULL,
    major INTEGER NOT NULL, minor INTEGER NOT NULL, created_at TEXT NOT NULL, volunteer TEXT NOT NULL,
    signed_in INTEGER NOT NULL, subject TEXT NOT NULL, source TEXT NOT NULL, object TEXT NOT NULL,
    before_launch INTEGER NOT NULL, already_seen INTEGER NOT NULL, gold_standard INTEGER NOT NULL,
    training INTEGER NOT NULL, late INTEGER NOT NULL, problem TEXT, reason TEXT
);
CREATE TABLE votes (
    classification INTEGER NOT NULL, meaning INTEGER NOT NULL, PRIMARY KEY (classification, meaning)
) WITHOUT ROWID;
CREATE TABLE meanings (number INTEGER PRIMARY KEY, task TEXT NOT NULL, answer TEXT NOT NULL);
CREATE TABLE subjects (
    subject TEXT NOT NULL, workflow TEXT NOT NULL, retired_at TEXT NOT NULL, why TEXT NOT NULL,
    PRIMARY KEY (subject, workflow)
) WITHOUT ROWID;
CREATE TABLE expected (
    basis TEXT NOT NULL, subject TEXT NOT NULL, task TEXT NOT NULL, answer TEXT NOT NULL,
    PRIMARY KEY (subject, task, basis, answer)
) WITHOUT ROWID;
"""
"""A meaning is an answer of a task; with an empty answer it says that none of several was chosen."""

CLASSIFICATION_COLUMNS = (
    "number", "id", "workflow", "workflow_name", "major", "minor", "created_at", "volunteer", "signed_in",
    "subject", "source", "object", "before_launch", "already_seen", "gold_standard", "training", "late",
    "problem",
)  # fmt: skip

REASONS = (
    """
    UPDATE classifications SET reason = CASE
        WHEN workflow != :workflow THEN :r_workflow
        WHEN major != COALESCE(:major, major) OR minor != COALESCE(:minor, minor) THEN :r_version
        WHEN before_launch AND NOT :before_launch THEN :r_before_launch
        WHEN already_seen AND NOT :already_seen THEN :r_already_seen
        WHEN gold_standard THEN :r_gold_standard
        WHEN training THEN :r_training
        WHEN problem IS NOT NULL THEN problem
        WHEN :by_object AND object = '' THEN :r_no_object
        WHEN NOT EXISTS (
            SELECT 1 FROM votes JOIN meanings ON meanings.number = meaning
            WHERE classification = classifications.number
        ) THEN :r_no_answer
    END
    """,
    """
    UPDATE classifications SET reason = :r_repeated_vote WHERE number IN (
        SELECT number FROM (
            SELECT number, ROW_NUMBER() OVER (
                PARTITION BY subject, volunteer ORDER BY created_at, LENGTH(id), id
            ) AS nth
            FROM classifications
            WHERE (reason IS NULL OR reason = :r_training)
            AND ((signed_in AND NOT :all_votes) OR (NOT signed_in AND :drop_anonymous))
        ) WHERE nth > 1
    )
    """,
)
"""In this sequence: only what is fit to be used can be somebody's first vote."""

COUNTED = (
    "CREATE INDEX classifications_by_source ON classifications (source, subject)",
    """
    CREATE TABLE counts AS
    SELECT {unit} AS unit, {version} AS version, COUNT(*) AS classifications, SUM(NOT signed_in) AS anonymous,
        SUM(late) AS late, MAX(created_at) AS last_at
    FROM classifications WHERE reason IS NULL GROUP BY 1, 2
    """,
    """
    CREATE TABLE unit_subjects AS
    SELECT DISTINCT {unit} AS unit, {version} AS version, subject, workflow
    FROM classifications WHERE reason IS NULL
    """,
    """
    CREATE TABLE tallies AS
    SELECT {unit} AS unit, {version} AS version, task, answer, COUNT(DISTINCT classification) AS votes
    FROM classifications JOIN votes ON classification = classifications.number
    JOIN meanings ON meanings.number = meaning
    WHERE reason IS NULL AND answer != '' GROUP BY 1, 2, 3, 4
    UNION ALL
    SELECT {unit}, {version}, task, '', COUNT(DISTINCT classification)
    FROM classifications JOIN votes ON classification = classifications.number
    JOIN meanings ON meanings.number = meaning
    WHERE reason IS NULL GROUP BY 1, 2, 3
    """,
    "CREATE INDEX counts_by_unit ON counts (unit)",
    "CREATE INDEX subjects_by_unit ON unit_subjects (unit)",
    "CREATE INDEX tallies_by_unit ON tallies (unit)",
    """
    INSERT OR IGNORE INTO expected
    SELECT DISTINCT 'gold standard', subject, task, answer
    FROM classifications JOIN votes ON classification = classifications.number
    JOIN meanings ON meanings.number = meaning
    WHERE reason = :r_gold_standard AND answer != ''
    """,
)
