"""A small simulated field: three exposures of stars, transients and dipoles, as frames and a table.

Everything follows from the seed. A point source is a Gaussian of the seeing's width; the difference image is
the science image minus the template, with the noise of both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoocut.files import appear_whole, write_csv
from zoocut.model import PANELS, FloatImage

if TYPE_CHECKING:
    from astropy.wcs import WCS

__all__ = ["simulate_field"]

SIZE_PIX = 400
SCALE_ARCSEC = 0.2
SEEING_SIGMA_PIX = 1.9
NOISE_NJY = 40.0
STARS, TRANSIENTS, DIPOLES = 10, 6, 3
VISITS = (2026112300101, 2026112300102, 2026112300103)
BANDS = ("g", "r", "i")
DETECTOR = 94
FIRST_ID = 250_911_420_113_408_000
"""Eighteen digits, as Rubin's ids have: more than a double holds."""


@dataclass(frozen=True, slots=True)
class _Source:
    kind: str
    x_pix: float
    y_pix: float
    template_njy: float
    science_njy: float
    shift_pix: float = 0.0

    @property
    def change_njy(self) -> float:
        return self.science_njy - self.template_njy


def simulate_field(folder: Path, seed: int) -> Path:
    """Write the field's frames and its table of sources.

    Parameters
    ----------
    folder : Path
        Where the files go; made when missing.
    seed : int
        Equal seeds make equal fields.

    Returns
    -------
    Path
        The table, a CSV of about 60 sources.
    """
    rng = np.random.default_rng(seed)
    table = folder / "sources.csv"
    rows = [row for number in range(len(VISITS)) for row in _exposure(folder, number, rng)]
    write_csv(table, list(rows[0]), (row.values() for row in rows))
    return table


def _exposure(folder: Path, number: int, rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    visit, band = VISITS[number], BANDS[number]
    wcs = _wcs(number)
    sources = list(_scatter(rng))
    frames = _frames(sources, rng)
    for name in PANELS:
        _write_frame(folder / f"{visit}_{DETECTOR}_{name}.fits", frames[name], wcs)
    for index, source in enumerate(sources):
        yield _row(FIRST_ID + 1000 * number + index, visit, band, source, wcs)


def _scatter(rng: np.random.Generator) -> Iterator[_Source]:
    for _ in range(STARS):
        flux = float(rng.uniform(3e4, 3e5))
        yield _Source("star", *_anywhere(rng), flux, flux * float(rng.uniform(0.9, 1.2)))
    for _ in range(TRANSIENTS):
        yield _Source("transient", *_anywhere(rng), 0.0, float(rng.uniform(8e3, 4e4)))
    for _ in range(DIPOLES):
        flux = float(rng.uniform(5e4, 2e5))
        yield _Source("dipole", *_anywhere(rng), flux, flux, shift_pix=0.8)
    yield _Source("edge", 3.0, float(rng.uniform(50, SIZE_PIX - 50)), 0.0, 3e4)


def _anywhere(rng: np.random.Generator) -> tuple[float, float]:
    x_pix, y_pix = rng.uniform(25, SIZE_PIX - 25, 2)
    return float(x_pix), float(y_pix)


def _frames(sources: list[_Source], rng: np.random.Generator) -> dict[str, FloatImage]:
    template = sum(_spot(s.x_pix, s.y_pix, s.template_njy) for s in sources) + _noise(rng) / 3
    science = sum(_spot(s.x_pix + s.shift_pix, s.y_pix, s.science_njy) for s in sources) + _noise(rng)
    return {"template": template, "science": science, "difference": science - template}


def _noise(rng: np.random.Generator) -> FloatImage:
    return rng.normal(0.0, NOISE_NJY, (SIZE_PIX, SIZE_PIX))


def _spot(x_pix: float, y_pix: float, flux_njy: float) -> FloatImage:
    y, x = np.indices((SIZE_PIX, SIZE_PIX))
    squared = ((x - x_pix) ** 2 + (y - y_pix) ** 2) / SEEING_SIGMA_PIX**2
    return np.asarray(flux_njy / (2 * np.pi * SEEING_SIGMA_PIX**2) * np.exp(-squared / 2))


def _wcs(number: int) -> WCS:
    from astropy.wcs import WCS

    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crpix = [SIZE_PIX / 2, SIZE_PIX / 2]
    wcs.wcs.crval = [55.7 + 0.05 * number, -32.3]
    wcs.wcs.cdelt = [-SCALE_ARCSEC / 3600, SCALE_ARCSEC / 3600]
    return wcs


def _write_frame(path: Path, frame: FloatImage, wcs: WCS) -> None:
    from astropy.io import fits

    with appear_whole(path) as part:
        fits.PrimaryHDU(frame.astype(np.float32), wcs.to_header()).writeto(part, output_verify="exception")


def _row(dia_source_id: int, visit: int, band: str, source: _Source, wcs: WCS) -> dict[str, Any]:
    ra_deg, dec_deg = wcs.pixel_to_world_values(source.x_pix, source.y_pix)
    error_njy = NOISE_NJY * 2 * np.sqrt(np.pi) * SEEING_SIGMA_PIX
    return {
        "diaSourceId": dia_source_id,
        "visit": visit,
        "detector": DETECTOR,
        "instrument": "Simulation",
        "band": band,
        "ra": f"{float(ra_deg):.9f}",
        "dec": f"{float(dec_deg):.9f}",
        "snr": f"{abs(source.change_njy) / error_njy:.2f}",
        "psfFlux": f"{source.change_njy:.1f}",
        "psfFluxErr": f"{error_njy:.1f}",
        "scienceFlux": f"{source.science_njy:.1f}",
        "scienceFluxErr": f"{error_njy:.1f}",
        "isDipole": source.kind == "dipole",
        "pixelFlags_edge": source.kind == "edge",
        "answer": "Bogus" if source.kind in ("dipole", "edge") else "Real",
    }
