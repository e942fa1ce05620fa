"""Where sources are on an image, whether their catalog tells it in degrees or in pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from zoocut.images.sky import Floats, Located, SkyWcs, locate, sky_of
from zoocut.model import DiaSource

__all__ = ["locate_sources", "positions_of"]


def positions_of(wcs: SkyWcs, sources: Sequence[DiaSource], origin: tuple[int, int]) -> tuple[Floats, Floats]:
    """Return (ra_deg, dec_deg) of every source; NaN where it has no position.

    Parameters
    ----------
    wcs : WCS or AstWcs
        Of the image.
    sources : sequence of DiaSource
        The sources.
    origin : (y, x) of int
        What positions in pixels call the image's first pixel.
    """
    ra_deg = np.array([np.nan if s.ra_deg is None else s.ra_deg for s in sources])
    dec_deg = np.array([np.nan if s.dec_deg is None else s.dec_deg for s in sources])
    by_pixel = [i for i, source in enumerate(sources) if source.pixel_yx is not None]
    if by_pixel:
        y_pix, x_pix = _pixels(sources)
        places = (y_pix[by_pixel] - origin[0], x_pix[by_pixel] - origin[1])
        ra_deg[by_pixel], dec_deg[by_pixel] = sky_of(wcs, *places)
    return ra_deg, dec_deg


def locate_sources(
    wcs: SkyWcs | None, sources: Sequence[DiaSource], origin: tuple[int, int]
) -> Located | None:
    """Find sources on an image; a position in pixels is taken as it is.

    Parameters
    ----------
    wcs : WCS, AstWcs or None
        Of the image. Without one, scale and orientation are NaN.
    sources : sequence of DiaSource
        The sources.
    origin : (y, x) of int
        What positions in pixels call the image's first pixel.

    Returns
    -------
    Located or None
        In pixels that begin at `origin`; None where a source has no pixel and the image no WCS to find it by.
    """
    y_pix, x_pix = _pixels(sources)
    if wcs is None:
        unknown = np.full(len(sources), np.nan)
        directions = np.full((len(sources), 2), np.nan)
        everywhere = not np.isnan(y_pix).any()
        return Located(y_pix, x_pix, unknown, directions, directions) if everywhere else None
    located = locate(wcs, *positions_of(wcs, sources, origin))
    given = np.isfinite(y_pix)
    return replace(
        located,
        y_pix=np.where(given, y_pix, located.y_pix + origin[0]),
        x_pix=np.where(given, x_pix, located.x_pix + origin[1]),
    )


def _pixels(sources: Sequence[DiaSource]) -> tuple[Floats, Floats]:
    places = [source.pixel_yx or (np.nan, np.nan) for source in sources]
    y_pix, x_pix = np.array(places, dtype=np.float64).reshape(-1, 2).T
    return y_pix, x_pix
