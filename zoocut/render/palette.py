"""All colours of a run's pictures, few enough for a palette where that costs no more than 1/255."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from zoocut.config.draw import DrawSettings
from zoocut.error_kinds import WrongLook

__all__ = ["Ink", "Palette", "check_colours", "mix_palette"]

Colours = npt.NDArray[np.uint8]
Indices = npt.NDArray[Any]
Ink = tuple[str, str]
"""A colour and the colour of the ground that it is printed on."""

LARGEST = 256
MERGED_SPREAD = 2
"""Neighbouring levels may share the colour between them: no channel is then off by more than 1 of 255."""

SHADES = 8
"""Steps between the ground and a colour of print, for smooth edges."""

NAN_COLOURS = ("#a05a5a", "#5a8f5a", "#c8a000", "#7a4fa0", "#808080", "#ff69b4", "#00c8c8", "#ff8000")
"""Colours for pixels without data, the first that is far from the colour map is taken."""

FAR = 40
"""Differences in a channel that the eye cannot miss."""


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours, and which index stands for what.

    Parameters
    ----------
    colours : (n, 3) array of uint8
        At most 256, or more where the colour map needs them.
    levels : (count + 1,) array of uint8 or uint16
        Index of each level of the colour map; the last one is for pixels without data.
    inks : mapping of (str, str) to (256,) array of uint8 or uint16
        For each colour of print on its ground: index by coverage.
    """

    colours: Colours
    levels: Indices
    inks: dict[Ink, Indices]

    def solid(self, ink: Ink) -> int:
        """Return the index of an ink's full colour."""
        return int(self.inks[ink][255])

    def ground(self, ink: Ink) -> int:
        """Return the index of an ink's ground."""
        return int(self.inks[ink][0])


def mix_palette(colormap: str, nan_color: str | None, inks: Sequence[Ink]) -> Palette:
    """Collect the colours of a colour map and of print.

    Parameters
    ----------
    colormap : str
        A colour map of matplotlib.
    nan_color : str or None
        Colour of pixels without data; None chooses one that the colour map does not have.
    inks : sequence of (str, str)
        What is printed, and on which ground.

    Raises
    ------
    ConfigError
        When a colour or the colour map does not exist, or data could take the colour of missing data.
    """
    shades = {ink: _shades(ink) for ink in inks}
    printed, places = np.unique(np.concatenate([*shades.values()]), axis=0, return_inverse=True)
    data = _colours_of(colormap)
    lost = _nan_colour(data, nan_color)
    groups = _grouped(data, LARGEST - 1 - len(printed))
    mixed = _middles(data, np.flatnonzero(np.diff(groups, prepend=-1)))
    colours = np.concatenate([mixed, lost[None], printed])
    kind = np.uint8 if len(colours) <= LARGEST else np.uint16
    levels = np.append(groups, len(mixed)).astype(kind)
    coverage = np.round(np.arange(256) / 255 * (SHADES - 1)).astype(int)
    rows = places.reshape(len(inks), SHADES) + len(mixed) + 1
    tables = {ink: row[coverage].astype(kind) for ink, row in zip(shades, rows, strict=True)}
    return Palette(colours, levels, tables)


def check_colours(draw: DrawSettings) -> None:
    """Make sure that every colour of the settings exists.

    Raises
    ------
    ConfigError
        When one does not.
    """
    for setting in ("background", "text_color", "label_color"):
        rgb(setting, getattr(draw, setting))


def rgb(setting: str, color: str) -> Colours:
    """Read a colour by any of matplotlib's names.

    Raises
    ------
    ConfigError
        When there is no such colour.
    """
    from matplotlib.colors import to_rgb

    try:
        return np.round(np.array(to_rgb(color)) * 255).astype(np.uint8)
    except ValueError:
        raise WrongLook(
            f"draw.{setting} = {color!r} is no colour: give a name as 'white' or '#rrggbb'"
        ) from None


def _shades(ink: Ink) -> Colours:
    solid, ground = (rgb("color", color).astype(float) for color in ink)
    steps = np.linspace(0, 1, SHADES)[:, None]
    shades: Colours = np.round(ground + steps * (solid - ground)).astype(np.uint8)
    return shades


def _colours_of(colormap: str) -> Colours:
    from matplotlib import colormaps

    try:
        known = colormaps[colormap]
    except KeyError:
        raise WrongLook(
            f"draw.colormap = {colormap!r} is no colour map of matplotlib: try bone, gray or viridis"
        ) from None
    colours: Colours = np.asarray(known(np.arange(known.N), bytes=True))[:, :3]
    return colours


def _nan_colour(data: Colours, nan_color: str | None) -> Colours:
    if nan_color is None:
        candidates = [rgb("nan_color", color) for color in NAN_COLOURS]
        clear = (colour for colour in candidates if _distance(data, colour) >= FAR)
        return next(clear, max(candidates, key=lambda colour: _distance(data, colour)))
    chosen = rgb("nan_color", nan_color)
    if _distance(data, chosen) <= MERGED_SPREAD:
        raise WrongLook(
            f"draw.nan_color = {nan_color!r} is a colour of the colour map, so missing pixels would look "
            "like data: choose another, or leave it out"
        )
    return chosen


def _distance(data: Colours, colour: Colours) -> int:
    return int(np.abs(data.astype(int) - colour.astype(int)).max(axis=1).min())


def _grouped(data: Colours, most: int) -> npt.NDArray[np.intp]:
    """Give each level a number; give neighbours one number, the closest ones first, until `most` are left."""
    starts = np.append(0, np.flatnonzero(np.any(data[1:] != data[:-1], axis=1)) + 1)
    while len(starts) > most:
        lowest, highest = (bound.reduceat(data, starts).astype(int) for bound in (np.minimum, np.maximum))
        joined = np.maximum(highest[1:], highest[:-1]) - np.minimum(lowest[1:], lowest[:-1])
        spreads = joined.max(axis=1)
        closest = int(np.argmin(spreads))
        if spreads[closest] > MERGED_SPREAD:
            return np.arange(len(data))
        starts = np.delete(starts, closest + 1)
    marks = np.zeros(len(data), np.intp)
    marks[starts[1:]] = 1
    return np.cumsum(marks)


def _middles(data: Colours, starts: npt.NDArray[np.intp]) -> Colours:
    """Return the colour between the lowest and the highest of each group of neighbours, which begin so."""
    lowest, highest = (bound.reduceat(data, starts).astype(int) for bound in (np.minimum, np.maximum))
    middles: Colours = ((lowest + highest) // 2).astype(np.uint8)
    return middles
