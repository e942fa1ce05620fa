"""astrocut: a FITSCutout a source, which reads the part of each file that it needs, then normalize_img."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import simulated
from astrocut import FITSCutout


def prepare(job: dict[str, Any]) -> Callable[[], Any]:
    field = simulated.Field(Path(job["field"]), job["side"])
    sky = field.wcs.pixel_to_world(*field.positions(job["count"]).T)
    paths = [str(path) for path in field.paths(job["storage"])]

    def action() -> int:
        for place in sky[: job["few"]]:
            cut = FITSCutout(paths, place, simulated.SIZE)
            cut.get_image_cutouts(stretch="linear", minmax_percent=[0, 100])
        return job["few"]

    return action
