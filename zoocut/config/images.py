"""`[images]`: where the pixels come from, one class a kind of input."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from zoocut.config.section import Section

__all__ = ["FootprintColumns", "FramesSettings", "ImagesSettings", "StampsSettings"]

Extension = int | str | None


class StampsSettings(Section):
    """The pixels come in the alert packets themselves."""

    kind: Literal["stamps"] = "stamps"
    template: Annotated[str, Field(description="the packet's field with the template stamp")] = (
        "cutoutTemplate"
    )
    science: Annotated[str, Field(description="the packet's field with the science stamp")] = "cutoutScience"
    difference: Annotated[str, Field(description="the packet's field with the difference stamp")] = (
        "cutoutDifference"
    )
    id_fields: Annotated[
        tuple[str, ...],
        Field(min_length=1, description="fields that hold the packet's id; the first that is there counts"),
    ] = ("diaSourceId", "candid")
    pixel_scale_arcsec: Annotated[
        float | None,
        Field(gt=0, description="arcseconds a pixel, for stamps without a WCS; none: no scale bar"),
    ] = None


class FootprintColumns(Section):
    """The catalog columns with a source's footprint box: zero-based pixels of the frame, both ends inside."""

    x_min: str = "bbox_min_x"
    x_max: str = "bbox_max_x"
    y_min: str = "bbox_min_y"
    y_max: str = "bbox_max_y"


class FramesSettings(Section):
    """The pixels come from whole FITS frames; {column} in a path is replaced by the source's value."""

    kind: Literal["frames"] = "frames"
    template: Annotated[str, Field(min_length=1, description="path of the template frame")]
    science: Annotated[str, Field(min_length=1, description="path of the science frame")]
    difference: Annotated[str, Field(min_length=1, description="path of the difference frame")]
    template_extension: Annotated[
        Extension, Field(description="number or name of the extension; none: the first with an image")
    ] = None
    science_extension: Annotated[Extension, Field(description="the same for the science frame")] = None
    difference_extension: Annotated[Extension, Field(description="the same for the difference frame")] = None
    footprint: Annotated[
        FootprintColumns, Field(description="columns that `use_footprint` reads the box from")
    ] = FootprintColumns()


ImagesSettings = Annotated[StampsSettings | FramesSettings, Field(discriminator="kind")]
