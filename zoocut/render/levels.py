"""Pixels to levels of the colour map: interval, then stretch, as `ImageNormalize` under `imshow` does."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from zoocut.config.draw import PanelSettings
from zoocut.error_kinds import WrongLook
from zoocut.model import FloatImage
from zoocut.render.astropy_names import make_named
from zoocut.render.intervals import FinitePixels, open_interval

__all__ = ["Levels", "open_levels"]


class Levels:
    """Turns a panel's pixels to levels of a colour map.

    Parameters
    ----------
    interval : FinitePixels
        Finds the limits.
    stretch : astropy.visualization.BaseStretch
        Maps 0..1 to 0..1 between them.
    count : int
        How many levels the colour map has.
    """

    def __init__(self, interval: FinitePixels, stretch: Any, count: int) -> None:
        self._interval = interval
        self._stretch = stretch
        self._count = count

    def of(self, stack: FloatImage) -> npt.NDArray[np.intp]:
        """Find every pixel's level.

        Parameters
        ----------
        stack : (n, y, x) array of float
            Images of one panel; each has its own limits.

        Returns
        -------
        (n, y, x) array of int
            0 to count - 1; count where the pixel is not finite.
        """
        vmin, vmax = (limit[:, None, None] for limit in self._interval.limits(stack))
        lost = ~np.isfinite(stack)
        without_data = lost if lost.any() else None
        with np.errstate(all="ignore"):
            values = np.subtract(stack, vmin, dtype=np.float64)
            values /= vmax - vmin
            values[(vmin == vmax).ravel()] = 0
            if without_data is not None:
                values[without_data] = 0
            values = self._stretch(values, clip=False, out=values)
            values *= self._count
            np.fmax(values, 0, out=values)
            np.fmin(values, self._count - 1, out=values)
        levels: npt.NDArray[np.intp] = values.astype(np.intp)
        if without_data is not None:
            levels[without_data] = self._count
        return levels


def open_levels(name: str, settings: PanelSettings, count: int) -> Levels:
    """Find a panel's interval and stretch by their names.

    Parameters
    ----------
    name : str
        The panel, for messages.
    settings : PanelSettings
        Names and parameters.
    count : int
        How many levels the colour map has.

    Raises
    ------
    ConfigError
        When astropy has no such interval or stretch, or it does not take these parameters.
    """
    import astropy.visualization as visualization

    interval = open_interval(name, settings)
    try:
        stretch = make_named(
            visualization,
            visualization.BaseStretch,
            "Stretch",
            settings.stretch,
            settings.stretch_options,
        )
    except (TypeError, ValueError, LookupError) as error:
        raise WrongLook(f"draw.{name}.stretch = {settings.stretch!r}: {error}") from None
    return Levels(interval, stretch, count)
