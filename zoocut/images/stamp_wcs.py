"""WCS of stamps: headers of a survey differ in some numbers only, so one is read and the numbers are put in.

astropy takes a millisecond to read a header. Done for the tangent projection of the sky alone, which all known stamps
have; every other header is read as it is.
"""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

from zoocut.images.sky import Floats, read_wcs

__all__ = ["wcs_of_header"]

CARD_BYTES = 80
NUMBER = re.compile(r"= +([+-]?\d+(?:\.\d*)?(?:E[+-]?\d+)?) *(?:/.*)?", re.ASCII)
VARYING = {
    **{f"{name}{i}": (name, i) for name in ("CRPIX", "CRVAL", "CDELT") for i in (1, 2)},
    **{f"{name}{i}_{j}": (name, i, j) for name in ("PC", "CD") for i in (1, 2) for j in (1, 2)},
}
"""Keywords whose numbers are put in; arrays of both axes, or of both by both."""

BESIDE = frozenset(
    [
        "SIMPLE",
        "BITPIX",
        "NAXIS",
        "EXTEND",
        "BUNIT",
        "CUTMINX",
        "CUTMINY",
        "ROTPA",
        "COMMENT",
        "HISTORY",
        "END",
        "",
    ]
)
"""Keywords that tell nothing of the WCS."""

Values = dict[str, float]


def wcs_of_header(block: bytes) -> WCS | None:
    """Read the celestial WCS of a header.

    Parameters
    ----------
    block : bytes
        The header as it is in the file.

    Returns
    -------
    WCS or None
        None where it has no celestial WCS.

    Raises
    ------
    ValueError
        When it has one that wcslib cannot make sense of.
    """
    text = block.decode("ascii")
    cards = [text[i : i + CARD_BYTES] for i in range(0, len(text), CARD_BYTES)]
    shape, values = _shape_and_values(cards)
    pattern = _pattern(shape) if values is not None else None
    if values is None or pattern is None:
        return read_wcs(fits.Header.fromstring(text.partition("END" + " " * (CARD_BYTES - 3))[0]))
    wcs = pattern.deepcopy()
    _put(wcs, values)
    return wcs


def _shape_and_values(cards: list[str]) -> tuple[str, Values | None]:
    """Part the numbers from what all headers of a kind have; no values where one is written in an unusual way."""
    shape, values = [], Values()
    for card in cards:
        keyword = card[:8].rstrip()
        if keyword in VARYING:
            found = NUMBER.match(card, 8)
            if found is None or keyword in values:
                return "", None
            values[keyword] = float(found[1])
            shape.append(f"{keyword:8s}= {_usual(keyword):20.1f}".ljust(CARD_BYTES))
        elif keyword not in BESIDE:
            shape.append(card)
    return "".join(shape), values


def _usual(keyword: str) -> float:
    """Return a number to read the pattern with: a matrix that has an inverse, and a place off the poles."""
    _, *axes = VARYING[keyword]
    return float(len(set(axes)) == 1)


@lru_cache(maxsize=64)
def _pattern(shape: str) -> WCS | None:
    """Read a header of which only `VARYING` differs from others; None where numbers are not to be put into it."""
    header = fits.Header.fromstring(shape)
    wcs = read_wcs(header) if _is_usual(header) else None
    if wcs is None or wcs.has_distortion or [kind[4:] for kind in wcs.wcs.ctype] != ["-TAN", "-TAN"]:
        return None
    return wcs


def _is_usual(header: fits.Header) -> bool:
    """Whether numbers are taken as they are written: in degrees, and one matrix."""
    units = [str(header.get(f"CUNIT{i}", "deg")).strip() for i in (1, 2)]
    matrices = [
        any(keyword.startswith(name) for keyword in header)
        for name in ("CD1_", "CD2_", "PC", "CDELT", "CROTA")
    ]
    return units == ["deg", "deg"] and not (any(matrices[:2]) and any(matrices[2:]))


def _put(wcs: WCS, values: Values) -> None:
    """Put numbers in; those that the header does not give keep what the standard says of them."""
    told = wcs.wcs
    for name, missing in (("CRPIX", 0.0), ("CRVAL", 0.0), ("CDELT", 1.0)):
        if f"{name}1" in values or f"{name}2" in values:
            setattr(told, name.lower(), [values.get(f"{name}{i}", missing) for i in (1, 2)])
    for name, matrix in (("PC", np.identity(2)), ("CD", np.zeros((2, 2)))):
        if any(keyword.startswith((f"{name}1_", f"{name}2_")) for keyword in values):
            setattr(told, name.lower(), _matrix(name, values, matrix))
    told.set()


def _matrix(name: str, values: Values, missing: Floats) -> Floats:
    return np.array([[values.get(f"{name}{i}_{j}", missing[i - 1, j - 1]) for j in (1, 2)] for i in (1, 2)])
