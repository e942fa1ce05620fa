"""What fields of packets mean, wherever in a packet they stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

__all__ = ["field_at", "has_field", "ids_of", "is_ztf", "sign"]

Fields = Mapping[str, Any]

LEAST_FLOAT_ID = 10**6
"""Floats that are whole numbers by chance, such as a declination of 2.0, are no ids; those that are, are larger."""


SIGNS = {"t": 1, "true": 1, "1": 1, "+1": 1, "+": 1, "f": -1, "false": -1, "0": -1, "-1": -1, "-": -1}
"""What tells a difference that is brighter than the template from one that is fainter: ZTF's `isdiffpos` is t, f,
1 or 0; other surveys write the sign itself."""


def field_at(fields: Fields, place: str) -> Any:
    """Follow dots into records; None where the way ends."""
    found: Any = fields
    for name in place.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def has_field(fields: Fields, place: str) -> bool:
    """Return whether a packet may have a field: a record that is null tells nothing of the fields it could hold."""
    found: Any = fields
    for name in place.split("."):
        if found is None:
            return True
        if not isinstance(found, Mapping) or name not in found:
            return False
        found = found[name]
    return True


def ids_of(fields: Fields) -> Iterator[str]:
    """Yield every text and whole number of a packet and of the records in it, as text: its ids are among them."""
    for value in fields.values():
        if isinstance(value, Mapping):
            yield from ids_of(value)
        elif isinstance(value, (int, str)) and not isinstance(value, bool):
            yield str(value)
        elif isinstance(value, (float, Decimal)) and value > LEAST_FLOAT_ID and value == value // 1:
            yield str(int(value))


def is_ztf(fields: Fields) -> bool:
    """Tell ZTF's packets by who published them, or by the name of the object."""
    names = (fields.get("publisher"), fields.get("objectId"))
    return isinstance(fields.get("candidate"), Mapping) and any(
        isinstance(name, str) and name.startswith("ZTF") for name in names
    )


def sign(cell: Any) -> int | None:
    """Tell brighter (1) from fainter (-1) than the template: t, 1, true, + from f, 0, false, -; None: neither."""
    if isinstance(cell, bytes):
        cell = cell.decode("ascii", "replace")
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    text = str(cell).strip().lower() if isinstance(cell, (str, bool, int)) else ""
    return SIGNS.get(text)
