"""fitsbolt: astropy reads the planes, slices cut them, fitsbolt normalises to bytes, as its users write it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import fitsbolt
import numpy as np
import simulated
from astropy.io import fits
from astropy.wcs import WCS


def prepare(job: dict[str, Any]) -> Callable[[], Any]:
    field = simulated.Field(Path(job["field"]), job["side"])
    sky = field.wcs.pixel_to_world(*field.positions(job["count"]).T)
    zscale = job["interval"] == "zscale"
    method = fitsbolt.NormalisationMethod.ZSCALE if zscale else fitsbolt.NormalisationMethod.LINEAR
    half = simulated.SIZE / 2

    def action() -> str:
        planes = []
        for path in field.paths(job["storage"]):
            with fits.open(path, memmap=True) as file:
                planes.append((np.asarray(file[-1].data), WCS(file[-1].header)))
        x, y = planes[-1][1].world_to_pixel(sky)
        corners = np.ceil(np.stack((y, x), axis=1) - half).astype(int).tolist()
        size = simulated.SIZE
        images = [
            np.stack([image[y : y + size, x : x + size] for image, _ in planes], axis=-1).astype(np.float32)
            for y, x in corners
        ]
        found = fitsbolt.normalise_images(
            images, normalisation_method=method, num_workers=1, show_progress=False
        )
        return f"{len(found)} {np.asarray(found[0]).shape} {np.asarray(found[0]).dtype}"

    return action
