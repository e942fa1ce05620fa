"""How Zooniverse reads metadata keys, and which source a subject says it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoocut.zooniverse.panoptes import Subject

__all__ = ["bare_name", "dia_source_id", "missing_feedback"]

PREFIXES = "#/!%& "
"""What may stand before a metadata key without being part of its name."""

DIA_SOURCE_ID = "diasourceid"
FEEDBACK = "#feedback_"


def bare_name(key: str) -> str:
    """Give a metadata key without its prefix, in small letters."""
    return key.lstrip(PREFIXES).casefold()


def dia_source_id(subject: Subject) -> str:
    """Tell the source of a subject: its metadata's diaSourceId, else its external id; empty when neither."""
    told = {str(value).strip() for key, value in subject.metadata.items() if bare_name(key) == DIA_SOURCE_ID}
    return told.pop() if len(told) == 1 else subject.external_id


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
