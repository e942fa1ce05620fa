"""Scripts written for LSST's own task run with another import line."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from zoocut.errors import ConfigError, InputError
from zoocut.plot_image_subtraction_cutouts import (
    PlotImageSubtractionCutoutsConfig,
    PlotImageSubtractionCutoutsTask,
)


@pytest.fixture
def comcam(repository: Any, night: Any, tmp_path: Path) -> Any:
    """A repository as the published example expects it: LSSTComCam, a sky map, a pandas table by visit."""
    from lsst.daf.butler import DatasetRef, DatasetType, FileDataset

    butler, exposure = repository.butler, night.exposures[0]
    repository.put("template_detector", *exposure, night.file("template", exposure))
    repository.put("difference_image", *exposure, night.file("difference", exposure))
    repository.put("initial_pvi", *exposure, night.file("science", exposure))
    butler.registry.insertDimensionData(
        "skymap",
        {
            "name": "lsst_cells_v1",
            "hash": b"12345678",
            "tract_max": 1,
            "patch_nx_max": 1,
            "patch_ny_max": 1,
        },
    )
    table = (
        pq.read_table(night.file("table", exposure)).to_pandas().drop(columns=["instrument"], errors="ignore")
    )
    table.set_index("diaSourceId").to_parquet(tmp_path / "table.parq")
    kind = DatasetType(
        "goodSeeingDiff_diaSrcTable",
        ["instrument", "visit", "detector"],
        "DataFrame",
        universe=butler.dimensions,
    )
    butler.registry.registerDatasetType(kind)
    data_id = butler.registry.expandDataId(instrument="LSSTCam", visit=exposure[0], detector=exposure[1])
    butler.ingest(
        FileDataset(tmp_path / "table.parq", DatasetRef(kind, data_id, run="night")), transfer="copy"
    )
    return repository


def test_the_published_example(comcam: Any, tmp_path: Path) -> None:
    repo, collections, output = str(comcam.root), "night", str(tmp_path / "cutouts")
    drawn = []

    import lsst.daf.butler as dafButler  # noqa: N812

    from zoocut import plot_image_subtraction_cutouts as plotImageSubtractionCutouts  # noqa: N812

    with dafButler.Butler(repo, collections=collections) as butler:
        where = "instrument='LSSTCam' and skymap='lsst_cells_v1' and visit=943296"
        limit = 10
        cutoutConfig = plotImageSubtractionCutouts.PlotImageSubtractionCutoutsConfig(  # noqa: N806
            science_image_type="initial_pvi"
        )
        cutoutTask = plotImageSubtractionCutouts.PlotImageSubtractionCutoutsTask(  # noqa: N806
            config=cutoutConfig, output_path=output
        )
        data_refs = butler.query_datasets("goodSeeingDiff_diaSrcTable", where=where, limit=limit)
        for ref in data_refs:
            diaSourceTable = butler.get(ref)  # noqa: N806
            diaSourceTable["instrument"] = "LSSTCam"
            drawn += cutoutTask.run(diaSourceTable, butler)

    assert 140 < len(drawn) <= 164
    for number in drawn:
        path = tmp_path / "cutouts" / "images" / str(number // 10000 * 10000) / f"{number}.png"
        assert Image.open(io.BytesIO(path.read_bytes())).format == "PNG"
    with (tmp_path / "cutouts" / "manifest.csv").open(newline="") as file:
        assert [int(row["external_id"]) for row in csv.DictReader(file)] == drawn


def test_defaults_are_those_of_the_task() -> None:
    config = PlotImageSubtractionCutoutsConfig()
    assert (config.sizes, config.add_metadata, config.chunk_size) == ([30], True, 10000)
    assert (config.use_footprint, config.url_root, config.save_as_numpy) == (False, None, False)
    assert (config.science_image_type, config.diff_image_type) == ("preliminary_visit_image", None)


def test_again_with_more_and_by_several_processes(comcam: Any, night: Any, tmp_path: Path) -> None:
    from lsst.daf.butler import Butler

    data = pq.read_table(night.file("table", night.exposures[0])).to_pandas()
    data["instrument"] = "LSSTCam"
    config = PlotImageSubtractionCutoutsConfig(
        science_image_type="initial_pvi", url_root="https://images.example.org/my%20night/"
    )
    config.sizes = [31, 63]
    config.save_as_numpy = True
    task = PlotImageSubtractionCutoutsTask(output_path=tmp_path / "cutouts", config=config)
    with Butler(comcam.root, collections="night") as butler:
        few = task.run(data[10:20], butler)
        with_gone = data[5:40].copy()
        with_gone.loc[with_gone.index[0], "visit"] = 12345
        more = task.write_images(with_gone, butler, njobs=2)
    assert set(few) <= set(more)
    assert with_gone["diaSourceId"].iloc[0] not in more
    task.write_manifest(more)
    with pytest.raises(InputError, match="has no image of 77"):
        task.write_manifest([77])
    text = (tmp_path / "cutouts" / "manifest-urls.csv").read_bytes()
    assert not text.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(text.decode())))
    first = few[0]
    chunk = first // 10000 * 10000
    assert rows[0]["location:1"] == f"https://images.example.org/my%20night/images/{chunk}/{first}.png"
    assert len(rows) == len(more)
    raw = np.load(tmp_path / "cutouts" / "numpy" / str(chunk) / f"{first}_diff_31.npy")
    assert raw.shape == (1, 31, 31)
    assert not list((tmp_path / "cutouts" / "images").rglob("*.npy"))


def test_one_image_from_memory() -> None:
    rng = np.random.default_rng(1)
    science, template, difference = rng.normal(0, 1, (3, 100, 100)).astype(np.float32)
    task = PlotImageSubtractionCutoutsTask(output_path="unused")
    task.config.add_metadata = False
    png = task.generate_image(science, template, difference, (50.2, 40.7), 0.2)
    picture = Image.open(png)
    assert picture.format == "PNG"
    moved = task.generate_image(science, template, difference, (60.2, 40.7), 0.2)
    assert moved.getvalue() != png.getvalue()
    with pytest.raises(InputError, match="77 cannot be drawn"):
        task.generate_image(science, template, difference, (500.0, 40.0), 0.2, dia_source_id=77)


def test_footprints_of_an_older_processing(
    repository: Any, night: Any, afw_archive: Any, source_catalog_writer: Callable[..., None], tmp_path: Path
) -> None:
    """`diff_image_type` names the templates, the differences and the catalog of footprints."""
    from lsst.daf.butler import Butler

    exposure = night.exposures[0]
    types = {"template": "X_templateExp", "difference": "X_differenceExp", "science": "calexp"}
    for kind, name in types.items():
        repository.put(name, *exposure, night.file(kind, exposure))
    data = pq.read_table(night.file("table", exposure)).to_pandas()[20:24]
    data["instrument"] = "LSSTCam"
    numbers = {}
    for row in data[:3].to_dict("records"):
        y_pix, x_pix = night.pixel_of(exposure, row)
        numbers[row["diaSourceId"]] = afw_archive.put_footprint(
            [(y_pix - 4, x_pix, x_pix + 6), (y_pix, x_pix, x_pix)]
        )
    source_catalog_writer(tmp_path / "sources.fits", afw_archive, numbers)
    repository.put("X_diaSrc", *exposure, tmp_path / "sources.fits")
    config = PlotImageSubtractionCutoutsConfig(
        use_footprint=True, diff_image_type="X", science_image_type="calexp", save_as_numpy=True
    )
    task = PlotImageSubtractionCutoutsTask(output_path=tmp_path / "cutouts", config=config)
    with Butler(repository.root, collections="night") as butler:
        assert task.run(data, butler) == list(numbers)
    raw = [np.load(path) for path in (tmp_path / "cutouts" / "numpy").rglob("*_diff*.npy")]
    assert [image.shape for image in raw] == [(1, 5, 7)] * 3
    with (tmp_path / "cutouts" / "rejected.csv").open(newline="") as file:
        (refused,) = csv.DictReader(file)
    assert refused["diaSourceId"] == str(data["diaSourceId"].iloc[3])
    assert "the exposure's X_diaSrc has no footprint of it" in refused["reason"]


def test_mistakes(comcam: Any, night: Any, tmp_path: Path) -> None:
    from lsst.daf.butler import Butler

    data = pq.read_table(night.file("table", night.exposures[0])).to_pandas()
    task = PlotImageSubtractionCutoutsTask(output_path=tmp_path / "cutouts")
    with Butler(comcam.root) as butler, pytest.raises(ConfigError, match="no default collections"):
        task.run(data, butler)
    with Butler(comcam.root, collections="night") as butler:
        with pytest.raises(InputError, match="has no column ra"):
            task.run(data.drop(columns="ra"), butler)
        task.config.chunk_size = 7
        with pytest.raises(ConfigError, match="not a power of ten"):
            task.run(data, butler)
