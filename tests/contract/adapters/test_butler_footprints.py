"""Footprints that a repository keeps in SourceCatalogs beside its exposures."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from zoocut.catalogs import open_catalog
from zoocut.config.catalog import ButlerTableSettings
from zoocut.config.draw import DrawSettings
from zoocut.config.images import ButlerSettings
from zoocut.images import open_images
from zoocut.model import Cutout, DiaSource, Images, Rejection

TYPES = {
    "template": "goodSeeingDiff_templateExp",
    "science": "initial_pvi",
    "difference": "goodSeeingDiff_differenceExp",
    "table": "goodSeeingDiff_diaSrcTable",
}

Writer = Callable[..., None]


@pytest.fixture
def exposure(repository: Any, night: Any) -> tuple[int, int]:
    """The first exposure, put into the repository under the names of an older processing."""
    first: tuple[int, int] = night.exposures[0]
    for kind, name in TYPES.items():
        repository.put(name, *first, night.file(kind, first))
    return first


def images(root: Path, **settings: Any) -> Images:
    given = {"science_image_type": "initial_pvi", "diff_image_type": "goodSeeingDiff"} | settings
    section = ButlerSettings(repository=str(root), collections=("night",), **given)
    return open_images(section, DrawSettings(use_footprint=True), Path())


def sources_of(repository: Any) -> list[DiaSource]:
    table = ButlerTableSettings(
        kind="butler",
        repository=str(repository.root),
        collections=("night",),
        dataset_type=TYPES["table"],
        columns={},
    )
    return [row for row in open_catalog(table, Path()).sources() if isinstance(row, DiaSource)]


def pixel_of(night: Any, exposure: tuple[int, int], source: DiaSource) -> tuple[int, int]:
    y_pix, x_pix = night.pixel_of(exposure, {"ra": source.ra_deg, "dec": source.dec_deg})
    return y_pix, x_pix


def write_catalog(
    path: Path, archive: Any, write: Writer, night: Any, exposure: tuple[int, int], sources: list[DiaSource]
) -> None:
    """Footprints of two spans: from 3 pixels left to 4 right in the source's row, 6 right in the next."""
    numbers = {}
    for source in sources:
        y_pix, x_pix = pixel_of(night, exposure, source)
        spans = [(y_pix, x_pix - 3, x_pix + 4), (y_pix + 1, x_pix, x_pix + 6)]
        numbers[source.dia_source_id] = archive.put_footprint(spans)
    write(path, archive, numbers)


def cut(adapter: Images, sources: list[DiaSource]) -> list[Cutout | Rejection]:
    (name,) = {adapter.exposure_of(source) for source in sources}
    return [item if isinstance(item, Rejection) else item[0] for item in adapter.cut(name, sources)]


def test_boxes_of_footprints(
    repository: Any,
    night: Any,
    exposure: tuple[int, int],
    afw_archive: Any,
    source_catalog_writer: Writer,
    tmp_path: Path,
) -> None:
    sources = sources_of(repository)
    path = tmp_path / "sources.fits"
    write_catalog(path, afw_archive, source_catalog_writer, night, exposure, sources)
    repository.put("goodSeeingDiff_diaSrc", *exposure, path)
    found = cut(images(repository.root), sources)
    drawn = 0
    for source, item in zip(sources, found, strict=True):
        if isinstance(item, Rejection):
            assert "template cutout has data" in item.reason
            continue
        drawn += 1
        assert item.difference.shape == (2, 10)
        assert item.difference[0, 3] == night.brightness[exposure, pixel_of(night, exposure, source)]
    assert drawn > 140


def test_sources_without_a_footprint_fall_back_on_columns_or_are_rejected(
    repository: Any,
    night: Any,
    exposure: tuple[int, int],
    afw_archive: Any,
    source_catalog_writer: Writer,
    tmp_path: Path,
) -> None:
    known, boxed, bare = sources_of(repository)[20:23]
    path = tmp_path / "sources.fits"
    write_catalog(path, afw_archive, source_catalog_writer, night, exposure, [known])
    repository.put("my_sources", *exposure, path)
    y_pix, x_pix = pixel_of(night, exposure, boxed)
    box = {"bbox_min_x": x_pix, "bbox_max_x": x_pix + 2, "bbox_min_y": y_pix, "bbox_max_y": y_pix + 4}
    boxed = replace(boxed, columns={**boxed.columns, **box})
    first, second, third = cut(images(repository.root, footprint_type="my_sources"), [known, boxed, bare])
    assert isinstance(first, Cutout)
    assert first.science.shape == (2, 10)
    assert isinstance(second, Cutout)
    assert second.science.shape == (5, 3)
    assert second.difference[0, 0] == night.brightness[exposure, (y_pix, x_pix)]
    assert isinstance(third, Rejection)
    assert third.reason.startswith(
        "the exposure's my_sources has no footprint of it: set images.footprint_type"
    )
    assert third.dia_source_id == str(bare.dia_source_id)


def test_without_a_catalog_only_columns_tell(repository: Any, night: Any, exposure: tuple[int, int]) -> None:
    bare, boxed = sources_of(repository)[20:22]
    y_pix, x_pix = pixel_of(night, exposure, boxed)
    box = {"bbox_min_x": x_pix, "bbox_max_x": x_pix + 2, "bbox_min_y": y_pix, "bbox_max_y": y_pix + 4}
    boxed = replace(boxed, columns={**boxed.columns, **box})
    types = {"template_image_type": TYPES["template"], "difference_image_type": TYPES["difference"]}
    first, second = cut(images(repository.root, diff_image_type=None, **types), [bare, boxed])
    assert isinstance(first, Rejection)
    assert "nothing tells its footprint: set images.footprint_type" in first.reason
    assert isinstance(second, Cutout)
    assert second.science.shape == (5, 3)


def test_catalogs_that_cannot_be_had(repository: Any, exposure: tuple[int, int], tmp_path: Path) -> None:
    sources = sources_of(repository)[20:22]
    adapter = images(repository.root)
    reasons = {item.reason for item in cut(adapter, sources) if isinstance(item, Rejection)}
    (reason,) = reasons
    assert "its footprint is not known: the repository has no dataset type goodSeeingDiff_diaSrc" in reason
    assert "set images.footprint_type to one it has (it has goodSeeingDiff_diaSrcTable" in reason

    (tmp_path / "broken.fits").write_bytes(b"SIMPLE  =                    T and no more")
    repository.put("goodSeeingDiff_diaSrc", *exposure, tmp_path / "broken.fits")
    (refused, _) = cut(images(repository.root), sources)
    assert isinstance(refused, Rejection)
    assert "its footprint is not known: " in refused.reason
    assert "fits cannot be read" in refused.reason
    assert "fetch it again" in refused.reason


def test_a_catalog_of_another_exposure_does_not_count(
    repository: Any, night: Any, exposure: tuple[int, int], tmp_path: Path
) -> None:
    other = night.exposures[1]
    (tmp_path / "any.fits").write_bytes(b"never read")
    repository.put("goodSeeingDiff_diaSrc", *other, tmp_path / "any.fits")
    (refused,) = cut(images(repository.root), sources_of(repository)[20:21])
    assert isinstance(refused, Rejection)
    assert "there is no goodSeeingDiff_diaSrc for instrument LSSTCam, visit 943296" in refused.reason


def test_one_read_an_exposure(
    repository: Any,
    night: Any,
    exposure: tuple[int, int],
    afw_archive: Any,
    source_catalog_writer: Writer,
    links: Any,
) -> None:
    sources = sources_of(repository)[20:40]
    path = links.folder / "sources.fits"
    write_catalog(path, afw_archive, source_catalog_writer, night, exposure, sources)
    repository.put("goodSeeingDiff_diaSrc", *exposure, links.link(path.name))
    adapter = images(repository.root)
    cut(adapter, sources[:10])
    asked = len(links.asked)
    assert asked > 0
    os.remove(path)
    assert all(isinstance(item, Cutout) for item in cut(adapter, sources[10:]))
    assert len(links.asked) == asked
