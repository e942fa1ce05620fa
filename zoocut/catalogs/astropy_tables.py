"""Tables that astropy reads: ECSV, VOTable and FITS, with the units of their columns."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoocut.catalogs.columns import Tell
from zoocut.catalogs.ecsv import require_all_rows
from zoocut.catalogs.votables import cells_out_of_range, require_own_data
from zoocut.error_kinds import UnreadableText
from zoocut.run.record_columns import column_of

if TYPE_CHECKING:
    import pyarrow as pa
    from astropy.table import Table

__all__ = ["UnitTable", "from_astropy", "read_astropy"]


@dataclass(frozen=True, slots=True)
class UnitTable:
    """A table and what its file says of its columns.

    Parameters
    ----------
    table : Table
        The columns that hold one value a row.
    units : mapping of str to str
        Units by column, as astropy writes them, where the file tells.
    """

    table: pa.Table
    units: Mapping[str, str] = field(default_factory=dict)


def read_astropy(path: Path, kind: str, tell: Tell) -> UnitTable:
    """Read one of astropy's formats.

    Parameters
    ----------
    path : Path
        The file.
    kind : str
        `ascii.ecsv`, `votable` or `fits`.
    tell : callable
        Told of columns that are left out, and of cells that do not fit their type.

    Raises
    ------
    InputError
        When a VOTable refers to another file, or an ECSV has rows that look like comments.
    Exception
        Whatever astropy raises for a file it cannot read.
    """
    from astropy.table import Table

    if kind == "votable":
        require_own_data(path)
    if kind == "ascii.ecsv":
        require_all_rows(path, tell)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = Table.read(path, format=kind)
    if kind == "votable" and _at_limits(table):
        _leave_out_clipped(table, cells_out_of_range(path), tell)
    return from_astropy(table, tell)


def _at_limits(table: Table) -> bool:
    """Whether a column of whole numbers holds a limit of its type, as those do that were clipped to it."""
    import numpy as np

    for name in table.colnames:
        kind = table[name].dtype
        if (
            kind.kind in "iu"
            and np.isin(np.asarray(table[name]), (np.iinfo(kind).min, np.iinfo(kind).max)).any()
        ):
            return True
    return False


def _leave_out_clipped(table: Table, cells: Mapping[int, set[int]], tell: Tell) -> None:
    from astropy.table import MaskedColumn

    for at, rows in cells.items():
        name = table.colnames[at]
        column = MaskedColumn(table[name])
        column.mask[list(rows)] = True
        table[name] = column
        tell(f"column {name}: {len(rows)} numbers do not fit its type and are left out")


def from_astropy(table: Table, tell: Tell = lambda _: None) -> UnitTable:
    """Convert a table of astropy: times become ISO 8601 texts, positions columns of degrees.

    Parameters
    ----------
    table : Table
        The table.
    tell : callable
        Told of columns that hold something else than one value a row, which are left out.
    """
    import pyarrow as pa

    columns: dict[str, Any] = {}
    units: dict[str, str] = {}
    for name in table.colnames:
        for own_name, values, unit in _split(name, table[name], tell):
            columns[own_name] = _column(own_name, values)
            if unit:
                units[own_name] = unit
    return UnitTable(pa.table(columns), units)


def _split(name: str, column: Any, tell: Tell) -> list[tuple[str, Any, str]]:
    """Return the plain columns that a column stands for: name, values, unit."""
    from astropy.coordinates import SkyCoord
    from astropy.time import Time

    if getattr(column, "ndim", 1) != 1:
        tell(f"column {name} holds an array in each row: it is left out")
        return []
    if isinstance(column, Time):
        return [(name, _masked(column.isot), "")]
    if isinstance(column, SkyCoord):
        sky = column.icrs
        return [(f"{name}.ra", _masked(sky.ra.deg), "deg"), (f"{name}.dec", _masked(sky.dec.deg), "deg")]
    if not hasattr(column, "dtype") or column.dtype.names:
        tell(f"column {name} is a {type(column).__name__}, which is no plain column: it is left out")
        return []
    unit = getattr(column, "unit", None)
    return [(name, _masked(getattr(column, "value", column)), str(unit or ""))]


def _masked(values: Any) -> Any:
    """Turn astropy's own masked arrays into numpy's."""
    import numpy as np

    return np.ma.array(values.unmasked, mask=values.mask) if hasattr(values, "unmasked") else values


def _column(name: str, values: Any) -> pa.Array:
    import numpy as np
    import pyarrow as pa

    array = np.ma.asanyarray(values)
    if array.dtype.kind == "S":
        return pa.array(_decoded(name, array), pa.string())
    if array.dtype.kind == "f" and array.dtype.itemsize < 8:
        mask = np.ma.getmaskarray(array) | np.isnan(array.data)
        return pa.array(array.data.astype(array.dtype.newbyteorder("=")), mask=mask)
    return column_of(array.tolist())


def _decoded(name: str, array: Any) -> list[str | None]:
    try:
        return [None if cell is None else cell.decode("utf-8") for cell in array.tolist()]
    except UnicodeDecodeError as error:
        raise UnreadableText(
            f"its column {name} holds the bytes {error.object[error.start : error.end]!r}, which are not UTF-8: write"
            " the column anew"
        ) from None
