"""Cutouts that are larger than their panel, averaged down."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np

from zoocut.model import PANELS, Cutout, FloatImage

__all__ = ["reduced"]


def reduced(cutout: Cutout, factor: int) -> Cutout:
    """Average squares of pixels.

    Parameters
    ----------
    cutout : Cutout
        The cutout.
    factor : int
        Pixels along a square's side; 1 gives the cutout itself.

    Returns
    -------
    Cutout
        Its pixels are means of those with data, NaN where a square has none; squares at the upper and right
        edges may be parts.
    """
    if factor == 1:
        return cutout
    images: dict[str, Any] = {name: _means(getattr(cutout, name), factor) for name in PANELS}
    scale = cutout.pixel_scale_arcsec
    return replace(cutout, **images, pixel_scale_arcsec=None if scale is None else scale * factor)


def _means(image: FloatImage, factor: int) -> FloatImage:
    height, width = image.shape
    rest = [(0, -length % factor) for length in (height, width)]
    padded = np.pad(np.ma.filled(image.astype(np.float64), np.nan), rest, constant_values=np.nan)
    squares = padded.reshape(padded.shape[0] // factor, factor, -1, factor)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a square without data has no mean
        means: FloatImage = np.nanmean(squares, axis=(1, 3))
    return means
