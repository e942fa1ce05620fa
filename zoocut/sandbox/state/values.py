"""Small readings of values as a Rails server makes them: ids, times, JSON, tags."""

from __future__ import annotations

import hashlib
import json
import math
import re
import unicodedata
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

__all__ = [
    "as_id",
    "as_int",
    "etag",
    "flat",
    "http_date",
    "inspected",
    "is_blank",
    "iso",
    "ordered",
    "parse_json",
    "same_json",
    "slug_of",
]

LARGEST_ID = 2**63 - 1
NUMBER = re.compile(r"\s*([+-]?\d{1,4000})")


def as_int(value: str) -> int:
    """Read the digits at the start of a text, 0 when there are none."""
    match = NUMBER.match(value)
    return int(match[1]) if match else 0


def as_id(value: Any) -> int | None:
    """Read an id as a database column of integers does; None where nothing can match."""
    if isinstance(value, bool) or value is None:
        return None
    number = as_int(value) if isinstance(value, str) else value
    if isinstance(number, float):
        number = int(number) if abs(number) < LARGEST_ID else None
    return number if isinstance(number, int) and 0 < number <= LARGEST_ID else None


def is_blank(value: Any) -> bool:
    """Tell whether Rails takes a parameter for missing."""
    return (
        value is None or value is False or value in ({}, []) or (isinstance(value, str) and not value.strip())
    )


def iso(time_us: int | None) -> str | None:
    """Write a time as the API does: UTC, milliseconds, a Z."""
    if time_us is None:
        return None
    moment = datetime.fromtimestamp(time_us // 1_000_000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{time_us // 1000 % 1000:03d}Z"


def http_date(time_us: int) -> str:
    """Write a time as HTTP headers do."""
    return format_datetime(datetime.fromtimestamp(time_us // 1_000_000, UTC), usegmt=True)


def etag(*parts: object) -> str:
    """Return the strong tag of a record's class, id and time of change."""
    return '"' + hashlib.md5("/".join(map(str, parts)).encode(), usedforsecurity=False).hexdigest() + '"'


def ordered(value: Any) -> Any:
    """Order an object's keys as a jsonb column does: by length, then bytes."""
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: (len(key.encode()), key.encode()))
        return {key: ordered(value[key]) for key in keys}
    return [ordered(item) for item in value] if isinstance(value, list) else value


def inspected(value: Any) -> str:
    """Write a value as Ruby's inspect does."""
    if isinstance(value, list):
        return f"[{', '.join(map(inspected, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{inspected(key)}=>{inspected(one)}" for key, one in value.items()) + "}"
    if not isinstance(value, str):
        return {None: "nil", True: "true", False: "false"}.get(value, str(value))
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    for sign in "{$@":
        escaped = escaped.replace(f"#{sign}", f"\\#{sign}")
    return f'"{escaped}"'


def slug_of(name: str) -> str:
    """Make the part of an address that stands for a display name."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9_]+", "-", plain).strip("-")


def same_json(a: Any, b: Any) -> bool:
    """Tell whether two JSON values are equal, booleans and numbers apart."""
    return json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True)


def _refuse_constant(name: str) -> float:
    raise ValueError(f"unexpected token {name}")


def _float(text: str) -> float | None:
    """Read a number; one that no double holds is written as null later, as Ruby does."""
    number = float(text)
    return None if math.isinf(number) else number


def parse_json(body: bytes) -> Any:
    """Parse a request body strictly: no NaN, no more than 100 levels, no half of a character.

    Raises
    ------
    ValueError
        When the body is not such JSON; UnicodeDecodeError when it is no UTF-8.
    """
    try:
        content = json.loads(body.decode(), parse_constant=_refuse_constant, parse_float=_float)
        _check(content, 100)
    except RecursionError:
        raise ValueError("nesting is too deep") from None
    return content


def _check(content: Any, levels: int) -> None:
    if isinstance(content, str):
        content.encode()
    elif isinstance(content, (dict, list)):
        if not levels:
            raise ValueError("nesting is too deep")
        for item in content:
            _check(item, levels - 1)
        for item in content.values() if isinstance(content, dict) else ():
            _check(item, levels - 1)


def flat(value: Any) -> list[Any]:
    """Return the items of a list, and of the lists in it."""
    if not isinstance(value, list):
        return [value]
    return [item for one in value for item in flat(one)]
