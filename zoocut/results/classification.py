"""One row of a classification export as a record, or what is wrong with it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from zoocut.metadata_keys import bare_name
from zoocut.results.annotations import Answered, answered
from zoocut.results.workflow import Version

__all__ = ["Classification", "Unreadable", "read_classification"]

VERSION = re.compile(r"(\d+)(?:\.(\d+))?", re.ASCII)
NUMBER = re.compile(r"\d+", re.ASCII)
TRAINING = "training_subject"
FEEDBACK = re.compile(r"feedback_(\d+)_(id|answer)")
MOST_REMEMBERED = 4096
DECODE = json.JSONDecoder(parse_float=str).decode
"""Numbers with a point stay text: an id that went through one must not be taken for exact."""


class Unreadable(ValueError):
    """A row that cannot be used; the message says why, in words that are counted."""


@dataclass(frozen=True, slots=True)
class Classification:
    """What one volunteer said of one subject.

    Parameters
    ----------
    classification_id, workflow_id, workflow_name : str
        Of the row.
    version : (int, int)
        Of the workflow.
    created_at : str
        In UTC, ISO 8601, to the second, so that texts sort as times do.
    volunteer : str
        A hash that tells volunteers apart.
    signed_in : bool
        Whether it was a Zooniverse account; the others are told apart only by the network they came from.
    subject_ids : tuple of str
        Which subjects it is about: one.
    metadata : tuple of (str, Any)
        The subject's, with keys as `bare_name` gives them.
    gold_standard, before_launch, already_seen : bool
        Whether it was made as an expert's example, before the project was launched, or by somebody who had
        classified the subject before.
    answers : tuple of Answered
        What was answered.
    expected : mapping of str to str
        The number of the right answer by task, where the volunteer was given feedback on it.
    retired_at, retirement_reason : str
        When the subject was retired, written as `created_at` is, and why; empty when it was not.
    """

    classification_id: str
    workflow_id: str
    workflow_name: str
    version: Version
    created_at: str
    volunteer: str
    signed_in: bool
    subject_ids: tuple[str, ...]
    metadata: tuple[tuple[str, Any], ...] = field(repr=False)
    gold_standard: bool
    before_launch: bool
    already_seen: bool
    answers: tuple[Answered, ...]
    expected: Mapping[str, str]
    retired_at: str
    retirement_reason: str

    @property
    def training(self) -> bool:
        """Whether the subject is one whose answer is known and told."""
        return any(
            FEEDBACK.fullmatch(name) or (name == TRAINING and _is_true(value))
            for name, value in self.metadata
            if "_" in name
        )

    @property
    def known_answers(self) -> tuple[str, ...]:
        """The numbers of the right answers as the subject's metadata tell them, whatever the task."""
        found = ((FEEDBACK.fullmatch(name), str(value).strip()) for name, value in self.metadata)
        return tuple(value for match, value in found if match and match[2] == "answer" and value)


def read_classification(cells: Mapping[str, str]) -> Classification:
    """Read a row.

    Parameters
    ----------
    cells : mapping of str to str
        Its cells by column.

    Raises
    ------
    Unreadable
        When a cell that is needed cannot be read.
    """
    metadata = _decoded(cells, "metadata")
    subject_ids = tuple(
        _require_number(one, "subject_ids") for one in re.split(r"[;,\s]+", cells["subject_ids"]) if one
    )
    major, minor = _version(cells["workflow_version"])
    user = cells["user_id"].strip()
    name = cells["user_name"]
    subject = _subject(cells, subject_ids)
    retired_at, retirement_reason = _retirement(subject.get("retired"))
    return Classification(
        classification_id=_whole_number(cells, "classification_id"),
        workflow_id=_whole_number(cells, "workflow_id"),
        workflow_name=_utf8(cells, "workflow_name") if "workflow_name" in cells else "",
        version=(major, minor),
        created_at=_created_at(cells["created_at"]),
        volunteer=_hashed(f"id {user}" if user else f"name {name}"),
        signed_in=bool(user) or not name.startswith("not-logged-in-"),
        subject_ids=subject_ids,
        metadata=tuple((bare_name(key), value) for key, value in subject.items()),
        gold_standard=_is_true(cells["gold_standard"]),
        before_launch=metadata.get("live_project") is False,
        already_seen=_already_seen(metadata),
        answers=_answers(_utf8(cells, "annotations")),
        expected=_expected(metadata.get("feedback")),
        retired_at=retired_at,
        retirement_reason=retirement_reason,
    )


def _decoded(cells: Mapping[str, str], column: str) -> dict[str, Any]:
    try:
        document = DECODE(_utf8(cells, column))
    except Unreadable:
        raise
    except (ValueError, RecursionError):
        raise Unreadable(f"{column} cannot be read as JSON") from None
    if not isinstance(document, dict):
        raise Unreadable(f"{column} is not made as Panoptes makes it")
    return document


def _utf8(cells: Mapping[str, str], column: str) -> str:
    text = cells[column]
    if not text.isascii() and any("\udc80" <= letter <= "\udcff" for letter in text):
        raise Unreadable(f"{column} is not in UTF-8")
    return text


def _whole_number(cells: Mapping[str, str], column: str) -> str:
    return _require_number(cells[column].strip(), column)


def _require_number(text: str, column: str) -> str:
    if not NUMBER.fullmatch(text):
        raise Unreadable(f"{column} is not a whole number")
    return text


def _version(text: str) -> Version:
    match = VERSION.fullmatch(text.strip())
    if match is None:
        raise Unreadable("workflow_version is not a version")
    return int(match[1]), int(match[2] or 0)


def _created_at(text: str) -> str:
    try:
        return _time(text)
    except ValueError:
        raise Unreadable("created_at is not a time") from None


def _time(text: str) -> str:
    told = datetime.fromisoformat(text.strip().replace(" UTC", "+00:00").replace(" +0000", "+00:00"))
    utc = told.astimezone(UTC) if told.tzinfo else told
    return f"{utc.replace(tzinfo=None).isoformat('T', 'seconds')}Z"


def _hashed(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogateescape"), digest_size=10).hexdigest()


def _is_true(value: Any) -> bool:
    return value is True or str(value).strip().casefold() in ("true", "t", "1", "yes")


def _already_seen(metadata: Mapping[str, Any]) -> bool:
    """Whether the one who classified had seen the subject, as the page or Panoptes itself noted it."""
    served = metadata.get("subject_selection_state")
    seen = isinstance(served, dict) and served.get("already_seen") is True
    return seen or metadata.get("seen_before") is True


def _subject(cells: Mapping[str, str], subject_ids: tuple[str, ...]) -> Mapping[str, Any]:
    subjects = _decoded(cells, "subject_data")
    if len(subject_ids) != 1:
        return {}
    found = subjects.get(subject_ids[0])
    if not isinstance(found, dict):
        raise Unreadable("subject_data is about another subject than subject_ids")
    return {name: value for name, value in found.items() if value is not None}  # an import's empty cells


def _retirement(told: Any) -> tuple[str, str]:
    if not isinstance(told, dict) or not told.get("retired_at"):
        return "", ""
    try:
        return _time(str(told["retired_at"])), str(told.get("retirement_reason") or "")
    except ValueError:
        raise Unreadable("subject_data tells a retirement without a time") from None


@lru_cache(MOST_REMEMBERED)
def _answers(text: str) -> tuple[Answered, ...]:
    """Read the annotations; thousands of volunteers say the same in the same words."""
    try:
        annotations = json.loads(text)
    except (ValueError, RecursionError):
        raise Unreadable("annotations cannot be read as JSON") from None
    try:
        return tuple(answered(annotations))
    except (ValueError, TypeError):
        raise Unreadable("annotations are not made as Panoptes makes them") from None


def _expected(feedback: Any) -> dict[str, str]:
    """Read the right answers from the feedback that was given, `{task: [{answer, strategy, success}]}`."""
    found: dict[str, str] = {}
    for task, rules in feedback.items() if isinstance(feedback, dict) else ():
        for rule in rules if isinstance(rules, list) else ():
            if isinstance(rule, dict) and rule.get("answer") not in (None, ""):
                found.setdefault(str(task), str(rule["answer"]).strip())
    return found
