"""Processes of this machine draw where there is enough for them; else this one does."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from pathlib import Path

import pytest

from zoocut.config.settings import Settings
from zoocut.generating.drawing import BatchDrawer, Drawn, Exposures
from zoocut.generating.local_workers import LocalWorkers
from zoocut.generating.plan import Batch, Planned
from zoocut.model import DiaSource, Images

FRAMES = {"kind": "frames", "template": "t.fits", "science": "s.fits", "difference": "d.fits"}


def no_images() -> Images:
    raise NotImplementedError


@dataclass(frozen=True)
class Slow(BatchDrawer):
    """Takes its time for each source, as a slow disk has it, and notes who drew."""

    def draw(self, exposures: Exposures) -> Drawn:
        count = sum(len(planned) for _, planned in exposures)
        time.sleep(count * float(self.call))
        return Drawn(notes=Counter({str(os.getpid()): count}))


def batches(count: int, exposures: int, rows: int) -> Iterator[Batch]:
    """Yield full batches of some exposures."""
    for number in range(count):
        batch = Batch()
        for exposure in range(exposures):
            for row in range(rows):
                at = (number * exposures + exposure) * rows + row
                source = DiaSource(at, 0.0, 0.0, "table", "row", {"diaSourceId": at})
                batch.add(f"{number} {exposure}", Planned(source, at, None))
        yield batch


@pytest.mark.parametrize(
    ("count", "exposures", "rows", "each_s", "ahead", "elsewhere"),
    [
        (10, 10, 30, 0.0, inf, False),
        (4, 10, 30, 0.001, inf, False),
        (4, 10, 30, 0.001, 256, False),
        (1, 28, 10, 0.02, inf, True),
    ],
    ids=["no time", "one second", "one second of packets", "six seconds"],
)
def test_workers_draw_where_it_is_quicker(
    tmp_path: Path, count: int, exposures: int, rows: int, each_s: float, ahead: float, elsewhere: bool
) -> None:
    settings = Settings.model_validate({"catalog": {"kind": "table", "path": "s.csv"}, "images": FRAMES})
    drawer = Slow(settings, tmp_path, no_images, tmp_path, str(each_s))
    positions, who = [], Counter[str]()
    with LocalWorkers(2, ahead) as workers:
        for batch, drawn in workers.draw(batches(count, exposures, rows), drawer):
            positions += [one.position for _, planned in batch.exposures for one in planned]
            who += drawn.notes
    assert positions == list(range(count * exposures * rows))
    assert sum(who.values()) == len(positions)
    assert (len(who) > 1) == elsewhere
    assert str(os.getpid()) in who
