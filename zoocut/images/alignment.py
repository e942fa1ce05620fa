"""Whether two planes show the same pixels of the sky, and from where on."""

from __future__ import annotations

import numpy as np

from zoocut.error_kinds import BadWcs
from zoocut.images.planes import Plane
from zoocut.images.sky import Floats, pixels_of, sky_of

__all__ = ["align"]

ALIGNED_PIX = 0.5
"""How far the WCS of template and science may differ from the difference image's, anywhere on the frame."""

GRID_PIX = 0.1
"""The same for frames of different sizes, which share a grid of pixels only where whole pixels part them."""

STEPS = 5
"""Positions along each side of the frame that are compared: corners, edges and the field between, where distortions
show."""


def align(plane: Plane, difference: Plane) -> None:
    """Make sure that a plane shows the pixels of the difference image; a larger or smaller one gets its origin.

    Judged on the difference image alone: what the two make of positions off it says nothing of its pixels.

    Parameters
    ----------
    plane : Plane
        Template or science image. One of another shape, with a WCS that whole pixels part from the difference's,
        becomes a part of the same larger image.
    difference : Plane
        The difference image.

    Raises
    ------
    InputError
        When the two are not aligned.
    """
    apart = _offsets(plane, difference)
    if plane.shape != difference.shape and plane.origin == difference.origin:
        _shift(plane, difference, apart)
    elif apart is not None:
        _refuse_beyond(ALIGNED_PIX, plane, difference, apart)


def _offsets(plane: Plane, difference: Plane) -> Floats | None:
    """Return (y, x) of the same sky on both planes, plane's minus difference's, for a grid; None without WCS."""
    if plane.wcs is None or difference.wcs is None:
        return None
    height, width = difference.shape
    grid = np.meshgrid(np.linspace(0, height - 1, STEPS), np.linspace(0, width - 1, STEPS), indexing="ij")
    y_pix, x_pix = (part.ravel() for part in grid)
    y_found, x_found = pixels_of(plane.wcs, *sky_of(difference.wcs, y_pix, x_pix))
    if not np.isfinite(y_found + x_found).any():
        raise BadWcs(
            f"{plane.path} shows no part of the sky that {difference.path} shows: give frames of one field"
        )
    y_origin, x_origin = plane.origin[0] - difference.origin[0], plane.origin[1] - difference.origin[1]
    return np.stack((y_found - y_pix + y_origin, x_found - x_pix + x_origin))


def _shift(plane: Plane, difference: Plane, apart: Floats | None) -> None:
    """Place a plane of another shape by whole pixels."""
    sizes = (
        f"{plane.path} has {plane.shape[1]} x {plane.shape[0]} pixels but {difference.path} "
        f"{difference.shape[1]} x {difference.shape[0]}"
    )
    if apart is None:
        raise BadWcs(f"{sizes}, and no WCS tells how they lie: give frames that are aligned")
    y_shift, x_shift = (int(shift) for shift in np.round(np.nanmedian(apart, axis=1)))
    rest = apart - np.array([[y_shift], [x_shift]])
    if not _worst(rest) <= GRID_PIX:
        raise BadWcs(
            f"{sizes}, and their pixels do not lie on one grid (up to {_worst(rest):.2f} pixels apart): give frames"
            " that are aligned"
        )
    plane.origin = (plane.origin[0] - y_shift, plane.origin[1] - x_shift)


def _refuse_beyond(limit_pix: float, plane: Plane, difference: Plane, apart: Floats) -> None:
    worst = _worst(apart)
    if worst > limit_pix:
        raise BadWcs(
            f"{plane.path} puts the same position {worst:.1f} pixels from where {difference.path} has it: "
            "give frames that are aligned"
        )


def _worst(apart: Floats) -> float:
    distances = np.hypot(*apart)
    return float(np.max(distances[np.isfinite(distances)], initial=0.0))
