"""`[draw]`: what the pictures look like. A run keeps these for ever."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from zoocut.config.section import Section

__all__ = [
    "DifferencePanel",
    "DrawSettings",
    "PanelName",
    "PanelSettings",
    "SciencePanel",
    "TemplatePanel",
]

Size = Annotated[int, Field(ge=1, le=4096)]
PanelName = Literal["template", "science", "difference"]
Options = dict[str, float]


def _asinh_of_a_tenth() -> Options:
    return {"a": 0.1}


def _by_its_present_name(layout: object) -> object:
    """Take the name that separate pictures had while they were called frames, as runs made then have it."""
    return "separate" if layout == "frames" else layout


def _in_a_list(sizes: object) -> object:
    return (sizes,) if isinstance(sizes, int) and not isinstance(sizes, bool) else sizes


class PanelSettings(Section):
    """One panel: its title, the interval that chooses the limits and the stretch between them."""

    title: Annotated[str, Field(description="the words above the panel; empty: none")] = ""
    interval: Annotated[
        str, Field(description="an interval of astropy.visualization: minmax, zscale, percentile ...")
    ] = "minmax"
    interval_options: Options = Field(
        default_factory=dict, description="its parameters by astropy's names, as {contrast = 0.2}"
    )
    stretch: Annotated[
        str, Field(description="a stretch of astropy.visualization: linear, asinh, sqrt, log ...")
    ] = "linear"
    stretch_options: Options = Field(
        default_factory=dict, description="its parameters by astropy's names, as {a = 0.1}"
    )
    central_crop_pix: Annotated[
        int | None,
        Field(ge=1, description="limits come from the central square of this width; none: from all pixels"),
    ] = None


class _AsinhPanel(PanelSettings):
    stretch: str = "asinh"
    stretch_options: Options = Field(default_factory=_asinh_of_a_tenth)

    @model_validator(mode="before")
    @classmethod
    def _own_options(cls, given: Any) -> Any:
        """Keep asinh's option from another stretch that is chosen without any."""
        if not isinstance(given, Mapping) or "stretch_options" in given:
            return given
        another = "asinh" not in str(given.get("stretch", "asinh")).lower()
        return {**given, "stretch_options": {}} if another else given


class TemplatePanel(_AsinhPanel):
    """The template's panel."""

    title: str = "Template"


class SciencePanel(_AsinhPanel):
    """The science image's panel."""

    title: str = "Science"


class DifferencePanel(PanelSettings):
    """The difference image's panel."""

    title: str = "Difference"
    interval: str = "zscale"


ANALYSIS_AP_DIFFERENCE = {
    "interval": "minmax",
    "stretch": "asinh",
    "stretch_options": {"a": 0.1},
    "central_crop_pix": 15,
}
"""How plotImageSubtractionCutouts of lsst/analysis_ap draws the difference, since its commit 85a9fd3 of July 2023."""


class DrawSettings(Section):
    """How a cutout is cut and drawn."""

    preset: Annotated[
        Literal["documented", "analysis_ap"],
        Field(
            description="what the difference panel looks like where its section does not say: documented: zscale and a"
            " linear stretch, as the page of analysis_ap has it; analysis_ap: between the extremes of the central 15 x"
            " 15 pixels with asinh, as that program has drawn since 2023"
        ),
    ] = "documented"
    media: Annotated[
        tuple[str, ...],
        Field(
            min_length=1,
            description="what a subject shows, in the order of its locations: triplet, frames, lightcurve ...",
        ),
    ] = ("triplet",)
    sizes: Annotated[
        tuple[Size, ...],
        BeforeValidator(_in_a_list),
        Field(description="widths of the cutouts in pixels, one row of panels each; empty: the whole stamp"),
    ] = (30,)
    use_footprint: Annotated[
        bool, Field(description="cut out the source's footprint box instead of the sizes")
    ] = False
    chunk_size: Annotated[
        int | None,
        Field(
            description="how wide a range of ids shares a folder, so that none holds more: 10000 puts 120000 to 129999"
            " into images/120000/; a power of ten; none: all in images/"
        ),
    ] = 10000
    save_as_numpy: Annotated[bool, Field(description="also save the raw cutouts as .npy files")] = False
    add_metadata: Annotated[
        bool,
        Field(
            description="write catalog values and flags above the panels; leave it off where volunteers "
            "classify: figures and flags beside the picture steer what they answer"
        ),
    ] = False
    orientation: Annotated[
        Literal["detector", "north-up"],
        Field(description="as read out, or north up and east left as near as 90-degree turns and flips go"),
    ] = "detector"
    layout: Annotated[
        Literal["row", "column", "separate"],
        BeforeValidator(_by_its_present_name),
        Field(description="panels side by side, above each other, or each as a picture of its own"),
    ] = "row"
    panels: Annotated[
        tuple[PanelName, ...], Field(min_length=1, description="which panels, in this order")
    ] = ("template", "science", "difference")
    panel_pix: Annotated[
        int,
        Field(
            ge=8,
            le=4096,
            description="width of a panel in the picture; cutouts are zoomed by the largest whole number "
            "that fits",
        ),
    ] = 194
    colormap: Annotated[str, Field(description="a colour map of matplotlib by its name")] = "bone"
    nan_color: Annotated[
        str | None,
        Field(description="colour of pixels without data; none: one that the colour map does not have"),
    ] = None
    background: Annotated[str, Field(description="colour around the panels")] = "white"
    text_color: Annotated[str, Field(description="colour of titles and values")] = "black"
    label_color: Annotated[str, Field(description="colour of the labels of values")] = "grey"
    font: Annotated[
        str, Field(description="a font family that matplotlib finds, or the path of a .ttf file")
    ] = "DejaVu Sans"
    title_height_pix: Annotated[
        float,
        Field(ge=6, le=200, description="type size of the titles; 16.7 is 12 points at 100 dots an inch"),
    ] = 16.7
    text_height_pix: Annotated[
        float,
        Field(ge=6, le=200, description="type size of the values; 13.9 is 10 points at 100 dots an inch"),
    ] = 13.9
    scale_bar_arcsec: Annotated[
        float | None,
        Field(
            gt=0,
            description="length of the scale bar; a rounder one, written beside it, where this would be too "
            "short or too long; none: no bar",
        ),
    ] = 1.0
    template: TemplatePanel = Field(default_factory=TemplatePanel)
    science: SciencePanel = Field(default_factory=SciencePanel)
    difference: DifferencePanel = Field(default_factory=DifferencePanel)

    @model_validator(mode="before")
    @classmethod
    def _preset_panels(cls, given: Any) -> Any:
        """Put the preset under what is said of the difference panel."""
        if not isinstance(given, Mapping) or given.get("preset") != "analysis_ap":
            return given
        own = given.get("difference", {})
        if not isinstance(own, Mapping):
            return given
        preset = {key: value for key, value in ANALYSIS_AP_DIFFERENCE.items() if key not in _replaced_by(own)}
        return {**given, "difference": {**preset, **own}}

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        too_wide = [size for size in self.sizes if size > self.panel_pix]
        if too_wide and not self.use_footprint:
            raise ValueError(
                f"a cutout of {too_wide[0]} pixels does not fit panel_pix = {self.panel_pix}: "
                f"set panel_pix to {too_wide[0]} or more"
            )
        if len(set(self.sizes)) < len(self.sizes):
            raise ValueError("sizes names a width twice: give each once")
        if len(set(self.media)) < len(self.media):
            raise ValueError("media names a medium twice: give each once")
        if len(set(self.panels)) < len(self.panels):
            raise ValueError("panels names a panel twice: give each once")
        if self.chunk_size is not None and not _is_power_of_ten(self.chunk_size):
            raise ValueError(f"chunk_size = {self.chunk_size} is not a power of ten: use 1000 or 10000")
        return self

    def panel(self, name: PanelName) -> PanelSettings:
        """Return the settings of one panel."""
        panels: dict[PanelName, PanelSettings] = {
            "template": self.template,
            "science": self.science,
            "difference": self.difference,
        }
        return panels[name]


def _replaced_by(own: Mapping[str, Any]) -> set[str]:
    """Name the keys of a preset that a panel's own ones replace: another stretch does not take the same options."""
    return {*own} | ({"stretch_options"} if "stretch" in own else set())


def _is_power_of_ten(number: int) -> bool:
    return number > 0 and str(number).strip("0") == "1"
