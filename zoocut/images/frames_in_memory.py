"""Whole frames that a program holds: arrays, HDUs and CCDData, in the place of files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoocut.config.draw import DrawSettings
from zoocut.config.images import FootprintColumns
from zoocut.error_kinds import NoImage, WrongArguments
from zoocut.images.aligned import Aligned
from zoocut.images.boxes import boxes_for
from zoocut.images.geometry import cut_all
from zoocut.images.planes import Plane
from zoocut.images.sky import SkyWcs, read_wcs
from zoocut.model import PANELS, Cutout, DiaSource, FloatImage, Rejection

__all__ = ["FramesInMemory", "MemoryPlane", "plane_of"]

Triple = tuple[Any, Any, Any]
"""Template, science and difference."""


class MemoryPlane(Plane):
    """An image in memory.

    Parameters
    ----------
    name : str
        What it is called in messages.
    pixels : (y, x) array
        The image; pixels without data are NaN.
    wcs : WCS or None
        Of its own pixels.
    """

    wcs: SkyWcs | None = None

    def __init__(self, name: str, pixels: npt.NDArray[Any], wcs: SkyWcs | None) -> None:
        self.path = Path(name)
        self.shape = (pixels.shape[0], pixels.shape[1])
        self.origin = (0, 0)
        self.wcs = wcs
        self._pixels = pixels

    def load(self, rows: npt.ArrayLike) -> None:
        """Do nothing: the pixels are there."""

    def cut_all(self, boxes: npt.ArrayLike) -> list[FloatImage]:
        """Copy boxes; outside the image is NaN."""
        return cut_all(self._pixels, boxes)

    def release(self) -> None:
        """Keep the pixels, which are the caller's."""


def plane_of(image: Any, name: str) -> MemoryPlane:
    """Take an image as it is held.

    Parameters
    ----------
    image : array, masked array, HDU or CCDData
        Of two dimensions; masked pixels hold no data. An HDU's WCS is in its header, CCDData has it as `wcs`.
    name : str
        What it is called in messages.

    Raises
    ------
    InputError
        When it holds no image of two dimensions.
    """
    held = image if isinstance(image, np.ndarray) else getattr(image, "data", image)
    pixels = held if isinstance(held, np.ma.MaskedArray) else np.asarray(held)
    if pixels.ndim != 2 or pixels.dtype.kind not in "fiu":
        raise NoImage(
            f"{name} is no image of two dimensions but {type(image).__name__}: give an array, an HDU or CCDData"
        )
    mask = np.ma.getmaskarray(image) if isinstance(image, np.ma.MaskedArray) else getattr(image, "mask", None)
    return MemoryPlane(name, _without_data_nan(pixels, mask), _wcs_of(image))


def _without_data_nan(pixels: npt.NDArray[Any], mask: Any) -> npt.NDArray[Any]:
    if mask is None or not np.any(mask):
        return np.asarray(pixels)
    kind = np.float32 if pixels.dtype == np.float32 else np.float64
    return np.where(mask, np.nan, np.asarray(pixels)).astype(kind)


def _wcs_of(image: Any) -> SkyWcs | None:
    known: SkyWcs | None = getattr(image, "wcs", None)
    if known is not None:
        return known
    header = getattr(image, "header", None)
    return None if header is None else read_wcs(header)


class FramesInMemory:
    """Cutouts out of frames in memory.

    Parameters
    ----------
    frames : (template, science, difference), or mapping of exposure to such a triple
        The images, as `plane_of` takes them. Keys are visits, or pairs of visit and detector, as the columns of
        these names have them.
    draw : DrawSettings
        Sizes, footprint and orientation.

    Raises
    ------
    ConfigError
        When a triple is none.
    InputError
        When one of them holds no image.
    """

    def __init__(self, frames: Triple | Mapping[Any, Triple], draw: DrawSettings) -> None:
        several = frames if isinstance(frames, Mapping) else {"": frames}
        self._planes = {_name(key): _planes(triple, key) for key, triple in several.items()}
        self._only = None if isinstance(frames, Mapping) else ""
        self._aligned = Aligned(boxes_for(FootprintColumns(), draw), draw.orientation == "north-up")

    def exposure_of(self, source: DiaSource) -> str:
        """Name the source's frames.

        Raises
        ------
        InputError
            When there are none for its visit and detector.
        """
        if self._only is not None:
            return self._only
        visit, detector = (source.columns.get(name) for name in ("visit", "detector"))
        for key in ((visit, detector), visit):
            if _name(key) in self._planes:
                return _name(key)
        raise NoImage(f"no frames were given for its visit {visit} and detector {detector}")

    def cut(self, exposure: str, sources: Sequence[DiaSource]) -> Iterator[tuple[Cutout, ...] | Rejection]:
        """Cut every source out of the three frames.

        Yields
        ------
        tuple of Cutout or Rejection
            For each source in order: one cutout a size, or why there is none.

        Raises
        ------
        InputError
            When the frames are not aligned with each other, before anything is yielded.
        """
        yield from self._aligned.cut(self._planes[exposure], sources)


def _name(key: Any) -> str:
    parts = key if isinstance(key, tuple) else (key,)
    return " ".join(str(part.item() if isinstance(part, np.generic) else part) for part in parts)


def _planes(triple: Triple, key: Any) -> tuple[MemoryPlane, ...]:
    of = f" of {_name(key)}" if key != "" else ""
    if len(triple) != len(PANELS):
        raise WrongArguments(f"frames{of} must be three: template, science and difference, in this order")
    return tuple(plane_of(image, f"the {name}{of}") for name, image in zip(PANELS, triple, strict=True))
