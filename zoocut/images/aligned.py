"""Cutting sources out of three planes that show the same pixels of the sky.

Positions and boxes are in the pixels that the three share: for planes that are parts of a larger image, those
of the larger one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from zoocut.error_kinds import BadPosition, BadWcs
from zoocut.errors import InputError
from zoocut.images.alignment import align
from zoocut.images.boxes import Boxes
from zoocut.images.geometry import AS_READ_OUT, Box, Turn, turn_to_north
from zoocut.images.planes import Plane
from zoocut.images.positions import locate_sources
from zoocut.images.sky import Located
from zoocut.images.whole import needed_panels, refuse_empty
from zoocut.model import Cutout, DiaSource, FloatImage, Rejection
from zoocut.reasons import OFF_THE_FRAME

__all__ = ["Aligned"]


class Aligned:
    """Cuts sources out of template, science and difference planes.

    Parameters
    ----------
    boxes : Boxes
        Which boxes a source's cutouts are.
    north_up : bool
        Whether cutouts are turned; the alternative is as read out.
    allow_missing_template : bool
        Whether a source without any template pixel is cut; the alternative is to refuse it.
    """

    def __init__(self, boxes: Boxes, north_up: bool, allow_missing_template: bool = False) -> None:
        self._boxes = boxes
        self._north_up = north_up
        self._needed = needed_panels(allow_missing_template)

    def cut(
        self, planes: Sequence[Plane], sources: Sequence[DiaSource]
    ) -> Iterator[tuple[Cutout, ...] | Rejection]:
        """Cut every source out of the three planes.

        Parameters
        ----------
        planes : sequence of Plane
            Template, science and difference, open.
        sources : sequence of DiaSource
            The sources that lie on them.

        Yields
        ------
        tuple of Cutout or Rejection
            For each source in order: one cutout a size, or why there is none.

        Raises
        ------
        InputError
            When a plane is damaged or not aligned with the others, before anything is yielded.
        """
        located = _locate_aligned(planes, sources)
        if self._north_up and planes[-1].wcs is None:
            raise BadWcs('the frames have no celestial WCS: set draw.orientation = "detector"')
        wanted = [self._wanted(planes[-1], located, i, source) for i, source in enumerate(sources)]
        boxes = [box for several in wanted if not isinstance(several, Rejection) for box in several]
        stamps = zip(*(_stamps(plane, boxes) for plane in planes), strict=True)
        for i, (source, several) in enumerate(zip(sources, wanted, strict=True)):
            if isinstance(several, Rejection):
                yield several
            else:
                cutouts = tuple(self._cutout(next(stamps), located, i) for _ in several)
                yield refuse_empty(source, cutouts, self._needed)

    def _wanted(
        self, difference: Plane, located: Located, i: int, source: DiaSource
    ) -> tuple[Box, ...] | Rejection:
        y_pix, x_pix = float(located.y_pix[i]), float(located.x_pix[i])
        if None in (source.ra_deg, source.dec_deg) and source.pixel_yx is None:
            return Rejection.of(
                source, "it has no position: the catalog needs ra and dec in degrees", BadPosition.code
            )
        if not np.isfinite(y_pix + x_pix):
            return Rejection.of(
                source,
                f"ra {source.ra_deg} dec {source.dec_deg} is nowhere near the frame: check its exposure",
                OFF_THE_FRAME,
            )
        if self._north_up and not np.isfinite([located.north[i], located.east[i]]).all():
            return Rejection.of(
                source,
                'its frame does not tell where north is: set draw.orientation = "detector"',
                BadWcs.code,
            )
        try:
            boxes = self._boxes(source, y_pix, x_pix)
        except InputError as error:
            return Rejection.of(source, error)
        frame = Box(*difference.origin, *difference.shape)
        if frame.holds(y_pix, x_pix) and all(
            _on(difference, box).overlaps(difference.shape) for box in boxes
        ):
            return boxes
        return Rejection.of(
            source,
            f"it lies off the frame, at x {x_pix:.1f} y {y_pix:.1f} of {frame.width} x {frame.height}: "
            "check its exposure",
            OFF_THE_FRAME,
        )

    def _cutout(self, stamps: Sequence[FloatImage], located: Located, i: int) -> Cutout:
        turn = self._turn(located, i)
        template, science, difference = map(turn.image, stamps)
        scale_arcsec = float(located.scale_arcsec[i])
        known = scale_arcsec if np.isfinite(scale_arcsec) else None
        return Cutout(template, science, difference, known)

    def _turn(self, located: Located, i: int) -> Turn:
        if not self._north_up:
            return AS_READ_OUT
        return turn_to_north(tuple(located.north[i]), tuple(located.east[i]))


def _on(plane: Plane, box: Box) -> Box:
    """Express a box in a plane's own pixels."""
    y_origin, x_origin = plane.origin
    return Box(box.y - y_origin, box.x - x_origin, box.height, box.width)


def _stamps(plane: Plane, boxes: Sequence[Box]) -> list[FloatImage]:
    """Cut all boxes out of a plane, so that the pixels of one plane are in memory at a time."""
    own = [_on(plane, box) for box in boxes]
    plane.load([box.rows_within(plane.shape[0]) for box in own])
    stamps = [
        plane.cut(box) if box.overlaps(plane.shape) else np.full((box.height, box.width), np.nan)
        for box in own
    ]
    plane.release()
    return stamps


def _locate_aligned(planes: Sequence[Plane], sources: Sequence[DiaSource]) -> Located:
    """Find the sources on the difference image, and make sure that the others agree."""
    difference = planes[-1]
    located = locate_sources(difference.wcs, sources, difference.origin)
    if located is None:
        raise BadWcs(
            f"{difference.path} has no celestial WCS: zoocut cannot find sources on it by ra and dec. Where its primary"
            " header has one, set INHERIT = T in the image's; or give positions in pixels by catalog.x and catalog.y"
        )
    for plane in planes[:-1]:
        align(plane, difference)
    return located
