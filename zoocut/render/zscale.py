"""Zscale limits of many images at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from zoocut.model import FloatImage

__all__ = ["ZScale"]

Floats = npt.NDArray[np.floating]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ZScale:
    """The algorithm of IRAF's zscale, as `astropy.visualization.ZScaleInterval` has it.

    A line is fitted to the sorted pixels of each image, pixels far from it are rejected, and the limits
    follow from the line's slope. astropy does this for one image; here all images of a stack take each step
    together, by the same rules.

    Parameters
    ----------
    n_samples : int
        Pixels of an image to look at.
    contrast : float
        Divides the slope.
    max_reject : float
        Largest part of the pixels to reject.
    min_npixels : int
        Fewest pixels to fit to.
    krej : float
        Standard deviations from the line that a pixel is rejected beyond.
    max_iterations : int
        Most fits.
    """

    n_samples: int = 1000
    contrast: float = 0.25
    max_reject: float = 0.5
    min_npixels: int = 5
    krej: float = 2.5
    max_iterations: int = 5

    def limits(self, pixels: FloatImage) -> tuple[Floats, Floats]:
        """Find the limits.

        Parameters
        ----------
        pixels : (n, pixel) array of float
            All finite.

        Returns
        -------
        vmin, vmax : (n,) array
        """
        stride = max(1, pixels.shape[1] // int(self.n_samples))
        samples = np.sort(pixels[:, ::stride][:, : int(self.n_samples)], axis=1)
        vmin, vmax = samples[:, 0].astype(np.float64), samples[:, -1].astype(np.float64)
        slope, enough = self._slopes(samples)
        if self.contrast > 0:
            slope = slope / self.contrast
        count = samples.shape[1]
        centre = (count - 1) // 2
        median = np.median(samples, axis=1)
        with np.errstate(over="ignore", invalid="ignore"):
            low = np.fmax(vmin, median - (centre - 1) * slope)
            high = np.fmin(vmax, median + (count - centre) * slope)
        flat = ~enough | (vmin == vmax)
        return np.where(flat, vmin, low), np.where(flat, vmax, high)

    def _slopes(self, samples: Floats) -> tuple[Floats, Bools]:
        """Fit the lines: slope a sample, and whether enough samples were left."""
        images, count = samples.shape
        fewest = max(int(self.min_npixels), int(count * self.max_reject))
        size = np.maximum(np.abs(samples[:, :1]), np.abs(samples[:, -1:])).astype(np.float64)
        size[size == 0] = 1
        y = samples / size
        x = np.arange(count) - (count - 1) / 2
        bad = np.zeros(samples.shape, bool)
        good, last_good = np.full(images, count), np.full(images, count + 1)
        slope = np.zeros(images)
        for _ in range(int(self.max_iterations)):
            active = np.flatnonzero((good < last_good) & (good >= fewest))
            if active.size == 0:
                break
            slope[active], flat = _fit(x, y[active], ~bad[active])
            bad[active] = self._rejected(flat, bad[active])
            last_good[active] = good[active]
            good[active] = count - bad[active].sum(axis=1)
        with np.errstate(over="ignore"):
            return slope * size[:, 0], good >= fewest

    def _rejected(self, flat: Floats, bad: Bools) -> Bools:
        """Mark samples far from the line, and their neighbours on both sides."""
        good = ~bad
        number = good.sum(axis=1)
        mean = (flat * good).sum(axis=1) / number
        spread = np.sqrt((((flat - mean[:, None]) * good) ** 2).sum(axis=1) / number)
        far = bad | (np.abs(flat) > self.krej * spread[:, None])
        return _grown(far, max(1, int(flat.shape[1] * 0.01)))


def _fit(x: Floats, y: Floats, good: Bools) -> tuple[Floats, Floats]:
    """Fit lines to the good samples: slopes, and every sample's distance from its line."""
    number = good.sum(axis=1)
    x_mean = (x * good).sum(axis=1) / number
    y_mean = (y * good).sum(axis=1) / number
    dx = x - x_mean[:, None]
    dy = y - y_mean[:, None]
    weighted = dx * good
    slope = (weighted * dy).sum(axis=1) / (weighted * dx).sum(axis=1)
    return slope, dy - slope[:, None] * dx


def _grown(marks: Bools, width: int) -> Bools:
    """Spread marks as `np.convolve(marks, np.ones(width), mode="same")` does."""
    grown = marks.copy()
    behind = (width - 1) // 2
    for step in range(1, width - behind):
        grown[:, step:] |= marks[:, :-step]
    for step in range(1, behind + 1):
        grown[:, :-step] |= marks[:, step:]
    return grown
