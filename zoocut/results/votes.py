"""The classifications on disk while they are counted; with `zoocut.results.schema` all that speaks SQL here.

They go into a database without a name, which SQLite keeps in the folder for temporary files and which is gone
with the process, however it ends. Each classification is used or has one reason why not, so the counts add up.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from zoocut.error_kinds import NotWritable
from zoocut.results.answers import Answers
from zoocut.results.classification import Classification
from zoocut.results.rules import Reason, Rules, Unit, VersionRule
from zoocut.results.schema import CLASSIFICATION_COLUMNS, COUNTED, REASONS, TABLES
from zoocut.results.workflow import Version

__all__ = ["Confused", "Count", "Tally", "Votes"]

ROWS_AT_ONCE = 5000
CACHE_KIB = 64 * 1024
"""What SQLite may keep in memory; the rest of the classifications stays on disk."""


@dataclass(frozen=True, slots=True)
class Count:
    """How often a unit was classified.

    Parameters
    ----------
    unit : str
        The source, subject or object.
    version : int
        The major version of the workflow where they are told apart, else 0.
    classifications, anonymous, after_retirement : int
        How many were used; of these without sign-in; of these made after the subject was retired.
    last_at : str
        When the last one was made.
    subject_ids : tuple of str
        The subjects they were of.
    retired_at : str
        When the last of these subjects was retired; empty when one is not.
    """

    unit: str
    version: int
    classifications: int
    anonymous: int
    after_retirement: int
    last_at: str
    subject_ids: tuple[str, ...]
    retired_at: str


@dataclass(frozen=True, slots=True)
class Tally:
    """The votes of a unit for one answer.

    Parameters
    ----------
    unit, version : str, int
        As in `Count`.
    task, answer : str
        The task and the answer's key; an empty answer stands for all classifications that answered the task.
    votes : int
        How many.
    """

    unit: str
    version: int
    task: str
    answer: str
    votes: int


@dataclass(frozen=True, slots=True)
class Confused:
    """How often an answer was given where another one, or the same, is known to be right.

    Parameters
    ----------
    basis : str
        `training` or `gold standard`: where the right answer comes from.
    task, right, given : str
        The task and the keys of the answers.
    votes : int
        How many.
    """

    basis: str
    task: str
    right: str
    given: str
    votes: int


class Votes:
    """All classifications of an export.

    Parameters
    ----------
    answers : Answers
        Tells what a choice means, and remembers which were met.
    """

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._waiting: list[tuple[Any, ...]] = []
        self._votes: list[tuple[int, int]] = []
        self._retirements: dict[tuple[str, str], tuple[str, str]] = {}
        self._expected: set[tuple[str, str, str]] = set()
        self._added = 0
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute("PRAGMA temp_store = FILE")
        self._database.executescript(TABLES)

    def close(self) -> None:
        """Let go of the disk."""
        self._database.close()

    def add(self, one: Classification, source: str, object_id: str, problem: Reason | None) -> None:
        """Take a classification.

        Parameters
        ----------
        one : Classification
            As it was read.
        source, object_id : str
            Which source of the runs, and which object, its subject shows; empty when unknown.
        problem : Reason or None
            Why it cannot be used, if so.
        """
        self._added += 1
        subject = one.subject_ids[0] if len(one.subject_ids) == 1 else ""
        own = (
            *(self._added, one.classification_id, one.workflow_id, one.workflow_name, *one.version),
            *(one.created_at, one.volunteer, one.signed_in, subject, source, object_id),
            *(one.before_launch, one.already_seen, one.gold_standard, one.training),
            *(bool(one.retired_at) and one.created_at > one.retired_at, problem and problem.value),
        )
        self._waiting.append(own)
        self._votes += ((self._added, number) for number in self._answers.numbers(one))
        self._retirements[subject, one.workflow_id] = (one.retired_at, one.retirement_reason)
        if one.training:
            self._expect(subject, one)
        if len(self._waiting) >= ROWS_AT_ONCE:
            self._flush()

    def _expect(self, subject: str, one: Classification) -> None:
        told = one.expected or dict.fromkeys(("",), one.known_answers[0] if one.known_answers else "")
        self._expected |= {(subject, task, answer) for task, answer in told.items() if answer}

    def _flush(self) -> None:
        places = ", ".join("?" * len(CLASSIFICATION_COLUMNS))
        with self._transaction() as write:
            write.executemany(
                f"INSERT OR IGNORE INTO classifications ({', '.join(CLASSIFICATION_COLUMNS)}) VALUES ({places})",
                self._waiting,
            )
            write.executemany("INSERT OR IGNORE INTO votes VALUES (?, ?)", self._votes)
            write.executemany(
                "INSERT OR REPLACE INTO subjects VALUES (?, ?, ?, ?)",
                ((*which, *when_why) for which, when_why in self._retirements.items()),
            )
            write.executemany(
                "INSERT OR IGNORE INTO expected VALUES ('training', ?, ?, ?)", sorted(self._expected)
            )
        self._waiting, self._votes, self._retirements, self._expected = [], [], {}, set()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with _explained():
            self._database.execute("BEGIN")
            yield self._database
            self._database.execute("COMMIT")

    def _query(self, question: str, **values: Any) -> Iterator[tuple[Any, ...]]:
        with _explained():
            yield from self._database.execute(question, values)

    def workflows(self) -> dict[str, tuple[str, int]]:
        """Return the name and the number of classifications of each workflow that was met."""
        self._flush()
        found = self._query(
            "SELECT workflow, MAX(workflow_name), COUNT(*) FROM classifications GROUP BY workflow ORDER BY workflow"
        )
        return {number: (name, count) for number, name, count in found}

    def versions(self, workflow: str) -> dict[Version, int]:
        """Return how many classifications of what the runs know each version has, the oldest version first."""
        found = self._query(
            "SELECT major, minor, COUNT(*) FROM classifications "
            "WHERE workflow = :workflow AND problem IS NULL GROUP BY 1, 2 ORDER BY 1, 2",
            workflow=workflow,
        )
        return {(major, minor): count for major, minor, count in found}

    def settle(self, workflow: str, rules: Rules, version: VersionRule) -> Counter[str]:
        """Decide of each classification whether it is used, and count; once, when all are there.

        Parameters
        ----------
        workflow : str
            The id of the workflow that counts.
        rules : Rules
            What counts.
        version : VersionRule
            Which versions count, with the newest one by its number.

        Returns
        -------
        Counter of str
            How many are left out by reason, and under the empty text how many are used.
        """
        self._flush()
        values = {f"r_{reason.name.lower()}": reason.value for reason in Reason} | {
            "workflow": workflow,
            "major": version.major,
            "minor": version.minor,
            "before_launch": rules.before_launch,
            "already_seen": rules.already_seen,
            "by_object": rules.unit is Unit.OBJECT,
            "all_votes": rules.all_votes,
            "drop_anonymous": rules.drop_anonymous_repeats,
        }
        with self._transaction() as write:
            write.executemany("INSERT INTO meanings VALUES (?, ?, ?)", self._answers.keys(workflow))
            for statement in (*REASONS, *COUNTED):
                apart = "major" if version.apart else "0"
                write.execute(statement.format(unit=rules.unit.value, version=apart), values)
        found = self._query("SELECT COALESCE(reason, ''), COUNT(*) FROM classifications GROUP BY 1")
        counts = Counter(dict(found))
        counts[Reason.REPEATED_ROW] = self._added - counts.total()
        return +counts

    def counts(self, units: Sequence[str] | None = None) -> Iterator[Count]:
        """Yield how often units were classified, by unit and version; all units when none are given."""
        found = self._query(
            "SELECT counts.unit, counts.version, classifications, anonymous, late, last_at, "
            "json_group_array(subject), MIN(retired_at), MAX(retired_at) "
            "FROM counts JOIN unit_subjects USING (unit, version) JOIN subjects USING (subject, workflow) "
            f"WHERE {_among('counts.unit', units)} GROUP BY counts.unit, counts.version ORDER BY 1, 2",
            units=json.dumps(units),
        )
        for unit, version, classifications, anonymous, late, last_at, subjects, first, last in found:
            ids = tuple(sorted(json.loads(subjects), key=lambda number: (len(number), number)))
            yield Count(unit, version, classifications, anonymous, late, last_at, ids, first and last)

    def tallies(self, units: Sequence[str] | None = None) -> Iterator[Tally]:
        """Yield the votes of units, in no order; of all units when none are given."""
        found = self._query(
            f"SELECT unit, version, task, answer, votes FROM tallies WHERE {_among('unit', units)}",
            units=json.dumps(units),
        )
        return (Tally(*row) for row in found)

    def subjects_of(self, sources: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield (source, subject) for the subjects of sources that were met, used or not."""
        yield from self._query(
            f"SELECT DISTINCT source, subject FROM classifications WHERE {_among('source', sources)}",
            units=json.dumps(sources),
        )

    def confusion(self, only_task: str | None) -> Iterator[Confused]:
        """Yield how volunteers answered where one answer is known to be right.

        Subjects of which experts disagree, or with several right answers, are left out.

        Parameters
        ----------
        only_task : str or None
            The workflow's only task, which a right answer is about that names none; None when it has several.
        """
        found = self._query(
            "SELECT right.basis, meanings.task, right.answer, meanings.answer, COUNT(DISTINCT classification) "
            "FROM (SELECT basis, subject, task, MAX(answer) AS answer FROM expected "
            "      GROUP BY basis, subject, task HAVING COUNT(*) = 1) AS right "
            "JOIN classifications USING (subject) JOIN votes ON classification = classifications.number "
            "JOIN meanings ON meanings.number = meaning "
            "AND (right.task = meanings.task OR (right.task = '' AND meanings.task = :only_task)) "
            "WHERE meanings.answer != '' AND ((basis = 'training' AND reason = :training) "
            "OR (basis = 'gold standard' AND reason IS NULL)) GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4",
            training=Reason.TRAINING.value,
            only_task=only_task,
        )
        return (Confused(*row) for row in found)

    def totals(self) -> tuple[int, int]:
        """Count the used classifications made without sign-in, and those made after their subject's retirement."""
        ((anonymous, late),) = self._query("SELECT SUM(anonymous), SUM(late) FROM counts")
        return anonymous or 0, late or 0

    def retired(self, workflow: str) -> Iterator[str]:
        """Yield the subjects that the export tells to be retired in a workflow."""
        found = self._query(
            "SELECT subject FROM subjects WHERE workflow = :workflow AND retired_at != ''", workflow=workflow
        )
        return (subject for (subject,) in found)

    def per_day(self) -> dict[str, int]:
        """Count the used classifications of each day, in UTC."""
        return dict(
            self._query(
                "SELECT SUBSTR(created_at, 1, 10), COUNT(*) FROM classifications WHERE reason IS NULL "
                "GROUP BY 1 ORDER BY 1"
            )
        )

    def span(self) -> tuple[str, str]:
        """Return when the first and the last classification of the export were made; empty when there is none."""
        ((first, last),) = self._query("SELECT MIN(created_at), MAX(created_at) FROM classifications")
        return first or "", last or ""


def _among(column: str, units: Sequence[str] | None) -> str:
    return "TRUE" if units is None else f"{column} IN (SELECT value FROM json_each(:units))"


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise NotWritable(
            f"the classifications cannot be counted on disk ({error}): free space in the folder for temporary "
            "files, or set SQLITE_TMPDIR to another one"
        ) from error
