"""Put the field of `zoocut demo` into an APDB and a Butler repository, `rubin/` here, as Rubin's pipelines leave them.

Needs `pip install '.[butler]' lsst-dax-apdb`. Run it as `python docs/rubin_field.py`.
"""

import csv
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa
from astropy.io import fits
from lsst.daf.butler import Butler, DatasetRef, DatasetType, FileDataset, FormatterV2
from lsst.dax.apdb.sql import ApdbSql

from zoocut.demo.field import simulate_field

DATASET_TYPES = {
    "template": "template_detector",
    "science": "preliminary_visit_image",
    "difference": "difference_image",
    "sources": "dia_source_detector",
}
FILTERS = {"g": "g_6", "r": "r_57", "i": "i_39"}
TEXT = ("instrument", "band", "isDipole", "pixelFlags_edge", "answer")


TWO_YEARS = 2_000_000_000
"""Visits begin with their night, and Rubin's policy asks for 80 hours since: those of the demo are made older."""


class Kept(FormatterV2):
    """Leaves an exposure as it is; reading one needs the LSST stack, which zoocut does not."""

    default_extension = ".fits"


def main(folder: Path) -> None:
    """Simulate the field and fill database and repository."""
    table = simulate_field(folder / "field", seed=1)
    with table.open(newline="") as file:
        rows = [read(row) for row in csv.DictReader(file)]
    fill_apdb(folder / "apdb.sqlite3", rows)
    fill_repository(folder / "repo", rows, folder / "field")


def read(row: dict[str, str]) -> dict[str, Any]:
    """Give a row its types, and a time."""
    numbers = {"diaSourceId": int(row["diaSourceId"]), "visit": int(row["visit"]) - TWO_YEARS, "detector": 94}
    floats = {name: float(row[name]) for name in row if name not in (*TEXT, *numbers)}
    flags = {name: row[name] == "True" for name in ("isDipole", "pixelFlags_edge")}
    return {**numbers, **floats, **flags, "band": row["band"], "midpointMjdTai": 60_638.2}


def fill_apdb(path: Path, rows: list[dict[str, Any]]) -> None:
    """Let lsst.dax.apdb make its tables, and put the sources in."""
    ApdbSql.init_database(f"sqlite:///{path}")
    engine = sa.create_engine(f"sqlite:///{path}")
    table = sa.Table("DiaSource", sa.MetaData(), autoload_with=engine)
    names = {column.name for column in table.columns}
    needed = {column.name: 0 for column in table.columns if not column.nullable}
    with engine.begin() as connection:
        connection.execute(
            table.insert(), [needed | {name: row[name] for name in row.keys() & names} for row in rows]
        )


def fill_repository(root: Path, rows: list[dict[str, Any]], field: Path) -> None:
    """Make a repository of the exposures and of a table of sources for each."""
    Butler.makeRepo(str(root))
    with Butler.from_config(str(root), writeable=True, run="night") as butler:
        describe(butler, {row["visit"]: row["band"] for row in rows})
        for visit in sorted({row["visit"] for row in rows}):
            for name in ("template", "science", "difference"):
                put(butler, name, visit, write_exposure(field / f"{visit + TWO_YEARS}_94_{name}.fits"))
            path = field / f"{visit}.parq"
            pq.write_table(pa.Table.from_pylist([row for row in rows if row["visit"] == visit]), path)
            put(butler, "sources", visit, path)


def describe(butler: Butler, visits: dict[int, str]) -> None:
    """Tell the repository of the camera, its filters and the visits."""
    insert, camera = butler.registry.insertDimensionData, "LSSTCam"
    insert("instrument", {"name": camera, "class_name": "lsst.obs.lsst.LsstCam", "detector_max": 205})
    insert("detector", {"instrument": camera, "id": 94, "full_name": "R22_S11"})
    insert("day_obs", {"instrument": camera, "id": 20241123})
    for band, name in FILTERS.items():
        insert("physical_filter", {"instrument": camera, "name": name, "band": band})
    for visit, band in visits.items():
        known = {"instrument": camera, "id": visit, "name": str(visit), "day_obs": 20241123}
        insert("visit", {**known, "physical_filter": FILTERS[band]})
    for kind, name in DATASET_TYPES.items():
        storage = "ArrowTable" if kind == "sources" else "ExposureF"
        dimensions = ["instrument", "visit", "detector"]
        butler.registry.registerDatasetType(
            DatasetType(name, dimensions, storage, universe=butler.dimensions)
        )


def put(butler: Butler, kind: str, visit: int, path: Path) -> None:
    """Copy a file into the repository."""
    data_id = butler.registry.expandDataId(instrument="LSSTCam", visit=visit, detector=94)
    ref = DatasetRef(butler.get_dataset_type(DATASET_TYPES[kind]), data_id, run="night")
    formatter = None if kind == "sources" else Kept
    butler.ingest(FileDataset(path.absolute().as_uri(), ref, formatter=formatter), transfer="copy")


def write_exposure(path: Path) -> Path:
    """Write a frame as an exposure: image and mask planes in extensions of their own."""
    pixels, header = fits.getdata(path, header=True)
    mask = np.zeros(pixels.shape, np.int32)
    planes = fits.Header({"MP_BAD": 0, "HIERARCH MP_NO_DATA": 8})
    image = fits.ImageHDU(pixels, header, name="IMAGE")
    image.header["BUNIT"] = "nJy"
    exposure = path.with_name(f"exposure_{path.name}")
    fits.HDUList([fits.PrimaryHDU(), image, fits.ImageHDU(mask, planes, name="MASK")]).writeto(exposure)
    return exposure


if __name__ == "__main__":
    main(Path(*sys.argv[1:] or ["rubin"]))
