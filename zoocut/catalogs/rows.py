"""A row of a table, whatever holds the table, to a DiaSource."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zoocut.catalogs.angles import DEGREES, Angle
from zoocut.catalogs.values import plain, position
from zoocut.config.catalog import ApdbSettings, ButlerTableSettings, TableSettings
from zoocut.error_kinds import BadPosition
from zoocut.errors import code_of
from zoocut.model import DiaSource, Rejection, Value
from zoocut.values import ID_RULES, IdKind

__all__ = ["TableNames", "source_of_row"]


@dataclass(frozen=True, slots=True)
class TableNames:
    """What a table calls the columns that zoocut needs.

    Parameters
    ----------
    dia_source_id, ra, dec : str
        Ids and ICRS positions in degrees.
    x, y : str or None
        Pixel positions, in the place of ra and dec.
    first_pixel : int
        What x and y call the centre of the first pixel.
    columns : mapping of str to str
        Further columns: the name to give them = the name they have.
    angles : tuple of Angle
        How ra and dec become degrees.
    id_kind : str
        Whether ids are whole numbers or names.
    """

    dia_source_id: str
    ra: str
    dec: str
    x: str | None
    y: str | None
    first_pixel: int
    columns: Mapping[str, str]
    angles: tuple[Angle, Angle] = (DEGREES, DEGREES)
    id_kind: IdKind = "integer"

    @classmethod
    def of(cls, settings: TableSettings | ButlerTableSettings | ApdbSettings) -> TableNames:
        """Take the names from a section of the settings."""
        match settings:
            case TableSettings():
                names = (settings.dia_source_id, settings.ra, settings.dec)
                place = (settings.x, settings.y, settings.first_pixel)
                return cls(*names, *place, settings.columns, id_kind=settings.id_kind)
            case ButlerTableSettings():
                names = (settings.dia_source_id, settings.ra, settings.dec)
                return cls(*names, None, None, 0, settings.columns, id_kind=settings.id_kind)
            case ApdbSettings():
                return cls("diaSourceId", "ra", "dec", None, None, 0, settings.columns)

    @property
    def needed(self) -> list[str]:
        """The columns without which nothing can be drawn."""
        place = [self.ra, self.dec] if self.x is None or self.y is None else [self.x, self.y]
        return [self.dia_source_id, *place, *self.columns.values()]


def source_of_row(
    cells: Mapping[str, Any], names: TableNames, origin: str, row: str
) -> DiaSource | Rejection:
    """Make a source of a row's cells, or tell why it cannot be one.

    Parameters
    ----------
    cells : mapping
        The row.
    names : TableNames
        What the table calls its columns.
    origin, row : str
        The table, and which row of it.
    """
    raw_id = cells.get(names.dia_source_id)
    try:
        dia_source_id = ID_RULES[names.id_kind](raw_id)
        columns: dict[str, Value] = {name: plain(cell) for name, cell in cells.items()}
        columns |= {name: columns.get(theirs) for name, theirs in names.columns.items()}
        columns["diaSourceId"] = dia_source_id
        if names.x is not None and names.y is not None:
            pixel_yx = _pixel(columns, names.y, names.x, names.first_pixel)
            return DiaSource(dia_source_id, None, None, origin, row, columns, pixel_yx)
        ra_deg, dec_deg = position(columns, names.ra, names.dec, names.angles)
    except ValueError as error:
        return Rejection("" if raw_id is None else str(raw_id), row, str(error), code_of(error))
    return DiaSource(dia_source_id, ra_deg, dec_deg, origin, row, columns)


def _pixel(columns: Mapping[str, Value], y: str, x: str, first_pixel: int) -> tuple[float, float]:
    y_pix, x_pix = (DEGREES.degrees(columns.get(name)) for name in (y, x))
    if y_pix is None or x_pix is None:
        raise BadPosition(
            f"its pixel is missing or not a number ({x} = {columns.get(x)}, {y} = {columns.get(y)})"
        )
    return y_pix - first_pixel, x_pix - first_pixel
