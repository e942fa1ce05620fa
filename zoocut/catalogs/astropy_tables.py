"""Tables that astropy reads: ECSV, VOTable and FITS, with the units of their columns."""

from __future__ import annotations

import gzip
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.parsers import expat

from zoocut.catalogs.columns import Tell, column_of_values
from zoocut.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa
    from astropy.table import Table

__all__ = ["UnitTable", "from_astropy", "read_astropy", "units_of_ecsv"]

BEYOND = re.compile(r"W51\b|out of range")
"""astropy's warning that it has clipped a number to what its type holds."""


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
        When a VOTable refers to another file.
    Exception
        Whatever astropy raises for a file it cannot read.
    """
    from astropy.table import Table

    if kind == "votable":
        _require_own_data(path)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        table = Table.read(path, format=kind)
    clipped = any(BEYOND.search(str(warning.message)) for warning in caught)
    return from_astropy(table, tell, clipped=clipped)


def _require_own_data(path: Path) -> None:
    """Refuse references to other files, which astropy would follow, on this machine or any other."""

    def element(name: str, attributes: Mapping[str, str]) -> None:
        if name.rpartition(":")[2].upper() == "STREAM" and "href" in {key.lower() for key in attributes}:
            raise InputError(
                f"{path} refers to another file (STREAM href = {attributes}): such references are not followed; save "
                "the table with its data inside"
            )

    def entity(name: str, *_: Any) -> None:
        raise InputError(f"{path} defines an XML entity ({name}): save the table without")

    parser = expat.ParserCreate()
    parser.StartElementHandler = element
    parser.EntityDeclHandler = entity
    opened: Callable[[Path, Any], Any] = gzip.open if path.name.lower().endswith(".gz") else open
    with opened(path, "rb") as file:
        parser.ParseFile(file)


def from_astropy(table: Table, tell: Tell = lambda _: None, *, clipped: bool = False) -> UnitTable:
    """Convert a table of astropy: times become ISO 8601 texts, positions columns of degrees.

    Parameters
    ----------
    table : Table
        The table.
    tell : callable
        Told of columns that hold something else than one value a row, which are left out.
    clipped : bool
        Whether numbers were clipped to what their type holds: cells that hold its limit are then missing.
    """
    import pyarrow as pa

    columns: dict[str, Any] = {}
    units: dict[str, str] = {}
    for name in table.colnames:
        for own_name, values, unit in _split(name, table[name], tell):
            columns[own_name] = _column(own_name, values, clipped, tell)
            if unit:
                units[own_name] = unit
    return UnitTable(pa.table(columns), units)


def _split(name: str, column: Any, tell: Tell) -> list[tuple[str, Any, str]]:
    """Give the plain columns that a column stands for: name, values, unit."""
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


def _column(name: str, values: Any, clipped: bool, tell: Tell) -> pa.Array:
    import numpy as np
    import pyarrow as pa

    array = np.ma.asanyarray(values)
    if array.dtype.kind == "S":
        return pa.array(_decoded(name, array), pa.string())
    if array.dtype.kind == "f" and array.dtype.itemsize < 8:
        mask = np.ma.getmaskarray(array) | np.isnan(array.data)
        return pa.array(array.data.astype(array.dtype.newbyteorder("=")), mask=mask)
    cells = array.tolist()
    if clipped and array.dtype.kind in "iu":
        limits = (np.iinfo(array.dtype).max, np.iinfo(array.dtype).min)
        lost = sum(cell in limits for cell in cells)
        if lost:
            tell(f"column {name}: {lost} numbers do not fit its type and are left out")
        cells = [None if cell in limits else cell for cell in cells]
    return column_of_values(cells)


def _decoded(name: str, array: Any) -> list[str | None]:
    try:
        return [None if cell is None else cell.decode("utf-8") for cell in array.tolist()]
    except UnicodeDecodeError as error:
        raise InputError(
            f"its column {name} holds the bytes {error.object[error.start : error.end]!r}, which are not UTF-8: write"
            " the column anew"
        ) from None


def units_of_ecsv(path: Path) -> dict[str, str]:
    """Read the units that an ECSV's header gives, where astropy cannot read its rows."""
    from astropy.table.meta import get_header_from_yaml

    opened: Callable[..., Any] = gzip.open if path.name.lower().endswith(".gz") else open
    with opened(path, "rt", encoding="utf-8-sig") as file:
        lines = [line[1:].removeprefix(" ").rstrip("\r\n") for line in file if line.startswith("#")]
    described = get_header_from_yaml([line for line in lines if not line.startswith("%")])
    return {column["name"]: str(column["unit"]) for column in described["datatype"] if column.get("unit")}
