"""Pictures by patterns: encoding 2, a fifth of the work of painting and compressing each, and half the bytes."""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from isal import isal_zlib

from zoocut.config.draw import DrawSettings
from zoocut.model import DiaSource, Picture
from zoocut.render.annotation import Unannotated
from zoocut.render.layout import Layout
from zoocut.render.palette import Palette
from zoocut.render.pattern import Band, Pattern, prepare
from zoocut.render.picture import Annotation, Cut, Painted, PictureDrawer
from zoocut.render.png import DEFLATE_LEVEL, chunk
from zoocut.render.repeats import OPEN
from zoocut.render.scale_bar import Bar
from zoocut.render.text import Type

__all__ = ["LONGEST_HEAD", "PatternDrawer", "is_patterned"]

Bytes = npt.NDArray[np.uint8]
Look = tuple[tuple[tuple[int, ...], Bar | None], ...]
"""Shape and bar of the panels of each size: pictures of one look share a pattern."""

ZLIB = b"\x78\xda"
"""The head of a zlib stream (RFC 1950): deflate, a window of 32 kB, the slowest level, for so a pattern was made. ISA-L
writes another at the level that other pictures are compressed with: by that they are told apart."""

LONGEST_HEAD = 1024
"""So many bytes of a file of either encoding have its palette, and the head of its pixels."""

RAW_DEFLATE = -15
KEPT = 64
"""Patterns of so many looks are kept, each some hundred kB."""


class PatternDrawer(PictureDrawer):
    """Draws pictures by filling patterns, and those that have none as `PictureDrawer` does.

    Which of the two depends on a source's cutouts and the settings alone.

    Parameters
    ----------
    layout, draw, palette, types, annotation : see `PictureDrawer`
        The same.
    """

    def __init__(
        self,
        layout: Layout,
        draw: DrawSettings,
        palette: Palette,
        types: Mapping[str, Type],
        annotation: Annotation,
    ) -> None:
        super().__init__(layout, draw, palette, types, annotation)
        # footprints are of hundreds of shapes: a pattern for each would take longer than it saves
        self._has_patterns = self._writer.indexed and not draw.use_footprint
        self._shown = palette.levels
        self._written = 0 if isinstance(annotation, Unannotated) else min(one.y for one in layout.panels)
        self._form = lru_cache(maxsize=KEPT)(self._make_form)

    def draw(self, batch: Sequence[Cut], painted: Painted) -> list[Picture]:
        """Draw sources whose cutouts are of the same shapes; see `PictureDrawer`."""
        if not self._has_patterns:
            return super().draw(batch, painted)
        looks: dict[Look, list[int]] = defaultdict(list)
        for i, (_, cutouts) in enumerate(batch):
            looks[
                tuple(
                    (one.template.shape, self._bar(one.template.shape, one.pixel_scale_arcsec))
                    for one in cutouts
                )
            ].append(i)
        drawn: dict[int, Picture] = {}
        for look, alike in looks.items():
            several, panels = [batch[i] for i in alike], painted
            if len(looks) > 1:
                panels = {key: stack[alike] for key, stack in painted.items()}
            drawn.update(zip(alike, self._draw_alike(look, several, panels), strict=True))
        return [drawn[i] for i in range(len(batch))]

    def _draw_alike(self, look: Look, batch: Sequence[Cut], painted: Painted) -> list[Picture]:
        form = self._form(look)
        if form is None:
            return super().draw(batch, painted)
        values = np.empty((len(batch), form.values), np.uint8)
        values[:, :OPEN] = np.arange(OPEN)
        at = OPEN
        for place in self._layout.panels:
            panels = painted[place.name, place.size_index]
            size = panels.shape[1] * panels.shape[2]
            values[:, at : at + size].reshape(panels.shape)[...] = panels
            at += size
        heads = [self._head(source) for source, _ in batch]
        sums = np.array([checksum for _, checksum in heads])
        tails = form.filled(values, sums)
        return [Picture(head + tail, *self.size_pix) for (head, _), tail in zip(heads, tails, strict=True)]

    def _head(self, source: DiaSource) -> tuple[bytes, int]:
        """Write what stands above the panels, where that differs; return it with its checksum."""
        if not self._written:
            return b"", 1
        rows = self._ground[: self._written].copy()
        self._annotation.print_values(rows[:, 1:], source)
        deflate = isal_zlib.compressobj(DEFLATE_LEVEL, wbits=RAW_DEFLATE)
        packed = ZLIB + deflate.compress(rows) + deflate.flush(isal_zlib.Z_SYNC_FLUSH)
        return self._writer.head + chunk(b"IDAT", packed), isal_zlib.adler32(rows)

    def _make_form(self, look: Look) -> _Form | None:
        rows = self._ground.astype(np.int64)
        number = OPEN
        for place in self._layout.panels:
            shape, bar = look[place.size_index]
            size = shape[0] * shape[1]
            self._paste(rows, place, number + np.arange(size).reshape(shape), bar)
            number += size
        bands = self._bands(look)
        pattern = None if bands is None else prepare(rows[self._written :, 1:], bands, self._shown)
        if pattern is None:
            return None
        before = b"" if self._written else self._writer.head
        return _Form(before, pattern, self._writer.tail, number, b"" if self._written else ZLIB)

    def _bands(self, look: Look) -> list[Band] | None:
        """Part the picture before each row of panels; None where panels beside each other have different zooms."""
        zooms: dict[int, set[int]] = defaultdict(set)
        for place in self._layout.panels:
            zooms[place.y].add(self._panel_pix // max(look[place.size_index][0]))
        if any(len(several) > 1 for several in zooms.values()):
            return None
        tops = sorted(zooms)
        borders = [self._written, *tops[1:], self._layout.height_pix]
        return [
            Band(first - self._written, stop - self._written, *zooms[top])
            for top, first, stop in zip(tops, borders[:-1], borders[1:], strict=True)
        ]


class _Form:
    """The file of a picture, or its last part, with open pixels.

    Parameters
    ----------
    before : bytes
        What stands before the chunk of pixels.
    pattern : Pattern
        The pixels.
    after : bytes
        What stands behind them.
    values : int
        How many values a picture has: the colours and its open pixels.
    start : bytes
        What the chunk begins with.
    """

    def __init__(self, before: bytes, pattern: Pattern, after: bytes, values: int, start: bytes) -> None:
        length = len(start) + len(pattern.content) + 4
        front = before + struct.pack(">I", length) + b"IDAT" + start
        content = front + pattern.content.tobytes() + bytes(8) + after
        self._content = np.frombuffer(content, np.uint8)
        self._pattern = pattern
        self._kind = len(before) + 4
        self._at = len(front)
        self._sum = len(front) + len(pattern.content)
        self.values = values

    def filled(self, values: Bytes, before: npt.NDArray[np.int64]) -> list[bytes]:
        """Fill pixels in: see `Pattern.fill`."""
        files = np.repeat(self._content[None], len(values), axis=0)
        sums = self._pattern.fill(values, files[:, self._at :], before)
        files[:, self._sum : self._sum + 4] = _big_endian(sums)
        checksums = [isal_zlib.crc32(file[self._kind : self._sum + 4]) for file in files]
        files[:, self._sum + 4 : self._sum + 8] = _big_endian(np.array(checksums))
        return [file.tobytes() for file in files]


def is_patterned(head: bytes) -> bool:
    """Tell from the first bytes of a PNG file whether a pattern was filled for it."""
    return head.partition(b"IDAT")[2].startswith(ZLIB)


def _big_endian(numbers: npt.NDArray[Any]) -> Bytes:
    return numbers.astype(">u4").view(np.uint8).reshape(-1, 4)
