"""cutana: cutting and normalising to bytes in memory, as `create_cutouts_direct` does for small batches."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import simulated
from cutana import create_cutouts_direct, get_default_config


def prepare(job: dict[str, Any]) -> Callable[[], Any]:
    field = simulated.Field(Path(job["field"]), job["side"])
    sky = field.wcs.pixel_to_world(*field.positions(job["count"]).T)
    paths = [str(path) for path in field.paths(job["storage"])]
    extension = "PRIMARY" if job["storage"] == "raw" else "COMPRESSED_IMAGE"
    config = get_default_config()
    config.fits_extensions = [extension]
    config.target_resolution = simulated.SIZE
    config.data_type = "uint8"
    config.normalisation_method = "zscale" if job["interval"] == "zscale" else "linear"
    config.normalisation.percentile = 100
    config.apply_flux_conversion = False
    config.max_workers = config.process_threads = 1
    names = [Path(path).stem for path in paths]
    config.channel_weights = {name: [float(name == one) for one in names] for name in names}
    catalog = pd.DataFrame(
        {
            "SourceID": [str(i) for i in range(job["count"])],
            "RA": sky.ra.deg,
            "Dec": sky.dec.deg,
            "diameter_pixel": simulated.SIZE,
            "fits_file_paths": [str(paths)] * job["count"],
        }
    )

    def action() -> str:
        batches = create_cutouts_direct(catalog, config, max_workers=1)
        cutouts = batches[0]["cutouts"]
        return f"{cutouts.shape} {cutouts.dtype}"

    return action
