"""Training subjects: the hidden metadata by which Zooniverse gives volunteers feedback on answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoocut.delimited import DelimitedText, Line, without_mark
from zoocut.error_kinds import BadManifest, NothingInside, RepeatedColumn, UnreadableFile
from zoocut.metadata_keys import missing_feedback
from zoocut.zooniverse.set_admin import SetAdmin

__all__ = ["TrainingRow", "mark_training", "read_training", "workflow_request"]

TRAINING = "#training_subject"
IDENTITIES = ("subject_id", "diaSourceId")
FEEDBACK = ("id", "answer")


@dataclass(frozen=True, slots=True)
class TrainingRow:
    """A subject whose answer is known.

    Parameters
    ----------
    line : int
        Its line in the table.
    subject_id, dia_source_id : str
        Which subject; one of the two is empty.
    metadata : mapping of str to str
        What it is to carry, all of it text.
    """

    line: int
    subject_id: str
    dia_source_id: str
    metadata: Mapping[str, str]


def read_training(path: Path, encoding: str | None = None) -> list[TrainingRow]:
    """Read a table of training subjects.

    Parameters
    ----------
    path : Path
        A CSV with `subject_id` or `diaSourceId`, and `#feedback_1_id`, `#feedback_1_answer` and so on; an
        empty `#training_subject` counts as True.
    encoding : str, optional
        The table's encoding, where it is neither UTF-8 nor UTF-16.

    Raises
    ------
    InputError
        When the table cannot be read or a row is not complete.
    """
    try:
        with DelimitedText(path, encoding) as text:
            _require_distinct(path, text.header)
            rows = [_row(path, line.number, _cells(path, text.header, line)) for line in text.lines()]
    except OSError as error:
        raise UnreadableFile(f"{path} cannot be read ({error.strerror}): give another table") from error
    if not rows:
        raise NothingInside(f"{path} has no rows: it needs {' or '.join(IDENTITIES)} and #feedback_1_id")
    return rows


def _require_distinct(path: Path, header: Sequence[str]) -> None:
    repeated = [name for name, count in Counter(header).items() if name and count > 1]
    if repeated:
        raise RepeatedColumn(
            f"{path} has several columns named {', '.join(repeated)}: rename or delete all but one"
        )


def _cells(path: Path, header: Sequence[str], line: Line) -> dict[str, str]:
    if len(line.cells) != len(header):
        raise BadManifest(
            f"{path} line {line.number} has {len(line.cells)} cells where the header has {len(header)}: mend it"
        )
    return dict(zip(header, line.cells, strict=True))


def _row(path: Path, line: int, cells: Mapping[str, str]) -> TrainingRow:
    subject_id, dia_source_id = (without_mark((cells.get(name) or "").strip()) for name in IDENTITIES)
    hidden = {
        key: value.strip() for key, value in cells.items() if key and key.startswith("#") and value.strip()
    }
    metadata = {TRAINING: "True", **hidden}
    missing = missing_feedback(metadata)
    if bool(subject_id) == bool(dia_source_id):
        missing.append(f"one of {' and '.join(IDENTITIES)}")
    if missing:
        raise BadManifest(f"{path} line {line} is not complete: it needs {', '.join(missing)}")
    return TrainingRow(line, subject_id, dia_source_id, metadata)


def mark_training(admin: SetAdmin, rows: Sequence[TrainingRow], subject_ids: Sequence[str]) -> list[str]:
    """Give the subjects their training metadata, leaving the rest of it.

    Parameters
    ----------
    admin : SetAdmin
        The server.
    rows : sequence of TrainingRow
        What to write.
    subject_ids : sequence of str
        The subject of each row.

    Returns
    -------
    list of str
        The subjects that were changed; the others carried it already.
    """
    changed = []
    for row, number in zip(rows, subject_ids, strict=True):
        subject = admin.panoptes.subject(number)
        if any(subject.metadata.get(key) != value for key, value in row.metadata.items()):
            admin.replace_metadata(subject, {**subject.metadata, **row.metadata})
            changed.append(number)
    return changed


def workflow_request(rows: Sequence[TrainingRow], set_ids: Sequence[str]) -> dict[str, Any]:
    """Write the workflow configuration to ask Zooniverse for; a team cannot set it by itself.

    The chances are a proposal: half of a volunteer's first ten subjects are training subjects, then a fifth,
    then a twentieth.
    """
    rules = sorted({value for row in rows for key, value in row.metadata.items() if key.endswith("_id")})
    return {
        "training_set_ids": [int(number) for number in set_ids],
        "training_chances": [0.5] * 10 + [0.2] * 40,
        "training_default_chance": 0.05,
        "feedback_rules": rules,
    }
