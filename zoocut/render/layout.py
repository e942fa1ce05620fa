"""Where everything lies in a picture; it depends on the settings alone, so all pictures of a run agree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil

from zoocut.config.draw import DrawSettings, PanelName

__all__ = [
    "ANNOTATION_LINES",
    "LINE_FACTOR",
    "MARGIN_PIX",
    "REFERENCE_TYPE_PIX",
    "Layout",
    "PanelBox",
    "TitleBox",
    "lay_out",
]

MARGIN_PIX = 10
GAP_PIX = 14
ROW_GAP_PIX = 23
ANNOTATION_WIDTH_PIX = 625
ANNOTATION_INDENT_PIX = 15
ANNOTATION_LINES = 5
REFERENCE_TYPE_PIX = 13.9
LINE_FACTOR = 19.2 / REFERENCE_TYPE_PIX
"""Distance of base lines over the type size: 19.2 pixels for 10-point type at 100 dots an inch."""


@dataclass(frozen=True, slots=True)
class PanelBox:
    """The square that a panel is centred in.

    Parameters
    ----------
    name : str
        Which panel.
    size_index : int
        Which of the cutout's sizes.
    y, x : int
        Its upper left pixel in the picture.
    """

    name: PanelName
    size_index: int
    y: int
    x: int


@dataclass(frozen=True, slots=True)
class TitleBox:
    """A title: its words, its base line, the column that it is centred on, and how wide it may be."""

    text: str
    baseline: int
    x_centre: int
    width_pix: int


@dataclass(frozen=True, slots=True)
class Layout:
    """A picture.

    Parameters
    ----------
    width_pix, height_pix : int
        Its size.
    panels : tuple of PanelBox
        What is drawn where.
    titles : tuple of TitleBox
        Words above the panels.
    """

    width_pix: int
    height_pix: int
    panels: tuple[PanelBox, ...]
    titles: tuple[TitleBox, ...]


def lay_out(draw: DrawSettings) -> tuple[Layout, ...]:
    """Lay out the pictures of a source.

    Returns
    -------
    tuple of Layout
        One, or with `layout = "separate"` one a panel, all of one size.
    """
    if draw.layout == "separate":
        return tuple(_picture(draw, [[name]] * _row_count(draw), _row_of) for name in draw.panels)
    if draw.layout == "column":
        return (_picture(draw, [[name] * _row_count(draw) for name in draw.panels], _column_of),)
    return (_picture(draw, [list(draw.panels)] * _row_count(draw), _row_of),)


def _row_count(draw: DrawSettings) -> int:
    return 1 if draw.use_footprint else max(1, len(draw.sizes))


def _row_of(row: int, _column: int) -> int:
    return row


def _column_of(_row: int, column: int) -> int:
    return column


def _picture(
    draw: DrawSettings, grid: Sequence[Sequence[PanelName]], size_at: Callable[[int, int], int]
) -> Layout:
    """Lay out one picture whose panels form a grid; a title stands where its panel first appears."""
    side = draw.panel_pix
    columns = len(grid[0])
    width = columns * side + (columns - 1) * GAP_PIX
    left = MARGIN_PIX
    top = MARGIN_PIX + _annotation_height(draw)
    if draw.add_metadata:
        left += ANNOTATION_INDENT_PIX + max(0, (_annotation_width(draw) - ANNOTATION_INDENT_PIX - width) // 2)
    panels: list[PanelBox] = []
    titles: list[TitleBox] = []
    for row, names in enumerate(grid):
        new = [name for name in dict.fromkeys(names) if all(name != panel.name for panel in panels)]
        above = max((_title_height(draw, name) for name in new), default=0)
        top += above or (ROW_GAP_PIX if row else 0)
        for column, name in enumerate(names):
            panels.append(PanelBox(name, size_at(row, column), top, left + column * (side + GAP_PIX)))
        titles += [title for name in new if (title := _title(draw, name, row, panels))]
        top += side
    right = left + width + MARGIN_PIX
    if draw.add_metadata:
        right = max(right, _annotation_width(draw) + 2 * MARGIN_PIX)
    return Layout(right, top + MARGIN_PIX, tuple(panels), tuple(titles))


def _title(draw: DrawSettings, name: PanelName, row: int, panels: Sequence[PanelBox]) -> TitleBox | None:
    """Centre a title over the panels of its name in the last row."""
    text = draw.panel(name).title
    places = [panel for panel in panels if panel.name == name]
    if not text:
        return None
    left, right = places[0].x, places[-1].x + draw.panel_pix
    baseline = places[0].y - round(draw.title_height_pix * 0.42)
    return TitleBox(text, baseline, (left + right) // 2, right - left + GAP_PIX // 2)


def _title_height(draw: DrawSettings, name: PanelName) -> int:
    return ceil(draw.title_height_pix * 1.1) if draw.panel(name).title else 0


def _annotation_height(draw: DrawSettings) -> int:
    if not draw.add_metadata:
        return 0
    return round(ANNOTATION_LINES * LINE_FACTOR * draw.text_height_pix + draw.text_height_pix)


def _annotation_width(draw: DrawSettings) -> int:
    return round(ANNOTATION_WIDTH_PIX * draw.text_height_pix / REFERENCE_TYPE_PIX)
