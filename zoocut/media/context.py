"""The medium `context`: a wider field around a source, out of the same frames or as a picture from an address."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Annotated, Any, Protocol, Self

import numpy as np
from pydantic import Field, model_validator

from zoocut.config.draw import PanelName
from zoocut.config.section import Section
from zoocut.error_kinds import NoContext, WrongSetting
from zoocut.errors import InputError
from zoocut.images import open_images
from zoocut.media.fetching import PictureFetcher
from zoocut.media.medium import Cut, MediaContext, Shown
from zoocut.media.one_panel import cut_one, open_panel, pictures
from zoocut.model import PANELS, Cutout, DiaSource, FloatImage, Images, Rejection
from zoocut.render import Renderer

__all__ = ["ContextMedium", "ContextSettings", "SkyField", "open_context", "open_field"]

LARGEST_PIX = 8192
"""Width of the largest field that is cut: three images of it as 64-bit floats take 1.6 GB."""


class ContextSettings(Section):
    """Where the wider field comes from, and how wide it is."""

    size_arcsec: Annotated[float, Field(gt=0, description="width of the field")] = 60.0
    width_pix: Annotated[
        int,
        Field(
            ge=8,
            le=4096,
            description="most pixels across: wider fields are averaged, narrower ones zoomed, by whole numbers",
        ),
    ] = 400
    panel: Annotated[PanelName, Field(description="which of the frames' images")] = "science"
    title: Annotated[str, Field(description="the words above it; empty: none")] = "Wider field"
    interval: Annotated[str, Field(description="an interval of astropy.visualization, as for panels")] = (
        "zscale"
    )
    stretch: Annotated[str, Field(description="a stretch of astropy.visualization, as for panels")] = "linear"
    address: Annotated[
        str | None,
        Field(
            pattern=r"^https?://\S+$",
            description="in the place of the frames: address of a picture, with {ra}, {dec}, {diaSourceId} and other "
            "columns, such as https://host/cutout?ra={ra:.6f}&dec={dec:.6f}",
        ),
    ] = None
    seconds_between: Annotated[
        float,
        Field(
            ge=0, description="least time between two requests to the address, whatever the number of jobs"
        ),
    ] = 1.0
    timeout_s: Annotated[float, Field(gt=0, le=600, description="longest that one picture may take")] = 30.0
    attempts: Annotated[int, Field(ge=1, le=10, description="how often a picture is asked for")] = 3
    max_bytes: Annotated[int, Field(ge=1000, description="largest picture that is taken")] = 1_000_000
    required: Annotated[
        bool, Field(description="reject sources whose field cannot be had, in the place of leaving it out")
    ] = False

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.address is None and {"seconds_between", "timeout_s", "attempts"} & self.model_fields_set:
            raise ValueError("seconds_between, timeout_s and attempts are for an address: give one")
        return self


class SkyField(Protocol):
    """Makes the picture of a source's field."""

    def picture(self, source: DiaSource, cutouts: tuple[Cutout, ...]) -> bytes:
        """Return a PNG.

        Raises
        ------
        InputError
            When it cannot be had.
        """
        ...


class WideCut:
    """Cuts fields out of the frames that the cutouts come from.

    Parameters
    ----------
    own : ContextSettings
        Width and panel.
    context : MediaContext
        The images and the manner of drawing.
    """

    def __init__(self, own: ContextSettings, context: MediaContext) -> None:
        self._own = own
        self._context = context
        self._opened: dict[int, Images] = {}
        self._renderers: dict[int, Renderer] = {}
        self._renderer(own.width_pix)

    def picture(self, source: DiaSource, cutouts: tuple[Cutout, ...]) -> bytes:
        """Cut, reduce and draw the field.

        Raises
        ------
        InputError
            When the scale is unknown, the field too wide or its frame cannot be cut.
        """
        scale = cutouts[0].pixel_scale_arcsec
        if not scale:
            raise NoContext("its pixel scale is unknown, so a field of so many arcseconds is too")
        pixels = max(1, round(self._own.size_arcsec / scale))
        factor = math.ceil(pixels / self._own.width_pix)
        pixels = math.ceil(pixels / factor) * factor
        if pixels > LARGEST_PIX:
            raise NoContext(
                f"its field is {pixels} pixels wide: set media.{self._context.name}.size_arcsec to less"
            )
        found = cut_one(self._images(pixels), source)
        if isinstance(found, Rejection):
            raise NoContext(found.reason)
        reduced = _reduced(found[1][0], factor)
        side = max(reduced.science.shape)
        renderer = self._renderer(side * max(1, self._own.width_pix // side))
        (drawn,) = pictures(renderer, [(source, (reduced,))])
        if isinstance(drawn, Rejection):
            raise NoContext(drawn.reason)
        return drawn

    def _renderer(self, side_pix: int) -> Renderer:
        """Make ready to draw fields that fill a square of so many pixels."""
        if side_pix not in self._renderers:
            own, draw = self._own, self._context.settings.draw.model_copy(update={"panel_pix": side_pix})
            manner = {
                "interval": own.interval,
                "interval_options": {},
                "stretch": own.stretch,
                "stretch_options": {},
            }
            self._renderers[side_pix] = open_panel(
                draw, own.panel, own.title, **manner, central_crop_pix=None
            )
        return self._renderers[side_pix]

    def _images(self, pixels: int) -> Images:
        """Open the images for one width; frames of one instrument differ by a pixel at most."""
        if pixels not in self._opened:
            settings = self._context.settings
            draw = settings.draw.model_copy(update={"sizes": (pixels,), "use_footprint": False})
            self._opened[pixels] = open_images(settings.images, draw, self._context.folder)
        return self._opened[pixels]


class ContextMedium:
    """Shows the field around each source.

    Parameters
    ----------
    own : ContextSettings
        What is shown.
    field : SkyField
        Makes the pictures.
    """

    endings = ("-context.png",)

    def __init__(self, own: ContextSettings, field: SkyField) -> None:
        self._own = own
        self._field = field

    def draw(self, batch: Sequence[Cut]) -> Iterator[Shown | Rejection]:
        """Make the pictures of some sources."""
        for source, cutouts in batch:
            try:
                yield Shown((self._field.picture(source, cutouts),))
            except InputError as error:
                reason = f"without a wider field: {error}"
                if self._own.required:
                    yield Rejection.of(source, reason, error.code)
                else:
                    yield Shown((None,), (reason,))


def open_context(context: MediaContext) -> ContextMedium:
    """Open the medium.

    Raises
    ------
    ConfigError
        When a setting is wrong, or the images have no wider field.
    """
    own = context.section(ContextSettings)
    return ContextMedium(own, open_field(own, context))


def open_field(own: ContextSettings, context: MediaContext) -> SkyField:
    """Open what makes the pictures of fields, by the settings of the medium that shows them.

    Raises
    ------
    ConfigError
        When the images have no wider field, or the address is malformed.
    """
    if own.address is not None:
        limits = (own.seconds_between, own.timeout_s, own.attempts, own.max_bytes)
        return PictureFetcher(own.address, *limits, section=f"media.{context.name}")
    if context.settings.images.kind == "stamps":
        raise WrongSetting(
            f"stamps hold no wider field than themselves: give media.{context.name}.address a picture's address"
        )
    return WideCut(own, context)


def _reduced(cutout: Cutout, factor: int) -> Cutout:
    """Average squares of a whole number of pixels; pixels without data do not count."""
    if factor == 1:
        return cutout
    images: dict[str, Any] = {name: _averaged(getattr(cutout, name), factor) for name in PANELS}
    scale = None if cutout.pixel_scale_arcsec is None else cutout.pixel_scale_arcsec * factor
    return replace(cutout, **images, pixel_scale_arcsec=scale)


def _averaged(image: FloatImage, factor: int) -> FloatImage:
    height, width = (length // factor for length in image.shape)
    blocks = np.asarray(image[: height * factor, : width * factor], np.float64)
    blocks = blocks.reshape(height, factor, width, factor).swapaxes(1, 2).reshape(height, width, -1)
    present = np.isfinite(blocks)
    counts = present.sum(axis=2)
    sums = np.where(present, blocks, 0.0).sum(axis=2)
    with np.errstate(invalid="ignore", divide="ignore"):
        averaged: FloatImage = np.where(counts > 0, sums / counts, np.nan)
    return averaged
