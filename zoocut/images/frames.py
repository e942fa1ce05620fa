"""Pixels from whole FITS frames that are aligned: template, science and difference of one exposure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from string import Formatter

import numpy as np

from zoocut.config.draw import DrawSettings
from zoocut.config.images import FramesSettings
from zoocut.errors import ConfigError, InputError
from zoocut.images.boxes import Boxes, boxes_for
from zoocut.images.geometry import AS_READ_OUT, Box, Turn, turn_to_north
from zoocut.images.planes import Plane, open_plane
from zoocut.images.positions import locate_sources, positions_of
from zoocut.images.sky import Floats, Located, locate, read_wcs
from zoocut.images.whole import refuse_empty, refused
from zoocut.model import PANELS, Cutout, DiaSource, Rejection, Value

__all__ = ["Frames"]

ALIGNED_PIX = 0.5
"""How far the WCS of template and science may differ from the difference image's."""


class Frames:
    """Cutouts out of FITS frames.

    Parameters
    ----------
    settings : FramesSettings
        Paths of the three frames, with {column} fields.
    draw : DrawSettings
        Sizes, footprint and orientation.
    folder : Path
        What relative paths are relative to.

    Raises
    ------
    ConfigError
        When a path has a malformed {column} field, or no size is given.
    """

    def __init__(self, settings: FramesSettings, draw: DrawSettings, folder: Path) -> None:
        self._settings = settings
        self._folder = folder
        self._north_up = draw.orientation == "north-up"
        self._boxes: Boxes = boxes_for(settings, draw)
        self._patterns = (settings.template, settings.science, settings.difference)
        self._extensions = (
            settings.template_extension,
            settings.science_extension,
            settings.difference_extension,
        )
        for name, pattern in zip(PANELS, self._patterns, strict=True):
            _check(f"images.{name}", pattern)

    def exposure_of(self, source: DiaSource) -> str:
        """Name the source's three frames.

        Raises
        ------
        InputError
            When the source lacks a column that the paths need.
        """
        return " | ".join(_fill(pattern, source) for pattern in self._patterns)

    def cut(self, exposure: str, sources: Sequence[DiaSource]) -> Iterator[tuple[Cutout, ...] | Rejection]:
        """Cut every source out of the three frames.

        Yields
        ------
        tuple of Cutout or Rejection
            For each source in order: one cutout a size, or why there is none.

        Raises
        ------
        InputError
            When a frame is missing, damaged or not aligned with the others, before anything is yielded.
        """
        paths = [self._folder / part for part in exposure.split(" | ")]
        with ExitStack() as stack:
            planes = [
                stack.enter_context(open_plane(path, extension))
                for path, extension in zip(paths, self._extensions, strict=True)
            ]
            located = _locate_aligned(planes, sources)
            wanted = [self._wanted(planes[-1].shape, located, i, source) for i, source in enumerate(sources)]
            rows = [
                box.rows_within(planes[-1].shape[0])
                for boxes in wanted
                if not isinstance(boxes, Rejection)
                for box in boxes
            ]
            for plane in planes:
                plane.load(rows)
            for i, (source, boxes) in enumerate(zip(sources, wanted, strict=True)):
                if isinstance(boxes, Rejection):
                    yield boxes
                else:
                    yield refuse_empty(source, tuple(self._cutout(planes, box, located, i) for box in boxes))

    def _wanted(
        self, shape: tuple[int, int], located: Located, i: int, source: DiaSource
    ) -> tuple[Box, ...] | Rejection:
        y_pix, x_pix = float(located.y_pix[i]), float(located.x_pix[i])
        if None in (source.ra_deg, source.dec_deg) and source.pixel_yx is None:
            return refused(source, "it has no position: the catalog needs ra and dec in degrees")
        if not np.isfinite(y_pix + x_pix):
            return refused(
                source,
                f"ra {source.ra_deg} dec {source.dec_deg} is nowhere near the frame: check its exposure",
            )
        try:
            boxes = self._boxes(source, y_pix, x_pix)
        except InputError as error:
            return refused(source, str(error))
        if all(box.overlaps(shape) for box in boxes):
            return boxes
        return refused(
            source,
            f"it lies off the frame, at x {x_pix:.1f} y {y_pix:.1f} of {shape[1]} x {shape[0]}: "
            "check its exposure",
        )

    def _cutout(self, planes: Sequence[Plane], box: Box, located: Located, i: int) -> Cutout:
        turn = self._turn(located, i)
        template, science, difference = (turn.image(plane.cut(box)) for plane in planes)
        y_centre, x_centre = box.centre
        offset = (float(located.y_pix[i]) - y_centre, float(located.x_pix[i]) - x_centre)
        scale_arcsec = float(located.scale_arcsec[i])
        known = scale_arcsec if np.isfinite(scale_arcsec) else None
        return Cutout(template, science, difference, known, turn.vector(offset))

    def _turn(self, located: Located, i: int) -> Turn:
        if not self._north_up:
            return AS_READ_OUT
        if not np.isfinite(located.north[i]).all():
            raise InputError('the frames have no celestial WCS: set draw.orientation = "detector"')
        return turn_to_north(tuple(located.north[i]), tuple(located.east[i]))


def _locate_aligned(planes: Sequence[Plane], sources: Sequence[DiaSource]) -> Located:
    """Find the sources on the difference image, and make sure that the others agree."""
    difference = planes[-1]
    wcs = read_wcs(difference.header)
    located = locate_sources(wcs, sources)
    if located is None:
        raise InputError(f"{difference.path} has no celestial WCS: zoocut cannot find sources on it")
    for plane in planes[:-1]:
        _refuse_misaligned(plane, difference, located, wcs and positions_of(wcs, sources))
    return located


def _refuse_misaligned(
    plane: Plane, difference: Plane, located: Located, sky: tuple[Floats, Floats] | None
) -> None:
    if plane.shape != difference.shape:
        raise InputError(
            f"{plane.path} has {plane.shape[1]} x {plane.shape[0]} pixels but {difference.path} "
            f"{difference.shape[1]} x {difference.shape[0]}: give frames that are aligned"
        )
    wcs = read_wcs(plane.header)
    if wcs is None or sky is None:
        return
    other = locate(wcs, *sky)
    apart = np.hypot(other.y_pix - located.y_pix, other.x_pix - located.x_pix)
    worst = float(np.max(apart[np.isfinite(apart)], initial=0.0))
    if worst > ALIGNED_PIX:
        raise InputError(
            f"{plane.path} puts the same position {worst:.1f} pixels from where {difference.path} has it: "
            "give frames that are aligned"
        )


def _check(key: str, pattern: str) -> None:
    try:
        fields = [name for _, name, _, _ in Formatter().parse(pattern) if name is not None]
    except ValueError as error:
        raise ConfigError(f"{key} = {pattern!r} is malformed ({error}): write columns as {{visit}}") from None
    for name in fields:
        if not name.isidentifier():
            raise ConfigError(
                f"{key} = {pattern!r} has a field {{{name}}}: only a column's name may stand there"
            )


def _fill(pattern: str, source: DiaSource) -> str:
    values = _Values(source)
    try:
        return pattern.format_map(values)
    except ValueError as error:
        raise InputError(f"{pattern!r} does not fit the value of a column ({error})") from None


class _Values(dict[str, Value]):
    def __init__(self, source: DiaSource) -> None:
        super().__init__(source.columns)

    def __missing__(self, name: str) -> Value:
        raise InputError(f"it has no column {name}, which the paths in [images] need")

    def __getitem__(self, name: str) -> Value:
        value = super().__getitem__(name)
        if value is None:
            raise InputError(f"its column {name}, which the paths in [images] need, is empty")
        return value
