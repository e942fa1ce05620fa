"""What is measured: simulated frames of one exposure, sources on them, and copies of real alert packets."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

SCALE_DEG = 0.2 / 3600
PLANES = ("template", "science", "difference")
STORAGES = {
    "raw": None,
    "gzip2": {"compression_type": "GZIP_2", "quantize_level": 0},
    "rice": {"compression_type": "RICE_1", "quantize_level": 16},
}
SIZE = 30
EDGE_PIX = 40


@dataclass(frozen=True)
class Field:
    """Frames of one exposure, `{storage}_{plane}.fits`, and where they lie on the sky."""

    folder: Path
    side: int

    @property
    def wcs(self) -> WCS:
        wcs = WCS(naxis=2)
        wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
        wcs.wcs.crval, wcs.wcs.crpix = [150.0, -30.0], [self.side / 2, self.side / 2]
        wcs.wcs.cdelt = [-SCALE_DEG, SCALE_DEG]
        wcs.wcs.set()
        return wcs

    def path(self, storage: str, plane: str) -> Path:
        return self.folder / f"{storage}_{plane}.fits"

    def paths(self, storage: str) -> list[Path]:
        return [self.path(storage, plane) for plane in PLANES]

    def positions(self, count: int) -> np.ndarray:
        """Give (x, y) of sources."""
        return np.random.default_rng(count).uniform(EDGE_PIX, self.side - EDGE_PIX, (count, 2))

    def pixels(self) -> list[np.ndarray]:
        return [fits.getdata(self.path("raw", plane)).astype(np.float32) for plane in PLANES]


def simulate(folder: Path, side: int) -> Field:
    """Write template, science and difference raw and as GZIP_2 and RICE tiles."""
    folder.mkdir()
    field = Field(folder, side)
    random = np.random.default_rng(6)
    template, science = (random.normal(100, 10, (side, side)).astype(np.float32) for _ in range(2))
    y, x = np.mgrid[-15:16, -15:16]
    star = np.exp(-(x**2 + y**2) / 8)
    for row, column in random.integers(16, side - 16, (side * side // 4000, 2)):
        place = np.s_[row - 15 : row + 16, column - 15 : column + 16]
        light = random.pareto(1.5) * 100 * star
        template[place] += light
        science[place] += light * random.choice([1.0, 1.0, 1.3])
    header = field.wcs.to_header()
    for plane, image in zip(PLANES, (template, science, science - template), strict=True):
        for storage, options in STORAGES.items():
            hdu = (
                fits.PrimaryHDU(image, header)
                if options is None
                else fits.CompImageHDU(image, header, **options)
            )
            hdu.writeto(field.path(storage, plane))
    return field


def write_config(
    field: Field, storage: str, count: int, folder: Path, exposures: int = 1, draw: str = ""
) -> Path:
    """Write a source table and a configuration; every exposure is a link to the same frames."""
    folder.mkdir(parents=True)
    lines = ["diaSourceId,ra,dec,visit"]
    sky = field.wcs.pixel_to_world(*field.positions(count).T)
    for visit in range(exposures):
        for plane in PLANES:
            os.link(field.path(storage, plane), folder / f"{visit}_{plane}.fits")
        lines += [
            f"{10**17 + visit * 10**6 + i},{ra!r},{dec!r},{visit}"
            for i, (ra, dec) in enumerate(zip(sky.ra.deg.tolist(), sky.dec.deg.tolist(), strict=True))
        ]
    (folder / "sources.csv").write_text("\n".join(lines) + "\n")
    paths = "\n".join(f'{plane} = "{{visit}}_{plane}.fits"' for plane in PLANES)
    config = folder / "zoocut.toml"
    config.write_text(
        f'[catalog]\nkind = "table"\npath = "sources.csv"\n[images]\nkind = "frames"\n{paths}\n[draw]\n{draw}\n'
    )
    return config


def write_packets(survey: Path, folder: Path, count: int) -> Path:
    """Copy ZTF packets under new ids, and write a configuration."""
    import fastavro

    (folder / "ztf").mkdir(parents=True)
    for number, path in zip(range(count), itertools.cycle(sorted(survey.glob("*.avro"))), strict=False):
        with path.open("rb") as file:
            reader = fastavro.reader(file)
            packets, schema = list(reader), reader.writer_schema
        for packet in packets:
            packet["candid"] = packet["candidate"]["candid"] = 10**18 + number
        with (folder / "ztf" / f"{10**18 + number}.avro").open("wb") as file:
            fastavro.writer(file, schema, packets)
    config = folder / "zoocut.toml"
    config.write_text(
        '[catalog]\nkind = "alerts"\npath = "ztf/*.avro"\n[images]\nkind = "stamps"\npixel_scale_arcsec = 1.01\n'
        "[draw]\nsizes = []\n"
    )
    return config


COLUMNS: dict[str, Any] = {
    "instrument": "LSSTCam",
    "detector": 50,
    "visit": 2025123100244,
    "band": "r",
    "ra": 150.1,
    "dec": -30.1,
    "snr": 11.0,
    "psfChi2": 40.0,
    "psfNdata": 41,
    "reliability": 0.7,
    "pixelFlags_edge": True,
    "isDipole": True,
    "shape_flag": True,
    "psfFlux_flag": True,
}


def rows(count: int) -> list[dict[str, Any]]:
    """Give the catalog columns of sources."""
    random = np.random.default_rng(1)
    fluxes = [f"{kind}Flux{end}" for kind in ("psf", "ap", "science") for end in ("", "Err")]
    return [
        {"diaSourceId": 10**17 + i, **COLUMNS, **{name: float(random.normal(1000, 100)) for name in fluxes}}
        for i in range(count)
    ]


def stamps(field: Field, count: int, sizes: tuple[int, ...]) -> list[list[list[np.ndarray]]]:
    """Cut sources: for each one, for each size, template, science and difference."""
    from astropy.nddata import Cutout2D

    planes = field.pixels()
    return [
        [
            [Cutout2D(plane, (x, y), size, mode="partial", fill_value=np.nan).data.copy() for plane in planes]
            for size in sizes
        ]
        for x, y in field.positions(count)
    ]
