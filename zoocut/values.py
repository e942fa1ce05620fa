"""What a cell means, one rule for every reader: ids, numbers and flags, also where they are written as text."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Literal

from zoocut.error_kinds import BadId
from zoocut.model import SourceId, Value

__all__ = [
    "ID_RULES",
    "LARGEST_ID",
    "IdKind",
    "exact_id",
    "file_stem",
    "flag_of",
    "formatted",
    "id_key",
    "marks_missing",
    "number_of",
    "object_of",
    "object_or_none",
    "text_id",
]

IdKind = Literal["integer", "text"]

LARGEST_EXACT_FLOAT = 2**53
LARGEST_ID = 2**63 - 1
DIGITS = re.compile(r"0|[1-9][0-9]*")
WHOLE_OF_ANY_SIZE = re.compile(r"-?[1-9][0-9]*")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
WHOLE = re.compile(r"[+-]?\d{1,20}", re.ASCII)
NUMERIC_FORM = re.compile(r"[bcdeEfFgGnoxX%]$|^[+\- ]|^0\d|[,_]")
"""What only numbers can be written by: Python's format specification."""

MISSING_MARKS = ("", "--", "---", "-", "indef", "masked", "none", "null", "nan", "na", "n/a", "#n/a")
FLAGS = {"true": True, "t": True, "yes": True, "y": True, "false": False, "f": False, "no": False, "n": False}

IDS_THAT_MAY_BE_ZERO = ("diaobjectid", "ssobjectid", "objectid", "parentdiasourceid")
"""Columns of ids where 0 says the same as a missing value: packets of LSST write one or the other."""

LONGEST_NAME = 200
"""Characters: file names of 255 bytes hold what is made of it."""

AS_TEXT = "or set catalog.id_kind = 'text' (names as ids)"


def exact_id(cell: Any) -> int:
    """Read an id without loss.

    Raises
    ------
    ValueError
        When it is missing, not a whole number from 0 to 2^63 - 1, or went through floating point, which
        rounds whole numbers beyond 2^53.
    """
    if cell is None or (isinstance(cell, str) and not cell.strip()) or cell != cell:
        raise BadId("its id is missing: give every row one")
    if isinstance(cell, float) and (abs(cell) >= LARGEST_EXACT_FLOAT or not cell.is_integer()):
        raise BadId(
            f"its id {cell!r} is floating-point, which loses digits beyond 2^53: save ids as integers or text"
        )
    if isinstance(cell, str):
        return _id_of_text(cell)
    if isinstance(cell, bool) or not isinstance(cell, (int, float)):
        raise BadId(f"its id {cell!r} is not a whole number: mend the id column, {AS_TEXT}")
    return _within(int(cell))


def _id_of_text(text: str) -> int:
    """Read an id that is written as text: ASCII digits alone, so that no two texts are one id.

    Raises
    ------
    ValueError
        When it is written with a sign, an exponent, a decimal point, an underscore, leading zeros or other digits,
        or is not between 0 and 2^63 - 1.
    """
    bare = text.strip()
    if DIGITS.fullmatch(bare) and len(bare) <= len(str(LARGEST_ID)):
        return _within(int(bare))
    if WHOLE_OF_ANY_SIZE.fullmatch(bare):
        raise BadId(f"its id {bare[:40]} is not between 0 and 2^63 - 1: mend the id column")
    raise BadId(
        f"its id {bare[:80]!r} is not a whole number of digits alone, without leading zeros: mend the id column, "
        f"{AS_TEXT}"
    )


def text_id(cell: Any) -> str:
    """Read a name as an id, as it is written but for blanks around it.

    Raises
    ------
    ValueError
        When it is missing, a floating-point number, longer than 200 characters, or holds control characters.
    """
    if cell is None or (isinstance(cell, str) and not cell.strip()) or cell != cell:
        raise BadId("its id is missing: give every row one")
    if isinstance(cell, (bool, float)) or not isinstance(cell, (str, int)):
        raise BadId(f"its id {cell!r} is neither text nor a whole number: save the column as text")
    name = str(cell).strip()
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise BadId(
            f"its id {name[:40]!r} is longer than {LONGEST_NAME} characters or holds unprintable ones: rename it"
        )
    return name


def _within(number: int) -> int:
    if not 0 <= number <= LARGEST_ID:
        raise BadId(f"its id {number} is not between 0 and 2^63 - 1: mend the id column")
    return number


def number_of(value: Value) -> int | float | None:
    """Return the number that a value is, or that its text is; None for anything else, NaN and infinity among it."""
    if isinstance(value, str):
        return _parsed(value.strip())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


def _parsed(text: str) -> int | float | None:
    if WHOLE.fullmatch(text):
        return int(text)
    if not NUMBER.fullmatch(text):
        return None
    number = float(text)
    return number if math.isfinite(number) else None


def formatted(value: Value, form: str) -> str:
    """Write a value in a format; a number that is written as text is one where the format asks for a number.

    Raises
    ------
    ValueError
        When the format is not one of such values.
    """
    if isinstance(value, str) and NUMERIC_FORM.search(form):
        number = number_of(value)
        if number is None:
            raise ValueError(f"{value!r} is not a number")
        whole = form[-1:] in "bcdoxX" and isinstance(number, float) and number.is_integer()
        return format(int(number) if whole else number, form)
    return format(value, form)


def marks_missing(value: Value) -> bool:
    """Whether a text says that there is no value, as IRAF, astropy and spreadsheets write it."""
    return isinstance(value, str) and value.strip().lower() in MISSING_MARKS


def object_of(value: Value) -> Value:
    """Return an object's id as one value however it is written; None for what says that there is no object.

    Whole numbers are the same as text and as floating-point numbers that are exact. 0, negative numbers (-1, -9999
    fill columns that cannot be empty) and marks such as `null` are no object.
    """
    if value is None or isinstance(value, bool) or marks_missing(value):
        return None
    number = number_of(value)
    if number is None or number <= 0:
        return value.strip() if number is None and isinstance(value, str) else None
    if isinstance(value, str):
        return int(value) if DIGITS.fullmatch(value.strip()) else value.strip()
    return int(number) if number < LARGEST_EXACT_FLOAT and number == int(number) else value


def object_or_none(column: str, value: Value) -> Value:
    """Return a column's value; None where it is the id of an object and says that there is none."""
    is_id = column.rpartition(".")[2].lower() in IDS_THAT_MAY_BE_ZERO
    return None if is_id and object_of(value) is None else value


def flag_of(value: Value) -> bool | None:
    """Return whether a flag is set, also where it is written as text; None for what is missing or no flag."""
    if isinstance(value, str) and value.strip().lower() in FLAGS:
        return FLAGS[value.strip().lower()]
    number = number_of(value)
    return None if number is None else bool(number)


SAFE_STEM = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9_])?")
RESERVED_STEM = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?|.*-[0-9a-f]{10}")
"""Names that Windows keeps for devices, and names that end as those made below do."""

STEM_CHARACTERS = 60


def file_stem(dia_source_id: SourceId) -> str:
    """Name the files of a source: its number, or its name where that is safe on every file system.

    Other names get safe characters and ten digits of their checksum, so that no two names are one file, also where
    capitals do not count.
    """
    name = str(dia_source_id)
    if isinstance(dia_source_id, int):
        return name
    if len(name) <= STEM_CHARACTERS and SAFE_STEM.fullmatch(name) and not RESERVED_STEM.fullmatch(name):
        return name
    safe = re.sub(r"[^A-Za-z0-9._-]+", "_", name)[:STEM_CHARACTERS].strip("._-") or "source"
    return f"{safe}-{sha256(name.encode()).hexdigest()[:10]}"


def id_key(dia_source_id: SourceId) -> int:
    """Return a number of 63 bits that stands for an id: itself, or the checksum of a name that is no number.

    Two of ten million names have the same with a chance of 5 in a million: n^2 / 2^64.
    """
    if isinstance(dia_source_id, int):
        return dia_source_id
    if DIGITS.fullmatch(dia_source_id) and len(dia_source_id) <= 19 and int(dia_source_id) <= LARGEST_ID:
        return int(dia_source_id)
    return int.from_bytes(sha256(dia_source_id.encode()).digest()[:8], "big") >> 1


ID_RULES: Mapping[IdKind, Callable[[Any], SourceId]] = {"integer": exact_id, "text": text_id}
"""How the ids of a catalog are read, by its `id_kind`; lists and exports beside it are read alike."""
