"""Zscale limits of many images at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from zoocut.model import FloatImage

__all__ = ["ZScale"]

AT_ONCE = 64
"""Images whose samples stay in the processor's cache together, by half a megabyte an array."""

Floats = npt.NDArray[np.floating]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ZScale:
    """The algorithm of IRAF's zscale, as `astropy.visualization.ZScaleInterval` has it.

    A line is fitted to the sorted pixels of each image, pixels far from it are rejected, and the limits
    follow from the line's slope; where the line is level they are the lowest and highest sample. astropy
    does this for one image; here all images of a stack take each step together, by the same rules.

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
        parts = [self._limits(samples[i : i + AT_ONCE]) for i in range(0, len(samples), AT_ONCE)]
        vmin, vmax = np.concatenate(parts, axis=1)
        return vmin, vmax

    def _limits(self, samples: Floats) -> tuple[Floats, Floats]:
        vmin, vmax = samples[:, 0].astype(np.float64), samples[:, -1].astype(np.float64)
        slope, enough = self._slopes(samples)
        if self.contrast > 0:
            slope = slope / self.contrast
        count = samples.shape[1]
        centre = (count - 1) // 2
        median = np.mean(
            samples[:, (count - 1) // 2 : count // 2 + 1], axis=1
        )  # what np.median has, of what is sorted
        low = np.fmax(vmin, median - (centre - 1) * slope)
        high = np.fmin(vmax, median + (count - centre) * slope)
        whole = ~(enough & (low < high))
        return np.where(whole, vmin, low), np.where(whole, vmax, high)

    def _slopes(self, samples: Floats) -> tuple[Floats, Bools]:
        """Fit the lines: slope a sample, and whether enough samples were left."""
        images, count = samples.shape
        fewest = max(int(self.min_npixels), int(count * self.max_reject))
        y, span = _scaled(samples)
        x = np.arange(count) - (count - 1) / 2
        bad = np.zeros(samples.shape, bool)
        good, last_good = np.full(images, count), np.full(images, count + 1)
        slope = np.zeros(images)
        room = np.empty((2, *samples.shape))
        for _ in range(int(self.max_iterations)):
            active = np.flatnonzero((good < last_good) & (good >= fewest))
            if active.size == 0:
                break
            rows = slice(None) if active.size == images else active  # a slice is not copied
            slope[rows], far = self._fit(x, y[rows], bad[rows], good[rows], room[:, : active.size])
            far |= bad[rows]
            bad[rows] = _grown(far, max(1, int(count * 0.01)))
            last_good[rows] = good[rows]
            # bytes are added in half the time of np.count_nonzero along an axis
            good[rows] = count - bad[rows].view(np.uint8).sum(axis=1, dtype=np.int32)
        return slope * span, good >= fewest

    def _fit(self, x: Floats, y: Floats, bad: Bools, number: Floats, room: Floats) -> tuple[Floats, Bools]:
        """Fit lines to the good samples: slopes, and which samples lie far from their line.

        The sums over x are of halves and so exact in any order, which a matrix product may choose; those over y are
        not, and are taken as they were when the limits of runs were first drawn.
        """
        weight, distance = room
        np.logical_not(bad, out=weight)
        x_sum, x_square = (weight @ np.stack((x, x * x), axis=1)).T
        weighted = np.multiply(weight, y, out=distance)
        x_mean, y_mean = x_sum / number, weighted.sum(axis=1) / number
        x_spread = x_square - number * x_mean**2
        slope = (np.einsum("ij,j->i", weighted, x) - number * x_mean * y_mean) / x_spread
        np.subtract(y, np.multiply(slope[:, None], x, out=distance), out=distance)
        distance -= (y_mean - slope * x_mean)[:, None]
        weight *= distance
        mean = weight.sum(axis=1) / number
        spread = np.sqrt(np.einsum("ij,ij->i", weight, weight) / number - mean**2)
        return slope, np.abs(distance, out=distance) > self.krej * spread[:, None]


def _scaled(samples: Floats) -> tuple[Floats, Floats]:
    """Shift and scale sorted samples into -1..1, without overflow, and give the scale."""
    half = samples.astype(np.float64) / 2
    span = half[:, -1] - half[:, 0]
    safe = np.where(span > 0, span, 1)
    return (half - half[:, half.shape[1] // 2, None]) / safe[:, None], 2 * span


def _grown(marks: Bools, width: int) -> Bools:
    """Spread marks as `np.convolve(marks, np.ones(width), mode="same")` does."""
    behind = (width - 1) // 2
    grown = np.zeros((len(marks), marks.shape[1] + width - 1), bool)
    grown[:, : marks.shape[1]] = marks
    reach = 1
    while reach < width:  # each mark reaches twice as far to the right, or as far as is left
        step = min(reach, width - reach)
        grown[:, step:] |= grown[:, :-step].copy()
        reach += step
    return grown[:, behind : behind + marks.shape[1]]
