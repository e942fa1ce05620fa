"""A careful user of matplotlib: one figure, made once; images and texts get new data for each source."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import simulated
from astropy.visualization import AsinhStretch, ImageNormalize, MinMaxInterval
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

_kept: dict[str, Any] = {}
CROP = np.s_[8:23, 8:23]


class Figures:
    """The figure."""

    def __init__(self, sizes: tuple[int, ...], annotated: bool) -> None:
        height = 2.33 + 2.17 * (len(sizes) - 1) + (1.1 if annotated else 0)
        self._figure = Figure(figsize=(6.45 if annotated else 6.3, height), dpi=100)
        FigureCanvasAgg(self._figure)
        grid = self._figure.subplots(len(sizes), 3, squeeze=False)
        self._figure.subplots_adjust(0.016, 0.04, 0.985, 0.6 if annotated else 0.87)
        self._images = [
            [self._panel(axes, size) for axes in row] for row, size in zip(grid, sizes, strict=True)
        ]
        for axes, title in zip(grid[0], ("Template", "Science", "Difference"), strict=True):
            axes.set_title(title)
        self._texts = [
            self._figure.text(0.02 + 0.12 * (i % 8), 0.95 - 0.06 * (i // 8), "") for i in range(40)
        ]
        self._annotated = annotated

    def _panel(self, axes: Any, size: int) -> Any:
        axes.axis("off")
        axes.plot((1, 6), (1, 1), color="blue", lw=6)
        axes.plot((1, 6), (1, 1), color="yellow", lw=2)
        empty = np.zeros((size, size))
        return axes.imshow(
            empty, cmap="bone", interpolation="none", origin="lower", extent=(0, size, 0, size)
        )

    def draw(self, row: dict[str, Any], stamps: list[list[np.ndarray]]) -> bytes:
        for images, three in zip(self._images, stamps, strict=True):
            for image, data, plane in zip(images, three, simulated.PLANES, strict=True):
                seen = data[CROP] if plane == "difference" else data
                image.set_data(data)
                image.set_norm(ImageNormalize(seen, interval=MinMaxInterval(), stretch=AsinhStretch(0.1)))
        if self._annotated:
            values = list(row.items())
            for text, (name, value) in zip(self._texts, values + values, strict=False):
                text.set_text(f"{name[:6]} {value}"[:14])
        file = io.BytesIO()
        self._figure.savefig(file, format="png")
        return file.getvalue()


def prepare(job: dict[str, Any]) -> Callable[[], Any]:
    key = f"{job['sizes']} {job['annotated']}"
    sizes = tuple(job["sizes"])
    if key not in _kept:
        field = simulated.Field(Path(job["field"]), job["side"])
        cut = simulated.stamps(field, job["count"], sizes)
        _kept[key] = (
            Figures(sizes, job["annotated"]),
            list(zip(simulated.rows(job["count"]), cut, strict=True)),
        )
    figures, batch = _kept[key]
    return lambda: sum(len(figures.draw(*one)) for one in batch) // len(batch)
