"""Columns out of alert packets, by the map of fields in `[catalog]`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from zoocut.catalogs.values import plain
from zoocut.config.catalog import AlertsSettings
from zoocut.model import Value
from zoocut.packets.fields import field_at, has_field
from zoocut.values import number_of, object_or_none

__all__ = ["AlertColumns"]

QUOTIENT = re.compile(r"\s*([0-9.]+)\s*/\s*(.+)")
"""A number over a field."""

Fields = Mapping[str, Any]


class AlertColumns:
    """Makes a source's columns of its packet: those of its measurements, and those that the settings name.

    Parameters
    ----------
    settings : AlertsSettings
        The map.
    """

    def __init__(self, settings: AlertsSettings) -> None:
        self._settings = settings
        self._columns = {name: _several(places) for name, places in settings.columns.items()}
        optional = {name: _several(places) for name, places in settings.optional_columns.items()}
        self._named = self._columns | optional

    def of(self, fields: Fields) -> dict[str, Value]:
        """Make the columns of a packet.

        Parameters
        ----------
        fields : mapping
            The packet.

        Returns
        -------
        dict
            A named column that the packet does not have is None, and never covers a field of the packet.
        """
        cells = self._cells(fields)
        flat = {
            name: object_or_none(name, plain(cell))
            for name, cell in cells.items()
            if not isinstance(cell, (Mapping, list, bytes))
        }
        for name, places in self._named.items():
            value = object_or_none(name, self._value(name, places, fields, cells))
            if value is not None or name not in flat:
                flat[name] = value
        return flat

    def position(self, fields: Fields, columns: Mapping[str, Value]) -> tuple[float | None, float | None]:
        """Return (ra_deg, dec_deg); None where the packet does not tell."""
        names = (self._settings.ra, self._settings.dec)
        ra_deg, dec_deg = (number_of(columns.get(name, plain(field_at(fields, name)))) for name in names)
        return ra_deg, dec_deg

    def missing(self, wanted: Iterable[str], fields: Fields) -> set[str]:
        """Return which of the settings' keys name fields that a packet does not have."""
        cells = self._cells(fields)
        places = dict(self._needed())
        return {
            key
            for key in wanted
            if not any(has_field(fields, place) or has_field(cells, place) for place in places[key])
        }

    def needed(self) -> dict[str, str]:
        """Return what must be in some packet: key of the settings to the fields that it names."""
        return {key: " or ".join(places) for key, places in self._needed()}

    def _needed(self) -> Iterator[tuple[str, list[str]]]:
        for name, places in self._columns.items():
            yield f"catalog.columns.{name}", [_field_of(place) for place in places]
        for key in ("measurements", "ra", "dec"):
            if key in self._settings.model_fields_set:
                yield f"catalog.{key}", [getattr(self._settings, key)]

    def _cells(self, fields: Fields) -> dict[str, Any]:
        measurements = field_at(fields, self._settings.measurements)
        return {**fields, **(measurements if isinstance(measurements, Mapping) else {})}

    def _value(self, name: str, places: Iterable[str], fields: Fields, cells: Fields) -> Value:
        found = next((value for place in places if (value := _read(fields, cells, place)) is not None), None)
        return self._settings.values.get(name, {}).get(str(found), found)


def _several(places: str | tuple[str, ...]) -> tuple[str, ...]:
    return (places,) if isinstance(places, str) else places


def _field_of(place: str) -> str:
    quotient = QUOTIENT.fullmatch(place)
    return place if quotient is None else quotient[2]


def _read(fields: Fields, cells: Fields, place: str) -> Value:
    """Read a field, or a number over one; a name without a record is also looked for in the measurements."""
    quotient = QUOTIENT.fullmatch(place)
    if quotient is None:
        found = field_at(fields, place)
        return _scalar(field_at(cells, place) if found is None else found)
    under = number_of(_read(fields, cells, quotient[2]))
    return float(quotient[1]) / under if under else None


def _scalar(cell: Any) -> Value:
    return None if isinstance(cell, (Mapping, list, bytes)) else plain(cell)
