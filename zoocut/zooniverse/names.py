"""How Zooniverse reads metadata keys, and which source a subject says it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoocut.zooniverse.panoptes import Subject

__all__ = ["bare_name", "dia_source_id"]

PREFIXES = "#/!%& "
"""What may stand before a metadata key without being part of its name."""

DIA_SOURCE_ID = "diasourceid"


def bare_name(key: str) -> str:
    """Give a metadata key without its prefix, in small letters."""
    return key.lstrip(PREFIXES).casefold()


def dia_source_id(subject: Subject) -> str:
    """Tell the source of a subject: its metadata's diaSourceId, else its external id; empty when neither."""
    told = {str(value).strip() for key, value in subject.metadata.items() if bare_name(key) == DIA_SOURCE_ID}
    return told.pop() if len(told) == 1 else subject.external_id
