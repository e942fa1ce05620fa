"""Cutting sources out of three planes that show the same pixels of the sky.

Positions and boxes are in the pixels that the three share: for planes that are parts of a larger image, those
of the larger one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isfinite

import numpy as np

from zoocut.error_kinds import BadPosition, BadWcs
from zoocut.errors import InputError
from zoocut.images.alignment import align
from zoocut.images.boxes import Boxes
from zoocut.images.geometry import AS_READ_OUT, BoxArray, Turn, overlapping, rows_within, turns_to_north
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
        boxes, refused = self._wanted(planes[-1], located, sources)
        turns = (
            turns_to_north(located.north, located.east) if self._north_up else [AS_READ_OUT] * len(sources)
        )
        scales = [scale if isfinite(scale) else None for scale in located.scale_arcsec.tolist()]
        wanted = np.delete(boxes, list(refused), axis=0).reshape(-1, 4)
        stamps = zip(*(_stamps(plane, wanted) for plane in planes), strict=True)
        for at, (source, turn, scale) in enumerate(zip(sources, turns, scales, strict=True)):
            if at in refused:
                yield refused[at]
            else:
                cutouts = tuple([_cutout(next(stamps), turn, scale) for _ in range(boxes.shape[1])])
                yield refuse_empty(source, cutouts, self._needed)

    def _wanted(
        self, difference: Plane, located: Located, sources: Sequence[DiaSource]
    ) -> tuple[BoxArray, dict[int, Rejection]]:
        """Choose the boxes of all sources, (n, box, 4), and tell by their numbers why some have none."""
        y_pix, x_pix = located.y_pix, located.x_pix
        boxes, missing = self._boxes(sources, y_pix, x_pix)
        north_known = np.isfinite((located.north + located.east).sum(axis=1))
        y, x = (place - first for place, first in zip((y_pix, x_pix), difference.origin, strict=True))
        height, width = difference.shape
        on_frame = (y >= -0.5) & (y < height - 0.5) & (x >= -0.5) & (x < width - 0.5)  # so is no NaN
        on_frame &= overlapping(boxes - np.array([*difference.origin, 0, 0]), difference.shape).all(axis=1)
        good = on_frame & (north_known | (not self._north_up))
        good[list(missing)] = False
        refused = {
            at: self._refusal(sources[at], y_pix[at], x_pix[at], north_known[at], missing.get(at), difference)
            for at in np.flatnonzero(~good).tolist()
        }
        return boxes, refused

    def _refusal(
        self,
        source: DiaSource,
        y_pix: float,
        x_pix: float,
        north_known: bool,
        missing: InputError | None,
        difference: Plane,
    ) -> Rejection:
        """Tell why a source is not cut."""
        if None in (source.ra_deg, source.dec_deg) and source.pixel_yx is None:
            return Rejection.of(
                source, "it has no position: the catalog needs ra and dec in degrees", BadPosition.code
            )
        if not isfinite(y_pix + x_pix):
            return Rejection.of(
                source,
                f"ra {source.ra_deg} dec {source.dec_deg} is nowhere near the frame: check its exposure",
                OFF_THE_FRAME,
            )
        if self._north_up and not north_known:
            return Rejection.of(
                source,
                'its frame does not tell where north is: set draw.orientation = "detector"',
                BadWcs.code,
            )
        if missing is not None:
            return Rejection.of(source, missing)
        return Rejection.of(
            source,
            f"it lies off the frame, at x {x_pix:.1f} y {y_pix:.1f} of {difference.shape[1]} x "
            f"{difference.shape[0]}: check its exposure",
            OFF_THE_FRAME,
        )


def _cutout(stamps: Sequence[FloatImage], turn: Turn, scale_arcsec: float | None) -> Cutout:
    template, science, difference = map(turn.image, stamps)
    return Cutout(template, science, difference, scale_arcsec, turn.notes)


def _stamps(plane: Plane, boxes: BoxArray) -> list[FloatImage]:
    """Cut all boxes out of a plane, so that the pixels of one plane are in memory at a time."""
    own: BoxArray = boxes - np.array([*plane.origin, 0, 0])
    there = overlapping(own, plane.shape)
    plane.load(rows_within(own[there], plane.shape[0]))
    stamps = plane.cut_all(own[there])
    for at in np.flatnonzero(~there).tolist():
        stamps.insert(at, np.full(own[at, 2:], np.nan))
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
