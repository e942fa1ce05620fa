"""A row of a table, whatever holds the table, to a DiaSource."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoocut.catalogs.angles import DEGREES, Angle
from zoocut.catalogs.blocks import Block, BlockRow
from zoocut.catalogs.values import plain, position
from zoocut.config.catalog import ApdbSettings, ButlerTableSettings, TableSettings
from zoocut.error_kinds import BadPosition
from zoocut.errors import code_of
from zoocut.model import DiaSource, Rejection, SourceId, Value
from zoocut.values import ID_RULES, LARGEST_ID, IdKind

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["TableNames", "source_of_row", "sources_of_block"]


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


def sources_of_block(
    table: pa.Table, names: TableNames, origin: str, rows: Iterable[str]
) -> Iterator[DiaSource | Rejection]:
    """Make sources of the rows of a table, as `source_of_row` does of one.

    Parameters
    ----------
    table : Table
        A few thousand rows.
    names : TableNames
        What it calls its columns.
    origin : str
        Where it is from.
    rows : iterable of str
        What to call each row in messages.
    """
    ids = _ids(table[names.dia_source_id], names.id_kind)
    block = Block(table, names.columns, ids)
    positions = _plain_positions(table, names)
    ra, dec = positions or ([], [])
    for at, row in enumerate(rows):
        columns, known = BlockRow(block, at), ids[at]
        try:
            if isinstance(known, ValueError):
                raise known
            ra_deg, dec_deg, pixel_yx = (ra[at], dec[at], None) if positions else _position(columns, names)
        except ValueError as error:
            cell = table[names.dia_source_id][at].as_py()
            yield Rejection("" if cell is None else str(cell), row, str(error), code_of(error))
            continue
        yield DiaSource(known, ra_deg, dec_deg, origin, row, columns, pixel_yx)


def _ids(column: pa.ChunkedArray, kind: IdKind) -> list[Any]:
    """Read ids; an error stands for one that is none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    cells = column.to_pylist()
    if kind == "integer" and pa.types.is_integer(column.type) and not column.null_count and len(column):
        limits = pc.min_max(column).as_py()
        if limits["min"] >= 0 and limits["max"] <= LARGEST_ID:
            return list(cells)
    return [_id(cell, kind) for cell in cells]


def _id(cell: Any, kind: IdKind) -> SourceId | ValueError:
    try:
        return ID_RULES[kind](cell)
    except ValueError as error:
        return error


PositionCells = tuple[float | None, float | None, tuple[float, float] | None]
"""Right ascension, declination and pixel of a source, whichever it has."""


def _position(columns: Mapping[str, Value], names: TableNames) -> PositionCells:
    if names.x is not None and names.y is not None:
        return None, None, _pixel(columns, names.y, names.x, names.first_pixel)
    return (*position(columns, names.ra, names.dec, names.angles), None)


def _plain_positions(table: pa.Table, names: TableNames) -> tuple[list[float], list[float]] | None:
    """Read all ra and dec at once where nothing is to be said of any: numbers in degrees on the sky; else None."""
    import numpy as np
    import pyarrow as pa

    columns = [table[name] for name in (names.ra, names.dec) if name in table.column_names]
    plain = names.x is None and names.angles == (DEGREES, DEGREES) and len(columns) == 2
    if not plain or not all(pa.types.is_float64(column.type) for column in columns):
        return None
    ra, dec = (column.to_numpy() for column in columns)
    if not (np.abs(ra) <= 360).all() or not (np.abs(dec) <= 90).all():  # so is NaN
        return None
    return ra.tolist(), dec.tolist()


def _pixel(columns: Mapping[str, Value], y: str, x: str, first_pixel: int) -> tuple[float, float]:
    y_pix, x_pix = (DEGREES.degrees(columns.get(name)) for name in (y, x))
    if y_pix is None or x_pix is None:
        raise BadPosition(
            f"its pixel is missing or not a number ({x} = {columns.get(x)}, {y} = {columns.get(y)})"
        )
    return y_pix - first_pixel, x_pix - first_pixel
