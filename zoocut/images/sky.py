"""Where on an image a position on the sky lies, by the image's own WCS."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, TypeGuard

import numpy as np
import numpy.typing as npt
from astropy import log
from astropy.coordinates import SkyCoord, angular_separation
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning
from astropy.wcs import WCS

from zoocut.error_kinds import BadWcs
from zoocut.images.lsst.ast_wcs import AstWcs

__all__ = [
    "Floats",
    "Located",
    "SkyWcs",
    "header_wcs",
    "locate",
    "pixels_of",
    "read_wcs",
    "same_header",
    "scale_of",
    "sky_of",
]

SkyWcs: TypeAlias = WCS | AstWcs

Floats = npt.NDArray[np.float64]

STEP_DEG = 1 / 3600
"""Length of the steps north and east that the local scale and orientation are taken from."""

RETURN_TOLERANCE_PIX = 0.05
"""A position counts when its pixel leads back to it; a distortion model run outside its frame does not."""


@dataclass(frozen=True, slots=True)
class Located:
    """Sources on an image.

    Parameters
    ----------
    y_pix, x_pix : (n,) array
        Zero-based positions; NaN where the WCS has no answer.
    scale_arcsec : (n,) array
        Arcseconds a pixel, the root of the local pixel area.
    north, east : (n, 2) array
        (y, x) directions of north and east, in pixels an arcsecond.
    """

    y_pix: Floats
    x_pix: Floats
    scale_arcsec: Floats
    north: Floats
    east: Floats


def read_wcs(header: fits.Header) -> WCS | None:
    """Read the celestial WCS of a header.

    Parameters
    ----------
    header : Header
        Of an image; one with CRVAL but no CTYPE, as alert stamps have it, is taken as RA---TAN, DEC--TAN.

    Returns
    -------
    WCS or None
        None where the header has no celestial WCS.

    Raises
    ------
    ValueError
        When it has one that wcslib cannot make sense of.
    """
    if not any(keyword.startswith(("CTYPE", "CRVAL")) for keyword in header):
        return None
    if "CTYPE1" not in header and "CRVAL1" in header:
        header = header.copy()
        header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
        header["CUNIT1"] = header["CUNIT2"] = "deg"
    with _silence():
        try:
            wcs = WCS(header, naxis=2)
        except KeyError:  # what astropy makes of a header without any WCS card
            return None
        except Exception as error:  # wcslib answers a broken header with one of a dozen classes
            raise ValueError(" ".join(str(error).split())) from error
        return wcs if wcs.has_celestial else None


def same_header(one: fits.Header, other: fits.Header) -> bool:
    """Whether two headers are the same, card for card; none is that has cards beyond repair."""
    with _silence():
        try:
            return bool(one == other)
        except Exception:  # what astropy makes of such a card is one of several classes
            return False


def header_wcs(path: Path, header: fits.Header) -> WCS | None:
    """Read the celestial WCS of a file's header; None where it has none.

    Raises
    ------
    InputError
        When wcslib cannot make sense of it.
    """
    try:
        return read_wcs(header)
    except ValueError as error:
        raise BadWcs(f"{path} has a WCS that cannot be read ({error}): mend its header") from None


@contextmanager
def _silence() -> Iterator[None]:
    """Keep quiet what astropy makes of a header: its log would write on standard output, among a program's JSON."""
    before = log.level
    log.setLevel("WARNING")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)
            yield
    finally:
        log.setLevel(before)


def scale_of(wcs: SkyWcs) -> float:
    """Return the arcseconds a pixel in the middle of an image."""
    return 3600 * float(np.sqrt(abs(np.linalg.det(wcs.pixel_scale_matrix))))


def locate(wcs: SkyWcs, ra_deg: Floats, dec_deg: Floats) -> Located:
    """Find pixels, local scales and local directions of many sources at once.

    Parameters
    ----------
    wcs : WCS or AstWcs
        With all its distortions.
    ra_deg, dec_deg : (n,) array
        ICRS positions.
    """
    dec_deg = np.where(np.abs(dec_deg) <= 90, dec_deg, np.nan)
    y_pix, x_pix = pixels_of(wcs, ra_deg, dec_deg)
    step_north = np.where(dec_deg < 89, STEP_DEG, -STEP_DEG)
    shrunk = np.maximum(np.cos(np.radians(dec_deg)), 1e-6)
    north = np.stack(pixels_of(wcs, ra_deg, dec_deg + step_north), axis=-1) - np.stack(
        (y_pix, x_pix), axis=-1
    )
    east = np.stack(pixels_of(wcs, ra_deg + STEP_DEG / shrunk, dec_deg), axis=-1) - np.stack(
        (y_pix, x_pix), axis=-1
    )
    north *= np.sign(step_north)[:, None]
    area = np.abs(north[:, 0] * east[:, 1] - north[:, 1] * east[:, 0])
    with np.errstate(divide="ignore"):
        scale = 1 / np.sqrt(area)
    return Located(y_pix, x_pix, scale, north, east)


def sky_of(wcs: SkyWcs, y_pix: Floats, x_pix: Floats) -> tuple[Floats, Floats]:
    """Find the ICRS positions, ra and dec in degrees, of zero-based pixels; NaN where the WCS has no answer."""
    if _needs_no_frame(wcs):
        ra_deg, dec_deg = wcs.all_pix2world(x_pix, y_pix, 0)
        return ra_deg, dec_deg
    sky = wcs.pixel_to_world(x_pix, y_pix).icrs
    return sky.ra.deg, sky.dec.deg


def pixels_of(wcs: SkyWcs, ra_deg: Floats, dec_deg: Floats) -> tuple[Floats, Floats]:
    """Find the pixels of ICRS positions in degrees: zero-based y and x, NaN where the WCS has no answer."""
    ra_deg, dec_deg = np.broadcast_arrays(ra_deg, dec_deg)
    y_pix = np.full(len(ra_deg), np.nan)
    x_pix = y_pix.copy()
    known = np.isfinite(ra_deg) & np.isfinite(dec_deg)
    if known.any():
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what did not converge leads back elsewhere, and becomes NaN
            x_pix[known], y_pix[known] = _returning(wcs, ra_deg[known], dec_deg[known])
    return y_pix, x_pix


def _returning(wcs: SkyWcs, ra_deg: Floats, dec_deg: Floats) -> tuple[Floats, Floats]:
    """Convert positions; those whose pixel does not lead back to them become NaN."""
    in_range = bool(((ra_deg >= 0) & (ra_deg < 360)).all())
    convert = _by_wcslib if in_range and _needs_no_frame(wcs) else _by_coordinates
    x_pix, y_pix, apart_deg = convert(wcs, ra_deg, dec_deg)
    scale_deg = np.sqrt(abs(np.linalg.det(wcs.pixel_scale_matrix)))
    astray = ~(apart_deg < RETURN_TOLERANCE_PIX * scale_deg)
    x_pix[astray] = y_pix[astray] = np.nan
    return x_pix, y_pix


def _by_coordinates(wcs: SkyWcs, ra_deg: Floats, dec_deg: Floats) -> tuple[Floats, Floats, Floats]:
    """Convert positions to x, y and the degrees from where these lead back to, whatever frame the WCS is in."""
    sky = SkyCoord(ra_deg, dec_deg, unit="deg")
    x_pix, y_pix = (np.atleast_1d(pixels).astype(float) for pixels in wcs.world_to_pixel(sky))
    return x_pix, y_pix, wcs.pixel_to_world(x_pix, y_pix).separation(sky).deg


def _by_wcslib(wcs: WCS, ra_deg: Floats, dec_deg: Floats) -> tuple[Floats, Floats, Floats]:
    """Do the same without coordinate objects, which take a millisecond: for a WCS in ICRS and in degrees."""
    x_pix, y_pix = wcs.all_world2pix(ra_deg, dec_deg, 0)
    there, back = ((ra_deg, dec_deg), wcs.all_pix2world(x_pix, y_pix, 0))
    apart = angular_separation(*(np.radians(angle) for angle in (*back, *there)))
    return x_pix, y_pix, np.degrees(apart)


def _needs_no_frame(wcs: SkyWcs) -> TypeGuard[WCS]:
    """Whether positions may be handed to wcslib as they are: in the frame and the unit that it has."""
    if not isinstance(wcs, WCS) or wcs.naxis != 2 or wcs.has_distortion:
        return False
    told = wcs.wcs
    is_icrs = told.radesys == "ICRS" or (told.radesys == "" and np.isnan(told.equinox))
    names = [kind[:4] for kind in told.ctype]
    units = [str(unit) for unit in told.cunit]
    return is_icrs and names == ["RA--", "DEC-"] and units == ["deg", "deg"]
