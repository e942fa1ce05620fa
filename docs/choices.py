"""Pictures of the choices that a setting of what is drawn has, made by zoocut of one simulated source.

The source brightened beside a galaxy that the template has; its frames are turned by 130 degrees and hold some pixels
without data. Three visits are there for what shows several.
"""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

from zoocut.catalogs import open_catalog
from zoocut.config.draw import DrawSettings
from zoocut.config.load import load_tree
from zoocut.config.section import NONE, taken_away
from zoocut.files import appear_whole
from zoocut.images import open_images
from zoocut.media.medium import Shown
from zoocut.media.registry import open_media
from zoocut.model import PANELS

WIDTH_PIX = 120
SCALE_ARCSEC = 0.2
VISITS = (0, 1, 2)
TREE: Mapping[str, Any] = {
    "catalog": {"kind": "table", "path": "sources.csv"},
    "images": {"kind": "frames", **{name: f"{{visit}}_{name}.fits" for name in PANELS}},
    "history": {
        "kind": "table",
        "path": "forced.csv",
        "columns": {"time": "mjd", "flux": "flux", "flux_error": "flux_err", "unit": "nJy", "limit": "limit"},
    },
}


@dataclass(frozen=True)
class Choices:
    """What is shown of one setting.

    Parameters
    ----------
    values : sequence
        The choices, None for a setting that is left out.
    beside : mapping
        Settings that hold for all of its pictures, by their dotted keys.
    """

    values: Sequence[Any]
    beside: Mapping[str, Any] = field(default_factory=dict)


ONE = {"draw.panels": ["template"], "draw.scale_bar_arcsec": None}
"""The template alone, without a bar: what panels have as settings of their own is seen best so."""
VALUES = {"draw.add_metadata": True, "draw.panel_pix": 194}
CURVE = {"draw.media": ["lightcurve_png"], "media.lightcurve_png.width_pix": 400}
CURVE |= {"media.lightcurve_png.days": 70.0}
CURVE |= {"media.lightcurve_png.height_pix": 300, "media.lightcurve_png.text_height_pix": 14.0}
CONTEXT = {"draw.media": ["context"], "media.context.size_arcsec": 20.0, "media.context.width_pix": 100}
FLIPBOOK = {"draw.media": ["flipbook"], "draw.panel_pix": 90}

CHOICES: Mapping[str, Choices] = {
    "draw.preset": Choices(["documented", "analysis_ap"]),
    "draw.media": Choices(
        [["triplet"], ["frames"], ["context"], ["flipbook"], ["lightcurve_png"]], CONTEXT | CURVE
    ),
    "draw.sizes": Choices([[15], [30], [60], [20, 60]]),
    "draw.use_footprint": Choices([False, True]),
    "draw.add_metadata": Choices([False, True], {"draw.panel_pix": 194}),
    "draw.orientation": Choices(["detector", "north-up"], {"draw.sizes": [50]}),
    "draw.layout": Choices(["row", "column", "separate"]),
    "draw.panels": Choices(
        [["template", "science", "difference"], ["science", "difference"], ["difference"]]
    ),
    "draw.panel_pix": Choices([60, 90, 194]),
    "draw.colormap": Choices(["bone", "gray", "gray_r", "viridis", "magma", "cividis"], ONE),
    "draw.nan_color": Choices([None, "red", "orange"], {**ONE, "draw.sizes": [60]}),
    "draw.background": Choices(["white", "lightgrey", "lightsteelblue"]),
    "draw.text_color": Choices(["black", "navy", "darkred"]),
    "draw.label_color": Choices(["grey", "teal"], VALUES),
    "draw.font": Choices(["DejaVu Sans", "DejaVu Serif", "DejaVu Sans Mono"]),
    "draw.title_height_pix": Choices([10.0, 16.7, 24.0]),
    "draw.text_height_pix": Choices([10.0, 13.9], VALUES),
    "draw.scale_bar_arcsec": Choices([0.5, 1.0, 3.0, None], {"draw.panels": ["science"]}),
    "draw.template.title": Choices(["Template", "Before", ""], {"draw.panels": ["template"]}),
    "draw.template.interval": Choices(
        ["minmax", "zscale", "percentile", "asymmetric-percentile", "manual"], ONE
    ),
    "draw.template.interval_options": Choices(
        [{"contrast": 0.05}, {"contrast": 0.25}, {"contrast": 1.0}],
        {**ONE, "draw.template.interval": "zscale"},
    ),
    "draw.template.stretch": Choices(
        ["linear", "asinh", "sqrt", "log", "sinh", "squared", "power", "powerdist", "contrastbias"], ONE
    ),
    "draw.template.stretch_options": Choices(
        [{"a": 0.01}, {"a": 0.1}, {"a": 0.5}], {**ONE, "draw.template.stretch": "asinh"}
    ),
    "draw.template.central_crop_pix": Choices([None, 15, 5], {**ONE, "draw.template.stretch": "linear"}),
    "media.context.size_arcsec": Choices([10.0, 20.0], CONTEXT),
    "media.context.panel": Choices(["template", "science", "difference"], CONTEXT),
    "media.flipbook.panel": Choices(["template", "science", "difference"], FLIPBOOK),
    "media.flipbook.centre": Choices(["source", "sky"], FLIPBOOK),
    "media.lightcurve_png.brightness": Choices(["flux", "magnitude"], CURVE),
    "media.lightcurve_png.time": Choices(["days", "mjd"], CURVE),
    "media.lightcurve_png.limits": Choices([False, True], CURVE),
}
"""By key; those of science and difference are the template's."""
NEEDED: Mapping[Any, Mapping[str, Any]] = {
    "percentile": {"draw.template.interval_options": {"percentile": 95.0}},
    "asymmetric-percentile": {
        "draw.template.interval_options": {"lower_percentile": 5.0, "upper_percentile": 99.0}
    },
    "manual": {"draw.template.interval_options": {"vmin": 0.0, "vmax": 300.0}},
    "power": {"draw.template.stretch_options": {"a": 0.3}},
    "contrastbias": {"draw.template.stretch_options": {"contrast": 2.0, "bias": 0.3}},
}
"""What a choice does not work without."""
TAKEN_AWAY = {f"draw.{name}" for name in taken_away(DrawSettings)}


def draw_choices(folder: Path) -> dict[str, list[tuple[str, list[str]]]]:
    """Draw every choice, and give by key what is written for it, and the names of its files in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as survey:
        write_survey(Path(survey), np.random.default_rng(4))
        return {key: list(_of_key(folder, Path(survey), key, choices)) for key, choices in CHOICES.items()}


def _of_key(folder: Path, survey: Path, key: str, choices: Choices) -> Iterator[tuple[str, list[str]]]:
    for number, value in enumerate(choices.values):
        more = NEEDED.get(value, {}) if isinstance(value, str) else {}
        names = []
        for place, png in enumerate(pictures(survey, {**choices.beside, key: value, **more})):
            names.append(f"{key}-{number}-{place}.png")
            _write(folder / names[-1], png)
        yield _told({key: value, **more}), names


def _told(settings: Mapping[str, Any]) -> str:
    """Write a choice as a configuration file has it."""
    return ", ".join(_as_toml(key, value) for key, value in settings.items())


def _as_toml(key: str, value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {number}" for name, number in value.items()) + " }"
    if value is None:
        return json.dumps(NONE) if key in TAKEN_AWAY else "left out"
    return json.dumps(value)


def _write(path: Path, png: bytes) -> None:
    """Write a picture where it changed, so that a second build is quick."""
    if not path.exists() or path.read_bytes() != png:
        with appear_whole(path) as part:
            part.write_bytes(png)


def pictures(survey: Path, settings: Mapping[str, Any]) -> tuple[bytes, ...]:
    """Draw the source as these settings say: the files that its subject would show."""
    loaded = load_tree(TREE, {"draw.panel_pix": 120, **_by_word(settings)}, survey).settings
    source = next(iter(open_catalog(loaded.catalog, survey).sources()))
    images = open_images(loaded.images, loaded.draw, survey)
    (cutouts,) = images.cut(images.exposure_of(source), [source])
    (shown,) = open_media(loaded, survey).draw([(source, cutouts)])
    assert isinstance(shown, Shown), shown
    return tuple(file for file in shown.files if file is not None)


def _by_word(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Say `none` as files do, where leaving a setting out would mean its default."""
    return {key: NONE if value is None and key in TAKEN_AWAY else value for key, value in settings.items()}


def write_survey(folder: Path, rng: np.random.Generator) -> None:
    """Write frames, sources and forced photometry of three visits."""
    rows = []
    for visit, change in zip(VISITS, (900.0, 600.0, 250.0), strict=True):
        x_pix, y_pix = 60.0 + visit, 60.0 + 2 * visit
        for name, image in _frames(rng, x_pix, y_pix, change).items():
            fits.writeto(folder / f"{visit}_{name}.fits", image.astype(np.float32), _wcs().to_header())
        rows.append(_row(visit, x_pix, y_pix, change))
    _table(folder / "sources.csv", rows)
    _table(folder / "forced.csv", list(_forced(rng)))


def _frames(
    rng: np.random.Generator, x_pix: float, y_pix: float, change: float
) -> dict[str, np.ndarray[Any, Any]]:
    y, x = np.mgrid[:WIDTH_PIX, :WIDTH_PIX].astype(float)
    along, across = (x - 52 + y - 64) / 1.41, (x - 52 - y + 64) / 1.41
    sky = 400 * np.exp(-np.hypot(along / 7, across / 3)) + 700 * _star(x - 74, y - 72)
    sky += sum(900 * _star(x - place, y - other) for place, other in ((20, 90), (100, 30), (30, 20)))
    template = sky + rng.normal(0, 12, sky.shape)
    science = sky + change * _star(x - x_pix, y - y_pix) + rng.normal(0, 12, sky.shape)
    science[: int(y_pix) - 22, :], template[: int(y_pix) - 22, :] = np.nan, np.nan
    return {"template": template, "science": science, "difference": science - template}


def _star(x: Any, y: Any) -> Any:
    return np.exp(-(x**2 + y**2) / 2 / 1.9**2)


def _wcs() -> WCS:
    wcs, turn = WCS(naxis=2), np.radians(130)
    wcs.wcs.ctype, wcs.wcs.crval, wcs.wcs.crpix = ["RA---TAN", "DEC--TAN"], [150.0, 2.0], [60, 60]
    wcs.wcs.cd = SCALE_ARCSEC / 3600 * np.array([[-np.cos(turn), np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return wcs


def _row(visit: int, x_pix: float, y_pix: float, change: float) -> dict[str, Any]:
    ra, dec = (float(value) for value in _wcs().pixel_to_world_values(x_pix, y_pix))
    flux = change * 2 * np.pi * 1.9**2
    return {
        "diaSourceId": 250911420113408000 + visit,
        "diaObjectId": 7,
        "visit": visit,
        "detector": 94,
        "band": "r",
        "ra": f"{ra:.9f}",
        "dec": f"{dec:.9f}",
        "midpointMjdTai": 60638.2 - 4 * visit,
        "snr": round(change / 12 * 4, 1),
        "psfFlux": round(flux, 1),
        "psfFluxErr": 81.0,
        "scienceFlux": round(flux + 900, 1),
        "scienceFluxErr": 80.0,
        "psfChi2": 310.0,
        "psfNdata": 289,
        "pixelFlags_cr": True,
        "bbox_min_x": round(x_pix) - 9,
        "bbox_max_x": round(x_pix) + 9,
        "bbox_min_y": round(y_pix) - 6,
        "bbox_max_y": round(y_pix) + 6,
    }


def _forced(rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    for number in range(40):
        days = -60 + 1.5 * number
        flux = 19000 * np.exp(-((min(days, 0) / 12) ** 2)) * (days > -35)
        yield {
            "diaObjectId": 7,
            "visit": 100 + number,
            "detector": 94,
            "band": "gri"[number % 3],
            "mjd": 60638.2 + days,
            "flux": "" if number in (4, 9) else round(float(flux + rng.normal(0, 400)), 1),
            "flux_err": 400.0,
            "limit": 23.2,
        }


def _table(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
