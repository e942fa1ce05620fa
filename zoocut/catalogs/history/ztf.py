"""Histories out of ZTF's alert packets.

Magnitudes are AB, of the change against the reference image, whose sign `isdiffpos` tells; forced photometry
(since schema 4.01) is in data numbers, already signed, with a zero point a row. `jd` is UTC at the exposure's
start (https://zwickytransientfacility.github.io/ztf-avro-alert/schema.html).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from zoocut.catalogs.history.cells import (
    MAGNITUDE_PER_RATIO,
    ab_flux_njy,
    error_bar,
    magnitude,
    number,
    raised_flag,
    records,
    require_flags,
    valid_mjd,
)
from zoocut.catalogs.history.points import History, Kind, Point, one_per_exposure
from zoocut.config.history import PacketHistorySettings
from zoocut.error_kinds import NoHistory
from zoocut.packets.fields import sign

__all__ = ["ztf_history"]

BANDS = {1: "g", 2: "r", 3: "i"}
JD_OF_MJD_ZERO = 2400000.5
SECONDS_A_DAY = 86400
EXPOSURE_S = 30.0
"""Length of the survey's exposures, where a record does not tell it, as `prv_candidates` do not."""

FILL = -9999
"""Numbers up to here mark missing ones."""

REFERENCE_WITHIN_ARCSEC = 1.5
"""Farther away the nearest source of the reference image is another one."""

DAYS = 30.0
NO_NUMBER = "without a time or a flux"

Row = Mapping[str, Any]


def ztf_history(packet: Row, settings: PacketHistorySettings) -> History:
    """Read a packet's history.

    Parameters
    ----------
    packet : mapping
        An alert of any schema.
    settings : PacketHistorySettings
        What is drawn, and of which programmes and states.

    Raises
    ------
    InputError
        When the packet has no time, or total fluxes are asked for and no source of the reference image is there.
    """
    candidate = packet["candidate"]
    mjd = _mjd(candidate)
    if mjd is None:
        raise NoHistory("its detection has no time (candidate.jd)")
    total = settings.quantity == "total"
    if total and _reference_njy(candidate) is None:
        raise NoHistory(_no_reference(candidate))
    require_flags(settings.flags, candidate)
    left_out: Counter[str] = Counter()
    rows = _ZtfRows(settings, total, left_out)
    trigger = rows.detection(candidate)
    points = [trigger] if trigger else []
    points += rows.read(records(packet.get("prv_candidates")), rows.earlier)
    points += rows.read(records(packet.get("fp_hists")), rows.forced)
    return History("UTC", mjd, trigger, one_per_exposure(points, left_out), +left_out, DAYS)


class _ZtfRows:
    def __init__(self, settings: PacketHistorySettings, total: bool, left_out: Counter[str]) -> None:
        self._programmes = set(settings.programid)
        self._states = set(settings.procstatus)
        self._flags = settings.flags
        self._total = total
        self._left_out = left_out

    def read(self, rows: Iterable[Row], reader: Any) -> list[Point]:
        return [point for row in rows if (point := reader(row)) is not None]

    def earlier(self, row: Row) -> Point | None:
        """Read one of `prv_candidates`: without a candid nothing was detected."""
        return self.detection(row) if number(row.get("candid")) else self._limit(row)

    def detection(self, row: Row) -> Point | None:
        mag, direction = magnitude(row.get("magpsf")), sign(row.get("isdiffpos"))
        if self._refused(row):
            return None
        if mag is None or _mjd(row) is None:
            return self._without(NO_NUMBER)
        if direction is None:
            return self._without("of unknown sign")
        flux, sigma = ab_flux_njy(mag), magnitude(row.get("sigmapsf"))
        error = None if sigma is None else error_bar(flux * sigma / MAGNITUDE_PER_RATIO)
        return self._point(row, direction * flux, error, Kind.DETECTION)

    def forced(self, row: Row) -> Point | None:
        if self._refused(row):
            return None
        states = {state.strip() for state in str(row.get("procstatus")).split(",")}
        if not states <= self._states:
            return self._without(f"of processing state {row.get('procstatus')}")
        zero, flux = magnitude(row.get("magzpsci")), _filled(row.get("forcediffimflux"))
        error = _filled(row.get("forcediffimfluxunc"))
        if zero is None or zero <= 0 or flux is None or error is None or _mjd(row) is None:
            return self._without(NO_NUMBER)
        njy = ab_flux_njy(zero)
        return self._point(row, flux * njy, error_bar(error * njy), Kind.FORCED)

    def _limit(self, row: Row) -> Point | None:
        if self._total or self._refused(row):
            return None
        mag, mjd = magnitude(row.get("diffmaglim")), _mjd(row)
        if mag is None or mjd is None:
            return self._without(NO_NUMBER)
        return Point(mjd, ab_flux_njy(mag), None, _band(row), _exposure(row, mjd), Kind.LIMIT)

    def _point(self, row: Row, flux: float, error: float | None, kind: Kind) -> Point | None:
        mjd = _mjd(row)
        assert mjd is not None
        if self._total:
            reference = _reference_njy(row)
            if reference is None:
                return self._without("without a source in the reference image")
            flux += reference[0]
            error = None if error is None else math.hypot(error, reference[1])
        return Point(mjd, flux, error, _band(row), _exposure(row, mjd), kind)

    def _refused(self, row: Row) -> bool:
        programme, flag = number(row.get("programid")), raised_flag(row, self._flags)
        if programme not in self._programmes:
            told = "unknown" if programme is None else f"{programme:g}"
            self._left_out[f"of programme {told}, which history.programid does not name"] += 1
        elif flag is not None:
            self._left_out[f"flagged {flag}"] += 1
        else:
            return False
        return True

    def _without(self, reason: str) -> Point | None:
        self._left_out[reason] += 1
        return None


def _mjd(row: Row) -> float | None:
    """Return the middle of the exposure."""
    jd, length_s = _filled(row.get("jd")), _filled(row.get("exptime"))
    if jd is None:
        return None
    return valid_mjd(jd - JD_OF_MJD_ZERO + (EXPOSURE_S if length_s is None else length_s) / 2 / SECONDS_A_DAY)


def _filled(cell: Any) -> float | None:
    value = number(cell)
    return value if value is not None and value > FILL else None


def _band(row: Row) -> str:
    fid = number(row.get("fid"))
    return "unknown" if fid is None else BANDS.get(int(fid), f"filter {fid:g}")


def _exposure(row: Row, mjd: float) -> str:
    """Name the exposure of one read-out channel by the id of its processing, else by its time."""
    pid = row.get("pid")
    return str(pid) if pid is not None else f"{_band(row)} at {mjd!r}"


def _reference_njy(row: Row) -> tuple[float, float] | None:
    """Return flux and error of the source in the reference image; None where there is none within 1.5 arcsec."""
    mag, distance, sigma = (
        magnitude(row.get("magnr")),
        number(row.get("distnr")),
        magnitude(row.get("sigmagnr")),
    )
    if mag is None or distance is None or not 0 <= distance <= REFERENCE_WITHIN_ARCSEC:
        return None
    flux = ab_flux_njy(mag)
    return flux, 0.0 if sigma is None else flux * abs(sigma) / MAGNITUDE_PER_RATIO


def _no_reference(candidate: Row) -> str:
    distance = number(candidate.get("distnr"))
    where = "none" if distance is None or distance < 0 else f"the nearest is {distance:.1f} arcsec away"
    return (
        f"its total flux is unknown: the reference image has no source within {REFERENCE_WITHIN_ARCSEC} arcsec"
        f' ({where}); set history.quantity = "difference"'
    )
