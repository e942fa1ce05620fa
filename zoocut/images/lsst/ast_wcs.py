"""Sky projections as the AST library writes them, which no FITS header can hold in full.

They speak astropy's WCS interface (APE 14), so that whoever finds sources by a WCS need not know which it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from astropy.coordinates import SkyCoord
from astropy.wcs.wcsapi import BaseLowLevelWCS, HighLevelWCSMixin

from zoocut.error_kinds import MissingPackage
from zoocut.errors import first_line

__all__ = ["AstWcs", "read_ast"]

Floats = npt.NDArray[np.float64]


def read_ast(text: str) -> Any:
    """Read a mapping in AST's native text.

    Parameters
    ----------
    text : str
        As an AST Channel writes it.

    Returns
    -------
    starlink.Ast.Mapping
        From pixels to (longitude, latitude) in radians; of a set of frames, to ICRS.

    Raises
    ------
    ConfigError
        When starlink-pyast is not installed.
    ValueError
        When the text is no mapping.
    """
    try:
        from starlink import Ast
    except ModuleNotFoundError:
        raise MissingPackage(
            "this exposure's WCS is written by AST, which needs starlink-pyast: pip install 'zoocut[butler]'"
        ) from None
    try:
        mapping = Ast.Channel(text.replace("\t", " ").splitlines()).read()  # tabs before comments stop pyast
        if isinstance(mapping, Ast.FrameSet):
            mapping.System = "ICRS"
    except Ast.AstError as error:
        raise ValueError(first_line(error)) from error
    if not isinstance(mapping, Ast.Mapping) or (mapping.Nin, mapping.Nout) != (2, 2):
        raise ValueError("it is no mapping of AST from two coordinates to two")
    return mapping


class AstWcs(BaseLowLevelWCS, HighLevelWCSMixin):  # type: ignore[misc]
    """An AST mapping from the pixels of a parent frame to ICRS, as the WCS of a part of that frame.

    Parameters
    ----------
    mapping : starlink.Ast.Mapping
        From zero-based (x, y) to (ra, dec) in radians.
    origin : (y, x) of int
        The part's first pixel in the parent frame.
    shape : (y, x) of int
        The part's size.
    """

    pixel_n_dim = 2
    world_n_dim = 2
    world_axis_physical_types = ("pos.eq.ra", "pos.eq.dec")
    world_axis_units = ("deg", "deg")
    world_axis_object_components = (
        ("celestial", 0, "spherical.lon.degree"),
        ("celestial", 1, "spherical.lat.degree"),
    )
    world_axis_object_classes = {"celestial": (SkyCoord, (), {"frame": "icrs", "unit": "deg"})}

    def __init__(self, mapping: Any, origin: tuple[int, int], shape: tuple[int, int]) -> None:
        self._mapping = mapping
        self._origin = origin
        self._shape = shape

    def pixel_to_world_values(self, *pixel_arrays: npt.ArrayLike) -> tuple[Floats, Floats]:
        """Return (ra, dec) in degrees of zero-based (x, y); NaN where the mapping has no answer."""
        y_origin, x_origin = self._origin
        x_pix, y_pix = pixel_arrays
        ra, dec = self._apply(np.asarray(x_pix) + x_origin, np.asarray(y_pix) + y_origin, forward=True)
        return np.degrees(ra) % 360, np.degrees(dec)

    def world_to_pixel_values(self, *world_arrays: npt.ArrayLike) -> tuple[Floats, Floats]:
        """Return zero-based (x, y) of (ra, dec) in degrees; NaN where the mapping has no answer.

        A mapping's way back may be a fit. By how much it misses is found at the pixel that it gives, and taken off.
        """
        y_origin, x_origin = self._origin
        x_pix, y_pix = self._apply(*map(np.radians, world_arrays), forward=False)
        x_back, y_back = self._apply(*self._apply(x_pix, y_pix, forward=True), forward=False)
        return 2 * x_pix - x_back - x_origin, 2 * y_pix - y_back - y_origin

    @property
    def pixel_scale_matrix(self) -> Floats:
        """Degrees a pixel in the middle, as `astropy.wcs.WCS.pixel_scale_matrix` gives them."""
        y_pix, x_pix = ((length - 1) / 2 for length in self._shape)
        sky = SkyCoord(
            *self.pixel_to_world_values(x_pix + np.array([0, 1, 0]), y_pix + np.array([0, 0, 1])), unit="deg"
        )
        steps = [part.deg for part in sky[0].spherical_offsets_to(sky[1:])]
        return np.array(steps, dtype=np.float64)

    def _apply(self, *coordinates: npt.ArrayLike, forward: bool) -> Sequence[Floats]:
        first, second = np.broadcast_arrays(*coordinates)
        flat = np.stack([first.ravel(), second.ravel()]).astype(np.float64)
        found = self._mapping.tran(flat, forward)
        found[np.abs(found) > UNKNOWN] = np.nan
        return found[0].reshape(first.shape), found[1].reshape(first.shape)


UNKNOWN = 1e300
"""AST answers with the most negative number, AST__BAD, where it knows none."""
