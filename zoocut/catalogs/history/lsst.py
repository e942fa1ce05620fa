"""Histories out of LSST's alert packets, and rows of the tables that they are made from.

Fluxes are in nJy, times the middle of the exposure as MJD in TAI (schemas of lsst-alert-packet, which follow
the APDB's). The sign of a change is that of `psfFlux`: `isNegative` does not always follow it. Until schema 7
packets carry limits; since then forced photometry stands in their place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from zoocut.catalogs.history.cells import (
    band_name,
    error_bar,
    number,
    object_id,
    raised_flag,
    records,
    require_flags,
    valid_mjd,
    withdrawn,
)
from zoocut.catalogs.history.points import History, Kind, Point, one_per_exposure
from zoocut.catalogs.values import FORMER_NAMES
from zoocut.error_kinds import NoHistory

__all__ = ["LsstRows", "is_lsst", "lsst_history"]

FLUXES = {
    "difference": ("psfFlux", "psfFluxErr", "psfFlux_flag"),
    "total": ("scienceFlux", "scienceFluxErr", "forced_PsfFlux_flag"),
}
WITHDRAWN = ("timeWithdrawnMjdTai", "time_withdrawn")
LIMIT_SIGMA = 5
DAYS = 365.0
"""Packets carry the last year (data products definition document LSE-163, section 3.5)."""

Row = Mapping[str, Any]


def is_lsst(packet: Row) -> bool:
    """Tell LSST's packets by their record of the detection."""
    return isinstance(packet.get("diaSource"), Mapping)


class LsstRows:
    """Reads rows of DiaSource, DiaForcedSource and limits.

    Parameters
    ----------
    quantity : str
        `difference` or `total`.
    flags : sequence of str
        Further flags whose rows are left out.
    left_out : Counter of str
        Counts them by reason.
    """

    def __init__(self, quantity: str, flags: Sequence[str], left_out: Counter[str]) -> None:
        self._flux, self._error, own_flag = FLUXES[quantity]
        self._flags = (own_flag, *flags)
        self._left_out = left_out

    def points(self, rows: Iterable[Row], kind: Kind) -> list[Point]:
        """Read rows of one kind."""
        return [point for row in rows if (point := self.point(row, kind)) is not None]

    def point(self, row: Row, kind: Kind) -> Point | None:
        """Read a row; None, and counted, where it is no measurement."""
        mjd, flux = _mjd(row), number(cell(row, self._flux))
        flag = raised_flag(row, self._flags)
        if withdrawn(row, WITHDRAWN):
            self._left_out["withdrawn"] += 1
        elif flag is not None:
            self._left_out[f"flagged {flag}"] += 1
        elif mjd is None or flux is None:
            self._left_out["without a time or a flux"] += 1
        else:
            error = error_bar(cell(row, self._error))
            return Point(mjd, flux, error, _band(row), _exposure(row, mjd), kind)
        return None

    def limits(self, rows: Iterable[Row]) -> list[Point]:
        """Read the limits of packets before schema 8."""
        found = []
        for row in rows:
            mjd, noise = _mjd(row), error_bar(row.get("diaNoise"))
            if mjd is None or noise is None:
                self._left_out["without a time or a flux"] += 1
            else:
                found.append(
                    Point(mjd, LIMIT_SIGMA * noise, None, _band(row), _exposure(row, mjd), Kind.LIMIT)
                )
        return found


def lsst_history(packet: Row, quantity: str, flags: Sequence[str]) -> History:
    """Read a packet's history.

    Parameters
    ----------
    packet : mapping
        An alert of any schema.
    quantity : str
        `difference` or `total`.
    flags : sequence of str
        Further flags whose measurements are left out.

    Raises
    ------
    InputError
        When the packet has no time, or no total flux where that is asked for.
    """
    source = packet["diaSource"]
    left_out: Counter[str] = Counter()
    rows = LsstRows(quantity, flags, left_out)
    mjd = _mjd(source)
    if mjd is None:
        raise NoHistory("its detection has no time (midpointMjdTai)")
    require_flags(flags, source)
    forced_rows = records(packet.get("prvDiaForcedSources"))
    _refuse_without(FLUXES[quantity][0], [source, *forced_rows[:1]])
    trigger = rows.point(source, Kind.DETECTION)
    points = [trigger] if trigger else []
    if object_id(source.get("diaObjectId")) or object_id(source.get("ssObjectId")):
        points += rows.points(records(packet.get("prvDiaSources")), Kind.DETECTION)
        points += rows.points(forced_rows, Kind.FORCED)
        if quantity == "difference":
            points += rows.limits(records(packet.get("prvDiaNondetectionLimits")))
    return History("TAI", mjd, trigger, one_per_exposure(points, left_out), +left_out, DAYS)


def cell(row: Row, name: str) -> Any:
    """Look a column up by its present name, else by the one it had in early schemas."""
    return row[name] if name in row else row.get(FORMER_NAMES.get(name, name))


def _refuse_without(flux: str, rows: Iterable[Row]) -> None:
    former = FORMER_NAMES.get(flux, flux)
    if any(flux not in row and former not in row for row in rows):
        raise NoHistory(
            f'its schema has no {flux}, the field of total fluxes: set history.quantity = "difference"'
        )


def _mjd(row: Row) -> float | None:
    return valid_mjd(number(cell(row, "midpointMjdTai")))


def _band(row: Row) -> str:
    return band_name(cell(row, "band"))


def _exposure(row: Row, mjd: float) -> str:
    """Name the exposure by visit and detector, in early schemas by their common id, else by its time."""
    visit, detector = row.get("visit"), row.get("detector")
    if visit is not None and detector is not None:
        return f"{visit}/{detector}"
    return str(row.get("ccdVisitId") or f"{_band(row)} at {mjd!r}")
