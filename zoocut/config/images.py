"""`[images]`: where the pixels come from, one class a kind of input."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from zoocut.config.plugged import PLUGGED, PluggedImages, kind_of
from zoocut.config.section import Section

__all__ = [
    "ButlerSettings",
    "Extension",
    "FootprintColumns",
    "FramesSettings",
    "ImagesSettings",
    "StampsSettings",
]


def _name_and_version(extension: object) -> object:
    """Write ["SCI", 2], as astropy takes it, as "SCI,2"."""
    if isinstance(extension, (list, tuple)) and [type(part) for part in extension] == [str, int]:
        return f"{extension[0]},{extension[1]}"
    return extension


Extension = Annotated[int | str | None, BeforeValidator(_name_and_version)]


def _several(values: object) -> object:
    return [values] if isinstance(values, (int, float)) and not isinstance(values, bool) else values


NoData = Annotated[
    tuple[float, ...],
    BeforeValidator(_several),
    Field(
        description="pixel values that stand for no data, one or a list, as [0, -32768]; NaN, BLANK and the largest"
        " 32-bit float always do"
    ),
]
AllowMissingTemplate = Annotated[
    bool,
    Field(
        description="draw a source whose template has no pixel with data, with that panel blank; the alternative is to"
        " refuse it"
    ),
]


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
        Field(
            description="fields that hold the packet's id, dots lead into records, for sources of another catalog than"
            " the packets' own, which finds them by their place"
        ),
    ] = ("diaSourceId", "candid", "diaSource.diaSourceId", "candidate.candid")
    pixel_scale_arcsec: Annotated[
        float | None,
        Field(gt=0, description="arcseconds a pixel, for stamps without a WCS; none: no scale bar"),
    ] = None
    difference_sign: Annotated[
        Literal["science-template", "as_sent"],
        Field(
            description="science-template: difference stamps that are template minus science, as `sign` tells, are"
            " turned, so that what has faded is negative in every panel; as_sent: as the packet has them"
        ),
    ] = "science-template"
    sign: Annotated[
        str,
        Field(
            description="the packet's field that is f, 0 or false where the difference stamp is template minus science"
        ),
    ] = "candidate.isdiffpos"
    x: Annotated[
        str,
        Field(
            description="the packet's field with the source's pixel column on the detector, which places it in stamps"
            " that are trimmed at the detector's edge"
        ),
    ] = "candidate.xpos"
    y: Annotated[str, Field(description="the same for the pixel row")] = "candidate.ypos"
    first_pixel: Annotated[
        Literal[0, 1],
        Field(description="what x and y call the centre of the first pixel: 0 as numpy, 1 as FITS"),
    ] = 1
    whole_pix: Annotated[
        int | None,
        Field(
            ge=1,
            description="width of a stamp that is not trimmed; none: 63 for ZTF, else the widest of the packets beside"
            " it",
        ),
    ] = None
    no_data: NoData = ()
    allow_missing_template: AllowMissingTemplate = False


class FootprintColumns(Section):
    """The catalog columns with a source's footprint box: zero-based pixels of the frame, both ends inside."""

    x_min: Annotated[str, Field(description="the column of the box's first pixel column")] = "bbox_min_x"
    x_max: Annotated[str, Field(description="the column of its last pixel column")] = "bbox_max_x"
    y_min: Annotated[str, Field(description="the column of its first pixel row")] = "bbox_min_y"
    y_max: Annotated[str, Field(description="the column of its last pixel row")] = "bbox_max_y"


class FramesSettings(Section):
    """The pixels come from whole FITS frames; {column} in a path is replaced by the source's value."""

    kind: Literal["frames"] = "frames"
    template: Annotated[
        str, Field(min_length=1, description="path of the template frame; s3:// addresses are experimental")
    ]
    science: Annotated[str, Field(min_length=1, description="path of the science frame")]
    difference: Annotated[str, Field(min_length=1, description="path of the difference frame")]
    template_extension: Annotated[
        Extension,
        Field(
            description="extension by number, by name, or by name and version as "
            '"SCI,2"; none: the first with an image'
        ),
    ] = None
    science_extension: Annotated[Extension, Field(description="the same for the science frame")] = None
    difference_extension: Annotated[Extension, Field(description="the same for the difference frame")] = None
    mask_extension: Annotated[
        Extension,
        Field(
            description="extension of each frame's file with its mask, whose pixels other than 0 hold no data"
        ),
    ] = None
    template_mask_extension: Annotated[
        Extension,
        Field(
            description="the template's mask extension, where it is another one, or where the template alone has a mask"
        ),
    ] = None
    science_mask_extension: Annotated[Extension, Field(description="the same for the science frame")] = None
    difference_mask_extension: Annotated[
        Extension, Field(description="the same for the difference frame")
    ] = None
    mask_bits: Annotated[
        int | None,
        Field(ge=1, description="sum of the mask's bits whose pixels hold no data; none: every bit"),
    ] = None
    no_data: NoData = ()
    allow_missing_template: AllowMissingTemplate = False
    footprint: Annotated[
        FootprintColumns, Field(description="columns that `use_footprint` reads the box from")
    ] = FootprintColumns()


class ButlerSettings(Section):
    """The pixels come from exposures in a Butler repository, found by instrument, visit and detector."""

    kind: Literal["butler"] = "butler"
    repository: Annotated[str, Field(description="the repository's folder, URI or alias")]
    collections: Annotated[
        tuple[str, ...], Field(min_length=1, description="collections to search, in this order")
    ]
    instrument: Annotated[
        str | None, Field(description="the instrument's name; none: the catalog's column instrument")
    ] = None
    science_image_type: Annotated[
        str, Field(description="dataset type of science images; older processings have initial_pvi or calexp")
    ] = "preliminary_visit_image"
    diff_image_type: Annotated[
        str | None,
        Field(
            description="start of the names of templates and difference images, which end in _templateExp "
            "and _differenceExp; none: template_image_type and difference_image_type"
        ),
    ] = None
    template_image_type: Annotated[str, Field(description="dataset type of templates")] = "template_detector"
    difference_image_type: Annotated[str, Field(description="dataset type of difference images")] = (
        "difference_image"
    )
    footprint_type: Annotated[
        str | None,
        Field(
            description="dataset type of the SourceCatalog whose footprints `use_footprint` cuts out, such as "
            "dia_source_unfiltered; none: with diff_image_type its _diaSrc, else the columns of [images.footprint]"
        ),
    ] = None
    blank_planes: Annotated[
        tuple[str, ...], Field(description="mask planes whose pixels are drawn as without data")
    ] = ("NO_DATA",)
    pixels: Annotated[
        Literal["as-stored", "nJy"],
        Field(description="pixel values as the files have them, or in nanojansky by their calibration"),
    ] = "as-stored"
    no_data: NoData = ()
    allow_missing_template: AllowMissingTemplate = False
    footprint: Annotated[
        FootprintColumns,
        Field(description="columns with the box of a source that no catalog has a footprint of"),
    ] = FootprintColumns()

    @property
    def template_type(self) -> str:
        """The dataset type of templates."""
        prefix = self.diff_image_type
        return self.template_image_type if prefix is None else f"{prefix}_templateExp"

    @property
    def difference_type(self) -> str:
        """The dataset type of difference images."""
        prefix = self.diff_image_type
        return self.difference_image_type if prefix is None else f"{prefix}_differenceExp"

    @property
    def source_catalog_type(self) -> str | None:
        """The dataset type of the catalogs that hold footprints; None where only columns can."""
        prefix = self.diff_image_type
        return self.footprint_type or (None if prefix is None else f"{prefix}_diaSrc")


ImagesSettings = Annotated[
    Annotated[StampsSettings, Tag("stamps")]
    | Annotated[FramesSettings, Tag("frames")]
    | Annotated[ButlerSettings, Tag("butler")]
    | Annotated[PluggedImages, Tag(PLUGGED)],
    Discriminator(kind_of(PluggedImages.own_kinds)),
]
