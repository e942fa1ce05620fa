"""Butler repositories, filled with real FITS and parquet and asked by the real package."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from lsst.resources import ResourcePath

from zoocut.butler import fetched
from zoocut.catalogs import open_catalog
from zoocut.config.catalog import ApdbSettings, ButlerTableSettings
from zoocut.config.draw import DrawSettings
from zoocut.config.images import ButlerSettings
from zoocut.errors import InputError
from zoocut.images import open_images
from zoocut.model import Cutout, DiaSource, Images, Rejection

KINDS = {
    "template": "template_detector",
    "science": "preliminary_visit_image",
    "difference": "difference_image",
    "table": "goodSeeingDiff_diaSrcTable",
}


def fill(repository: Any, night: Any) -> None:
    for exposure in night.exposures:
        for kind, dataset_type in KINDS.items():
            repository.put(dataset_type, *exposure, night.file(kind, exposure))


def catalog(root: Path, **settings: Any) -> ButlerTableSettings:
    given = {"dataset_type": KINDS["table"], "columns": {}} | settings
    return ButlerTableSettings(kind="butler", repository=str(root), collections=("night",), **given)


def images(root: Path, sizes: tuple[int, ...] = (21,), **settings: Any) -> Images:
    section = ButlerSettings(repository=str(root), collections=("night",), **settings)
    return open_images(section, DrawSettings(sizes=sizes), Path())


def sources_of(settings: Any, folder: Path = Path()) -> list[DiaSource]:
    rows = list(open_catalog(settings, folder).sources())
    assert all(isinstance(row, DiaSource) for row in rows)
    return [row for row in rows if isinstance(row, DiaSource)]


def cut_all(adapter: Images, sources: list[DiaSource]) -> dict[int, Cutout | Rejection]:
    found: dict[int, Cutout | Rejection] = {}
    for name in dict.fromkeys(adapter.exposure_of(source) for source in sources):
        here = [source for source in sources if adapter.exposure_of(source) == name]
        for source, cutouts in zip(here, adapter.cut(name, here), strict=True):
            found[source.dia_source_id] = cutouts if isinstance(cutouts, Rejection) else cutouts[0]
    return found


def check_every_source_has_its_own_pixels(night: Any, found: dict[int, Cutout | Rejection]) -> int:
    """The centre of a cutout of odd size is the source's pixel, which has its own value, in all three."""
    without_template = 0
    for exposure, rows in night.rows.items():
        for row in rows:
            number = night.brightness[exposure, night.pixel_of(exposure, row)]
            cutout = found[row["diaSourceId"]]
            if isinstance(cutout, Rejection):
                assert "template cutout has data" in cutout.reason
                without_template += 1
                continue
            assert cutout.difference.shape == (21, 21)
            assert cutout.difference[10, 10] == number
            assert cutout.science[10, 10] == number + 1000
            assert np.isnan(cutout.template[10, 10]) or cutout.template[10, 10] == number + 2000
            assert cutout.pixel_scale_arcsec == pytest.approx(0.2, rel=0.02)
    return without_template


def test_tables_joined_to_exposures(repository: Any, night: Any) -> None:
    fill(repository, night)
    sources = sources_of(catalog(repository.root))
    assert len(sources) == 290
    assert [s.columns["instrument"] for s in sources] == ["LSSTCam"] * 290
    found = cut_all(images(repository.root), sources)
    refused = check_every_source_has_its_own_pixels(night, found)
    assert len(found) == 290
    assert refused < 30


def test_apdb_joined_to_exposures(repository: Any, night: Any, shared: Path) -> None:
    fill(repository, night)
    apdb = ApdbSettings(kind="apdb", path="apdb.sqlite3", columns={})
    sources = sources_of(apdb, shared / "data" / "apdb")
    found = cut_all(images(repository.root, instrument="LSSTCam"), sources)
    check_every_source_has_its_own_pixels(night, found)
    assert len(found) == 290


def test_registry_in_postgresql(
    postgres: Any,
    new_repository: Callable[..., Any],
    night: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PGPASSWORD", postgres.password)
    url = postgres.create("registry", "create extension btree_gist")
    repository = new_repository(tmp_path / "repo", url)
    fill(repository, night)
    sources = sources_of(catalog(repository.root, where="visit = 982985"))
    found = cut_all(images(repository.root), sources)
    assert len(found) == 126
    assert sum(isinstance(cutout, Cutout) for cutout in found.values()) > 100


def test_expressions_choose_tables(repository: Any, night: Any) -> None:
    fill(repository, night)
    chosen = sources_of(
        catalog(repository.root, where="visit = 943296 AND detector > 100", instrument="LSSTCam")
    )
    assert {source.columns["visit"] for source in chosen} == {943296}
    assert len(chosen) == 164


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"where": "visit = 1"}, "there is no goodSeeingDiff_diaSrcTable that meets 'visit = 1' in night"),
        ({"where": "visit = "}, "catalog.where = 'visit = ' cannot be used"),
        ({"where": "nosuch = 3"}, "catalog.where = 'nosuch = 3' cannot be used .*nosuch"),
        (
            {"dataset_type": "goodSeeingDif_diaSrcTable"},
            "no dataset type .*it has goodSeeingDiff_diaSrcTable",
        ),
        ({"columns": {"band": "filter"}}, "has no column filter: name its columns in"),
        ({"ra": "RA"}, "has no column RA: name its columns in"),
        ({"collections": ("day",)}, "cannot be opened .*day"),
        ({"repository": "/nowhere/repo"}, "there is no Butler repository at /nowhere/repo"),
    ],
)
def test_tables_that_cannot_be_had(repository: Any, night: Any, settings: dict[str, Any], says: str) -> None:
    exposure = night.exposures[0]
    repository.put(KINDS["table"], *exposure, night.file("table", exposure))
    asked = catalog(repository.root).model_copy(update=settings)
    with pytest.raises(InputError, match=says):
        list(open_catalog(asked, Path()).sources())


def test_a_broken_table_costs_itself_alone(repository: Any, night: Any, tmp_path: Path) -> None:
    (tmp_path / "broken.parq").write_bytes(b"PAR1 and no more")
    first, second = night.exposures
    repository.put(KINDS["table"], *first, tmp_path / "broken.parq")
    repository.put(KINDS["table"], *second, night.file("table", second))
    rows = list(open_catalog(catalog(repository.root), Path()).sources())
    (refused,) = [row for row in rows if isinstance(row, Rejection)]
    assert "cannot be read as parquet" in refused.reason
    assert refused.row == "goodSeeingDiff_diaSrcTable visit 943296 detector 168"
    assert len(rows) == 127


def test_exposures_that_cannot_be_had(repository: Any, night: Any) -> None:
    fill(repository, night)
    source = sources_of(catalog(repository.root))[0]
    with pytest.raises(InputError, match=r"no dataset type initial_pvi.*it has preliminary_visit_image"):
        cut_all(images(repository.root, science_image_type="initial_pvi"), [source])
    with pytest.raises(
        InputError, match=r"no dataset type goodSeeingDiff_templateExp.*images\.diff_image_type"
    ):
        cut_all(images(repository.root, diff_image_type="goodSeeingDiff"), [source])
    with pytest.raises(InputError, match="there is no template_detector for instrument LSSTCam, visit 5"):
        list(images(repository.root).cut("LSSTCam/5/168", [source]))
    bare = {name: value for name, value in source.columns.items() if name != "visit"}
    with pytest.raises(InputError, match="its visit and detector are None and 168"):
        images(repository.root).exposure_of(DiaSource(1, 1.0, 1.0, "here", "row 1", bare))


@pytest.mark.parametrize("kind", ["no image", "truncated", "corrupt tile", "no WCS"])
def test_exposures_that_are_damaged(repository: Any, night: Any, tmp_path: Path, kind: str) -> None:
    exposure = night.exposures[0]
    for name in ("template", "science", "table"):
        repository.put(KINDS[name], *exposure, night.file(name, exposure))
    damaged = tmp_path / "damaged.fits"
    content = bytearray(night.file("difference", exposure).read_bytes())
    says = "cannot be read"
    if kind == "no image":
        fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(np.zeros((3, 3)), name="SCI")]).writeto(damaged)
        says = "has no image named IMAGE"
    elif kind == "no WCS":
        fits.ImageHDU(np.zeros((4000, 4072), np.float32), name="IMAGE").writeto(damaged)
        says = "has no celestial WCS"
    elif kind == "truncated":
        damaged.write_bytes(content[: len(content) // 3])
    else:
        with fits.open(night.file("difference", exposure), disable_image_compression=True) as file:
            start = file[1]._data_offset + file[1].header["NAXIS1"] * file[1].header["NAXIS2"]
        content[start : start + 200_000] = b"\x55" * 200_000
        damaged.write_bytes(content)
    repository.put(KINDS["difference"], *exposure, damaged)
    with pytest.raises(InputError, match=says):
        cut_all(images(repository.root), sources_of(catalog(repository.root)))


def test_datasets_behind_links_that_expire(repository: Any, night: Any, links: Any) -> None:
    exposure = night.exposures[0]
    for kind, dataset_type in KINDS.items():
        path = night.file(kind, exposure)
        os.link(path, links.folder / path.name)
        repository.put(dataset_type, *exposure, links.link(path.name))
    sources = sources_of(catalog(repository.root))
    assert len(cut_all(images(repository.root), sources)) == 164
    links.expire()
    with pytest.raises(
        InputError, match=r"http://127.0.0.1:\d+/template_.*403 Forbidden.*the link valid"
    ) as caught:
        cut_all(images(repository.root), sources)
    assert "signature" not in str(caught.value)


def test_a_fresh_link_is_asked_for_when_one_has_expired(links: Any) -> None:
    (links.folder / "image.fits").write_bytes(b"pixels")
    old = links.link("image.fits")
    links.expire()
    handed_out = iter([old, links.link("image.fits")])
    with fetched(lambda: ResourcePath(next(handed_out))) as path:
        assert path.read_bytes() == b"pixels"
    assert len(links.asked) >= 2
