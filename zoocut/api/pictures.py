"""`draw`: one picture of one source, from images in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from zoocut.api.generation import IN_MEMORY
from zoocut.config.draw import DrawSettings
from zoocut.config.load import load_tree
from zoocut.config.settings import Settings
from zoocut.error_kinds import NotDrawable, WrongArguments
from zoocut.images.aligned import Aligned
from zoocut.images.boxes import squares, whole_of
from zoocut.images.frames_in_memory import MemoryPlane, plane_of
from zoocut.model import PANELS, Cutout, DiaSource, Picture, Rejection, SourceId
from zoocut.reasons import TOO_WIDE
from zoocut.render import kept_renderer
from zoocut.values import text_id

if TYPE_CHECKING:
    from astropy.coordinates import SkyCoord

__all__ = ["draw"]


def draw(
    template: Any,
    science: Any,
    difference: Any,
    *,
    center: tuple[float, float] | SkyCoord | None = None,
    pixel_scale_arcsec: float | None = None,
    source: Mapping[str, Any] | None = None,
    settings: Settings | Mapping[str, Any] | None = None,
) -> Picture:
    """Draw template, science and difference as one picture, which a notebook shows.

    Parameters
    ----------
    template, science, difference : (y, x) array, HDU or CCDData
        Aligned images.
    center : (x, y) of float, or SkyCoord, optional
        Cut out around this position: zero-based pixels, or on the sky by the difference's WCS. The whole images
        are drawn when it is not given.
    pixel_scale_arcsec : float, optional
        Arcseconds a pixel, for the scale bar; by default as the difference's WCS tells.
    source : mapping, optional
        Catalog columns of the source, for `draw.add_metadata`.
    settings : Settings or mapping, optional
        How it is drawn; a mapping has dotted keys, such as `{"draw.sizes": [63], "draw.colormap": "gray"}`.

    Returns
    -------
    Picture
        A PNG, as `png`; `save(path)` writes it.

    Raises
    ------
    ConfigError
        When a setting is wrong.
    InputError
        When the images are not aligned, have no pixel with data there, or do not fit a panel.
    """
    look = _look(settings, whole=center is None)
    images = zip((template, science, difference), PANELS, strict=True)
    planes = [plane_of(image, f"the {name}") for image, name in images]
    dia_source = _source(source or {}, center, planes[-1])
    cutouts = _cut(planes, dia_source, look)
    if pixel_scale_arcsec is not None:
        cutouts = tuple(replace(cutout, pixel_scale_arcsec=pixel_scale_arcsec) for cutout in cutouts)
    (outcome,) = kept_renderer(look).draw([(dia_source, cutouts)])
    if isinstance(outcome, Rejection):
        raise NotDrawable(outcome.reason, outcome.code)
    return outcome[0]


def _look(settings: Settings | Mapping[str, Any] | None, whole: bool) -> DrawSettings:
    """Take the drawing settings; whole images have no sizes."""
    known = settings if isinstance(settings, Settings) else load_tree(IN_MEMORY, settings).settings
    look = known.draw
    if look.layout == "separate":
        raise WrongArguments(
            'draw.layout = "separate" makes several pictures, and this is one: use row or column'
        )
    return look.model_copy(update={"sizes": ()}) if whole else look


def _id_of(cell: Any) -> SourceId:
    """Give the number or name that a picture is drawn for; 0 where none is told."""
    if cell is None or cell != cell:
        return 0
    return text_id(cell) if isinstance(cell, str) else int(cell)


def _source(columns: Mapping[str, Any], center: Any, difference: MemoryPlane) -> DiaSource:
    number = _id_of(columns.get("diaSourceId"))
    columns = {**columns, "diaSourceId": number}
    if hasattr(center, "icrs"):
        sky = center.icrs
        return DiaSource(
            number, float(sky.ra.deg), float(sky.dec.deg), "memory", "the position given", columns
        )
    middle = ((difference.shape[1] - 1) / 2, (difference.shape[0] - 1) / 2)
    x_pix, y_pix = middle if center is None else map(float, center)
    return DiaSource(number, None, None, "memory", "the position given", columns, (y_pix, x_pix))


def _cut(planes: list[MemoryPlane], source: DiaSource, look: DrawSettings) -> tuple[Cutout, ...]:
    height, width = planes[-1].shape
    if not look.sizes and max(height, width) > look.panel_pix:
        raise NotDrawable(
            f"images of {width} x {height} pixels do not fit a panel of {look.panel_pix}: give center=(x, y), or set "
            "draw.panel_pix",
            TOO_WIDE,
        )

    boxes = squares(look.sizes) if look.sizes else whole_of((height, width))
    (outcome,) = Aligned(boxes, look.orientation == "north-up").cut(planes, [source])
    if isinstance(outcome, Rejection):
        raise NotDrawable(outcome.reason, outcome.code)
    return outcome
