"""What a metadata key is given: a catalog column as it is, or words with columns in braces.

`"!diaSourceId" = "diaSourceId"` names a column; `"!S/N" = "{snr:.1f}"` formats one, as Python does; in an address,
`"!Fink" = "https://host/{diaObjectId}"`, text is quoted as addresses want it. A key whose columns are empty is left
out, and so is one with an object's id that says that there is no object.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import quote

from zoocut.error_kinds import MalformedPattern
from zoocut.files import is_address
from zoocut.metadata_keys import bare_name, seen_by
from zoocut.metadata_words import Part, parts_of
from zoocut.model import DiaSource, Value
from zoocut.select.columns import value_of
from zoocut.values import formatted, marks_missing, object_or_none

__all__ = ["check_words", "metadata_of", "steering_keys"]

STEERING = (
    "ra", "dec", "decl", "reliability", "spuriousness", "rb", "drb", "snr", "scorr", "classtar", "redshift",
)  # fmt: skip
STEERING_PARTS = ("mag", "flux", "class", "score", "prob", "coord")
"""Columns, and parts of their names, whose values let a volunteer look the answer up or follow a machine's."""


def check_words(source: DiaSource, metadata: Mapping[str, str]) -> None:
    """Look whether every key can be written for a source.

    Raises
    ------
    ConfigError
        When a key asks for a column that the catalog does not have, or its words are malformed.
    """
    for key, words in metadata.items():
        for part in parts_of(key, words):
            if part.column is not None:
                value = value_of(source, part.column, f"metadata.{key!r}")
                _check_format(key, part, value)


def metadata_of(columns: Mapping[str, Value], metadata: Mapping[str, str]) -> dict[str, str]:
    """Return the metadata of a source as its manifest row has it; what is empty is left out."""
    texts = {key: _text(parts_of(key, words), columns) for key, words in metadata.items()}
    return {key: text for key, text in texts.items() if text}


def steering_keys(metadata: Mapping[str, str]) -> list[str]:
    """Name the keys that volunteers see while they classify, and whose values may steer their answers."""
    return [
        key
        for key, words in metadata.items()
        if seen_by(key.lstrip("%")) == "everyone"
        and (is_address(words) or any(map(_steers, _named(key, words))))
    ]


def _named(key: str, words: str) -> Iterable[str]:
    return [bare_name(key), *(part.column for part in parts_of(key, words) if part.column is not None)]


def _steers(name: str) -> bool:
    last = name.rpartition(".")[2]
    return (
        last.casefold() in STEERING
        or last.endswith("Id")
        or any(part in last.casefold() for part in STEERING_PARTS)
    )


def _check_format(key: str, part: Part, value: Value) -> None:
    try:
        formatted(1.0 if value is None or marks_missing(value) else value, part.form)
    except ValueError as error:
        raise MalformedPattern(
            f"metadata.{key!r}: the format {part.form!r} does not fit the column {part.column}, which holds {value!r}"
            f" ({error})"
        ) from None


def _text(parts: tuple[Part, ...], columns: Mapping[str, Value]) -> str:
    if len(parts) == 1 and not parts[0].words and not parts[0].form:
        value = columns.get(parts[0].column or "")
        return "" if value is None else str(value)
    is_link, texts = is_address(parts[0].words), []
    for part in parts:
        texts.append(part.words)
        if part.column is not None:
            value = object_or_none(part.column, columns.get(part.column))
            if value is None:
                return ""
            texts.append(_formatted(value, part.form, is_link))
    return "".join(texts)


def _formatted(value: Value, form: str, is_link: bool) -> str:
    """Format a value; one that is of another kind than the first row's stays as it is."""
    try:
        text = formatted(value, form)
    except ValueError:
        text = str(value)
    return quote(text, safe="") if is_link and isinstance(value, str) else text
