"""Images that a program holds: arrays, exposures of `lsst.afw` and of `lsst.images`, told apart by what they offer.

Both libraries' exposures have `image.array` and a mask. afw has `getXY0()`, `getWcs()` and mask planes as bits;
lsst.images has `bbox`, `sky_projection` and `mask.get(plane)`. Positions in pixels are those of the whole detector.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from astropy.coordinates import SkyCoord

from zoocut.error_kinds import BadWcs, NoImage
from zoocut.images.geometry import Box, cut
from zoocut.model import FloatImage

__all__ = ["InMemory", "box_of", "columns_of", "image_in_memory", "position_on"]


@dataclass(frozen=True, slots=True, eq=False)
class InMemory:
    """An image and where it lies.

    Parameters
    ----------
    pixels : (y, x) array
        The image.
    blank : (y, x) array of bool, or None
        Pixels without data; None where no mask tells.
    origin : (y, x) of int
        The first pixel's position on the whole detector.
    """

    pixels: npt.NDArray[Any]
    blank: npt.NDArray[np.bool_] | None
    origin: tuple[int, int]

    def cut(self, box: Box) -> FloatImage:
        """Copy a box in pixels of the whole detector; outside the image and without data is NaN."""
        own = Box(box.y - self.origin[0], box.x - self.origin[1], box.height, box.width)
        image = cut(self.pixels, own)
        if self.blank is not None:
            image[cut(self.blank, own) == 1] = np.nan
        return image


def image_in_memory(exposure: Any, blank_planes: Collection[str]) -> InMemory:
    """Take the pixels of an array or an exposure.

    Parameters
    ----------
    exposure : array, afw Exposure, MaskedImage or Image, or one of lsst.images
        The image.
    blank_planes : collection of str
        Mask planes whose pixels hold no data; one that the mask does not have blanks nothing.

    Raises
    ------
    InputError
        When it holds no image of two dimensions.
    """
    image = getattr(exposure, "image", exposure)
    pixels = np.asarray(getattr(image, "array", image))
    if pixels.ndim != 2 or pixels.dtype.kind not in "fiu":
        raise NoImage(
            f"{type(exposure).__name__} holds no image of two dimensions: give an array, or an exposure of"
            " lsst.afw or lsst.images"
        )
    return InMemory(pixels, _blank(getattr(exposure, "mask", None), blank_planes), _origin(exposure))


def _origin(exposure: Any) -> tuple[int, int]:
    if hasattr(exposure, "getXY0"):
        first = exposure.getXY0()
        return int(first.getY()), int(first.getX())
    if hasattr(exposure, "bbox"):
        return int(exposure.bbox.y.start), int(exposure.bbox.x.start)
    return 0, 0


def _blank(mask: Any, planes: Collection[str]) -> npt.NDArray[np.bool_] | None:
    if hasattr(mask, "getMaskPlaneDict"):
        bits = mask.getMaskPlaneDict()
        wanted = sum(1 << bits[name] for name in set(planes) & set(bits))
        return np.asarray((mask.array & wanted) != 0)
    if hasattr(mask, "schema"):
        known = [mask.get(name) for name in planes if name in mask.schema.names]
        return np.any(known, axis=0) if known else None
    return None


def position_on(exposure: Any, center: Any) -> tuple[float, float]:
    """Find a position on the whole detector.

    Parameters
    ----------
    exposure : array or exposure
        Whose WCS leads from the sky to pixels.
    center : (x, y), Point2D, SpherePoint or SkyCoord
        Zero-based pixels, or ICRS.

    Returns
    -------
    (y, x) of float
        Zero-based.

    Raises
    ------
    InputError
        When it is a position on the sky, and the exposure has no WCS or does not reach it.
    """
    if hasattr(center, "x") and hasattr(center, "y"):
        return float(center.y), float(center.x)
    if isinstance(center, (tuple, list, np.ndarray)):
        x_pix, y_pix = map(float, center)
        return y_pix, x_pix
    y_pix, x_pix = _by_wcs(exposure, center)
    if not np.isfinite(y_pix + x_pix):
        raise NoImage(f"{center} is nowhere near the image: give the exposure that it lies on")
    return y_pix, x_pix


def _by_wcs(exposure: Any, center: Any) -> tuple[float, float]:
    if getattr(exposure, "sky_projection", None) is not None:
        found = exposure.sky_projection.sky_to_pixel(_sky(center))
        return float(found.y), float(found.x)
    wcs = exposure.getWcs() if hasattr(exposure, "getWcs") else None
    if wcs is None:
        raise BadWcs(
            f"{type(exposure).__name__} has no WCS, so {center} cannot be found on it: give the pixel as (x, y)"
        )
    if hasattr(center, "getRa"):
        point = wcs.skyToPixel(center)
        return float(point.getY()), float(point.getX())
    sky = _sky(center)
    x_pix, y_pix = wcs.skyToPixelArray(np.array([sky.ra.deg]), np.array([sky.dec.deg]), degrees=True)
    return float(y_pix[0]), float(x_pix[0])


def _sky(center: Any) -> SkyCoord:
    if hasattr(center, "getRa"):
        return SkyCoord(center.getRa().asDegrees(), center.getDec().asDegrees(), unit="deg")
    return center.icrs


def box_of(footprint: Any) -> Box:
    """Take the box of an afw Footprint."""
    box = footprint.getBBox()
    return Box(box.getMinY(), box.getMinX(), box.getHeight(), box.getWidth())


def columns_of(source: Any) -> dict[str, Any]:
    """Take the columns of a catalog row: a mapping, a pandas Series or a numpy record.

    Returns
    -------
    dict
        Values of Python; missing ones are None.
    """
    import pandas as pd

    if isinstance(source, np.void):
        items = [(name, source[name]) for name in source.dtype.names or ()]
    else:
        items = list(source.items() if isinstance(source, Mapping) else source.to_dict().items())
    values = {name: value.item() if isinstance(value, np.generic) else value for name, value in items}
    return {name: None if np.ndim(value) == 0 and pd.isna(value) else value for name, value in values.items()}
