"""What a repository may lack or have broken, and what the user is told: rows are rejected, the rest is done."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from zoocut.catalogs import open_catalog
from zoocut.config.catalog import ButlerTableSettings
from zoocut.config.draw import DrawSettings
from zoocut.config.images import ButlerSettings
from zoocut.config.load import Loaded
from zoocut.config.settings import Settings
from zoocut.errors import InputError
from zoocut.generating import generate
from zoocut.images import open_images
from zoocut.model import Cutout, DiaSource, Rejection

TYPES = {
    "template": "template_detector",
    "science": "preliminary_visit_image",
    "difference": "difference_image",
}
TABLE = "goodSeeingDiff_diaSrcTable"
SINGULAR = {
    "CTYPE1": "RA---TAN",
    "CTYPE2": "DEC--TAN",
    "CD1_1": 0.0,
    "CD1_2": 0.0,
    "CD2_1": 0.0,
    "CD2_2": 0.0,
}


def put(repository: Any, night: Any, exposure: tuple[int, int], *kinds: str, run: str = "night") -> None:
    for kind in kinds:
        repository.put(TYPES.get(kind, TABLE), *exposure, night.file(kind, exposure), run=run)


def table_settings(repository: Any) -> ButlerTableSettings:
    return ButlerTableSettings(
        kind="butler",
        repository=str(repository.root),
        collections=("night",),
        dataset_type=TABLE,
        columns={},
    )


def image_settings(
    repository: Any, collections: tuple[str, ...] = ("night",), **settings: Any
) -> ButlerSettings:
    return ButlerSettings(repository=str(repository.root), collections=collections, **settings)


def some_sources(repository: Any) -> list[DiaSource]:
    rows = open_catalog(table_settings(repository), Path()).sources()
    return [row for row in rows if isinstance(row, DiaSource)][20:24]


def cut(settings: ButlerSettings, sources: list[DiaSource]) -> list[tuple[Cutout, ...] | Rejection]:
    adapter = open_images(settings, DrawSettings(sizes=(21,)), Path())
    return list(adapter.cut(adapter.exposure_of(sources[0]), sources))


def run_generate(repository: Any, folder: Path) -> tuple[Any, list[dict[str, str]]]:
    settings = Settings(
        catalog=table_settings(repository),
        images=image_settings(repository),
        draw=DrawSettings(sizes=(21,), add_metadata=False),
    )
    summary = generate(Loaded(settings, folder, {}), folder / "run", jobs=1)
    with (folder / "run" / "rejected.csv").open(newline="") as file:
        return summary, list(csv.DictReader(file))


def test_a_visit_without_exposures_costs_its_own_rows(repository: Any, night: Any, tmp_path: Path) -> None:
    there, missing = night.exposures
    put(repository, night, there, "template", "science", "difference", "table")
    put(repository, night, missing, "science", "table")
    summary, rejected = run_generate(repository, tmp_path)
    known = len(night.rows[missing])
    reasons = [row["reason"] for row in rejected if "no template_detector" in row["reason"]]
    assert len(reasons) == known == 126
    assert (summary.drawn, summary.rejected.total()) == (290 - len(rejected), len(rejected))
    assert summary.drawn > 140
    assert set(reasons) == {
        "there is no template_detector for instrument LSSTCam, visit 982985, detector 164 in night:"
        " add the collection that holds it, or leave its sources out"
    }


def test_a_template_that_another_collection_holds(repository: Any, night: Any) -> None:
    exposure = night.exposures[0]
    put(repository, night, exposure, "science", "difference", "table")
    put(repository, night, exposure, "template", run="templates")
    sources = some_sources(repository)
    with pytest.raises(InputError, match=r"no template_detector for .* in night: add the collection"):
        cut(image_settings(repository), sources)
    found = cut(image_settings(repository, ("night", "templates")), sources)
    assert all(isinstance(item, tuple) for item in found)


@pytest.mark.parametrize("older", ["initial_pvi", "calexp", "pvi"])
def test_repositories_that_call_science_images_otherwise(repository: Any, night: Any, older: str) -> None:
    exposure = night.exposures[0]
    put(repository, night, exposure, "template", "difference", "table")
    repository.put(older, *exposure, night.file("science", exposure))
    sources = some_sources(repository)
    with pytest.raises(
        InputError,
        match=rf"no dataset type preliminary_visit_image: set images\.science_image_type to one it has "
        rf"\(it has {older}; older processings have initial_pvi or calexp\)",
    ):
        cut(image_settings(repository), sources)
    found = cut(image_settings(repository, science_image_type=older), sources)
    assert all(isinstance(item, tuple) for item in found)


def test_types_that_are_nowhere_near(repository: Any, night: Any) -> None:
    put(repository, night, night.exposures[0], "template", "science", "table")
    sources = some_sources(repository)
    with pytest.raises(InputError) as caught:
        cut(image_settings(repository, template_image_type="zzz"), sources)
    assert "set images.template_image_type to one it has (it knows goodSeeingDiff_diaSrcTable," in str(
        caught.value
    )
    with pytest.raises(
        InputError, match="it has preliminary_visit_image; older processings have initial_pvi"
    ):
        cut(image_settings(repository, science_image_type="zzz"), sources)
    with pytest.raises(InputError, match=r"no dataset type template_detectr: .*it has template_detector\)"):
        cut(image_settings(repository, template_image_type="template_detectr"), sources)


@pytest.mark.parametrize("kind", ["absent", "singular", "one way"])
@pytest.mark.parametrize("panel", ["difference", "science"])
def test_a_wcs_that_finds_nothing(
    repository: Any, night: Any, afw_archive: Any, tmp_path: Path, kind: str, panel: str
) -> None:
    """A difference image must have one; another image's must be whole where there is one."""
    exposure = night.exposures[0]
    put(repository, night, exposure, *({"template", "science", "difference"} - {panel}), "table")
    image = fits.CompImageHDU(np.ones((4000, 4072), np.float32), name="IMAGE")
    primary = fits.PrimaryHDU()
    hdus = [primary, image]
    if kind == "singular":
        image.header.update(SINGULAR)
    elif kind == "one way":
        from starlink import Ast

        one_way = Ast.MathMap(2, 2, ["a=x*1e-5", "b=y*1e-5"], ["x", "y"])
        text = f"1 SkyWcs 0 {one_way}".encode("ascii")
        number = afw_archive.put("SkyWcs", "lsst.afw.geom", {"wcs": ("1QB", [np.frombuffer(text, np.uint8)])})
        primary.header["HIERARCH SKYWCS_ID"], primary.header["AR_HDU"] = number, 3
        hdus += afw_archive.hdus()
    fits.HDUList(hdus).writeto(tmp_path / "image.fits")
    repository.put(TYPES[panel], *exposure, tmp_path / "image.fits")
    if kind == "one way":
        with pytest.raises(InputError, match=r"\.fits has a WCS that leads one way only"):
            cut(image_settings(repository), some_sources(repository))
    elif kind == "singular":
        with pytest.raises(InputError, match=r"\.fits has a WCS that cannot be read \(.*singular"):
            cut(image_settings(repository), some_sources(repository))
    elif panel == "difference":
        with pytest.raises(
            InputError, match=r"\.fits has no celestial WCS: zoocut cannot find sources on it"
        ):
            cut(image_settings(repository), some_sources(repository))
    else:
        found = cut(image_settings(repository), some_sources(repository))
        assert all(isinstance(item, tuple) and (item[0].science == 1).all() for item in found)
