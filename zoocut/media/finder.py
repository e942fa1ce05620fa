"""The medium `finder`: a finding chart, a wider field with marks around the source, for those who observe it again."""

from __future__ import annotations

import io
from typing import Annotated, Self

from pydantic import Field, model_validator

from zoocut.media.context import ContextMedium, ContextSettings, SkyField, open_field
from zoocut.media.medium import MediaContext
from zoocut.model import Cutout, DiaSource

__all__ = ["FinderSettings", "open_finder"]

GAP, LENGTH = 0.04, 0.07
"""Of the picture's width: marks end so far from the source, which stays visible, and are so long."""

STROKE = 1 / 150
"""Width of a mark in widths of the picture; a dark one twice as wide lies below, for bright fields."""


class FinderSettings(ContextSettings):
    """Where the field comes from, and how wide it is."""

    size_arcsec: Annotated[float, Field(gt=0, description="width of the field")] = 120.0
    title: Annotated[str, Field(description="empty: a finding chart has no words above it")] = ""

    @model_validator(mode="after")
    def _is_the_field_alone(self) -> Self:
        if self.title:
            raise ValueError(
                "title: a finding chart has none, since its marks lie around the middle of the picture"
            )
        return self


class MarkedField:
    """Pictures of fields with marks around their middles, where the sources are.

    Parameters
    ----------
    field : SkyField
        Makes the pictures.
    """

    def __init__(self, field: SkyField) -> None:
        self._field = field

    def picture(self, source: DiaSource, cutouts: tuple[Cutout, ...]) -> bytes:
        """Return a PNG with four marks that point at the source.

        Raises
        ------
        InputError
            When the field cannot be had.
        """
        from PIL import Image, ImageDraw

        image = Image.open(io.BytesIO(self._field.picture(source, cutouts))).convert("RGB")
        pen = ImageDraw.Draw(image)
        stroke = max(1, round(image.width * STROKE))
        for colour, width in (("black", 3 * stroke), ("yellow", stroke)):
            for line in _marks(*image.size):
                pen.line(line, fill=colour, width=width)
        file = io.BytesIO()
        image.save(file, "png")
        return file.getvalue()


def _marks(width_pix: int, height_pix: int) -> list[tuple[float, float, float, float]]:
    x, y, gap, end = width_pix / 2, height_pix / 2, GAP * width_pix, (GAP + LENGTH) * width_pix
    return [
        (x - end, y, x - gap, y),
        (x + gap, y, x + end, y),
        (x, y - end, x, y - gap),
        (x, y + gap, x, y + end),
    ]


class FinderMedium(ContextMedium):
    """Shows the field around each source, marked."""

    endings = ("-finder.png",)


def open_finder(context: MediaContext) -> FinderMedium:
    """Open the medium.

    Raises
    ------
    ConfigError
        When a setting is wrong, or the images have no wider field.
    """
    own = context.section(FinderSettings)
    return FinderMedium(own, MarkedField(open_field(own, context)))
