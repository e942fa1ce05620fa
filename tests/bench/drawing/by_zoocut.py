"""zoocut: drawing alone, whole runs, and cutting as far as arrays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import simulated

from zoocut.config.draw import DrawSettings
from zoocut.config.load import load
from zoocut.generating import generate
from zoocut.generating.inputs import open_inputs
from zoocut.generating.plan import SOURCES_AT_ONCE
from zoocut.model import Cutout, DiaSource
from zoocut.render import open_renderer
from zoocut.render.renderer import AT_ONCE

_kept: dict[str, Any] = {}


def prepare(job: dict[str, Any]) -> Callable[[], Any]:
    return {"draw": _draw, "run": _run, "cut": _cut}[job["kind"]](job)


def _draw(job: dict[str, Any]) -> Callable[[], Any]:
    key = f"{job['sizes']} {job['annotated']}"
    if key not in _kept:
        field = simulated.Field(Path(job["field"]), job["side"])
        sizes = tuple(job["sizes"])
        cut = simulated.stamps(field, job["count"], sizes)
        batch = [
            (
                DiaSource(row["diaSourceId"], 150.1, -30.1, "bench", "", row),
                tuple(Cutout(*three, 0.2) for three in several),
            )
            for row, several in zip(simulated.rows(job["count"]), cut, strict=True)
        ]
        _kept[key] = open_renderer(DrawSettings(sizes=sizes, add_metadata=job["annotated"])), batch
    renderer, batch = _kept[key]

    def action() -> int:
        size = 0
        for i in range(0, len(batch), SOURCES_AT_ONCE):
            for pictures in renderer.draw(batch[i : i + SOURCES_AT_ONCE]):
                size += len(pictures[0].png)
        return size // len(batch)

    return action


def _run(job: dict[str, Any]) -> Callable[[], Any]:
    config = load(Path(job["config"]))
    return lambda: generate(config, Path(job["run"])).drawn


def _cut(job: dict[str, Any]) -> Callable[[], Any]:
    """Cut and normalise to palette indices in memory, each panel with the interval and stretch of the job."""
    config = load(Path(job["config"]))
    panel = {"interval": job["interval"], "stretch": "linear", "central_crop_pix": None}
    renderer = open_renderer(DrawSettings.model_validate(dict.fromkeys(simulated.PLANES, panel)))
    inputs = open_inputs(config)
    sources = list(inputs.catalog.sources())

    def action() -> int:
        images = inputs.open_images()
        cutouts = list(images.cut(images.exposure_of(sources[0]), sources))
        painted = [renderer.paint(cutouts[i : i + AT_ONCE]) for i in range(0, len(cutouts), AT_ONCE)]
        return sum(len(panels["difference", 0]) for panels in painted)

    return action
