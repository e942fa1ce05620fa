"""The words of `[metadata]`, taken apart: a column by its name, or text with columns in braces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from string import Formatter

from zoocut.error_kinds import MalformedPattern

__all__ = ["Part", "columns_named", "parts_of"]


@dataclass(frozen=True, slots=True)
class Part:
    """Words, and the column with its format that follows them; None at the end."""

    words: str
    column: str | None
    form: str


def columns_named(metadata: Mapping[str, str]) -> list[str]:
    """Name the columns that the metadata is made of."""
    parts = (part for key, words in metadata.items() for part in parts_of(key, words))
    return list(dict.fromkeys(part.column for part in parts if part.column is not None))


@lru_cache(maxsize=256)
def parts_of(key: str, words: str) -> tuple[Part, ...]:
    """Take the words under a metadata key apart.

    Raises
    ------
    ConfigError
        When they are malformed.
    """
    if "{" not in words and "}" not in words:
        return (Part("", words, ""),)
    try:
        found = [(text, name, form, how) for text, name, form, how in Formatter().parse(words)]
    except ValueError as error:
        raise MalformedPattern(
            f"metadata.{key!r} = {words!r} is malformed ({error}): write columns as {{snr:.1f}}"
        ) from None
    wrong = next((name for _, name, _, how in found if name is not None and (not name or how)), None)
    if wrong is not None:
        raise MalformedPattern(f"metadata.{key!r} = {words!r} is malformed: write columns as {{snr:.1f}}")
    return tuple(Part(text, name, form or "") for text, name, form, _ in found)
