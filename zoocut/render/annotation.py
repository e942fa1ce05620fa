"""Catalog values and flags above the panels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from zoocut.config.draw import DrawSettings
from zoocut.model import DiaSource
from zoocut.render.catalog_text import (
    FIELDS,
    FLAGS,
    LABELS,
    RELIABILITY,
    Field,
    Label,
    any_set,
    label_of,
    number,
)
from zoocut.render.layout import ANNOTATION_LINES, LINE_FACTOR, MARGIN_PIX, REFERENCE_TYPE_PIX
from zoocut.render.palette import Palette
from zoocut.render.text import Type, font_file

__all__ = ["ANNOTATION_COLOURS", "Unannotated", "WithMetadata", "words_of"]

Canvas = npt.NDArray[Any]
Weight = Literal["normal", "bold"]
Word = tuple[str, str, Weight]
"""Text, colour, weight."""

ALARM = "red"
GOOD, DOUBTFUL = "#4daf4a", "#e41a1c"
GOOD_FROM = 0.5
ANNOTATION_COLOURS = tuple(dict.fromkeys((ALARM, GOOD, DOUBTFUL, *(flag.color for flag in FLAGS))))

CAPITAL_FACTOR = 0.73
"""Height of capital letters over the type size, in DejaVu Sans."""

TOP_LINE = (10, 103, 285, 420, 484, 519, 554, 618)
"""Places on the first line: id, its value, instrument, detector, its value, visit, its value, band."""

NARROW_GAP_PIX = 3
WIDE_GAP_PIX = 7
ELLIPSIS = "…"


def words_of(source: DiaSource) -> str:
    """Return what is written of a source that is not made of digits alone: its id and where it was seen."""
    texts = [source.dia_source_id, *map(source.columns.get, ("instrument", "detector", "visit", "band"))]
    return "".join(str(text) for text in texts if text is not None)


class Unannotated:
    """Writes nothing."""

    def print_labels(self, canvas: Canvas) -> None:
        """Print nothing."""

    def print_values(self, canvas: Canvas, source: DiaSource) -> None:
        """Print nothing."""


class WithMetadata:
    """Writes a source's id, exposure, position, fluxes and flags, each in its own place.

    Parameters
    ----------
    draw : DrawSettings
        Fonts and colours.
    palette : Palette
        Has an ink for each of `ANNOTATION_COLOURS` and for the colours of labels and values.
    width_pix : int
        Width of the picture.
    """

    def __init__(self, draw: DrawSettings, palette: Palette, width_pix: int) -> None:
        size = draw.text_height_pix
        self._types = {
            "normal": Type(font_file(draw.font), size),
            "bold": Type(font_file(draw.font, "bold"), size),
        }
        self._inks = palette.inks
        self._background, self._value, self._label = draw.background, draw.text_color, draw.label_color
        self._factor = size / REFERENCE_TYPE_PIX
        self._right = width_pix - MARGIN_PIX // 2
        self._baselines = [
            round(MARGIN_PIX + CAPITAL_FACTOR * size + LINE_FACTOR * size * line)
            for line in range(ANNOTATION_LINES)
        ]
        self._ready: dict[Word, Canvas] = {}
        self._labels = {field: label_of(field) for field in FIELDS}

    def print_labels(self, canvas: Canvas) -> None:
        """Print the labels in the colour they usually have."""
        for label in LABELS[1:]:
            self._put(canvas, label.line, self._at(label.x), self._word((label.text, self._label, "normal")))

    def print_values(self, canvas: Canvas, source: DiaSource) -> None:
        """Print values, flags that are set, and the labels of flagged measurements in red."""
        columns = source.columns
        self._print_top_line(canvas, source)
        for field in FIELDS:
            texts = field.texts(columns)
            if texts is None:
                self._take_away(canvas, self._labels[field])
            else:
                self._print_field(canvas, field, texts)
        for label in LABELS:
            if any_set(columns, label.flags):
                self._put(canvas, label.line, self._at(label.x), self._word((label.text, ALARM, "normal")))
        for flag in FLAGS:
            if any_set(columns, flag.flags):
                self._put(canvas, flag.line, self._at(flag.x), self._word((flag.text, flag.color, "bold")))
        reliability = number(columns, "reliability")
        if reliability is not None:
            color = GOOD if reliability >= GOOD_FROM else DOUBTFUL
            strip = self._spelt(f"RB:{reliability:.3f}", color, "bold")
            self._put(canvas, RELIABILITY[0], self._at(RELIABILITY[1]), strip)

    def _print_field(self, canvas: Canvas, field: Field, texts: Iterator[str]) -> None:
        """Print the first form that fits its place; the shortest forms always do."""
        left, right = self._at(field.left), self._at(field.right)
        for text in texts:
            strip = self._spelt(text, self._value, "normal")
            if strip.shape[1] <= right - left:
                self._put(canvas, field.line, right - strip.shape[1], strip)
                return

    def _take_away(self, canvas: Canvas, label: Label) -> None:
        """Leave out the label of a value that is not there."""
        strip = self._word((label.text, self._label, "normal"))
        ground = self._inks[self._label, self._background][0]
        self._put(canvas, label.line, self._at(label.x), np.full_like(strip, ground))

    def _print_top_line(self, canvas: Canvas, source: DiaSource) -> None:
        """Print id, instrument, detector, visit and band: in their places, or closer where those overflow."""
        strips = self._top_line(source, str(source.columns.get("instrument") or ""))
        places = self._fixed_places(strips)
        if places[-1] + strips[-1].shape[1] > self._right:
            strips = self._shortened(source, strips)
            places = self._close_places(strips)
        for place, strip in zip(places, strips, strict=True):
            self._put(canvas, 0, place, strip)

    def _top_line(self, source: DiaSource, instrument: str) -> list[Canvas]:
        labels = iter(("diaSourceId:", "detector:", "visit:"))
        values = [source.dia_source_id, *map(source.columns.get, ("detector", "visit", "band"))]
        texts = ["" if value is None else str(value) for value in values]
        normal = [self._spelt(text, self._value, "normal") for text in texts]
        name, detector, visit = (
            self._word((label if text else " ", self._label, "normal"))
            for label, text in zip(labels, texts, strict=False)
        )
        bold = self._word((instrument, self._value, "bold"))
        return [name, normal[0], bold, detector, normal[1], visit, normal[2], normal[3]]

    def _fixed_places(self, strips: Sequence[Canvas]) -> list[int]:
        places: list[int] = []
        end = 0
        for x, strip in zip(TOP_LINE, strips, strict=True):
            places.append(max(self._at(x), end))
            end = places[-1] + strip.shape[1] + NARROW_GAP_PIX
        return places

    def _close_places(self, strips: Sequence[Canvas]) -> list[int]:
        gaps = (0, NARROW_GAP_PIX, WIDE_GAP_PIX, WIDE_GAP_PIX, NARROW_GAP_PIX, WIDE_GAP_PIX, NARROW_GAP_PIX)
        places, end = [], self._at(TOP_LINE[0])
        for gap, strip in zip((*gaps, WIDE_GAP_PIX), strips, strict=True):
            places.append(end + gap)
            end = places[-1] + strip.shape[1]
        return places

    def _shortened(self, source: DiaSource, strips: list[Canvas]) -> list[Canvas]:
        """Shorten the instrument's name until the line fits."""
        instrument = str(source.columns.get("instrument") or "")
        for length in range(len(instrument) - 1, -1, -1):
            if self._close_places(strips)[-1] + strips[-1].shape[1] <= self._right:
                break
            strips = self._top_line(source, instrument[:length] + ELLIPSIS if length else "")
        return strips

    def _at(self, x: int) -> int:
        return MARGIN_PIX + round((x - MARGIN_PIX) * self._factor)

    def _word(self, word: Word) -> Canvas:
        strip = self._ready.get(word)
        if strip is None:
            text, color, weight = word
            ink = self._inks[color, self._background]
            strip = self._ready[word] = ink[self._types[weight].strip(text)]
        return strip

    def _spelt(self, text: str, color: str, weight: Weight) -> Canvas:
        """Put a text that will hardly come again together from its characters."""
        return np.concatenate([self._word((letter, color, weight)) for letter in text or " "], axis=1)

    def _put(self, canvas: Canvas, line: int, x: int, strip: Canvas) -> None:
        y = max(self._baselines[line] - self._types["normal"].ascent, 0)
        space = canvas[y : y + strip.shape[0], x : x + strip.shape[1]]
        space[...] = strip[: space.shape[0], : space.shape[1]]
