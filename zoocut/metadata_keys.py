"""How Zooniverse reads metadata keys, which source a subject says it is, and the key that a run's subjects carry.

A key may begin with a prefix that tells who sees it: `#` and `//` nobody, `!` only people on Talk; `%` marks a
field that sets are indexed by and is taken off before anything is sent. The prefix and capitals are no part of
what the key means: `%Band`, `#band` and `band` name one thing, and where a subject has several of them that
disagree it has no one value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = [
    "DIA_SOURCE_ID",
    "KEY",
    "PREFIXES",
    "SubjectKey",
    "bare_name",
    "index_name",
    "is_priority",
    "missing_feedback",
    "seen_by",
    "sent_name",
    "source_of",
    "tidied",
    "values_of",
]

KEY = "#zoocut"
"""The metadata key, hidden from volunteers, that a subject of this program is recognised by."""

DIA_SOURCE_ID = "diaSourceId"

PREFIXES = "#/!%& "
"""What may stand before a metadata key without being part of its name."""

COLUMN = "metadata:"
"""What a manifest's metadata columns begin with; panoptes-cli stores the names of columns as they stand."""

INDEX = "%"
BLANK_BEHIND_PREFIX = re.compile(r"^([#!/%]+)\s+(?=\S)")
FEEDBACK = "#feedback_"
CHECKSUM_DIGITS = 12
"""Enough to tell the images of one row from each other; the whole checksum is in the ledger."""


def bare_name(key: str) -> str:
    """Return a metadata key without its prefix, in small letters."""
    return key.lstrip(PREFIXES).removeprefix(COLUMN).lstrip(PREFIXES).rstrip().casefold()


def tidied(key: str) -> str:
    """Return a key without blanks around it and behind its prefix: Zooniverse takes `# band` for another key."""
    return BLANK_BEHIND_PREFIX.sub(r"\1", key.strip())


def sent_name(key: str) -> str:
    """Return a manifest's key as Zooniverse gets it: without the mark of an index field."""
    return key.lstrip(INDEX)


def index_name(key: str) -> str | None:
    """Return the name that sets are indexed by; None for a key that is no index field."""
    return sent_name(key) if key.startswith(INDEX) else None


def seen_by(key: str) -> str:
    """Return who meets a value under this key: `nobody`, `talk` or `everyone`."""
    if key.startswith(("#", "//")):
        return "nobody"
    return "talk" if key.startswith("!") else "everyone"


def values_of(metadata: Mapping[str, Any], key: str) -> list[str]:
    """Return the different values under a key, whatever its prefix and capitals; blank ones are left out."""
    wanted = bare_name(key)
    found = (value for name, value in metadata.items() if bare_name(name) == wanted)
    told = (
        str(value).strip() for value in found if value is not None
    )  # an import stores empty cells as null
    return list(dict.fromkeys(value for value in told if value))


def source_of(metadata: Mapping[str, Any], external_id: str) -> str:
    """Return the source that metadata tells: its one diaSourceId, else the external id; empty when neither."""
    told = values_of(metadata, DIA_SOURCE_ID)
    return told[0] if len(told) == 1 else external_id


@dataclass(frozen=True, slots=True)
class SubjectKey:
    """The metadata `#zoocut` of a subject: which run made it, for which set and row, with which first image.

    Parameters
    ----------
    run_id, set_id : str
        The run and the subject set that it was made for.
    external_id : str
        The row; it may hold slashes.
    checksum : str
        The first digits of the SHA-256 of the row's first image.
    """

    run_id: str
    set_id: str
    external_id: str
    checksum: str

    @classmethod
    def of(cls, run_id: str, set_id: str, external_id: str, sha256: str) -> SubjectKey:
        """Return the key of a row whose first image has this checksum."""
        return cls(run_id, set_id, external_id, sha256[:CHECKSUM_DIGITS])

    @classmethod
    def read(cls, text: str) -> SubjectKey | None:
        """Read a key; None when it is none of this program's."""
        run_id, _, rest = text.partition("/")
        set_id, _, rest = rest.partition("/")
        external_id, slash, checksum = rest.rpartition("/")
        return cls(run_id, set_id, external_id, checksum) if run_id and set_id.isdecimal() and slash else None

    @staticmethod
    def start(run_id: str, set_id: str) -> str:
        """Return what the keys of a run's subjects for one set begin with."""
        return f"{run_id}/{set_id}/"

    def __str__(self) -> str:
        return f"{self.start(self.run_id, self.set_id)}{self.external_id}/{self.checksum}"

    def belongs_to(self, run_id: str, set_id: str) -> bool:
        """Return whether the subject was made by this run for this set."""
        return (self.run_id, self.set_id) == (run_id, set_id)


def is_priority(text: str) -> bool:
    """Whether Zooniverse reads a priority from a text: one that is no number takes those of its whole batch away."""
    try:
        return abs(float(text)) < float("inf")
    except ValueError:
        return False


def missing_feedback(metadata: Mapping[str, str]) -> list[str]:
    """Name the keys that a training subject lacks.

    Parameters
    ----------
    metadata : mapping of str to str
        Keys in small letters.

    Returns
    -------
    list of str
        For each N of its `#feedback_N_...` keys the id, and the answer where nothing else is expected;
        for N = 1 when there are none at all.
    """
    known = {key for key, value in metadata.items() if key.startswith(FEEDBACK) and value}
    numbers = {key.split("_")[1] for key in metadata if key.startswith(FEEDBACK) and key.count("_") >= 2}
    return [key for number in sorted(numbers or {"1"}) for key in _missing_of(f"{FEEDBACK}{number}_", known)]


def _missing_of(start: str, known: set[str]) -> list[str]:
    others = any(key.startswith(start) and key != f"{start}id" for key in known)
    return [f"{start}id"] * (f"{start}id" not in known) + [f"{start}answer"] * (not others)
