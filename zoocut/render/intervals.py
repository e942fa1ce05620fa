"""Intervals: the limits between which a panel's pixels are stretched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from zoocut.config.draw import PanelSettings
from zoocut.error_kinds import WrongLook
from zoocut.model import FloatImage
from zoocut.render.astropy_names import check_options, make_named
from zoocut.render.zscale import ZScale

__all__ = ["Interval", "open_interval"]

Floats = npt.NDArray[np.floating]
Limits = tuple[Floats, Floats]


class Interval(Protocol):
    """Chooses limits."""

    def limits(self, pixels: FloatImage) -> Limits:
        """Find the limits of each image of a (n, pixel) array, all of it finite."""
        ...


class MinMax:
    """From the lowest pixel to the highest."""

    def limits(self, pixels: FloatImage) -> Limits:
        """Find the limits of each image."""
        return pixels.min(axis=1).astype(np.float64), pixels.max(axis=1).astype(np.float64)


class OneByOne:
    """Any interval of astropy, an image at a time.

    Parameters
    ----------
    interval : astropy.visualization.BaseInterval
        Finds the limits of one image.
    """

    def __init__(self, interval: Any) -> None:
        self._interval = interval

    def limits(self, pixels: FloatImage) -> Limits:
        """Find the limits of each image."""
        pairs = np.array([self._interval.get_limits(image) for image in pixels], np.float64)
        return pairs[:, 0], pairs[:, 1]


class FinitePixels:
    """Applies an interval to the finite pixels of a square in the middle of images.

    Parameters
    ----------
    interval : Interval
        Finds the limits.
    crop_pix : int or None
        Width of the square; None takes the whole image.
    """

    def __init__(self, interval: Interval, crop_pix: int | None) -> None:
        self._interval = interval
        self._crop_pix = crop_pix

    def limits(self, stack: FloatImage) -> Limits:
        """Find the limits of each image of a (n, y, x) array; (0, 0) where no pixel is finite."""
        pixels = self._middle(stack).reshape(len(stack), -1)
        finite = np.isfinite(pixels)
        vmin, vmax = np.zeros(len(stack)), np.zeros(len(stack))
        whole: npt.NDArray[np.bool_] = np.asarray(finite.all(axis=1))
        with np.errstate(all="ignore"):
            for rows, part in _of_one_length(pixels, finite, whole):
                vmin[rows], vmax[rows] = self._interval.limits(part)
        return vmin, vmax

    def _middle(self, stack: FloatImage) -> FloatImage:
        if self._crop_pix is None:
            return stack
        rows, columns = (_middle(length, self._crop_pix) for length in stack.shape[1:])
        return stack[:, rows, columns]


def open_interval(name: str, settings: PanelSettings) -> FinitePixels:
    """Find a panel's interval by name.

    Parameters
    ----------
    name : str
        The panel, for messages.
    settings : PanelSettings
        Name and parameters.

    Raises
    ------
    ConfigError
        When astropy has no such interval or it does not take these parameters.
    """
    import astropy.visualization as visualization

    own: dict[str, Callable[..., Interval]] = {"minmax": MinMax, "zscale": ZScale}
    key = settings.interval.lower().removesuffix("interval")
    try:
        if key in own:
            check_options(own[key], settings.interval_options, "Interval")
            return FinitePixels(own[key](**settings.interval_options), settings.central_crop_pix)
        known = make_named(
            visualization,
            visualization.BaseInterval,
            "Interval",
            settings.interval,
            settings.interval_options,
        )
        return FinitePixels(OneByOne(known), settings.central_crop_pix)
    except (TypeError, ValueError, LookupError) as error:
        raise WrongLook(f"draw.{name}.interval = {settings.interval!r}: {error}") from None


def _middle(length: int, crop_pix: int) -> slice:
    first = max(length // 2 - crop_pix // 2, 0)
    return slice(first, first + crop_pix)


def _of_one_length(
    pixels: FloatImage, finite: npt.NDArray[np.bool_], whole: npt.NDArray[np.bool_]
) -> Iterator[tuple[npt.NDArray[np.intp], FloatImage]]:
    """Yield rows and their finite pixels, all complete rows at once and the others one by one."""
    if whole.all():
        yield np.arange(len(pixels)), pixels  # not copied
    elif whole.any():
        yield np.flatnonzero(whole), pixels[whole]
    for row in np.flatnonzero(~whole & finite.any(axis=1)):
        yield np.array([row]), pixels[row, finite[row]][None]
